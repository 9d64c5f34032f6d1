"""The template deploys what it says, and its functions answer the sample events."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
import requests
import smoke
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from ministack import REGION, ROOT
from stack import Stack

EVENTS = {
    "ecr-api": ("EcrApiFunction", 200),
    # Its proof was signed long ago: nobody but its signer can make another.
    "session": ("SessionFunction", 403),
    "token": ("TokenFunction", 200),
    "oci-push": ("PushFunction", 201),
    "oci-pull": ("PullFunction", 200),
    "oci-delete": ("DeleteFunction", 202),
}
# What the others' samples tell of is not there, or is nobody's peer: they have nothing to do.
LATER = {
    "dispatch": ("DispatchFunction", None),
    "schedule": ("ScheduleFunction", None),
    "lifecycle": ("LifecycleFunction", {"batchItemFailures": []}),
    "collect": ("CollectFunction", {"batchItemFailures": []}),
    "replicate": ("ReplicateFunction", {"batchItemFailures": []}),
}


def sample(stack: Stack, name: str) -> bytes:
    """Returns a sample event, with the password of this stack's root or signed by it, now."""
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    authorization = event["headers"].get("authorization", "")
    if authorization.startswith("AWS4-"):
        sign(stack, event)
    elif authorization:
        pair = base64.b64encode(":".join(stack.auth).encode()).decode()
        event["headers"]["authorization"] = f"Basic {pair}"
    return json.dumps(event).encode()


def sign(stack: Stack, event: dict) -> None:
    """Signs an event's request anew."""
    headers = event["headers"]
    signed = {name: headers[name] for name in ("content-type", "host", "x-amz-target")}
    body = base64.b64decode(event["body"])
    request = AWSRequest("POST", f"https://{headers['host']}/", headers=signed, data=body)
    SigV4Auth(Credentials(*stack.auth), "ecr", REGION).add_auth(request)
    headers["authorization"] = request.headers["Authorization"]
    headers["x-amz-date"] = request.headers["X-Amz-Date"]


def test_there_is_a_sample_for_each_function() -> None:
    every = EVENTS.keys() | LATER.keys()
    assert {path.stem for path in (ROOT / "events").iterdir()} == every
    assert {path.parent.name for path in ROOT.glob("functions/*/Cargo.toml")} == every


def test_sample_events(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is answered as its client expects, once there is the image that two of them name."""
    monkeypatch.setattr(smoke, "REPOSITORY", "team/app")
    smoke.Registry(stack.url, *stack.auth).push_manifest("latest")
    for name, (function, status) in EVENTS.items():
        told = stack.invoke(function, sample(stack, name))
        assert not told.failed, told.payload
        assert json.loads(told.payload)["statusCode"] == status, (name, told.payload)


@pytest.mark.parametrize("name", LATER)
def test_sample_events_of_later(stack: Stack, name: str) -> None:
    function, answer = LATER[name]
    told = stack.invoke(function, (ROOT / "events" / f"{name}.json").read_bytes())
    assert not told.failed, told.payload
    assert json.loads(told.payload) == answer


def test_login_command(stack: Stack, tmp_path: Path) -> None:
    """The output's command reads the root's password and hands it to `docker login`."""
    fake = tmp_path / "docker"
    fake.write_text('#!/bin/sh\necho "$@"\ncat\n')
    fake.chmod(0o755)
    env = os.environ | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": stack.endpoint,
        "PATH": f"{tmp_path}:{ROOT}/.venv/bin:{os.environ['PATH']}",
    }
    command = stack.outputs["LoginCommand"]
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], env=env, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    said, password = ran.stdout.splitlines()
    host = stack.outputs["Url"].removeprefix("https://")
    assert said == f"login --username {stack.access_key} --password-stdin {host}"
    assert password == stack.secret_key


def test_anonymous_callers_get_nothing_from_s3(stack: Stack) -> None:
    """Only what a function signed is answered."""
    digest = smoke.Registry(stack.url, *stack.auth).push_blob(b"private")
    path = f"{stack.url}/v2/{smoke.REPOSITORY}/blobs/{digest}"
    signed = requests.get(path, auth=stack.auth, allow_redirects=False).headers["location"]
    assert requests.get(signed).content == b"private"
    assert requests.get(signed.partition("?")[0]).status_code == 403
    assert REGION in signed
