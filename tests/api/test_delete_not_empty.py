"""A repository with images is deleted only by force."""

from __future__ import annotations

import hashlib
import json

import pytest
import requests
from berth_server import BerthServer
from ecr_http import ACCOUNT, client

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def push_image(berth: BerthServer, name: str) -> None:
    """Pushes an image whose only content is its config."""
    config = b"{}"
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    uploads = f"{berth.url}/v2/{name}/blobs/uploads/"
    answer = requests.post(
        uploads, params={"digest": digest}, data=config, auth=berth.auth, timeout=30
    )
    assert answer.status_code == 201, answer.text
    descriptor = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor | {"size": len(config)},
        "layers": [],
    }
    answer = requests.put(
        f"{berth.url}/v2/{name}/manifests/latest",
        data=json.dumps(manifest),
        headers={"Content-Type": MANIFEST_TYPE},
        auth=berth.auth,
        timeout=30,
    )
    assert answer.status_code == 201, answer.text


def test_images_hold_a_deletion_up(berth: BerthServer) -> None:
    ecr = client(berth)
    ecr.create_repository(repositoryName="app")
    push_image(berth, "app")
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException) as caught:
        ecr.delete_repository(repositoryName="app")
    assert caught.value.response["Error"]["Message"] == (
        f"The repository with name 'app' in registry with id '{ACCOUNT}' cannot be deleted "
        "because it still contains images"
    )
    assert ecr.describe_repositories(repositoryNames=["app"])["repositories"]
    ecr.delete_repository(repositoryName="app", force=True)
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=["app"])
    ecr.create_repository(repositoryName="app")
    tags = requests.get(f"{berth.url}/v2/app/tags/list", auth=berth.auth, timeout=30)
    assert tags.json()["tags"] in (None, [])
    ecr.delete_repository(repositoryName="app")
