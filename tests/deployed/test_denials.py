"""Each port's rights are enforced, and needed: without them the function that builds it fails.

One denial per port. What the function answers is the registry's own error, not a redirect or a
success, and its log names the action, so that whoever reads the runbook finds it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import requests
import smoke
from denials import DenialError, denied
from stack import Stack

# The bytes of a chunk that is staged, since it is shorter than S3's smallest part.
CHUNK = b"staged"


@pytest.fixture
def registry(stack: Stack) -> smoke.Registry:
    return smoke.Registry(stack.url, stack.access_key, stack.secret_key)


@pytest.fixture
def image(registry: smoke.Registry) -> Iterator[str]:
    """The digest of an image that is there."""
    digest, _ = registry.push_manifest("denials")
    yield digest
    registry.drop(digest)


def assert_denied(stack: Stack, function: str, answer: requests.Response, action: str) -> None:
    """Asserts that the registry failed, and that its log says why."""
    assert answer.status_code in (500, 503), answer.text
    told = answer.json()
    code = told["__type"] if "__type" in told else told["errors"][0]["code"]
    assert code in ("UNKNOWN", "UNAVAILABLE", "ServerException"), answer.text
    assert action not in answer.text
    assert any(action in line for line in stack.function_log(function)), action


def test_read_table(stack: Stack, registry: smoke.Registry, image: str) -> None:
    path = f"/v2/{smoke.REPOSITORY}/manifests/{image}"
    with denied(stack, "PullRole", "dynamodb:GetItem", "dynamodb:BatchGetItem"):
        answer = registry.call("GET", path)
    assert_denied(stack, "PullFunction", answer, "dynamodb:GetItem")
    assert registry.call("GET", path).status_code == 200


def test_pulls_are_recorded_if_they_can_be(
    stack: Stack, registry: smoke.Registry, image: str
) -> None:
    """A pull waits for no record that fails."""
    path = f"/v2/{smoke.REPOSITORY}/manifests/{image}"
    named = {"repositoryName": smoke.REPOSITORY, "imageIds": [{"imageDigest": image}]}

    def is_recorded() -> bool:
        told = smoke.expect(registry.ecr("DescribeImages", named), 200).json()
        return "lastRecordedPullTime" in told["imageDetails"][0]

    with denied(stack, "PullRole", "dynamodb:UpdateItem"):
        assert registry.call("GET", path).status_code == 200
    assert any("dynamodb:UpdateItem" in line for line in stack.function_log("PullFunction"))
    assert not is_recorded()
    assert registry.call("GET", path).status_code == 200
    assert is_recorded()


def test_write_table(stack: Stack, registry: smoke.Registry) -> None:
    path = f"/v2/{smoke.REPOSITORY}/blobs/uploads/"
    with denied(stack, "PushRole", "dynamodb:UpdateItem"):
        answer = registry.call("POST", path)
    assert_denied(stack, "PushFunction", answer, "dynamodb:UpdateItem")
    assert registry.call("POST", path).status_code == 202


def test_read_objects(stack: Stack, registry: smoke.Registry) -> None:
    """A download is signed with the function's rights: S3 refuses it, not the registry."""
    digest = registry.push_blob(uuid.uuid4().bytes)
    path = f"/v2/{smoke.REPOSITORY}/blobs/{digest}"
    with denied(stack, "PullRole", "s3:GetObject"):
        refused = registry.call("GET", path)
        assert requests.get(refused.headers["location"], timeout=10).status_code == 403
    allowed = registry.call("GET", path)
    assert requests.get(allowed.headers["location"], timeout=10).status_code == 200


def test_write_objects(stack: Stack, registry: smoke.Registry) -> None:
    data = uuid.uuid4().bytes
    digest = smoke.digest_of(data)
    upload = registry.begin()
    with denied(stack, "PushRole", "s3:PutObject"):
        answer = registry.put(upload, digest, data)
    assert_denied(stack, "PushFunction", answer, "s3:PutObject")
    assert registry.put(registry.begin(), digest, data).status_code == 201


def test_delete_objects(stack: Stack, registry: smoke.Registry) -> None:
    """An upload that is given up takes its staged bytes with it, if it may."""
    kind = {"Content-Type": "application/octet-stream"}
    staged = smoke.expect(registry.call("PATCH", registry.begin(), data=CHUNK, headers=kind), 202)
    with denied(stack, "DeleteRole", "s3:DeleteObject", "s3:AbortMultipartUpload"):
        registry.call("DELETE", staged.headers["location"])
    log = stack.function_log("DeleteFunction")
    assert any("s3:DeleteObject" in line or "s3:AbortMultipartUpload" in line for line in log)


def test_unwrap_keys(stack: Stack, registry: smoke.Registry, image: str) -> None:
    """Without the key of a token, nobody knows who sent it."""
    scope = f"repository:{smoke.REPOSITORY}:pull"
    token = registry.call("GET", "/token", params={"scope": scope}).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    path = f"/v2/{smoke.REPOSITORY}/manifests/{image}"
    with denied(stack, "PullRole", "kms:Decrypt"):
        answer = registry.call("GET", path, auth=None, headers=bearer)
    assert_denied(stack, "PullFunction", answer, "kms:Decrypt")
    assert registry.call("GET", path, auth=None, headers=bearer).status_code == 200


def test_wrap_keys(stack: Stack, registry: smoke.Registry) -> None:
    """The first token of a registry needs a new key."""
    forget_sealing_keys(stack)
    with denied(stack, "TokenRole", "kms:GenerateDataKey"):
        answer = registry.call("GET", "/token")
    assert_denied(stack, "TokenFunction", answer, "kms:GenerateDataKey")
    assert registry.call("GET", "/token").status_code == 200


def test_a_right_that_the_role_lacks_cannot_be_taken(stack: Stack) -> None:
    with pytest.raises(DenialError), denied(stack, "PullRole", "dynamodb:PutItem"):
        pass


def forget_sealing_keys(stack: Stack) -> None:
    """Deletes the keys that tokens are sealed with, so that the next token needs a new one.

    Functions start anew: one that remembers a key would seal what no other opens.
    """
    table = stack.aws.client("dynamodb")
    told = table.query(
        TableName=stack.table,
        KeyConditionExpression="pk = :partition",
        ExpressionAttributeValues={":partition": {"S": "sealing-keys"}},
    )
    assert told["Items"], "no sealing key is in the table"
    for item in told["Items"]:
        key = {name: item[name] for name in ("pk", "sk")}
        table.delete_item(TableName=stack.table, Key=key)
    for function in stack.function_names:
        stack.restart(function)
