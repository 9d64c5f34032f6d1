"""PutImage and ListImageReferrers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import images
import pytest
import requests
from berth_server import BerthServer
from botocore.client import BaseClient
from ecr_http import ACCOUNT, client
from ecr_images import fitting, push, push_blob, referrer, refused, small_image

UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry with the empty repository `app`."""
    ecr = client(berth)
    ecr.create_repository(repositoryName="app")
    yield ecr
    ecr.delete_repository(repositoryName="app", force=True)


def blobs_of(berth: BerthServer, image: images.Manifest) -> images.Manifest:
    """Pushes what an image is made of, and returns the image."""
    for blob in image.blobs:
        push_blob(berth, "app", blob)
    return image


def test_an_image_is_put(berth: BerthServer, ecr: BaseClient) -> None:
    image = blobs_of(berth, small_image("put"))
    text = image.data.decode()
    answer = fitting(berth, "PutImage", repositoryName="app", imageManifest=text, imageTag="v1")
    assert answer["image"] == {
        "registryId": ACCOUNT,
        "repositoryName": "app",
        "imageId": {"imageDigest": image.digest, "imageTag": "v1"},
        "imageManifest": text,
        "imageManifestMediaType": images.MANIFEST,
    }
    pulled = requests.get(f"{berth.url}/v2/app/manifests/v1", auth=berth.auth, timeout=30)
    assert pulled.content == image.data


def test_an_image_needs_no_tag(berth: BerthServer, ecr: BaseClient) -> None:
    image = blobs_of(berth, small_image("untagged"))
    put = ecr.put_image(
        repositoryName="app", imageManifest=image.data.decode(), imageDigest=image.digest
    )
    assert put["image"]["imageId"] == {"imageDigest": image.digest}
    assert ecr.list_images(repositoryName="app")["imageIds"] == [{"imageDigest": image.digest}]


def test_what_changes_nothing_is_refused(berth: BerthServer, ecr: BaseClient) -> None:
    image = blobs_of(berth, small_image("again"))
    text = image.data.decode()
    in_app = f"already exists in the repository with name 'app' in registry with id '{ACCOUNT}'"
    ecr.put_image(repositoryName="app", imageManifest=text)
    message = refused(ecr.put_image, "ImageAlreadyExistsException", imageManifest=text)
    assert message == f"Image with digest '{image.digest}' and tag 'null' {in_app}"
    ecr.put_image(repositoryName="app", imageManifest=text, imageTag="v1")
    ecr.put_image(repositoryName="app", imageManifest=text, imageTag="v2")
    message = refused(
        ecr.put_image, "ImageAlreadyExistsException", imageManifest=text, imageTag="v1"
    )
    assert message == f"Image with digest '{image.digest}' and tag 'v1' {in_app}"
    other = blobs_of(berth, small_image("moved"))
    ecr.put_image(repositoryName="app", imageManifest=other.data.decode(), imageTag="v1")
    tags = ecr.describe_images(repositoryName="app", imageIds=[{"imageDigest": image.digest}])
    assert tags["imageDetails"][0]["imageTags"] == ["v2"]


def test_immutable_tags_do_not_move(berth: BerthServer, ecr: BaseClient) -> None:
    ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    first, second = (blobs_of(berth, small_image(seed)) for seed in ("first", "second"))
    put = {"imageManifest": first.data.decode(), "imageTag": "v1"}
    ecr.put_image(repositoryName="app", **put)
    refused(ecr.put_image, "ImageAlreadyExistsException", **put)
    message = refused(
        ecr.put_image,
        "ImageTagAlreadyExistsException",
        imageManifest=second.data.decode(),
        imageTag="v1",
    )
    assert "'v1' already exists in the 'app' repository" in message


def test_content_must_be_there(berth: BerthServer, ecr: BaseClient) -> None:
    image = small_image("without")
    message = refused(
        ecr.put_image, "LayersNotFoundException", imageManifest=image.data.decode(), imageTag="v1"
    )
    digests = ", ".join(images.sha256(blob) for blob in image.blobs)
    assert message == (
        f"Layers with digests '[{digests}]' required for pushing image into repository with name "
        f"'app' in the registry with id '{ACCOUNT}' do not exist"
    )
    index = images.index("without")
    message = refused(
        ecr.put_image, "ReferencedImagesNotFoundException", imageManifest=index.data.decode()
    )
    assert message.startswith(f"Images with digests '[{index.children[0].digest}, ")
    assert ecr.list_images(repositoryName="app")["imageIds"] == []


def test_the_digest_must_match(berth: BerthServer, ecr: BaseClient) -> None:
    image = blobs_of(berth, small_image("digest"))
    text = image.data.decode()
    message = refused(
        ecr.put_image, "ImageDigestDoesNotMatchException", imageManifest=text, imageDigest=UNKNOWN
    )
    assert image.digest in message


