"""ECR's API in AWS: `aws ecr`, boto3 and `berth` against the deployed stack.

What every operation answers is looked at by tests/api, which test_api_suite.py runs here as well.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import images
import pytest
import requests
import smoke
from berth_server import berth_binary
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from clients import Registry, run
from ecr_http import ACCOUNT, REGION, client, refused
from stack import Stack

PART = 3 * images.MIB
# How long a process may believe what it read of a user.
BELIEVED_SECONDS = 30


@pytest.fixture
def ecr(stack: Stack) -> BaseClient:
    """A client of ECR's API with the root's access key."""
    return client(stack)


@pytest.fixture
def repository(ecr: BaseClient) -> Iterator[str]:
    """An empty repository."""
    name = "deployed/ecr"
    ecr.create_repository(repositoryName=name)
    yield name
    ecr.delete_repository(repositoryName=name, force=True)


@pytest.fixture
def aws_ecr(stack: Stack) -> Callable[..., str]:
    """Runs `aws ecr` with the root's access key."""
    env = {
        "AWS_ACCESS_KEY_ID": stack.access_key,
        "AWS_SECRET_ACCESS_KEY": stack.secret_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }
    return lambda *arguments: run("aws", "ecr", *arguments, "--endpoint-url", stack.url, env=env)


def test_skopeo_after_get_login_password(
    stack: Stack, aws_ecr: Callable[..., str], tmp_path: Path
) -> None:
    made = json.loads(aws_ecr("create-repository", "--repository-name", "deployed/cli"))[
        "repository"
    ]
    assert made["repositoryUri"] == f"{stack.host}/deployed/cli"
    auth = f"--authfile={tmp_path / 'auth.json'}"
    login = ["--tls-verify=false", "--username", "AWS", "--password-stdin", stack.host]
    run("skopeo", "login", auth, *login, stdin=aws_ecr("get-login-password"))
    image = images.image("deployed-cli", layer_size=images.MIB)
    layout = images.write_layout(tmp_path / "layout", {"v1": image})
    name = f"docker://{stack.host}/deployed/cli:v1"
    copy = ["skopeo", "copy", auth, "--src-tls-verify=false", "--dest-tls-verify=false"]
    run(*copy, "--preserve-digests", f"oci:{layout}:v1", name)
    run(*copy, name, f"oci:{tmp_path / 'pulled'}")
    assert images.read_layout(tmp_path / "pulled") == [image.digest]
    told = json.loads(aws_ecr("describe-images", "--repository-name", "deployed/cli"))
    (detail,) = told["imageDetails"]
    assert (detail["imageDigest"], detail["imageTags"]) == (image.digest, ["v1"])
    aws_ecr("delete-repository", "--repository-name", "deployed/cli", "--force")
    names = ["--query", "repositories[].repositoryName", "--output", "text"]
    assert "deployed/cli" not in aws_ecr("describe-repositories", *names).split()


def test_docker_after_get_login_password(
    stack: Stack, aws_ecr: Callable[..., str], dockerd: Callable[..., str], tmp_path: Path
) -> None:
    password = aws_ecr("get-login-password")
    dockerd("login", "--username", "AWS", "--password-stdin", stack.host, stdin=password)
    tar = tmp_path / "root.tar"
    tar.write_bytes(images.tar_of({"data": images.random_bytes("docker-ecr", images.MIB)}))
    name = f"{stack.host}/deployed/docker-ecr:v1"
    image_id = dockerd("import", tar, name).strip()
    dockerd("push", name)
    dockerd("image", "rm", "--force", image_id)
    dockerd("pull", name)
    assert dockerd("inspect", "--format", "{{.Id}}", name).strip() == image_id
    dockerd("image", "rm", "--force", image_id)
    dockerd("logout", stack.host)


def test_a_layer_is_uploaded_in_parts(stack: Stack, ecr: BaseClient, repository: str) -> None:
    """In parts as long as the registry says, which are as long as an event holds."""
    layer = images.random_bytes("deployed-parts", 10 * images.MIB)
    digest = images.sha256(layer)
    begun = ecr.initiate_layer_upload(repositoryName=repository)
    assert begun["partSize"] == PART
    upload = {"repositoryName": repository, "uploadId": begun["uploadId"]}
    for first in range(0, len(layer), PART):
        part = layer[first : first + PART]
        last = first + len(part) - 1
        sent = ecr.upload_layer_part(
            partFirstByte=first, partLastByte=last, layerPartBlob=part, **upload
        )
        assert sent["lastByteReceived"] == last
    ecr.complete_layer_upload(layerDigests=[digest], **upload)
    manifest = json.loads(push_config(stack, repository))
    manifest["layers"] = [smoke.descriptor("application/vnd.oci.image.layer.v1.tar", layer)]
    text = json.dumps(manifest)
    ecr.put_image(repositoryName=repository, imageManifest=text, imageTag="parts")
    Registry(stack).assert_whole(repository, "parts")
    told = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
    assert urlsplit(told["downloadUrl"]).netloc == urlsplit(stack.endpoint).netloc
    assert images.sha256(requests.get(told["downloadUrl"], timeout=60).content) == digest
    (got,) = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "parts"}])[
        "images"
    ]
    assert got["imageManifest"] == text


