"""The functions that were built run on Lambda: processor, C library and size."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from ministack import ROOT
from stack import FUNCTIONS, architecture, bundle

# What `make e2e-deployed` builds for AWS, and for this machine.
FOLDERS = {ROOT / ".build" / "functions": "arm64", FUNCTIONS: architecture()}
NAMES = sorted(path.parent.name for path in ROOT.glob("functions/*/Cargo.toml"))
MACHINES = {"arm64": "AArch64", "x86_64": "Advanced Micro Devices X86-64"}
# The C library of provided.al2023.
GLIBC = (2, 34)
# Beyond this, Lambda takes noticeably longer to start a function.
LARGEST_ZIP = 5_000_000

EVERY_FUNCTION = [
    pytest.param(folder, machine, name, id=f"{folder.name}-{name}")
    for folder, machine in FOLDERS.items()
    for name in NAMES
]


def readelf(option: str, path: Path) -> str:
    return subprocess.run(
        ["readelf", "--wide", option, path], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize(("folder", "machine", "name"), EVERY_FUNCTION)
def test_function(folder: Path, machine: str, name: str) -> None:
    bootstrap = folder / name / "bootstrap"
    assert MACHINES[machine] in readelf("--file-header", bootstrap)
    versions = re.findall(r"GLIBC_(\d+)\.(\d+)", readelf("--version-info", bootstrap))
    assert versions
    assert max((int(major), int(minor)) for major, minor in versions) <= GLIBC
    assert len(bundle(folder / name)) < LARGEST_ZIP
