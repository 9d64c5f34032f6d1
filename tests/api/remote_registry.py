"""A registry that is running already: the tests of `tests/api` talk to it instead of their own.

    BERTH_TEST_URL=https://registry.example.com \\
    BERTH_TEST_ACCESS_KEY_ID=… BERTH_TEST_SECRET_ACCESS_KEY=… \\
        .venv/bin/python -m pytest tests/api/test_repositories.py

The key must be the root's. `BERTH_TEST_ACCOUNT_ID` and `BERTH_TEST_REGION` say which registry it
is, where those are other than the ones of `berth serve`. Tests that need a `berth serve` of their
own are left out: those with the marker `local`, or the fixture `fresh_berth`. A test removes the
repositories that it makes, and no others. Requests to `/v2/` wait until each process of the
registry has forgotten the repository that had the name before.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from botocore.client import BaseClient

# How long a process believes what it read of a repository, and a little more.
BELIEVED_SECONDS = 3.5
STARTED = time.monotonic()
DELETED: dict[str, float] = {}
FORGOTTEN: dict[str, float] = {}


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


def note_names(client: BaseClient) -> None:
    """Notes which repositories a client deletes, and makes anew.

    What another process deleted before this one began is not known: every name waits for that.
    """
    events = client.meta.events
    events.register("provide-client-params.ecr.DeleteRepository", _deletes)
    events.register("provide-client-params.ecr.CreateRepository", _creates)


def _deletes(params: dict[str, Any], **_: Any) -> None:
    DELETED[params.get("repositoryName", "")] = time.monotonic()


def _creates(params: dict[str, Any], **_: Any) -> None:
    name = params.get("repositoryName", "")
    FORGOTTEN[name] = DELETED.get(name, STARTED) + BELIEVED_SECONDS


def wait_for_names(patch: pytest.MonkeyPatch) -> None:
    """Lets requests wait until what was noted of their repository is forgotten elsewhere."""
    send = requests.Session.send

    def patient(
        session: requests.Session, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        named = [at for name, at in FORGOTTEN.items() if f"/v2/{name}/" in (request.url or "")]
        time.sleep(max(0.0, max(named, default=0.0) - time.monotonic()))
        return send(session, request, **options)

    patch.setattr(requests.Session, "send", patient)
