"""Runs the OCI distribution specification's own conformance suite, with everything switched on.

docs/conformance.md says what it is, how it is run and which of its tests are skipped, and why.
"""

from __future__ import annotations

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from berth_server import ROOT

COMMIT = "967efdc079b91785ad18c77cc4f8991a47feefbf"
MODULE = "github.com/opencontainers/distribution-spec/conformance"
REFUSED = "This module version is not available"
INSTALL_SECONDS = 900
SUITE_SECONDS = 600
DOCUMENT = ROOT / "docs" / "conformance.md"

TOGGLES = [
    "API_PULL",
    "API_PUSH",
    "API_BLOBS_ATOMIC",
    "API_BLOBS_DELETE",
    "API_BLOBS_DIGEST_HEADER",
    "API_BLOBS_MOUNT_ANONYMOUS",
    "API_BLOBS_UPLOAD_CANCEL",
    "API_MANIFESTS_ATOMIC",
    "API_MANIFESTS_DELETE",
    "API_MANIFESTS_DIGEST_HEADER",
    "API_MANIFESTS_TAG_PARAM",
    "API_TAGS_ATOMIC",
    "API_TAGS_DELETE",
    "API_TAGS_LIST",
    "API_REFERRER",
    "DATA_IMAGE",
    "DATA_INDEX",
    "DATA_INDEX_LIST",
    "DATA_SPARSE",
    "DATA_ARTIFACT",
    "DATA_SUBJECT",
    "DATA_SUBJECT_MISSING",
    "DATA_ARTIFACT_LIST",
    "DATA_SUBJECT_LIST",
    "DATA_DATA_FIELD",
    "DATA_NONDISTRIBUTABLE",
    "DATA_CUSTOM_FIELDS",
    "DATA_NO_LAYERS",
    "DATA_EMPTY_BLOB",
    "DATA_SHA512",
]


def suite() -> Path:
    """Returns the suite's binary: named in the environment, or installed at its commit."""
    given = os.environ.get("OCI_CONFORMANCE_BINARY")
    if given:
        return Path(given)
    folder = ROOT / ".tools" / "bin"
    binary = folder / f"conformance-{COMMIT[:12]}"
    if binary.exists():
        return binary
    installed = subprocess.run(
        ["go", "install", f"{MODULE}@{COMMIT}"],
        env=os.environ | {"GOBIN": str(folder), "GOFLAGS": "-buildvcs=false"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if installed.returncode and REFUSED in installed.stderr:
        pytest.skip(f"the Go module proxy answers for {MODULE}@{COMMIT}: {REFUSED}")
    assert installed.returncode == 0, installed.stderr
    return (folder / "conformance").rename(binary)


@dataclass(frozen=True)
class Outcome:
    """The suite's report: how many tests passed, and the names of the others."""

    passed: int
    failed: list[str]
    skipped: list[str]


def read_report(path: Path) -> Outcome:
    """Reads the suite's JUnit report."""
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))

    def named(*statuses: str) -> list[str]:
        return sorted(case.get("name", "") for case in cases if case.get("status") in statuses)

    passed, skipped = named("passed"), named("skipped", "disabled")
    others = {case.get("status", "") for case in cases} - {"passed", "skipped", "disabled"}
    return Outcome(len(passed), named(*others), skipped)


def documented_skips() -> list[str]:
    """Returns the tests that the document lists as skipped: the first cell of a table's rows."""
    section = DOCUMENT.read_text().partition("## Skipped tests")[2].partition("\n## ")[0]
    return sorted(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


def assert_conforms(
    binary: Path,
    folder: Path,
    version: str,
    url: str,
    auth: tuple[str, str],
    *,
    without: str = "",
) -> None:
    """Runs the suite against a registry that takes manifests without their content.

    `without` is a switch that stays off.
    """
    user, password = auth
    settings = {
        "OCI_LOG": "warn",
        "OCI_PASSWORD": password,
        "OCI_REGISTRY": urlsplit(url).netloc,
        "OCI_RESULTS_DIR": str(folder),
        "OCI_TLS": "enabled" if url.startswith("https:") else "disabled",
        "OCI_USERNAME": user,
        "OCI_VERSION": version,
    }
    done = subprocess.run(
        [binary],
        env=os.environ
        | settings
        | {f"OCI_{name}": str(name != without).lower() for name in TOGGLES},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS,
        check=False,
    )
    outcome = read_report(folder / "junit.xml")
    assert outcome.failed == [], done.stderr[-4000:]
    assert done.returncode == 0, done.stderr[-4000:]
    assert outcome.skipped == documented_skips()
    # Far more than this ran when the suite was pinned: an empty report proves nothing.
    assert outcome.passed > 800
