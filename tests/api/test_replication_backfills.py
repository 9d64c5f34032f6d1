"""Backfills: what stood in a registry before a rule goes to the rule's destination as well."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import images
import pytest
from berth_server import BerthServer
from botocore.client import BaseClient
from ecr_http import refused
from ecr_images import push, small_image
from replicated_registries import (
    AWAY,
    FOREIGN,
    HOME,
    PATIENCE_SECONDS,
    REGISTRIES,
    UNREACHED,
    destination,
    empty,
    of,
    rule,
)

pytestmark = pytest.mark.local

NAME = "backfilled/app"
TERMINAL = {"COMPLETE", "FAILED", "STOPPED"}

INVALID = "InvalidParameterException"
UNKNOWN = "ReplicationBackfillNotFoundException"


@pytest.fixture(scope="module")
def server() -> Iterator[BerthServer]:
    """Three registries."""
    with BerthServer(registries=REGISTRIES) as server:
        yield server


@pytest.fixture
def home(server: BerthServer) -> Iterator[BaseClient]:
    """A client of the registry that images are replicated from; all are empty afterwards."""
    yield of(server.hosted(HOME))
    empty(server)


def start(ecr: BaseClient, name: str) -> str:
    """Begins a backfill, and returns its id."""
    answer = ecr.start_replication_backfill(destination=destination(name))
    assert answer["status"] == "PREPARING"
    assert answer["destination"] == destination(name)
    return answer["replicationBackfillId"]


def ended(ecr: BaseClient, backfill: str) -> dict[str, Any]:
    """Waits for the end of a backfill, and describes it with all its results."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = ecr.describe_replication_backfill_results(replicationBackfillId=backfill)
        if answer["status"] in TERMINAL:
            break
        assert answer["results"] == []
        assert "endedAt" not in answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    pages = ecr.get_paginator("describe_replication_backfill_results")
    found = pages.paginate(replicationBackfillId=backfill).build_full_result()["results"]
    return answer | {"results": found}


def results(answer: dict[str, Any]) -> set[tuple[str, str, str | None, str]]:
    """Returns the results of a backfill as they can be compared."""
    found = [
        (
            one["repositoryName"],
            one["imageId"]["imageDigest"],
            one["imageId"].get("imageTag"),
            one["status"],
        )
        for one in answer["results"]
    ]
    assert len(found) == len(set(found))
    return set(found)


def test_all_that_the_rules_name_arrives(server: BerthServer, home: BaseClient) -> None:
    source = server.hosted(HOME)
    twice = push(source, NAME, small_image("twice"), "v1", "v2")
    bare = push(source, NAME, small_image("bare"))
    index = images.index("backfilled")
    listed = push(source, NAME, index, "multi")
    other = push(source, "other/app", small_image("other"), "v1")
    rule(home, AWAY, FOREIGN, prefix="backfilled/")

    answer = ended(home, start(home, AWAY))
    assert answer["status"] == "COMPLETE"
    assert answer["startedAt"] <= answer["endedAt"]
    assert answer["progress"] == {
        "totalReplicationCount": 4,
        "completedReplicationCount": 4,
        "failedReplicationCount": 0,
        "failureCodes": [],
    }
    assert results(answer) == {
        (NAME, twice, "v1", "COMPLETE"),
        (NAME, twice, "v2", "COMPLETE"),
        (NAME, bare, None, "COMPLETE"),
        (NAME, listed, "multi", "COMPLETE"),
    }
    of_children = {
        one["imageId"]["imageDigest"]: one["subImageFailureCodes"]
        for one in answer["results"]
        if "subImageFailureCodes" in one
    }
    assert of_children == {listed: []}

    away = of(server.hosted(AWAY))
    found = {
        (image["imageDigest"], image.get("imageTag"))
        for image in away.list_images(repositoryName=NAME)["imageIds"]
    }
    children = {(child.digest, None) for child in index.children}
    own = {(twice, "v1"), (twice, "v2"), (bare, None), (listed, "multi")}
    assert found == own | children
    refused(away.list_images, "RepositoryNotFoundException", repositoryName="other/app")
    assert other not in {digest for digest, _ in found}
    status = home.describe_image_replication_status(
        repositoryName=NAME, imageId={"imageDigest": twice}
    )["replicationStatuses"]
    assert status == [destination(AWAY) | {"status": "COMPLETE"}]

    again = ended(home, start(home, AWAY))
    assert again["status"] == "COMPLETE"
    assert results(again) == results(answer)


