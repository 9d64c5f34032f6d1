"""Layers: asked for, uploaded in parts, downloaded."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import images
import pytest
import requests
from berth_server import BerthServer
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from ecr_http import ACCOUNT, check_error, client, request, send
from ecr_images import fitting, push, push_blob, small_image

UNKNOWN = "sha256:" + "0" * 64
NO_UPLOAD = "0b6f1d3e-58a1-4d0c-9c7e-1f2a3b4c5d6e"


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry with the empty repository `app`."""
    ecr = client(berth)
    ecr.create_repository(repositoryName="app")
    yield ecr
    ecr.delete_repository(repositoryName="app", force=True)


def refused(call: Callable[..., Any], code: str, **members: Any) -> dict[str, Any]:
    """Checks that a call on `app` is refused with `code`, and returns the answer."""
    with pytest.raises(ClientError) as caught:
        call(**({"repositoryName": "app"} | members))
    answer = caught.value.response
    assert answer["Error"]["Code"] == code, answer
    return answer


def send_part(
    berth: BerthServer, upload: str, data: bytes, first: int, last: int | None = None
) -> dict[str, Any]:
    """Sends a part, and returns the answer."""
    return fitting(
        berth,
        "UploadLayerPart",
        repositoryName="app",
        uploadId=upload,
        partFirstByte=first,
        partLastByte=first + len(data) - 1 if last is None else last,
        layerPartBlob=base64.b64encode(data).decode(),
    )


def upload(berth: BerthServer, data: bytes, part: int) -> str:
    """Uploads a layer in parts of a length, and returns the upload's id before its end."""
    begun = fitting(berth, "InitiateLayerUpload", repositoryName="app")
    for first in range(0, len(data), part):
        piece = data[first : first + part]
        answer = send_part(berth, begun["uploadId"], piece, first)
        assert answer == {
            "registryId": ACCOUNT,
            "repositoryName": "app",
            "uploadId": begun["uploadId"],
            "lastByteReceived": first + len(piece) - 1,
        }
    return begun["uploadId"]


def complete(berth: BerthServer, upload_id: str, digest: str) -> dict[str, Any]:
    answer = client(berth).complete_layer_upload(
        repositoryName="app", uploadId=upload_id, layerDigests=[digest]
    )
    del answer["ResponseMetadata"]
    return answer


