"""Archived images: moved there and back, listed, not pulled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import images
import pytest
import requests
from berth_server import BerthServer
from botocore.client import BaseClient
from ecr_http import ACCOUNT, client, refused
from ecr_images import fitting, push, push_blob, referrer, small_image

NAME = "archive/app"
REPOSITORY = {"repositoryName": NAME}
UNKNOWN = "sha256:" + "0" * 64
NOT_SUPPORTED = "ImageStorageClassUpdateNotSupportedException"


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry that has one repository."""
    ecr = client(berth)
    ecr.create_repository(repositoryName=NAME)
    yield ecr
    ecr.delete_repository(repositoryName=NAME, force=True)


def update(berth: BerthServer, target: str, **image: str) -> dict[str, Any]:
    """Moves an image to another storage class."""
    members = REPOSITORY | {"imageId": image, "targetStorageClass": target}
    answer = client(berth).update_image_storage_class(**members)
    del answer["ResponseMetadata"]
    return answer


def status(ecr: BaseClient, digest: str) -> str:
    """Returns the status of an image."""
    described = ecr.describe_images(**REPOSITORY, imageIds=[{"imageDigest": digest}])
    return str(described["imageDetails"][0]["imageStatus"])


def index_of(*children: images.Manifest) -> images.Manifest:
    """Returns an index of images."""
    entries = [images.descriptor(child.media_type, child.data) for child in children]
    document = {"schemaVersion": 2, "mediaType": images.INDEX, "manifests": entries}
    return images.Manifest(images.to_json(document), images.INDEX, children=list(children))


def wait_until_active(ecr: BaseClient, digest: str) -> None:
    """Waits until an image is back."""
    for _ in range(100):
        if status(ecr, digest) == "ACTIVE":
            return
        time.sleep(0.1)
    raise AssertionError(f"{digest} is not back after ten seconds")


def pull(berth: BerthServer, reference: str) -> int:
    """Returns the status of a pull of a manifest."""
    url = f"{berth.url}/v2/{NAME}/manifests/{reference}"
    whole, head = (
        requests.request(method, url, auth=berth.auth, timeout=30) for method in ("GET", "HEAD")
    )
    assert whole.status_code == head.status_code
    if whole.status_code == 404:
        assert whole.json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    return whole.status_code


def wait_until_hidden(berth: BerthServer, reference: str) -> None:
    """Waits until no process pulls an image any more: others than the one that archived it believe
    for three seconds that the repository has no archive."""
    url = f"{berth.url}/v2/{NAME}/manifests/{reference}"
    for _ in range(100):
        if requests.get(url, auth=berth.auth, timeout=30).status_code == 404:
            return
        time.sleep(0.1)
    raise AssertionError(f"{reference} can still be pulled after ten seconds")


def test_an_image_is_archived_and_restored(berth: BerthServer, ecr: BaseClient) -> None:
    image, other = small_image("archived"), small_image("other")
    digest = push(berth, NAME, image, "old", "older")
    kept = push(berth, NAME, other, "new")
    before = time.time()
    answer = update(berth, "ARCHIVE", imageTag="old")
    named = {"imageDigest": digest, "imageTag": "old"}
    expected = REPOSITORY | {"registryId": ACCOUNT, "imageId": named, "imageStatus": "ARCHIVED"}
    assert answer == expected
    wait_until_hidden(berth, digest)
    assert [pull(berth, reference) for reference in ("old", "older", digest)] == [404] * 3
    assert pull(berth, "new") == 200

    def listed(**filters: str) -> list[str]:
        listed = ecr.list_images(**REPOSITORY, filter=filters)["imageIds"]
        described = ecr.describe_images(**REPOSITORY, filter=filters)["imageDetails"]
        found = {each["imageDigest"] for each in described}
        assert {each["imageDigest"] for each in listed} == found
        return sorted(found)

    assert listed() == [kept] == listed(imageStatus="ACTIVE")
    assert listed(imageStatus="ARCHIVED") == [digest]
    assert listed(imageStatus="ACTIVATING") == []
    assert listed(imageStatus="ANY") == sorted([digest, kept])
    members = REPOSITORY | {"imageIds": [{"imageDigest": digest}]}
    (detail,) = fitting(berth, "DescribeImages", **members)["imageDetails"]
    assert detail["imageStatus"] == "ARCHIVED"
    assert before - 1 <= detail["lastArchivedAt"] <= time.time() + 1
    assert "lastActivatedAt" not in detail
    members["filter"] = {"imageStatus": "ACTIVE"}
    assert fitting(berth, "DescribeImages", **members)["imageDetails"] == []

    assert update(berth, "STANDARD", imageDigest=digest)["imageStatus"] in ("ACTIVATING", "ACTIVE")
    wait_until_active(ecr, digest)
    assert [pull(berth, reference) for reference in ("old", "older", digest)] == [200] * 3
    (detail,) = ecr.describe_images(**REPOSITORY, imageIds=[{"imageTag": "old"}])["imageDetails"]
    assert detail["lastArchivedAt"] <= detail["lastActivatedAt"]


def test_archived_images_are_failures_of_a_batch(berth: BerthServer, ecr: BaseClient) -> None:
    digest = push(berth, NAME, small_image("batch"), "v1")
    update(berth, "ARCHIVE", imageTag="v1")
    ids = [{"imageDigest": digest}, {"imageTag": "v1"}]
    got = fitting(berth, "BatchGetImage", **REPOSITORY, imageIds=ids)
    assert got["images"] == []
    assert [each["failureCode"] for each in got["failures"]] == ["ImageInaccessible"] * 2
    deleted = fitting(berth, "BatchDeleteImage", **REPOSITORY, imageIds=ids[:1])
    assert deleted["failures"] == []


