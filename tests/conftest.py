"""Fixtures that the API tests and the end-to-end tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from berth_server import BerthServer


@pytest.fixture(scope="module")
def berth() -> Iterator[BerthServer]:
    """A running `berth serve`, one for all tests of a module."""
    with BerthServer() as server:
        yield server


@pytest.fixture
def fresh_berth() -> Iterator[BerthServer]:
    """A running `berth serve` on an empty data folder, for one test alone."""
    with BerthServer() as server:
        yield server
