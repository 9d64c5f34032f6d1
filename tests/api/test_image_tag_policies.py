"""Policies that ask for the tags of images, at the operations on several images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from authorization import EXISTING, IMAGE, World, allow, something_denies
from authorization_rows import Row
from berth_server import BerthServer
from ecr_images import push, small_image

# Policies take effect at once where they are made alone: in a process of its own.
pytestmark = pytest.mark.local

DENIED = "AccessDeniedException"
OTHER = small_image("another")
BY_DIGEST = {"imageDigest": IMAGE.digest}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with BerthServer() as berth:
        world = World(berth).prepare()
        push(berth, EXISTING, IMAGE, "prod-1")
        push(berth, EXISTING, OTHER, "dev-1", "dev-2")
        yield world


def tags(world: World) -> list[str]:
    ids = world.done("ecr", "ListImages", repositoryName=EXISTING)["imageIds"]
    return sorted(image["imageTag"] for image in ids if "imageTag" in image)


def batch(world: World, operation: str, *ids: dict[str, str]) -> Any:
    body = json.dumps({"repositoryName": EXISTING, "imageIds": ids})
    return world.call("ecr", operation, body)


def tagged(pattern: str) -> dict[str, Any]:
    return {"Condition": {"StringLike": {"berth:ImageTag": pattern}}}


@pytest.mark.parametrize("operation", ["BatchDeleteImage", "BatchGetImage"])
@pytest.mark.parametrize("image", [{"imageTag": "prod-1"}, BY_DIGEST])
def test_a_batch_is_denied_as_a_whole(world: World, operation: str, image: dict[str, str]) -> None:
    deny = {"Effect": "Deny", "Action": f"ecr:{operation}", "Resource": "*"} | tagged("prod-*")
    world.let(allow("ecr:*"), deny)
    answer = batch(world, operation, {"imageTag": "dev-1"}, image)
    assert answer.code == DENIED
    assert answer.message == something_denies(f"ecr:{operation}", Row(operation).resource())
    assert tags(world) == ["dev-1", "dev-2", "prod-1", "v1"]


def test_one_tag_does_not_open_another(world: World) -> None:
    condition = {"Condition": {"ForAnyValue:StringLike": {"berth:ImageTag": "dev-*"}}}
    world.let(allow("ecr:*") | condition)
    dev, prod = {"imageTag": "dev-1"}, {"imageTag": "prod-1"}
    assert batch(world, "BatchDeleteImage", dev, prod).code == DENIED
    assert batch(world, "BatchDeleteImage", dev, BY_DIGEST).code == DENIED
    manifest = json.dumps({"repositoryName": EXISTING, "imageManifest": IMAGE.data.decode()})
    assert world.call("ecr", "PutImage", manifest).code == DENIED
    tagging = json.loads(manifest) | {"imageTag": "dev-3"}
    assert world.call("ecr", "PutImage", json.dumps(tagging)).code == ""
    answer = batch(world, "BatchGetImage", dev, {"imageDigest": OTHER.digest})
    assert len(json.loads(answer.body)["images"]) == 3


def test_who_may_deletes_by_tag_and_by_digest(world: World) -> None:
    world.let(allow("ecr:*") | tagged("dev-*"))
    answer = batch(world, "BatchDeleteImage", {"imageTag": "dev-2"}, {"imageTag": "none-"})
    assert answer.code == DENIED
    answer = batch(world, "BatchDeleteImage", {"imageTag": "dev-2"}, {"imageTag": "dev-none"})
    assert len(json.loads(answer.body)["failures"]) == 1
    assert batch(world, "BatchDeleteImage", {"imageDigest": OTHER.digest}).code == ""
    assert [tag for tag in tags(world) if tag in ("dev-1", "dev-2")] == []
    assert batch(world, "BatchDeleteImage", {"imageDigest": "none"}).code == DENIED