def test_failures_are_told_image_by_image(server: BerthServer, home: BaseClient) -> None:
    source, away = server.hosted(HOME), of(server.hosted(AWAY))
    good = push(source, NAME, small_image("good"), "good")
    ours = push(source, NAME, small_image("ours"), "fixed")
    away.create_repository(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    theirs = push(server.hosted(AWAY), NAME, small_image("theirs"), "fixed")
    rule(home, AWAY, FOREIGN)

    answer = ended(home, start(home, AWAY))
    assert answer["status"] == "FAILED"
    assert answer["failureCode"] == "ReplicationsFailed"
    assert results(answer) == {(NAME, good, "good", "COMPLETE"), (NAME, ours, "fixed", "FAILED")}
    failure = next(one for one in answer["results"] if one["status"] == "FAILED")
    assert answer["progress"]["failedReplicationCount"] == 1
    assert answer["progress"]["failureCodes"] == [failure["failureCode"]]
    found = away.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "fixed"}])
    assert found["imageDetails"][0]["imageDigest"] == theirs

    pages = home.get_paginator("describe_replication_backfill_results")
    for status, digest in (("COMPLETE", good), ("FAILED", ours)):
        filtered = pages.paginate(
            replicationBackfillId=answer["replicationBackfillId"], resultStatusFilter=status
        ).build_full_result()["results"]
        assert [one["imageId"]["imageDigest"] for one in filtered] == [digest]

    # Another account permits nothing by itself.
    foreign = ended(home, start(home, FOREIGN))
    assert foreign["status"] == "FAILED"
    assert foreign["progress"]["failureCodes"] == ["AccessDenied"]
    listed = home.list_replication_backfills()["backfills"]
    shown = {one["replicationBackfillId"]: one for one in listed}
    mine = shown[foreign["replicationBackfillId"]]
    assert mine == {key: foreign[key] for key in mine}


def test_an_empty_registry_is_complete_at_once(home: BaseClient) -> None:
    rule(home, AWAY)
    answer = ended(home, start(home, AWAY))
    assert answer["status"] == "COMPLETE"
    assert answer["progress"]["totalReplicationCount"] == 0


def test_a_backfill_is_given_up_when_most_of_it_fails(
    server: BerthServer, home: BaseClient
) -> None:
    source = server.hosted(HOME)
    image = small_image("hopeless")
    push(source, NAME, image, *(f"v{number}" for number in range(220)))
    rule(home, UNREACHED)
    answer = ended(home, start(home, UNREACHED))
    assert answer["status"] == "FAILED"
    assert answer["failureCode"] == "FailureThresholdExceeded"
    progress = answer["progress"]
    assert progress["totalReplicationCount"] == 220
    assert 100 <= progress["failedReplicationCount"] < 220


def test_one_at_a_time_which_can_be_stopped(server: BerthServer, home: BaseClient) -> None:
    source = server.hosted(HOME)
    for number in range(20):
        push(source, NAME, small_image(f"many-{number}"), *(f"{number}-{tag}" for tag in range(15)))
    rule(home, AWAY, FOREIGN)
    backfill = start(home, AWAY)
    refused(
        home.start_replication_backfill,
        "ReplicationBackfillInProgressException",
        destination=destination(AWAY),
    )
    stopped = home.stop_replication_backfill(replicationBackfillId=backfill)
    assert stopped["status"] in {"STOPPING", "STOPPED"}
    answer = ended(home, backfill)
    assert answer["status"] == "STOPPED"
    assert "failureCode" not in answer
    if "progress" in answer:
        done = answer["progress"]["completedReplicationCount"]
        assert done == len(answer["results"]) < 300
    message = refused(
        home.stop_replication_backfill,
        "ReplicationBackfillInvalidStatusException",
        replicationBackfillId=backfill,
    )
    assert backfill in message
    whole = ended(home, start(home, AWAY))
    assert whole["status"] == "COMPLETE"
    assert len(results(whole)) == 300


def test_what_is_refused(home: BaseClient) -> None:
    rule(home, AWAY)
    for wrong in (
        destination(FOREIGN),
        destination(HOME),
        {"region": "eu-west-1"},
        {"registryId": "123456789012"},
        {"region": "EU", "registryId": "123456789012"},
        {"region": "eu-west-1", "registryId": "1"},
    ):
        refused(home.start_replication_backfill, INVALID, destination=wrong)
    nobody = str(uuid.UUID(int=7))
    for call in (home.stop_replication_backfill, home.describe_replication_backfill_results):
        refused(call, UNKNOWN, replicationBackfillId=nobody)
        refused(call, INVALID, replicationBackfillId=nobody.replace("-", ""))
        refused(call, INVALID, replicationBackfillId="7")
        refused(call, INVALID, replicationBackfillId=nobody, registryId="444455556666")
    describe = home.describe_replication_backfill_results
    refused(describe, INVALID, replicationBackfillId=nobody, resultStatusFilter="STOPPED")
    for size in (0, 1001):
        refused(describe, INVALID, replicationBackfillId=nobody, maxResults=size)
    refused(describe, INVALID, replicationBackfillId=nobody, nextToken="x")
    for size in (0, 51):
        refused(home.list_replication_backfills, INVALID, maxResults=size)
    refused(home.list_replication_backfills, INVALID, nextToken="x")
    refused(home.list_replication_backfills, INVALID, registryId="444455556666")
    here = destination(AWAY)
    refused(home.start_replication_backfill, INVALID, destination=here, registryId="444455556666")
