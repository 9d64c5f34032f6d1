"""Three registries in one process, two regions of an account and one of another: what is pushed to
the first arrives at the others, whatever the client is, and however often the process is killed.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import images
import pytest
from berth_server import BerthServer, HostedRegistry, berth_binary
from botocore.client import BaseClient
from botocore.config import Config
from clients import Registry, run

FIRST = "111122223333/us-east-1"
SECOND = "111122223333/eu-west-1"
FOREIGN = "444455556666/us-east-1"
REGISTRIES = [FIRST, SECOND, FOREIGN]
ARRIVAL_SECONDS = 60

KILLS = 100
IMAGES = 200
EACH_LIFE = IMAGES // KILLS
SEED = 20261121
# Between the last push and the kill.
LIFE_SECONDS = (0.0, 0.05)
# The last restart has nothing to hinder it.
REST_SECONDS = 180

Docker = Callable[..., str]


def client(registry: HostedRegistry) -> BaseClient:
    """Returns a boto3 client of a registry."""
    return boto3.session.Session().client(
        "ecr",
        endpoint_url=registry.url,
        region_name=registry.region,
        aws_access_key_id=registry.access_key,
        aws_secret_access_key=registry.secret_key,
        config=Config(retries={"max_attempts": 1}),
    )


def replicate(server: BerthServer) -> None:
    """Sends the first registry's images to both others, the foreign one of which permits it."""
    rules = [{"destinations": [destination(SECOND), destination(FOREIGN)]}]
    client(server.hosted(FIRST)).put_replication_configuration(
        replicationConfiguration={"rules": rules}
    )


def destination(name: str) -> dict[str, str]:
    """Returns a registry as replication rules name it."""
    account, region = name.split("/")
    return {"registryId": account, "region": region}


def permit(server: BerthServer) -> None:
    """Lets the first registry's account replicate to the foreign registry."""
    source, target = server.hosted(FIRST), server.hosted(FOREIGN)
    text = f"""{{
        "Version": "2012-10-17",
        "Statement": [{{
            "Sid": "replication",
            "Effect": "Allow",
            "Principal": {{"AWS": "arn:aws:iam::{source.account}:root"}},
            "Action": ["ecr:ReplicateImage", "ecr:CreateRepository"],
            "Resource": "arn:aws:ecr:{target.region}:{target.account}:repository/*"
        }}]
    }}"""
    client(target).put_registry_policy(policyText=text)


def statuses(server: BerthServer, repository: str, digest: str) -> dict[str, tuple[str, Any]]:
    """Returns how far an image is on its way to each registry, and why it failed if it did."""
    answer = client(server.hosted(FIRST)).describe_image_replication_status(
        repositoryName=repository, imageId={"imageDigest": digest}
    )
    return {
        f"{one['registryId']}/{one['region']}": (one["status"], one.get("failureCode"))
        for one in answer["replicationStatuses"]
    }


