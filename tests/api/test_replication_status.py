"""How far replications are, and what Berth's own refinements change of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from berth_server import BerthServer, HostedRegistry, berth_binary
from botocore.client import BaseClient
from ecr_http import client, refused
from ecr_images import fitting, push, small_image
from test_commands import run
from test_users import administer

pytestmark = pytest.mark.local

HOME = "123456789012/us-east-1"
AWAY = "123456789012/eu-west-1"
FOREIGN = "444455556666/eu-central-1"
NAME = "status/app"
END_SECONDS = 60
INVALID = "InvalidParameterException"
NO_IMAGE = "ImageNotFoundException"
NO_REPOSITORY = "RepositoryNotFoundException"


@pytest.fixture(scope="module")
def server() -> Iterator[BerthServer]:
    """Three registries."""
    with BerthServer(registries=[HOME, AWAY, FOREIGN]) as server:
        yield server


def of(registry: HostedRegistry) -> BaseClient:
    """Returns a client of a registry in the registry's region."""
    return client(registry, region_name=registry.region)


def destination(name: str) -> dict[str, str]:
    """Returns a registry as replication rules name it."""
    account, region = name.split("/")
    return {"region": region, "registryId": account}


def ended(ecr: BaseClient, **image: str) -> dict[str, Any]:
    """Returns the statuses of an image by their registries, once there are two and both ended."""
    deadline = time.monotonic() + END_SECONDS
    while True:
        answer = ecr.describe_image_replication_status(repositoryName=NAME, imageId=image)
        found = answer["replicationStatuses"]
        if len(found) == 2 and all(each["status"] != "IN_PROGRESS" for each in found):
            return {f"{each.pop('registryId')}/{each.pop('region')}": each for each in found}
        assert time.monotonic() < deadline, f"still {found}"
        time.sleep(0.1)


def berth(registry: HostedRegistry, *args: str) -> str:
    """Runs `berth replication` against a registry, and returns what it printed."""
    env = {
        "BERTH_ENDPOINT_URL": registry.url,
        "BERTH_REGION": registry.region,
        "BERTH_ROOT_ACCESS_KEY_ID": registry.access_key,
        "BERTH_ROOT_SECRET_ACCESS_KEY": registry.secret_key,
    }
    return run([str(berth_binary()), "replication", *args], env).stdout


def test_what_is_not_replicated_has_no_status(server: BerthServer) -> None:
    source = server.hosted(HOME)
    ecr = of(source)
    name = {"repositoryName": "status/none"}
    digest = push(source, name["repositoryName"], small_image("none"), "v1")
    for image in ({"imageDigest": digest}, {"imageTag": "v1"}):
        answer = fitting(source, "DescribeImageReplicationStatus", imageId=image, **name)
        expected = {"imageDigest": digest} | image
        assert answer == name | {"imageId": expected, "replicationStatuses": []}
    describe = ecr.describe_image_replication_status
    refused(describe, NO_IMAGE, imageId={"imageTag": "none"}, **name)
    refused(describe, NO_IMAGE, imageId={"imageDigest": "sha256:" + "0" * 64}, **name)
    refused(describe, INVALID, imageId={}, **name)
    missing = {"repositoryName": "status/missing", "imageId": {"imageTag": "v1"}}
    refused(describe, NO_REPOSITORY, **missing)
    ecr.delete_repository(force=True, **name)


def test_a_status_tells_how_it_ended(server: BerthServer) -> None:
    source = server.hosted(HOME)
    ecr = of(source)
    rule = {"destinations": [destination(AWAY), destination(FOREIGN)]}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    digest = push(source, NAME, small_image("one"), "v1")
    complete = {"status": "COMPLETE"}
    denied = {"status": "FAILED", "failureCode": "AccessDenied"}
    assert ended(ecr, imageTag="v1") == {AWAY: complete, FOREIGN: denied}
    answer = fitting(
        source,
        "DescribeImageReplicationStatus",
        repositoryName=NAME,
        imageId={"imageDigest": digest},
    )
    assert len(answer["replicationStatuses"]) == 2
    lines = berth(source, "status", NAME, "v1").splitlines()
    assert sorted(lines) == [f"{AWAY} COMPLETE", f"{FOREIGN} FAILED AccessDenied"]
    found = of(server.hosted(AWAY)).batch_get_image(
        repositoryName=NAME, imageIds=[{"imageTag": "v1"}]
    )
    assert found["images"][0]["imageId"]["imageDigest"] == digest


