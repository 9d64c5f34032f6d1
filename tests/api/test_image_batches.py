"""BatchGetImage and BatchDeleteImage: each image by itself, and what is told of those that fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import images
import pytest
import requests
from berth_server import BerthServer
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from ecr_http import ACCOUNT, client
from ecr_images import fitting, push, small_image

UNKNOWN = "sha256:" + "0" * 64
REGEX = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
INVALID = "Invalid request parameters: "
NOT_FOUND = ("ImageNotFound", "Requested image not found")


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry with the empty repository `app`."""
    ecr = client(berth)
    ecr.create_repository(repositoryName="app")
    yield ecr
    ecr.delete_repository(repositoryName="app", force=True)


def get(berth: BerthServer, *ids: dict[str, str], **members: Any) -> dict[str, Any]:
    return fitting(berth, "BatchGetImage", repositoryName="app", imageIds=list(ids), **members)


def delete(berth: BerthServer, *ids: dict[str, str]) -> dict[str, Any]:
    return fitting(berth, "BatchDeleteImage", repositoryName="app", imageIds=list(ids))


def listed(ecr: BaseClient) -> list[dict[str, str]]:
    return ecr.list_images(repositoryName="app")["imageIds"]


def test_manifests_are_got_by_tag_and_digest(berth: BerthServer, ecr: BaseClient) -> None:
    image = small_image("got")
    push(berth, "app", image, "v1", "v2")
    untagged = small_image("untagged")
    push(berth, "app", untagged)

    def got(manifest: images.Manifest, **tag: str) -> dict[str, Any]:
        return {
            "registryId": ACCOUNT,
            "repositoryName": "app",
            "imageId": {"imageDigest": manifest.digest, **tag},
            "imageManifest": manifest.data.decode(),
            "imageManifestMediaType": images.MANIFEST,
        }

    first, second = got(image, imageTag="v1"), got(image, imageTag="v2")
    for image_id, expected in (
        ({"imageTag": "v1"}, [first]),
        ({"imageTag": "v2", "imageDigest": image.digest}, [second]),
        ({"imageDigest": image.digest}, [first, second]),
        ({"imageDigest": untagged.digest}, [got(untagged)]),
    ):
        assert get(berth, image_id) == {"images": expected, "failures": []}
    many = get(berth, {"imageTag": "v2"}, {"imageDigest": untagged.digest}, {"imageTag": "v1"})
    assert many["images"] == [second, got(untagged), first]


def test_only_accepted_types_are_got(berth: BerthServer, ecr: BaseClient) -> None:
    push(berth, "app", small_image("typed"), "v1")
    tag = {"imageTag": "v1"}
    accepted = get(berth, tag, acceptedMediaTypes=["text/plain", images.MANIFEST])
    assert len(accepted["images"]) == 1
    refused = get(berth, tag, acceptedMediaTypes=[images.DOCKER_MANIFEST])
    assert refused["images"] == []
    assert [failure["failureCode"] for failure in refused["failures"]] == ["ImageNotFound"]


@pytest.mark.parametrize("operation", [get, delete])
def test_ids_fail_by_themselves(berth: BerthServer, ecr: BaseClient, operation: Any) -> None:
    image, other = small_image("one"), small_image("other")
    push(berth, "app", image, "v1")
    push(berth, "app", other)
    failures = [
        ({}, ("MissingDigestAndTag", INVALID + "both tag and digest cannot be null")),
        (
            {"imageDigest": "none"},
            ("InvalidImageDigest", f"{INVALID}image digest should satisfy the regex '{REGEX}'"),
        ),
        (
            {"imageTag": "-"},
            (
                "InvalidImageTag",
                INVALID + "image tag should satisfy the regex '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'",
            ),
        ),
        ({"imageTag": "v2"}, NOT_FOUND),
        ({"imageDigest": UNKNOWN}, NOT_FOUND),
        ({"imageDigest": "md5:00"}, NOT_FOUND),
        ({"imageTag": "v2", "imageDigest": image.digest}, NOT_FOUND),
        (
            {"imageTag": "v1", "imageDigest": other.digest},
            (
                "ImageTagDoesNotMatchDigest",
                INVALID + "given tag does not map to the given digest",
            ),
        ),
    ]
    answer = operation(berth, *[image_id for image_id, _ in failures], {"imageTag": "v1"})
    assert answer["failures"] == [
        {"imageId": image_id, "failureCode": code, "failureReason": reason}
        for image_id, (code, reason) in failures
    ]
    assert len(answer["images" if operation is get else "imageIds"]) == 1


def test_the_last_tag_takes_its_image_along(berth: BerthServer, ecr: BaseClient) -> None:
    digest = push(berth, "app", small_image("tagged"), "v1", "v2", "v3")
    ids = [{"imageDigest": digest, "imageTag": tag} for tag in ("v1", "v2", "v3")]
    assert delete(berth, {"imageTag": "v1"}) == {"imageIds": ids[:1], "failures": []}
    assert listed(ecr) == ids[1:]
    assert delete(berth, ids[1]) == {"imageIds": ids[1:2], "failures": []}
    assert listed(ecr) == ids[2:]
    assert delete(berth, {"imageTag": "v3"}) == {"imageIds": ids[2:], "failures": []}
    assert listed(ecr) == []


