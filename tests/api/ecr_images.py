"""Images in a running registry: pushed over `/v2/`, as Docker would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ecr_http
import images
import requests
from berth_server import BerthServer
from ecr_http import call


def push_blob(berth: BerthServer, name: str, data: bytes) -> str:
    """Pushes a blob, and returns its digest."""
    digest = images.sha256(data)
    answer = requests.post(
        f"{berth.url}/v2/{name}/blobs/uploads/",
        params={"digest": digest},
        data=data,
        auth=berth.auth,
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    return digest


def push(berth: BerthServer, name: str, manifest: images.Manifest, *tags: str) -> str:
    """Pushes a manifest and all that it names, under tags or none, and returns its digest."""
    for child in manifest.children:
        push(berth, name, child)
    for blob in manifest.blobs:
        push_blob(berth, name, blob)
    for reference in tags or [manifest.digest]:
        answer = requests.put(
            f"{berth.url}/v2/{name}/manifests/{reference}",
            data=manifest.data,
            headers={"Content-Type": manifest.media_type},
            auth=berth.auth,
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
    return manifest.digest


def small_image(seed: int | str, layers: int = 1) -> images.Manifest:
    """Returns an image of small layers."""
    return images.image(seed, layers=layers, layer_size=100)


def referrer(seed: str, subject: images.Manifest, kind: str) -> images.Manifest:
    """Returns an artifact that refers to another manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": images.MANIFEST,
        "artifactType": kind,
        "config": images.descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [],
        "subject": images.descriptor(subject.media_type, subject.data),
        "annotations": {"seed": seed},
    }
    return images.Manifest(images.to_json(document), images.MANIFEST, [b"{}"])


def fitting(berth: BerthServer, operation: str, **members: Any) -> dict[str, Any]:
    """Calls an operation, whose answer must fit the model, and returns the answer."""
    return call(berth, operation, **members)


def refused(call: Callable[..., Any], code: str, **members: Any) -> str:
    """Checks that a call on `app` is refused with `code`, and returns the message."""
    return ecr_http.refused(call, code, **({"repositoryName": "app"} | members))
