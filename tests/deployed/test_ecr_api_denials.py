"""What `ecr-api` may do is enforced, and needed: without a port's rights its operations fail."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
import requests
import smoke
from denials import denied
from stack import Stack
from test_denials import assert_denied, forget_sealing_keys

FUNCTION, ROLE = "EcrApiFunction", "EcrApiRole"
NAMED = {"repositoryName": smoke.REPOSITORY}
# Shorter than S3's smallest part, so that it is staged.
PART = b"staged"


@pytest.fixture
def registry(stack: Stack) -> Iterator[smoke.Registry]:
    """The registry, with an image of one layer."""
    registry = smoke.Registry(stack.url, stack.access_key, stack.secret_key)
    digest, _ = registry.push_manifest("ecr-denials")
    yield registry
    registry.drop(digest)


def begin(registry: smoke.Registry) -> dict:
    """Begins an upload, and returns what its operations want to know."""
    begun = smoke.expect(registry.ecr("InitiateLayerUpload", NAMED), 200).json()
    return NAMED | {"uploadId": begun["uploadId"]}


def send(registry: smoke.Registry, upload: dict, first: int = 0) -> requests.Response:
    """Sends a part that is staged."""
    part = {
        "partFirstByte": first,
        "partLastByte": first + len(PART) - 1,
        "layerPartBlob": base64.b64encode(PART).decode(),
    }
    return registry.ecr("UploadLayerPart", upload | part)


def test_read_table(stack: Stack, registry: smoke.Registry) -> None:
    with denied(stack, ROLE, "dynamodb:GetItem", "dynamodb:BatchGetItem"):
        answer = registry.ecr("ListImages", NAMED)
    assert_denied(stack, FUNCTION, answer, "dynamodb:GetItem")
    assert registry.ecr("ListImages", NAMED).status_code == 200


def test_write_table(stack: Stack, registry: smoke.Registry) -> None:
    with denied(stack, ROLE, "dynamodb:UpdateItem"):
        answer = registry.ecr("InitiateLayerUpload", NAMED)
    assert_denied(stack, FUNCTION, answer, "dynamodb:UpdateItem")
    begin(registry)


def test_read_objects(stack: Stack, registry: smoke.Registry) -> None:
    """A download is signed with the function's rights: S3 refuses it, not the registry."""
    images = registry.ecr("BatchGetImage", NAMED | {"imageIds": [{"imageTag": "ecr-denials"}]})
    manifest = json.loads(images.json()["images"][0]["imageManifest"])
    wanted = NAMED | {"layerDigest": manifest["layers"][0]["digest"]}
    for actions, status in ((["s3:GetObject"], 403), ([], 200)):
        with denied(stack, ROLE, *actions):
            told = smoke.expect(registry.ecr("GetDownloadUrlForLayer", wanted), 200).json()
            assert requests.get(told["downloadUrl"], timeout=10).status_code == status


def test_write_objects(stack: Stack, registry: smoke.Registry) -> None:
    upload = begin(registry)
    with denied(stack, ROLE, "s3:PutObject"):
        answer = send(registry, upload)
    assert_denied(stack, FUNCTION, answer, "s3:PutObject")
    assert send(registry, begin(registry)).status_code == 200


def test_delete_objects(stack: Stack, registry: smoke.Registry) -> None:
    """What was staged goes when it is staged again behind the next part, if it may."""
    upload = begin(registry)
    smoke.expect(send(registry, upload), 200)
    with denied(stack, ROLE, "s3:DeleteObject", "s3:AbortMultipartUpload"):
        send(registry, upload, first=len(PART))
    log = stack.function_log(FUNCTION)
    assert any("s3:DeleteObject" in line or "s3:AbortMultipartUpload" in line for line in log)


def test_unwrap_keys(stack: Stack, registry: smoke.Registry) -> None:
    """The key that seals tokens is wrapped in the table."""
    smoke.expect(registry.ecr("GetAuthorizationToken", {}), 200)
    with denied(stack, ROLE, "kms:Decrypt"):
        answer = registry.ecr("GetAuthorizationToken", {})
    assert_denied(stack, FUNCTION, answer, "kms:Decrypt")
    assert registry.ecr("GetAuthorizationToken", {}).status_code == 200


def test_wrap_keys(stack: Stack, registry: smoke.Registry) -> None:
    """The first token of a registry needs a new key."""
    smoke.expect(registry.ecr("GetAuthorizationToken", {}), 200)
    forget_sealing_keys(stack)
    with denied(stack, ROLE, "kms:GenerateDataKey"):
        answer = registry.ecr("GetAuthorizationToken", {})
    assert_denied(stack, FUNCTION, answer, "kms:GenerateDataKey")
    assert registry.ecr("GetAuthorizationToken", {}).status_code == 200