def test_layers_are_asked_for(berth: BerthServer, ecr: BaseClient) -> None:
    image = small_image("asked")
    push(berth, "app", image, "v1")
    loose = push_blob(berth, "app", b"in no image")
    config, layer = (images.sha256(blob) for blob in image.blobs)
    digests = [layer, UNKNOWN, config, loose, layer, "", "none", "md5:00"]
    answer = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=digests)

    def available(digest: str, blob: bytes, kind: str | None) -> dict[str, Any]:
        found = {
            "layerDigest": digest,
            "layerAvailability": "AVAILABLE",
            "layerSize": len(blob),
        }
        return found | ({"mediaType": kind} if kind else {})

    def unavailable(digest: str) -> dict[str, Any]:
        return {"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}

    assert answer["layers"] == [
        available(layer, image.blobs[1], images.LAYER),
        unavailable(UNKNOWN),
        available(config, image.blobs[0], images.CONFIG),
        available(loose, b"in no image", None),
        available(layer, image.blobs[1], images.LAYER),
        unavailable("md5:00"),
    ]
    assert [(f["layerDigest"], f["failureCode"]) for f in answer["failures"]] == [
        ("", "MissingLayerDigest"),
        ("none", "InvalidLayerDigest"),
    ]


@pytest.mark.local
def test_parts_are_as_long_as_those_of_ecr(ecr: BaseClient) -> None:
    assert ecr.initiate_layer_upload(repositoryName="app")["partSize"] == 10 * images.MIB


def test_a_layer_is_uploaded_in_parts(berth: BerthServer, ecr: BaseClient) -> None:
    part_size = ecr.initiate_layer_upload(repositoryName="app")["partSize"]
    assert 1 * images.MIB <= part_size <= 10 * images.MIB
    data = images.random_bytes("parts", part_size + 1234)
    digest = images.sha256(data)
    upload_id = upload(berth, data, part_size)
    assert complete(berth, upload_id, digest) == {
        "registryId": ACCOUNT,
        "repositoryName": "app",
        "uploadId": upload_id,
        "layerDigest": digest,
    }
    pulled = requests.get(f"{berth.url}/v2/app/blobs/{digest}", auth=berth.auth, timeout=30)
    assert pulled.content == data


def test_an_image_is_pushed_by_the_api_alone(berth: BerthServer, ecr: BaseClient) -> None:
    image = small_image("alone", layers=3)
    for blob in image.blobs:
        complete(berth, upload(berth, blob, 100), images.sha256(blob))
    ecr.put_image(repositoryName="app", imageManifest=image.data.decode(), imageTag="v1")
    for blob in image.blobs:
        layer = {"repositoryName": "app", "layerDigest": images.sha256(blob)}
        answer = fitting(berth, "GetDownloadUrlForLayer", **layer)
        assert answer["layerDigest"] == images.sha256(blob)
        assert requests.get(answer["downloadUrl"], timeout=30).content == blob


def test_uploads_are_those_of_v2(berth: BerthServer, ecr: BaseClient) -> None:
    data = images.random_bytes("both", 3000)
    upload_id = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    url = f"{berth.url}/v2/app/blobs/uploads/{upload_id}"
    send_part(berth, upload_id, data[:1000], 0)
    patched = requests.patch(url, data=data[1000:2000], auth=berth.auth, timeout=30)
    assert (patched.status_code, patched.headers["Range"]) == (202, "0-1999")
    send_part(berth, upload_id.upper(), data[2000:], 2000)
    complete(berth, upload_id, images.sha256(data))
    assert requests.get(url, auth=berth.auth, timeout=30).status_code == 404


def test_parts_must_follow_each_other(berth: BerthServer, ecr: BaseClient) -> None:
    upload_id = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    part = {"uploadId": upload_id, "layerPartBlob": b"12345"}

    def bad(first: int, last: int) -> dict[str, Any]:
        answer = refused(
            ecr.upload_layer_part,
            "InvalidLayerPartException",
            **part,
            partFirstByte=first,
            partLastByte=last,
        )
        for name, value in (
            ("registryId", ACCOUNT),
            ("repositoryName", "app"),
            ("uploadId", upload_id),
        ):
            assert answer[name] == value
        return answer

    assert "lastValidByteReceived" not in bad(5, 9)
    ecr.upload_layer_part(repositoryName="app", **part, partFirstByte=0, partLastByte=4)
    assert bad(0, 4)["lastValidByteReceived"] == 4
    assert bad(6, 10)["lastValidByteReceived"] == 4
    bad(5, 10)
    bad(5, 4)
    ecr.upload_layer_part(repositoryName="app", **part, partFirstByte=5, partLastByte=9)
    complete(berth, upload_id, images.sha256(b"1234512345"))


def test_ends_of_uploads_are_checked(berth: BerthServer, ecr: BaseClient) -> None:
    def end(upload_id: str, digest: str, code: str) -> None:
        refused(ecr.complete_layer_upload, code, uploadId=upload_id, layerDigests=[digest])

    empty = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    end(empty, images.sha256(b""), "EmptyUploadException")
    data = b"a layer"
    digest = images.sha256(data)
    end(upload(berth, data, 100), UNKNOWN, "InvalidLayerException")
    first = upload(berth, data, 100)
    complete(berth, first, digest)
    end(first, digest, "UploadNotFoundException")
    again = upload(berth, data, 3)
    end(again, digest, "LayerAlreadyExistsException")
    end(again, digest, "UploadNotFoundException")
    end(NO_UPLOAD, digest, "UploadNotFoundException")
    part = {"uploadId": NO_UPLOAD, "layerPartBlob": b"1", "partFirstByte": 0, "partLastByte": 0}
    refused(ecr.upload_layer_part, "UploadNotFoundException", **part)


# In AWS, the URLs are those of the store.
@pytest.mark.local
def test_urls_are_good_for_one_layer(berth: BerthServer, ecr: BaseClient) -> None:
    image = small_image("urls", layers=2)
    push(berth, "app", image, "v1")
    ecr.create_repository(repositoryName="other")
    push(berth, "other", image, "v1")
    first, second = (images.sha256(blob) for blob in image.blobs[1:])
    url = ecr.get_download_url_for_layer(repositoryName="app", layerDigest=first)["downloadUrl"]
    assert urlsplit(url).netloc == berth.host
    assert requests.get(url, timeout=30).content == image.blobs[1]
    assert requests.head(url, timeout=30).status_code == 200
    part = requests.get(url, headers={"Range": "bytes=0-9"}, timeout=30)
    assert (part.status_code, part.content) == (206, image.blobs[1][:10])
    for wrong in (
        url.replace(first, second),
        url.replace("/v2/app/", "/v2/other/"),
        url[:-4] + "AAAA",
        url.split("?")[0],
    ):
        assert requests.get(wrong, timeout=30).status_code == 401
    assert requests.delete(url, timeout=30).status_code == 401
    token = url.split("?")[1]
    manifest = f"{berth.url}/v2/app/manifests/v1?{token}"
    assert requests.get(manifest, timeout=30).status_code == 401
    ecr.delete_repository(repositoryName="other", force=True)


def test_only_layers_of_images_have_urls(berth: BerthServer, ecr: BaseClient) -> None:
    loose = push_blob(berth, "app", b"in no image")
    get_url = ecr.get_download_url_for_layer
    refused(get_url, "LayerInaccessibleException", layerDigest=loose)
    answer = refused(get_url, "LayersNotFoundException", layerDigest=UNKNOWN)
    assert answer["Error"]["Message"] == (
        f"The layer with digest '{UNKNOWN}' does not exist within the repository with name 'app' "
        f"in the registry with id '{ACCOUNT}'"
    )
    image = small_image("deleted")
    push(berth, "app", image, "v1")
    layer = images.sha256(image.blobs[1])
    assert get_url(repositoryName="app", layerDigest=layer)["downloadUrl"]
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    refused(get_url, "LayerInaccessibleException", layerDigest=layer)


PART = {"uploadId": NO_UPLOAD, "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": b"1"}

BAD_LAYERS = [
    ("batch_check_layer_availability", {}, "'layerDigests'"),
    ("batch_check_layer_availability", {"layerDigests": []}, "'layerDigests'"),
    ("batch_check_layer_availability", {"layerDigests": [UNKNOWN] * 101}, "'layerDigests'"),
    ("batch_check_layer_availability", {"layerDigests": ["a" * 1001]}, "'layerDigests.1.member'"),
    ("initiate_layer_upload", {"repositoryName": "A"}, "'repositoryName'"),
    ("upload_layer_part", {}, "'uploadId'"),
    ("upload_layer_part", PART | {"uploadId": "none"}, "'uploadId'"),
    ("upload_layer_part", PART | {"partFirstByte": -1}, "'partFirstByte'"),
    ("upload_layer_part", PART | {"partLastByte": -1}, "'partLastByte'"),
    ("complete_layer_upload", {"uploadId": NO_UPLOAD}, "'layerDigests'"),
    ("complete_layer_upload", {"uploadId": NO_UPLOAD, "layerDigests": ["a"]}, "'layerDigests.1."),
    ("get_download_url_for_layer", {}, "'layerDigest'"),
    ("get_download_url_for_layer", {"layerDigest": "none"}, "'layerDigest'"),
]


@pytest.mark.parametrize(("operation", "members", "text"), BAD_LAYERS)
def test_bad_requests_are_refused(
    ecr: BaseClient, operation: str, members: dict[str, Any], text: str
) -> None:
    answer = refused(getattr(ecr, operation), "InvalidParameterException", **members)
    assert text in answer["Error"]["Message"]


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("batch_check_layer_availability", {"layerDigests": [UNKNOWN]}),
        ("initiate_layer_upload", {}),
        ("upload_layer_part", PART),
        ("complete_layer_upload", {"uploadId": NO_UPLOAD, "layerDigests": [UNKNOWN]}),
        ("get_download_url_for_layer", {"layerDigest": UNKNOWN}),
    ],
)
def test_other_repositories_are_unknown(
    ecr: BaseClient, operation: str, members: dict[str, Any]
) -> None:
    for other in ({"repositoryName": "other"}, {"registryId": "000000000000"}):
        refused(getattr(ecr, operation), "RepositoryNotFoundException", **members, **other)


def test_parts_that_are_no_base64_are_refused(berth: BerthServer, ecr: BaseClient) -> None:
    upload_id = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    body = {"repositoryName": "app"} | PART | {"uploadId": upload_id, "layerPartBlob": "%"}
    check_error(send(request(berth, "UploadLayerPart", json.dumps(body))), "SerializationException")
