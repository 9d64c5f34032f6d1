"""A registry that is running already: the tests of `tests/api` talk to it instead of their own.

    BERTH_TEST_URL=https://registry.example.com \\
    BERTH_TEST_ACCESS_KEY_ID=… BERTH_TEST_SECRET_ACCESS_KEY=… \\
        .venv/bin/python -m pytest tests/api/test_repositories.py

The key must be the root's. `BERTH_TEST_ACCOUNT_ID` and `BERTH_TEST_REGION` say which registry it
is, where those are other than the ones of `berth serve`. Tests that need a `berth serve` of their
own are left out: those with the marker `local`, or the fixture `fresh_berth`. A test removes the
repositories that it makes, and no others.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest


@dataclass(frozen=True)
class RemoteRegistry:
    """The registry that `BERTH_TEST_URL` names: as much of a `BerthServer` as any registry has."""

    url: str
    access_key: str
    secret_key: str

    @property
    def host(self) -> str:
        """Returns the name of the registry in image references."""
        return urlsplit(self.url).netloc

    @property
    def auth(self) -> tuple[str, str]:
        """Returns the root's user name and password."""
        return (self.access_key, self.secret_key)


def remote_registry() -> RemoteRegistry | None:
    """Returns the registry that the environment names, if it names one."""
    url = os.environ.get("BERTH_TEST_URL")
    if not url:
        return None
    access_key = os.environ["BERTH_TEST_ACCESS_KEY_ID"]
    secret_key = os.environ["BERTH_TEST_SECRET_ACCESS_KEY"]
    return RemoteRegistry(url.rstrip("/"), access_key, secret_key)


def needs_its_own(item: pytest.Item) -> bool:
    """Returns whether a test needs a `berth serve` that it may start, stop or look into."""
    fixtures = getattr(item, "fixturenames", ())
    return item.get_closest_marker("local") is not None or "fresh_berth" in fixtures
