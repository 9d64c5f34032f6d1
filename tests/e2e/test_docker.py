"""Docker with its classic store: a real dockerd pushes chunked bodies without a length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import images
import pytest
from berth_server import BerthServer
from clients import Registry, run

Docker = Callable[..., str]


@pytest.fixture(scope="module")
def docker(berth: BerthServer, dockerd: Docker) -> Iterator[Docker]:
    """A Docker client that is logged in."""
    user, password = berth.auth
    dockerd("login", "--username", user, "--password-stdin", berth.host, stdin=password)
    yield dockerd
    dockerd("logout", berth.host)


def import_image(docker: Docker, folder: Path, name: str, size: int) -> str:
    """Imports an image of one layer and returns its id."""
    tar = folder / "root.tar"
    tar.write_bytes(images.tar_of({"data": images.random_bytes(name, size)}))
    return docker("import", tar, name).strip()


def pushed_digest(docker: Docker, name: str) -> str:
    """Returns the digest under which the daemon says it pushed or pulled `name`."""
    digests = docker("inspect", "--format", '{{join .RepoDigests "\\n"}}', name).split()
    repository = name.rpartition(":")[0]
    return next(d.partition("@")[2] for d in digests if d.startswith(repository + "@"))


def test_push_and_pull(berth: BerthServer, docker: Docker, tmp_path: Path) -> None:
    name = f"{berth.host}/docker/app:v1"
    image_id = import_image(docker, tmp_path, name, 12 * images.MIB)
    docker("push", name)
    digest = pushed_digest(docker, name)
    assert Registry(berth).digest_of("docker/app", "v1") == digest
    Registry(berth).assert_whole("docker/app", "v1")

    by_digest = f"{berth.host}/docker/app@{digest}"
    for reference in (name, by_digest):
        docker("image", "rm", "--force", image_id)
        docker("pull", reference)
        assert docker("inspect", "--format", "{{.Id}}", reference).strip() == image_id
    docker("image", "rm", "--force", image_id)


def test_layers_are_mounted_from_another_repository(
    berth: BerthServer, docker: Docker, tmp_path: Path
) -> None:
    first = f"{berth.host}/docker/first:v1"
    second = f"{berth.host}/docker/second:v1"
    image_id = import_image(docker, tmp_path, first, images.MIB)
    docker("push", first)
    docker("tag", first, second)
    assert "Mounted from docker/first" in docker("push", second)
    Registry(berth).assert_whole("docker/second", "v1")
    docker("image", "rm", "--force", image_id)


def test_pull_of_a_platform_of_an_index(berth: BerthServer, docker: Docker, tmp_path: Path) -> None:
    index = images.index("docker-index")
    Registry(berth).push("docker/multi", "v1", index)
    name = f"{berth.host}/docker/multi:v1"
    for architecture, child in zip(("amd64", "arm64"), index.children, strict=True):
        docker("pull", "--platform", f"linux/{architecture}", name)
        config = images.sha256(child.blobs[0])
        assert docker("inspect", "--format", "{{.Id}}", name).strip() == config
        assert pushed_digest(docker, name) == index.digest
        docker("image", "rm", "--force", name)


def test_a_wrong_password_is_refused(berth: BerthServer, dockerd: Docker) -> None:
    with pytest.raises(AssertionError, match=r"(?i)unauthorized|authentication"):
        dockerd("login", "--username", berth.access_key, "--password-stdin", berth.host, stdin="no")


def test_login_with_a_token_of_the_aws_cli(
    berth: BerthServer, dockerd: Docker, tmp_path: Path
) -> None:
    env = {
        "AWS_ACCESS_KEY_ID": berth.access_key,
        "AWS_SECRET_ACCESS_KEY": berth.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    ecr = ["aws", "ecr", "--endpoint-url", berth.url]
    created = run(*ecr, "create-repository", "--repository-name", "aws/app", env=env)
    assert '"repositoryName": "aws/app"' in created
    password = run(*ecr, "get-login-password", env=env).strip()
    dockerd("login", "-u", "AWS", "--password-stdin", berth.host, stdin=password)
    name = f"{berth.host}/aws/app:v1"
    image_id = import_image(dockerd, tmp_path, name, images.MIB)
    dockerd("push", name)
    dockerd("image", "rm", "--force", image_id)
    dockerd("pull", name)
    assert dockerd("inspect", "--format", "{{.Id}}", name).strip() == image_id
    dockerd("image", "rm", "--force", image_id)
    # What another test pushes afterwards goes in as the root again.
    user, root_password = berth.auth
    dockerd("login", "--username", user, "--password-stdin", berth.host, stdin=root_password)
