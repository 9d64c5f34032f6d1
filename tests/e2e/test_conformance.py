"""`berth serve` passes the OCI distribution specification's own conformance suite."""

from __future__ import annotations

from pathlib import Path

import conformance
import pytest
from berth_server import BerthServer


@pytest.fixture(scope="module")
def suite() -> Path:
    """The suite's binary."""
    return conformance.suite()


@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_conformance(suite: Path, tmp_path: Path, version: str) -> None:
    # Manifests whose content is not there are refused unless the server is told to take them.
    with BerthServer(args=["--allow-sparse-index"]) as berth:
        conformance.assert_conforms(suite, tmp_path, version, berth.url, berth.auth)
