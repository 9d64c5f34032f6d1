"""The tests of tests/api against the deployed stack: each of its modules, in a process of its own.

They talk to the registry that `BERTH_TEST_URL` names (tests/api/remote_registry.py), and leave out
those that start, stop or look into a `berth serve`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ministack import ACCOUNT, REGION, ROOT
from stack import Stack

MODULES = sorted((ROOT / "tests" / "api").glob("test_*.py"))
MOST_SECONDS = 900
FUNCTION = "EcrApiFunction"
SPARSE = "BERTH_ALLOW_SPARSE_INDEX"
# All of a module's tests were left out.
NO_TESTS = 5


@pytest.fixture(scope="module", autouse=True)
def complete_manifests(stack: Stack) -> Iterator[None]:
    """Lets ECR's API refuse what lacks content, which the stack takes for the conformance suite."""
    sparse = stack.environment(FUNCTION)[SPARSE]
    stack.restart(FUNCTION, **{SPARSE: "false"})
    yield
    stack.restart(FUNCTION, **{SPARSE: sparse})


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_module(stack: Stack, module: Path) -> None:
    env = os.environ | {
        "BERTH_TEST_URL": stack.url,
        "BERTH_TEST_ACCESS_KEY_ID": stack.access_key,
        "BERTH_TEST_SECRET_ACCESS_KEY": stack.secret_key,
        "BERTH_TEST_ACCOUNT_ID": ACCOUNT,
        "BERTH_TEST_REGION": REGION,
    }
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", str(module)]
    ran = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=MOST_SECONDS
    )
    if ran.returncode == NO_TESTS:
        pytest.skip("all of its tests need a `berth serve` of their own")
    assert ran.returncode == 0, ran.stdout + ran.stderr
