"""Ten thousand bodies at `POST /` that no client would send, rightly signed."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from berth_server import BerthServer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from ecr_http import JSON_1_1, REGION, call
from ecr_model import SERVICES, misfits, operation_model, service_model
from random_inputs import inputs
from test_users import administer, done

COUNT = 10_000
SEED = 20261121
THREADS = 4

# What any operation may answer.
COMMON = {
    "AccessDeniedException",
    "InvalidParameterException",
    "LimitExceededException",
    "SerializationException",
    "UnsupportedOperationException",
}
# What Berth's own operations answer beside that.
OWN = {
    "EntityAlreadyExistsException",
    "LifecyclePolicyPreviewNotFoundException",
    "MalformedPolicyDocumentException",
    "NoSuchEntityException",
    "RepositoryNotFoundException",
}
NESTED = [
    b'{"a":' * 20_000,
    b"[" * 100_000,
    b'{"repositoryNames":' + b"[" * 200 + b"]" * 200 + b"}",
]

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def registry(berth: BerthServer) -> BerthServer:
    """A registry in which there is something to break."""
    for name in ("team/app", "team/web"):
        call(berth, "CreateRepository", repositoryName=name)
    done(administer(berth, "CreateUser", userName="kim"))
    return berth


def post(berth: BerthServer, bodies: list[tuple[str, bytes]]) -> list[tuple[int, dict, bytes]]:
    """Sends bodies to their targets on one connection, and returns status, headers and body."""
    port, answers = int(berth.url.rsplit(":", 1)[1]), []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for target, body in bodies:
        headers = {"Content-Type": JSON_1_1, "X-Amz-Target": target}
        signed = AWSRequest("POST", berth.url + "/", headers=headers, data=body)
        service = "ecr-public" if target.startswith("Spencer") else "ecr"
        SigV4Auth(Credentials(*berth.auth), service, REGION).add_auth(signed)
        connection.request("POST", "/", body=body, headers=dict(signed.headers.items()))
        answer = connection.getresponse()
        answers.append((answer.status, dict(answer.getheaders()), answer.read()))
    connection.close()
    return answers


def faults(target: str, status: int, headers: dict[str, str], text: bytes) -> list[str]:
    """Returns what is wrong with an answer."""
    if not (status == 200 or 400 <= status < 500):
        return [f"status {status}"]
    names = {name.lower(): value for name, value in headers.items()}
    if names["content-type"] != JSON_1_1 or not names["x-amzn-requestid"]:
        return [f"headers {headers}"]
    body: dict[str, Any] = json.loads(text)
    prefix, operation = target.split(".")
    services = [s for s in SERVICES if service_model(s).metadata["targetPrefix"] == prefix]
    if status == 200:
        found = [misfits(operation_model(s, operation).output_shape, body) for s in services]
        return sum(found, [])
    documented = {
        shape.name for s in services for shape in operation_model(s, operation).error_shapes
    }
    if body["__type"] not in documented | COMMON | (set() if services else OWN):
        return [f"code {body['__type']}"]
    return [] if isinstance(body["message"], str) else ["no message"]


def test_random_bodies_do_no_harm(registry: BerthServer) -> None:
    bodies = inputs(SEED, COUNT)
    shares = [bodies[i::THREADS] for i in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda share: post(registry, share), shares))
    statuses = set()
    for share, answered in zip(shares, answers, strict=True):
        for (target, body), (status, headers, text) in zip(share, answered, strict=True):
            statuses.add(status)
            found = faults(target, status, headers, text)
            assert not found, f"{found}: {target} {body!r} answered {status} {text!r}"
    # Some got past every check, or nothing but checks was tried.
    assert statuses >= {200, 400}
    is_fine(registry)


def test_nested_bodies_do_no_harm(registry: BerthServer) -> None:
    target = service_model("ecr").metadata["targetPrefix"] + ".DescribeRepositories"
    for body in NESTED:
        [(status, headers, text)] = post(registry, [(target, body)])
        assert status == 400, text
        assert not faults(target, status, headers, text)
        assert json.loads(text)["__type"] == "SerializationException"
    is_fine(registry)


def is_fine(berth: BerthServer) -> None:
    """Checks that the server lives and that nothing in it failed."""
    assert requests.get(berth.url + "/healthz", timeout=30).status_code == 200
    assert call(berth, "DescribeRegistry")["registryId"]
    assert "panicked" not in berth.log
    assert "ERROR" not in berth.log