def test_types_are_checked(berth: BerthServer, ecr: BaseClient) -> None:
    image = blobs_of(berth, small_image("typed"))
    typeless = image.data.replace(f'"mediaType":"{images.MANIFEST}",'.encode(), b"", 1).decode()
    message = refused(ecr.put_image, "InvalidParameterException", imageManifest=typeless)
    assert "'imageManifest'" in message
    put = ecr.put_image(
        repositoryName="app",
        imageManifest=typeless,
        imageManifestMediaType=images.MANIFEST,
    )
    assert put["image"]["imageManifestMediaType"] == images.MANIFEST


BAD_PUTS = [
    ({}, "'imageManifest'"),
    ({"imageManifest": ""}, "'imageManifest'"),
    ({"imageManifest": "{"}, "'imageManifest'"),
    ({"imageManifest": "{}", "imageTag": ""}, "'imageTag'"),
    ({"imageManifest": "{}", "imageTag": "-"}, "'imageTag'"),
    ({"imageManifest": "{}", "imageDigest": "none"}, "'imageDigest'"),
    ({"imageManifest": "{}", "imageManifestMediaType": "none"}, "'imageManifestMediaType'"),
    ({"imageManifest": "x" * (4 * 1024 * 1024 + 1)}, "'imageManifest'"),
]


@pytest.mark.parametrize(("members", "text"), BAD_PUTS)
def test_bad_images_are_refused(ecr: BaseClient, members: dict[str, Any], text: str) -> None:
    assert text in refused(ecr.put_image, "InvalidParameterException", **members)


def test_putting_makes_no_repository(ecr: BaseClient) -> None:
    image = small_image("nowhere").data.decode()
    refused(
        ecr.put_image, "RepositoryNotFoundException", repositoryName="other", imageManifest=image
    )


def test_referrers_are_listed(berth: BerthServer, ecr: BaseClient) -> None:
    subject = small_image("subject")
    push(berth, "app", subject, "v1")
    kinds = {f"application/vnd.example.{kind}" for kind in ("sbom", "signature", "other")}
    artifacts = [referrer(str(i), subject, kind) for kind in kinds for i in range(2)]
    for artifact in artifacts:
        push(berth, "app", artifact)

    def found(size: int | None = None, **filters: Any) -> list[dict[str, Any]]:
        members: dict[str, Any] = {
            "repositoryName": "app",
            "subjectId": {"imageDigest": subject.digest},
            "filter": filters,
        }
        if size is not None:
            members["maxResults"] = size
        listed: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = ecr.list_image_referrers(**members, **token)
            assert size is None or len(page["referrers"]) <= size
            listed += page["referrers"]
            if "nextToken" not in page:
                return listed
            token = {"nextToken": page["nextToken"]}

    every = found()
    assert [listed["digest"] for listed in every] == sorted(a.digest for a in artifacts)
    one = next(listed for listed in every if listed["digest"] == artifacts[0].digest)
    assert one | {"artifactType": None} == {
        "digest": artifacts[0].digest,
        "mediaType": images.MANIFEST,
        "artifactType": None,
        "size": len(artifacts[0].data),
        "annotations": {"seed": "0"},
        "artifactStatus": "ACTIVE",
    }
    assert found(1) == found(4) == found(50) == every
    wanted = sorted(kinds)[:2]
    assert found(1, artifactTypes=wanted) == [a for a in every if a["artifactType"] in wanted]
    assert found(artifactTypes=[]) == found(artifactStatus="ANY") == every
    assert found(artifactStatus="ARCHIVED") == []
    nobody = {"repositoryName": "app", "subjectId": {"imageDigest": UNKNOWN}}
    assert fitting(berth, "ListImageReferrers", **nobody) == {"referrers": []}


BAD_REFERRERS = [
    ({"subjectId": None}, "'subjectId'"),
    ({"subjectId": {}}, "'subjectId.imageDigest'"),
    ({"subjectId": {"imageDigest": "none"}}, "'subjectId.imageDigest'"),
    ({"maxResults": 0}, "'maxResults'"),
    ({"maxResults": 51}, "less than or equal to 50"),
    ({"nextToken": "made-up"}, "'nextToken'"),
    ({"filter": {"artifactTypes": ["a"] * 6}}, "'filter.artifactTypes'"),
    ({"filter": {"artifactTypes": [""]}}, "'filter.artifactTypes.1.member'"),
    ({"filter": {"artifactStatus": "SOME"}}, "'filter.artifactStatus'"),
]


@pytest.mark.parametrize(("members", "text"), BAD_REFERRERS)
def test_bad_lists_of_referrers_are_refused(
    ecr: BaseClient, members: dict[str, Any], text: str
) -> None:
    given = {"subjectId": {"imageDigest": UNKNOWN}} | members
    given = {name: value for name, value in given.items() if value is not None}
    assert text in refused(ecr.list_image_referrers, "InvalidParameterException", **given)


def test_referrers_need_a_repository(ecr: BaseClient) -> None:
    subject = {"imageDigest": UNKNOWN}
    refused(
        ecr.list_image_referrers,
        "RepositoryNotFoundException",
        repositoryName="other",
        subjectId=subject,
    )
