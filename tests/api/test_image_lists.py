"""ListImages and DescribeImages through boto3 and raw."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import images
import pytest
import requests
from berth_server import BerthServer
from botocore.client import BaseClient
from ecr_http import ACCOUNT, client
from ecr_images import fitting, push, referrer, refused, small_image

UNKNOWN = "sha256:" + "0" * 64
TAGS_AT_ONCE = 16


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry with the empty repository `app`."""
    ecr = client(berth)
    ecr.create_repository(repositoryName="app")
    yield ecr
    ecr.delete_repository(repositoryName="app", force=True)


def test_ids_are_listed_by_tag(berth: BerthServer, ecr: BaseClient) -> None:
    assert fitting(berth, "ListImages", repositoryName="app") == {"imageIds": []}
    tagged = push(berth, "app", small_image("tagged"), "v1", "v2")
    untagged = push(berth, "app", small_image("untagged"))
    ids = [
        {"imageDigest": tagged, "imageTag": "v1"},
        {"imageDigest": tagged, "imageTag": "v2"},
        {"imageDigest": untagged},
    ]
    ids.sort(key=lambda image: (image["imageDigest"], image.get("imageTag", "")))

    def listed(**filters: str) -> list[dict[str, str]]:
        return fitting(berth, "ListImages", repositoryName="app", filter=filters)["imageIds"]

    assert listed() == ids
    assert listed(tagStatus="ANY", imageStatus="ANY") == ids
    assert listed(tagStatus="TAGGED") == [image for image in ids if "imageTag" in image]
    assert listed(tagStatus="UNTAGGED", imageStatus="ACTIVE") == [{"imageDigest": untagged}]
    assert listed(imageStatus="ARCHIVED") == listed(imageStatus="ACTIVATING") == []


def test_pages_of_ids_hold_each_once(berth: BerthServer, ecr: BaseClient) -> None:
    for i in range(6):
        tags = [f"v{i}-{j}" for j in range(i % 3)]
        push(berth, "app", small_image(i), *tags)
    every = ecr.list_images(repositoryName="app")["imageIds"]
    assert len(every) == 2 + 2 + 4
    paginator = ecr.get_paginator("list_images")
    for size in (1, 2, 3, 1000):
        for status, expected in (
            ("ANY", every),
            ("TAGGED", [image for image in every if "imageTag" in image]),
            ("UNTAGGED", [image for image in every if "imageTag" not in image]),
        ):
            pages = paginator.paginate(
                repositoryName="app",
                filter={"tagStatus": status},
                PaginationConfig={"PageSize": size},
            )
            found = [page["imageIds"] for page in pages]
            assert sum(found, []) == expected
            assert all(1 <= len(page) <= size for page in found)


def test_images_are_described(berth: BerthServer, ecr: BaseClient) -> None:
    before = time.time()
    image = small_image("described", layers=2)
    push(berth, "app", image, "v2", "v1")
    answer = fitting(berth, "DescribeImages", repositoryName="app")
    (detail,) = answer["imageDetails"]
    assert before - 1 <= detail.pop("imagePushedAt") <= time.time() + 1
    assert detail == {
        "registryId": ACCOUNT,
        "repositoryName": "app",
        "imageDigest": image.digest,
        "imageTags": ["v1", "v2"],
        "imageSizeInBytes": sum(len(blob) for blob in image.blobs),
        "imageManifestMediaType": images.MANIFEST,
        "artifactMediaType": images.CONFIG,
        "imageStatus": "ACTIVE",
    }


def test_an_index_is_as_large_as_its_largest_image(berth: BerthServer, ecr: BaseClient) -> None:
    index = images.index("multi")
    push(berth, "app", index, "multi")
    described = ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "multi"}])
    (detail,) = described["imageDetails"]
    sizes = [sum(len(blob) for blob in child.blobs) for child in index.children]
    assert detail["imageSizeInBytes"] == max(sizes)
    assert detail["imageManifestMediaType"] == images.INDEX
    assert "artifactMediaType" not in detail
    untagged = ecr.describe_images(repositoryName="app", filter={"tagStatus": "UNTAGGED"})
    assert {image["imageDigest"] for image in untagged["imageDetails"]} == {
        child.digest for child in index.children
    }


def test_artifacts_name_their_subject(berth: BerthServer, ecr: BaseClient) -> None:
    subject = small_image("subject")
    push(berth, "app", subject, "v1")
    signature = referrer("one", subject, "application/vnd.example.signature")
    push(berth, "app", signature)
    members = {"repositoryName": "app", "imageIds": [{"imageDigest": signature.digest}]}
    (detail,) = fitting(berth, "DescribeImages", **members)["imageDetails"]
    assert detail["subjectManifestDigest"] == subject.digest
    assert detail["artifactMediaType"] == "application/vnd.example.signature"


def test_pages_of_images_hold_each_once(berth: BerthServer, ecr: BaseClient) -> None:
    digests = {push(berth, "app", small_image(i), *[f"v{i}"] * (i % 2)) for i in range(7)}
    paginator = ecr.get_paginator("describe_images")
    for size in (1, 2, 1000):
        pages = paginator.paginate(repositoryName="app", PaginationConfig={"PageSize": size})
        found = [detail for page in pages for detail in page["imageDetails"]]
        assert [image["imageDigest"] for image in found] == sorted(digests)
        assert sum("imageTags" in image for image in found) == 3


