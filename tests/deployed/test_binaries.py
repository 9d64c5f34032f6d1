"""What functions/build makes runs on provided.al2023, whichever machine built it.

`make e2e-deployed` builds the functions for arm64 and for this machine.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from ministack import ROOT
from stack import FUNCTIONS, architecture, bundle

# The glibc of Amazon Linux 2023.
GLIBC = (2, 34)
# All that a function may load: the image has no more of it.
LIBRARIES = re.compile(r"(libc|libm|libgcc_s|libpthread|libdl|librt|ld-linux-[a-z0-9-]+)\.so\.\d+")
MACHINES = {"AArch64": "arm64", "Advanced Micro Devices X86-64": "x86_64"}
# 5 MB as Lambda's limits count them; `make bench-functions` measures the sizes.
MOST_ZIP_BYTES = 5 * 1024 * 1024
# All operations of ECR's API, and uploads, in one function; and all use cases of a push on another
# registry's ports, with roles to assume.
MOST_ZIP_BYTES_OF = {"ecr-api": 6 * 1024 * 1024, "replicate": 6 * 1024 * 1024}
NAMES = (
    "collect",
    "dispatch",
    "ecr-api",
    "lifecycle",
    "oci-delete",
    "oci-pull",
    "oci-push",
    "replicate",
    "schedule",
    "session",
    "token",
)


def readelf(binary: Path, *options: str) -> str:
    """Returns what readelf says of a program, of whichever processor."""
    command = ["readelf", "--wide", *options, str(binary)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def machine(binary: Path) -> str:
    """Returns the architecture of a program, in Lambda's words."""
    named = re.search(r"Machine:\s+(.+)", readelf(binary, "--file-header"))
    return MACHINES[named[1].strip()]


@pytest.fixture(params=(ROOT / ".build" / "functions", FUNCTIONS), ids=("deployed", "tested"))
def folder(request: pytest.FixtureRequest) -> Path:
    """Where functions were built: for Lambda, and for the tests on this machine."""
    return request.param


@pytest.mark.parametrize("name", NAMES)
def test_a_function_needs_no_newer_glibc_than_lambda_has(folder: Path, name: str):
    said = readelf(folder / name / "bootstrap", "--version-info")
    versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([\d.]+)", said)}
    assert versions, "no version of glibc is named"
    assert max(versions) <= GLIBC


@pytest.mark.parametrize("name", NAMES)
def test_a_function_loads_what_lambda_has(folder: Path, name: str):
    said = readelf(folder / name / "bootstrap", "--dynamic")
    libraries = re.findall(r"\(NEEDED\)\s+Shared library: \[(.+)\]", said)
    assert libraries
    assert [library for library in libraries if not LIBRARIES.fullmatch(library)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_zip_is_small(folder: Path, name: str):
    assert len(bundle(folder / name)) < MOST_ZIP_BYTES_OF.get(name, MOST_ZIP_BYTES)


def test_both_architectures_were_built():
    built = {
        machine(root / "token" / "bootstrap") for root in (ROOT / ".build/functions", FUNCTIONS)
    }
    assert {"arm64", architecture()} <= built


@pytest.mark.parametrize("name", NAMES)
def test_a_function_says_what_it_was_not_told(name: str):
    command = [str(FUNCTIONS / name / "bootstrap")]
    ended = subprocess.run(command, env={"BERTH_TABLE": "t"}, capture_output=True, timeout=30)
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["error"] == "the variable BERTH_BUCKET is not set"
