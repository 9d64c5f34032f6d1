"""Fixtures that tests of the API share: a stand-in for STS, and a world to ask who may do what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from authorization import World
from berth_server import BerthServer
from botocore.credentials import Credentials
from session_proofs import role
from sts_stand_in import StsStandIn


@pytest.fixture(scope="module")
def sts() -> Iterator[StsStandIn]:
    """A stand-in for AWS STS, one for all tests of a module."""
    with StsStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def ci(sts: StsStandIn) -> Iterator[Credentials]:
    """Credentials of a role's session, which the stand-in knows."""
    with role(sts) as credentials:
        yield credentials


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A registry of its own, with an image, users and a trust."""
    with BerthServer() as berth:
        yield World(berth).prepare()