def test_layers_are_archived_with_their_images(berth: BerthServer, ecr: BaseClient) -> None:
    image = small_image("layers")
    digest = push(berth, NAME, image, "v1")
    layer = images.sha256(image.blobs[1])
    update(berth, "ARCHIVE", imageTag="v1")

    def availability() -> str:
        members = REPOSITORY | {"layerDigests": [layer]}
        (found,) = fitting(berth, "BatchCheckLayerAvailability", **members)["layers"]
        return str(found["layerAvailability"])

    for _ in range(100):
        if availability() == "ARCHIVED":
            break
        time.sleep(0.1)
    assert availability() == "ARCHIVED"
    get_url = ecr.get_download_url_for_layer
    refused(get_url, "LayerInaccessibleException", **REPOSITORY, layerDigest=layer)
    url = f"{berth.url}/v2/{NAME}/blobs/{layer}"
    # In AWS the answer is where the store has it.
    headed = requests.head(url, auth=berth.auth, allow_redirects=True, timeout=30)
    assert headed.status_code == 200
    assert requests.get(url, auth=berth.auth, timeout=30).status_code == 404
    manifest = image.data.decode()
    put = ecr.put_image(**REPOSITORY, imageManifest=manifest, imageTag="v1")["image"]
    assert put["imageId"]["imageDigest"] == digest
    assert status(ecr, digest) == "ACTIVE"
    assert availability() == "AVAILABLE"
    assert requests.get(url, auth=berth.auth, timeout=30).content == image.blobs[1]
    members = REPOSITORY | {"imageManifest": manifest, "imageTag": "v1"}
    refused(ecr.put_image, "ImageAlreadyExistsException", **members)


def test_an_index_and_its_children(berth: BerthServer, ecr: BaseClient) -> None:
    children = [small_image("child-1"), small_image("child-2")]
    index = index_of(*children)
    digest = push(berth, NAME, index, "all")
    child = children[0].digest
    members = REPOSITORY | {"imageId": {"imageDigest": child}, "targetStorageClass": "ARCHIVE"}
    refused(ecr.update_image_storage_class, NOT_SUPPORTED, **members)
    update(berth, "ARCHIVE", imageTag="all")
    assert (status(ecr, digest), status(ecr, child)) == ("ARCHIVED", "ACTIVE")
    update(berth, "ARCHIVE", imageDigest=child)
    again = index_of(*children, small_image("child-3"))
    push(berth, NAME, small_image("child-3"))
    members = REPOSITORY | {"imageManifest": again.data.decode(), "imageTag": "again"}
    refused(ecr.put_image, "ReferencedImagesNotFoundException", **members)
    ids = [{"imageDigest": child}]
    failures = ecr.batch_delete_image(**REPOSITORY, imageIds=ids)["failures"]
    assert [each["failureCode"] for each in failures] == ["ImageReferencedByManifestList"]
    update(berth, "STANDARD", imageTag="all")
    wait_until_active(ecr, digest)
    assert status(ecr, child) == "ACTIVE"


def test_referrers_are_of_a_status(berth: BerthServer, ecr: BaseClient) -> None:
    subject = small_image("subject")
    push(berth, NAME, subject, "v1")
    sboms = [referrer(seed, subject, "application/vnd.example.sbom") for seed in "ab"]
    for sbom in sboms:
        push(berth, NAME, sbom)
    update(berth, "ARCHIVE", imageDigest=sboms[0].digest)

    def listed(**filters: str) -> dict[str, str]:
        members: dict[str, Any] = {"subjectId": {"imageDigest": subject.digest}, "filter": filters}
        found = fitting(berth, "ListImageReferrers", **REPOSITORY, **members)["referrers"]
        return {each["digest"]: each["artifactStatus"] for each in found}

    assert listed() == {sboms[1].digest: "ACTIVE"}
    assert listed(artifactStatus="ARCHIVED") == {sboms[0].digest: "ARCHIVED"}
    assert listed(artifactStatus="ACTIVATING") == {}
    assert len(listed(artifactStatus="ANY")) == 2
    url = f"{berth.url}/v2/{NAME}/referrers/{subject.digest}"
    found = requests.get(url, auth=berth.auth, timeout=30).json()["manifests"]
    assert [each["digest"] for each in found] == [sboms[1].digest]


def test_errors(berth: BerthServer, ecr: BaseClient) -> None:
    call = ecr.update_image_storage_class
    target = {"targetStorageClass": "ARCHIVE"}
    push_blob(berth, NAME, b"no image")
    for image in ({"imageTag": "none"}, {"imageDigest": UNKNOWN}):
        refused(call, "ImageNotFoundException", **REPOSITORY, imageId=image, **target)
    digest = push(berth, NAME, small_image("errors"), "v1")
    push(berth, NAME, small_image("errors 2"), "v2")
    other = {"imageTag": "v2", "imageDigest": digest}
    refused(call, "ImageNotFoundException", **REPOSITORY, imageId=other, **target)
    none = {"repositoryName": "archive/none"}
    image = {"imageTag": "v1"}
    refused(call, "RepositoryNotFoundException", **none, imageId=image, **target)
    invalid = "InvalidParameterException"
    refused(call, invalid, **REPOSITORY, imageId={}, **target)
    refused(call, invalid, **REPOSITORY, imageId={"imageTag": "-"}, **target)
    refused(call, invalid, **REPOSITORY, imageId={"imageDigest": "x"}, **target)
    message = refused(call, invalid, **REPOSITORY, imageId=image, targetStorageClass="GLACIER")
    assert "'targetStorageClass'" in message
    assert "[STANDARD, ARCHIVE]" in message