def await_statuses(
    server: BerthServer, repository: str, digest: str, wanted: dict[str, tuple[str, Any]]
) -> None:
    """Waits until an image's replications are as they should be."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while (found := statuses(server, repository, digest)) != wanted:
        assert time.monotonic() < deadline, f"{found}\n{server.log[-4000:]}"
        time.sleep(0.1)


ARRIVED = {SECOND: ("COMPLETE", None), FOREIGN: ("COMPLETE", None)}


@pytest.fixture(scope="module")
def server() -> Iterator[BerthServer]:
    """Three registries, of which the first replicates to the others."""
    with BerthServer(registries=REGISTRIES) as server:
        replicate(server)
        permit(server)
        yield server


def test_docker_pushes_to_one_and_pulls_from_the_others(
    server: BerthServer, dockerd: Docker, tmp_path: Path
) -> None:
    hosts = [server.hosted(name).host for name in REGISTRIES]
    for host in hosts:
        dockerd("login", "-u", server.access_key, "--password-stdin", host, stdin=server.secret_key)
    tar = tmp_path / "root.tar"
    tar.write_bytes(images.tar_of({"data": images.random_bytes("replicated", 3 * images.MIB)}))
    image_id = dockerd("import", tar, f"{hosts[0]}/docker/app:v1").strip()
    dockerd("push", f"{hosts[0]}/docker/app:v1")
    digest = Registry(server.hosted(FIRST)).digest_of("docker/app", "v1")
    await_statuses(server, "docker/app", digest, ARRIVED)
    for host in hosts[1:]:
        dockerd("image", "rm", "--force", image_id)
        for reference in (f"{host}/docker/app:v1", f"{host}/docker/app@{digest}"):
            dockerd("pull", reference)
            assert dockerd("inspect", "--format", "{{.Id}}", reference).strip() == image_id
    dockerd("image", "rm", "--force", image_id)
    for host in hosts:
        dockerd("logout", host)


def test_skopeo_and_crane_find_an_index_whole(server: BerthServer, tmp_path: Path) -> None:
    index = images.index("replicated-index", ["amd64", "arm64"])
    layout = images.write_layout(tmp_path / "layout", {"v1": index})
    auth = f"--authfile={tmp_path / 'config.json'}"
    hosts = [server.hosted(name).host for name in REGISTRIES]
    user, password = server.auth
    tls = ["--src-tls-verify=false", "--dest-tls-verify=false", "--all", "--preserve-digests"]
    for host in hosts:
        login = [auth, "--tls-verify=false", "--username", user, "--password-stdin", host]
        run("skopeo", "login", *login, stdin=password)
    run("skopeo", "copy", auth, *tls, f"oci:{layout}:v1", f"docker://{hosts[0]}/multi/app:v1")
    await_statuses(server, "multi/app", index.digest, ARRIVED)
    env = {"DOCKER_CONFIG": str(tmp_path)}
    for host in hosts[1:]:
        pulled = tmp_path / host.replace(":", "-")
        run("skopeo", "copy", auth, *tls, f"docker://{host}/multi/app:v1", f"oci:{pulled}")
        assert images.read_layout(pulled) == [index.digest]
        digest = run("crane", "digest", f"{host}/multi/app:v1", env=env).strip()
        assert digest == index.digest
        run("crane", "validate", "--remote", f"{host}/multi/app:v1", env=env)


def test_another_account_must_permit_it() -> None:
    with BerthServer(registries=REGISTRIES) as server:
        replicate(server)
        first = Registry(server.hosted(FIRST))
        refused = images.image("refused", layers=1, layer_size=100)
        first.push("team/app", "refused", refused)
        await_statuses(
            server,
            "team/app",
            refused.digest,
            {SECOND: ("COMPLETE", None), FOREIGN: ("FAILED", "AccessDenied")},
        )
        assert (
            Registry(server.hosted(FOREIGN)).get_manifest("team/app", "refused").status_code == 404
        )

        permit(server)
        allowed = images.image("allowed", layers=1, layer_size=100)
        first.push("team/app", "allowed", allowed)
        await_statuses(server, "team/app", allowed.digest, ARRIVED)
        Registry(server.hosted(FOREIGN)).assert_whole("team/app", "allowed")


def manifests() -> list[tuple[str, images.Manifest]]:
    """Returns small images with their tags; each tenth is an index; some share layers."""
    made: list[tuple[str, images.Manifest]] = []
    for number in range(IMAGES):
        if number % 10 == 9:
            children = [
                images.image(f"{number}/{name}", layers=1, layer_size=300, architecture=name)
                for name in ("amd64", "arm64")
            ]
            entries = [images.descriptor(images.MANIFEST, child.data) for child in children]
            document = {"schemaVersion": 2, "mediaType": images.INDEX, "manifests": entries}
            manifest = images.Manifest(images.to_json(document), images.INDEX, children=children)
        else:
            shared = [f"shared-{number % 3}"]
            manifest = images.image(str(number), layers=1, layer_size=300, shared=shared)
        made.append((f"v{number}", manifest))
    return made


def arrived(server: BerthServer, name: str) -> set[tuple[str, str | None]]:
    """Returns the images of a registry, each with its tags."""
    found: set[tuple[str, str | None]] = set()
    paginator = client(server.hosted(name)).get_paginator("list_images")
    listed = [
        (image["imageDigest"], image.get("imageTag"))
        for page in paginator.paginate(repositoryName="crash/app")
        for image in page["imageIds"]
    ]
    found.update(listed)
    assert len(found) == len(listed), "an image is listed twice"
    return found


def expected(made: list[tuple[str, images.Manifest]]) -> set[tuple[str, str | None]]:
    """Returns what a registry lists when it has all of these images."""
    tagged: set[tuple[str, str | None]] = {(manifest.digest, tag) for tag, manifest in made}
    children = {(child.digest, None) for _, manifest in made for child in manifest.children}
    return tagged | children


def attempts(server: BerthServer) -> Counter[str]:
    """Returns how often each job was begun."""
    return Counter(re.findall(r"attempting a job id=(\S+)", server.log))


def test_a_hundred_kills_lose_nothing() -> None:
    """Each life of the process brings two images more, and ends while they are on their way."""
    chance = random.Random(SEED)
    made = manifests()
    log = {"BERTH_LOG": "info,berth_registry::jobs=debug"}
    with BerthServer(registries=REGISTRIES, env=log) as server:
        replicate(server)
        permit(server)
        for kill in range(KILLS):
            first = Registry(server.hosted(FIRST))
            for tag, manifest in made[kill * EACH_LIFE : (kill + 1) * EACH_LIFE]:
                first.push("crash/app", tag, manifest)
            time.sleep(chance.uniform(*LIFE_SECONDS))
            server.kill()
            server.start()
        cut_off = sum(1 for times in attempts(server).values() if times > 1)
        # A release build is done with most of them before it is killed.
        assert cut_off >= KILLS / 20, f"only {cut_off} jobs were cut off"

        deadline = time.monotonic() + REST_SECONDS
        wanted = expected(made)
        for name in (SECOND, FOREIGN):
            while (found := arrived(server, name)) != wanted:
                missing = len(wanted - found)
                assert found <= wanted, found - wanted
                assert time.monotonic() < deadline, f"{missing} missing\n{server.log[-4000:]}"
                time.sleep(0.2)
        for _, manifest in made:
            await_statuses(server, "crash/app", manifest.digest, ARRIVED)
        for name in (SECOND, FOREIGN):
            registry = Registry(server.hosted(name))
            for tag, manifest in made:
                assert registry.digest_of("crash/app", tag) == manifest.digest
                assert registry.get_manifest("crash/app", tag).content == manifest.data
                registry.assert_whole("crash/app", tag)
        assert "set aside" not in server.log
        server.stop()
        for name in REGISTRIES:
            folder = server.hosted(name).data_dir
            told = run(berth_binary(), "verify", "--data-dir", folder)
            assert told.splitlines()[-1].startswith("0 damages"), told