def test_a_digest_goes_with_all_its_tags(berth: BerthServer, ecr: BaseClient) -> None:
    tags = [f"v{i:02}" for i in range(30)]
    digest = push(berth, "app", small_image("many"), *tags)
    untagged = push(berth, "app", small_image("untagged"))
    answer = delete(berth, {"imageDigest": digest}, {"imageDigest": untagged})
    ids = [{"imageDigest": digest, "imageTag": tag} for tag in tags]
    assert answer["failures"] == []
    gone = sorted(answer["imageIds"][:-1], key=lambda image: image["imageTag"])
    assert gone == ids
    assert answer["imageIds"][-1] == {"imageDigest": untagged}
    assert listed(ecr) == []


def test_what_was_listed_can_be_deleted(berth: BerthServer, ecr: BaseClient) -> None:
    for i in range(5):
        push(berth, "app", small_image(i), *[f"v{i}-{j}" for j in range(i)])
    answer = delete(berth, *listed(ecr))
    assert (len(answer["imageIds"]), answer["failures"]) == (1 + 1 + 2 + 3 + 4, [])
    assert listed(ecr) == []


def test_children_stay_as_long_as_an_index_lists_them(berth: BerthServer, ecr: BaseClient) -> None:
    index = images.index("multi")
    push(berth, "app", index, "multi")
    child = index.children[0]
    push(berth, "app", child, "child", "alias")

    def referenced(image_id: dict[str, str]) -> None:
        assert delete(berth, image_id) == {
            "imageIds": [],
            "failures": [
                {
                    "imageId": image_id,
                    "failureCode": "ImageReferencedByManifestList",
                    "failureReason": "Requested image referenced by manifest list: "
                    f"[{index.digest}]",
                }
            ],
        }

    referenced({"imageDigest": child.digest})
    assert delete(berth, {"imageTag": "alias"})["failures"] == []
    referenced({"imageTag": "child"})
    answer = delete(berth, {"imageTag": "multi"}, {"imageTag": "child"})
    assert answer["failures"] == []
    assert listed(ecr) == [{"imageDigest": index.children[1].digest}]


# An answer of AWS Lambda has 6 MB at most.
@pytest.mark.local
def test_large_answers_are_refused(berth: BerthServer, ecr: BaseClient) -> None:
    image = small_image("large")
    document = image.data[:-1] + b',"annotations":{"a":"' + b"x" * 4_000_000 + b'"}}'
    large = images.Manifest(document, image.media_type, image.blobs)
    digest = push(berth, "app", large, *[f"v{i}" for i in range(9)])
    ids = [{"imageTag": f"v{i}"} for i in range(8)]
    assert len(get(berth, *ids)["images"]) == 8
    with pytest.raises(ecr.exceptions.LimitExceededException):
        ecr.batch_get_image(repositoryName="app", imageIds=[{"imageDigest": digest}])


@pytest.mark.parametrize("operation", ["batch_get_image", "batch_delete_image"])
def test_bad_batches_are_refused(ecr: BaseClient, operation: str) -> None:
    call = getattr(ecr, operation)
    bad = [
        ({"imageIds": []}, "'imageIds'"),
        ({"imageIds": [{"imageTag": "v1"}] * 101}, "'imageIds'"),
        ({"imageIds": [{"imageTag": "v" * 301}]}, "'imageIds.1.member.imageTag'"),
        ({}, "'imageIds'"),
    ]
    if operation == "batch_get_image":
        ids = [{"imageTag": "v1"}]
        bad.append(({"imageIds": ids, "acceptedMediaTypes": []}, "'acceptedMediaTypes'"))
        bad.append(({"imageIds": ids, "acceptedMediaTypes": ["a/b"] * 101}, "'acceptedMedia"))
    for members, text in bad:
        with pytest.raises(ecr.exceptions.InvalidParameterException) as caught:
            call(repositoryName="app", **members)
        assert text in caught.value.response["Error"]["Message"]
    for members in ({"repositoryName": "other"}, {"registryId": "000000000000"}):
        with pytest.raises(ClientError) as other:
            call(**({"repositoryName": "app", "imageIds": [{}]} | members))
        assert other.value.response["Error"]["Code"] == "RepositoryNotFoundException"


def test_deleted_images_are_gone_for_clients(berth: BerthServer, ecr: BaseClient) -> None:
    digest = push(berth, "app", small_image("gone"), "v1")
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    for reference in ("v1", digest):
        url = f"{berth.url}/v2/app/manifests/{reference}"
        assert requests.get(url, auth=berth.auth, timeout=30).status_code == 404