def test_deletions_are_replicated(server: BerthServer) -> None:
    source, away = server.hosted(HOME), of(server.hosted(AWAY))
    ecr = of(source)
    rule = {"destinations": [destination(AWAY)], "deleteReplication": {"enabled": True}}
    configuration = {"replicationConfiguration": {"rules": [rule]}}
    assert fitting(source, "PutReplicationConfiguration", **configuration) == configuration
    assert fitting(source, "DescribeRegistry")["replicationConfiguration"] == {"rules": [rule]}
    refused(
        ecr.put_replication_configuration,
        INVALID,
        replicationConfiguration={"rules": [rule | {"deleteReplication": {}}]},
    )
    name = {"repositoryName": "status/deleted"}

    def tags() -> set[str]:
        try:
            found = away.list_images(**name)["imageIds"]
        except away.exceptions.RepositoryNotFoundException:
            return set()
        return {image.get("imageTag", "") for image in found}

    def wait(expected: set[str]) -> None:
        deadline = time.monotonic() + END_SECONDS
        while tags() != expected:
            assert time.monotonic() < deadline, tags()
            time.sleep(0.1)

    digest = push(source, name["repositoryName"], small_image("deleted"), "v1", "v2")
    wait({"v1", "v2"})
    ecr.batch_delete_image(imageIds=[{"imageTag": "v1"}], **name)
    wait({"v2"})
    ecr.batch_delete_image(imageIds=[{"imageDigest": digest}], **name)
    wait(set())


def test_rules_are_refined(server: BerthServer, tmp_path: Path) -> None:
    source, away = server.hosted(HOME), of(server.hosted(AWAY))
    ecr = of(source)
    rules = [{"destinations": [destination(AWAY)]}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": rules})
    filters = [{"filter": "status/", "filterType": "PREFIX_MATCH"}]
    refinement = {"repositoryFilters": filters, "tagFilters": ["v*"], "repositorySettings": True}
    file = tmp_path / "refinements.json"
    file.write_text(json.dumps({"refinements": [refinement]}))
    berth(source, "refine", str(file))
    shown = json.loads(berth(source, "show"))
    assert shown == {"rules": rules, "refinements": [refinement | {"destinations": []}]}
    # The rules may change; what refines them stays.
    ecr.put_replication_configuration(replicationConfiguration={"rules": rules})
    assert json.loads(berth(source, "show")) == shown
    name = {"repositoryName": "status/refined"}
    ecr.create_repository(imageTagMutability="IMMUTABLE", **name)
    push(source, name["repositoryName"], small_image("dev"), "dev")
    digest = push(source, name["repositoryName"], small_image("v"), "v1")
    deadline = time.monotonic() + END_SECONDS
    while True:
        statuses = ecr.describe_image_replication_status(imageId={"imageTag": "v1"}, **name)
        if [each["status"] for each in statuses["replicationStatuses"]] == ["COMPLETE"]:
            break
        assert time.monotonic() < deadline, statuses
        time.sleep(0.1)
    found = away.list_images(**name)["imageIds"]
    assert found == [{"imageDigest": digest, "imageTag": "v1"}]
    (made,) = away.describe_repositories(repositoryNames=[name["repositoryName"]])["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE"
    file.write_text(json.dumps({"refinements": []}))
    berth(source, "refine", str(file))


def test_refinements_are_checked(server: BerthServer) -> None:
    source = server.hosted(HOME)
    for refinement in (
        {"tagFilters": ["a b"]},
        {"tagFilters": ["*" * 3]},
        {"destinations": [{"region": "EU"}]},
        {"repositoryFilters": [{"filter": "A", "filterType": "PREFIX_MATCH"}]},
    ):
        answer = administer(source, "PutReplicationRefinements", refinements=[refinement])
        assert answer.status_code == 400
        assert answer.json()["__type"].endswith(INVALID), answer.text