def test_images_are_described_by_name(berth: BerthServer, ecr: BaseClient) -> None:
    first = push(berth, "app", small_image("first"), "v1")
    second = push(berth, "app", small_image("second"))
    ids = [
        {"imageDigest": second},
        {"imageTag": "v1"},
        {"imageTag": "v1", "imageDigest": first},
    ]

    def found(**filters: str) -> list[str]:
        answer = ecr.describe_images(repositoryName="app", imageIds=ids, filter=filters)
        return [image["imageDigest"] for image in answer["imageDetails"]]

    assert found() == [second, first, first]
    assert found(tagStatus="UNTAGGED") == [second]
    for image, text in (
        ({"imageTag": "v2"}, "{imageDigest:'null', imageTag:'v2'}"),
        ({"imageDigest": UNKNOWN}, f"{{imageDigest:'{UNKNOWN}', imageTag:'null'}}"),
        (
            {"imageDigest": second, "imageTag": "v1"},
            f"{{imageDigest:'{second}', imageTag:'v1'}}",
        ),
    ):
        message = refused(
            ecr.describe_images, "ImageNotFoundException", imageIds=[{"imageTag": "v1"}, image]
        )
        assert message == (
            f"The image with imageId {text} does not exist within the repository with name 'app' "
            f"in the registry with id '{ACCOUNT}'"
        )


BAD_LISTS = [
    ({"repositoryName": None}, "'repositoryName'"),
    ({"maxResults": 0}, "'maxResults'"),
    ({"maxResults": 1001}, "'maxResults'"),
    ({"nextToken": "made-up"}, "'nextToken'"),
    ({"filter": {"tagStatus": "SOME"}}, "'filter.tagStatus'"),
    ({"filter": {"imageStatus": "SOME"}}, "'filter.imageStatus'"),
]

BAD_IDS = [
    ({"imageIds": []}, "'imageIds'"),
    ({"imageIds": [{"imageTag": "v1"}] * 101}, "'imageIds'"),
    ({"imageIds": [{}]}, "'imageIds.1.member'"),
    ({"imageIds": [{"imageTag": "v1"}, {"imageDigest": "x"}]}, "'imageIds.2.member.imageDigest'"),
    ({"imageIds": [{"imageTag": ""}]}, "'imageIds.1.member.imageTag'"),
    ({"imageIds": [{"imageTag": "-"}]}, "'imageIds.1.member.imageTag'"),
    ({"imageIds": [{"imageTag": "v1"}], "maxResults": 1}, "'maxResults'"),
    ({"imageIds": [{"imageTag": "v1"}], "nextToken": "t"}, "'nextToken'"),
]


@pytest.mark.parametrize(("members", "text"), BAD_LISTS)
@pytest.mark.parametrize("operation", ["list_images", "describe_images"])
def test_bad_lists_are_refused(
    ecr: BaseClient, operation: str, members: dict[str, Any], text: str
) -> None:
    call = getattr(ecr, operation)
    if members == {"repositoryName": None}:
        with pytest.raises(ecr.exceptions.InvalidParameterException) as caught:
            call()
        assert text in caught.value.response["Error"]["Message"]
        return
    assert text in refused(call, "InvalidParameterException", **members)


@pytest.mark.parametrize(("members", "text"), BAD_IDS)
def test_bad_ids_are_refused(ecr: BaseClient, members: dict[str, Any], text: str) -> None:
    assert text in refused(ecr.describe_images, "InvalidParameterException", **members)


@pytest.mark.parametrize("operation", ["list_images", "describe_images"])
def test_other_repositories_are_unknown(ecr: BaseClient, operation: str) -> None:
    for members in ({"repositoryName": "other"}, {"registryId": "000000000000"}):
        refused(getattr(ecr, operation), "RepositoryNotFoundException", **members)


# In AWS, eleven hundred pushes take minutes.
@pytest.mark.local
def test_many_tags_make_short_pages(berth: BerthServer, ecr: BaseClient) -> None:
    made = sorted(push_with_tags(berth, f"tagged-{number}", 960) for number in range(19))
    first = ecr.describe_images(repositoryName="app", maxResults=1000)
    assert 1 < len(first["imageDetails"]) < len(made)
    assert len(json.dumps(first["imageDetails"], default=str)) < 3_000_000
    pages = ecr.get_paginator("describe_images").paginate(repositoryName="app")
    found = [image for page in pages for image in page["imageDetails"]]
    assert [image["imageDigest"] for image in found] == made
    assert {len(image["imageTags"]) for image in found} == {960}


def push_with_tags(berth: BerthServer, seed: str, count: int) -> str:
    """Pushes an image with so many tags, as long as they can be, and returns its digest."""
    image = small_image(seed)
    digest = push(berth, "app", image)
    tags = [f"{seed}-{number:04}-".ljust(128, "x") for number in range(count)]
    with requests.Session() as session:
        for start in range(0, count, TAGS_AT_ONCE):
            answer = session.put(
                f"{berth.url}/v2/app/manifests/{digest}",
                params={"tag": tags[start : start + TAGS_AT_ONCE]},
                data=image.data,
                headers={"Content-Type": image.media_type},
                auth=berth.auth,
                timeout=30,
            )
            assert answer.status_code == 201, answer.text
    return digest