def push_config(stack: Stack, repository: str) -> str:
    """Pushes a configuration, and returns the manifest of an image without layers."""
    config = b"{}"
    registry = Registry(stack)
    location = registry.start_upload(repository)
    registry.finish_upload(location, images.sha256(config), config)
    kind = "application/vnd.oci.image.config.v1+json"
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": smoke.MANIFEST_TYPE,
            "config": smoke.descriptor(kind, config),
            "layers": [],
        }
    )


def test_a_request_over_the_limit_is_refused_in_words(ecr: BaseClient, repository: str) -> None:
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    part = bytes(3_400_000)
    message = refused(
        ecr.upload_layer_part,
        "LimitExceededException",
        repositoryName=repository,
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(part) - 1,
        layerPartBlob=part,
    )
    assert "4400000 bytes" in message


def test_answers_are_as_long_as_a_function_may_answer(
    stack: Stack, ecr: BaseClient, repository: str
) -> None:
    """Two manifests of 3 MB don't fit one answer, and each alone does."""
    manifest = json.loads(push_config(stack, repository))
    for number in range(2):
        manifest["annotations"] = {"number": str(number), "fill": "x" * 3_000_000}
        text = json.dumps(manifest)
        ecr.put_image(repositoryName=repository, imageManifest=text, imageTag=f"v{number}")
    ids = [{"imageTag": f"v{number}"} for number in range(2)]
    many = {"repositoryName": repository, "imageIds": ids}
    assert "less at once" in refused(ecr.batch_get_image, "LimitExceededException", **many)
    for each in ids:
        (image,) = ecr.batch_get_image(repositoryName=repository, imageIds=[each])["images"]
        assert len(image["imageManifest"]) > 3_000_000


def berth(stack: Stack, *arguments: str) -> str:
    """Runs `berth` against the stack as its root."""
    env = os.environ | {
        "BERTH_ENDPOINT_URL": stack.url,
        "BERTH_ROOT_ACCESS_KEY_ID": stack.access_key,
        "BERTH_ROOT_SECRET_ACCESS_KEY": stack.secret_key,
    }
    command = [str(berth_binary()), *arguments]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture
def kim(stack: Stack) -> Iterator[dict[str, str]]:
    """The access key of a user without policies, as options of a client."""
    assert berth(stack, "user", "create", "kim") == f"arn:aws:iam::{ACCOUNT}:user/kim\n"
    made = dict(line.split() for line in berth(stack, "access-key", "create", "kim").splitlines())
    yield {"aws_access_key_id": made["id"], "aws_secret_access_key": made["secret"]}
    berth(stack, "user", "delete", "kim")


def allow(stack: Stack, folder: Path, **statement: object) -> None:
    """Gives kim a policy of one statement."""
    told = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"} | statement
    file = folder / "policy.json"
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": [told]}))
    berth(stack, "policy", "attach", "kim", "told", str(file))


def test_users_are_let_in_by_policies(
    stack: Stack, kim: dict[str, str], repository: str, tmp_path: Path
) -> None:
    ecr = client(stack, **kim)
    name = {"repositoryName": repository}
    refused(ecr.list_images, "AccessDeniedException", **name)
    allow(stack, tmp_path)
    assert berth(stack, "policy", "list", "kim") == "told\n"
    assert ecr.list_images(**name)["imageIds"] == []
    # The address that the gateway sees, whatever the client says of itself.
    ecr.meta.events.register("before-send.ecr", claim_another_address)
    for network in ("203.0.113.0/24", "127.0.0.0/8"):
        allow(stack, tmp_path, Condition={"IpAddress": {"aws:SourceIp": network}})
        if network.startswith("127."):
            assert ecr.list_images(**name)["imageIds"] == []
        else:
            refused(ecr.list_images, "AccessDeniedException", **name)


def claim_another_address(request: object, **_: object) -> None:
    """Adds what a proxy would add for a client at another address."""
    request.headers["X-Forwarded-For"] = "203.0.113.9"
    request.headers["Forwarded"] = "for=203.0.113.9"


def test_a_users_token_ends_with_its_access_key(
    stack: Stack, kim: dict[str, str], repository: str, tmp_path: Path
) -> None:
    """In every function, within the time that each may believe what it read."""
    allow(stack, tmp_path)
    data = client(stack, **kim).get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == stack.url
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")
    login = {"Authorization": f"Basic {data['authorizationToken']}"}
    path = f"{stack.url}/v2/{repository}/tags/list"

    def status() -> int:
        return requests.get(path, headers=login, timeout=30).status_code

    assert status() == 200
    berth(stack, "access-key", "deactivate", "kim", kim["aws_access_key_id"])
    ended = time.monotonic() + BELIEVED_SECONDS + 5
    while status() == 200 and time.monotonic() < ended:
        time.sleep(1)
    assert status() == 401
    with pytest.raises(ClientError) as caught:
        client(stack, **kim).list_images(repositoryName=repository)
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
