"""Every paginator and every waiter of the model: pages hold each thing once, waits end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from berth_server import BerthServer
from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import ClientError, WaiterError
from ecr_http import ACCOUNT, client
from ecr_images import push, small_image
from ecr_model import load
from test_operations import documented

NAME = "pages/app"
ELSEWHERE = {"region": "ap-south-1", "registryId": ACCOUNT}
END_SECONDS = 60
PAGINATORS = load("paginators-1")["pagination"]
WAITERS = load("waiters-2")["waiters"]
STATES = documented("ecr")

KEEP_ONE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "any",
                    "countType": "imageCountMoreThan",
                    "countNumber": 1,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)

Filling = Callable[[BerthServer, BaseClient], tuple[dict[str, Any], set[str]]]


@pytest.fixture
def ecr(berth: BerthServer) -> Iterator[BaseClient]:
    """A client of a registry with one empty repository."""
    ecr = client(berth)
    ecr.create_repository(repositoryName=NAME)
    yield ecr
    ecr.delete_repository(repositoryName=NAME, force=True)


def fill_with_images(berth: BerthServer, ecr: BaseClient) -> tuple[dict[str, Any], set[str]]:
    """Pushes images, and returns what names their repository, and their digests."""
    digests = {push(berth, NAME, small_image(f"page-{i}"), f"v{i}") for i in range(5)}
    return {"repositoryName": NAME}, digests


def fill_with_repositories(berth: BerthServer, ecr: BaseClient) -> tuple[dict[str, Any], set[str]]:
    """Returns the repositories, of which there are enough."""
    names = {f"pages/repository-{i}" for i in range(5)}
    for name in names:
        ecr.create_repository(repositoryName=name)
    return {}, names


def empty_of_repositories(ecr: BaseClient) -> None:
    for i in range(5):
        ecr.delete_repository(repositoryName=f"pages/repository-{i}")


def fill_with_rules(berth: BerthServer, ecr: BaseClient) -> tuple[dict[str, Any], set[str]]:
    """Makes rules of pull through caches, and returns their prefixes."""
    names = {f"pages-{i}" for i in range(5)}
    for name in names:
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix=name, upstreamRegistryUrl="public.ecr.aws"
        )
    return {}, names


def empty_of_rules(ecr: BaseClient) -> None:
    for i in range(5):
        ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix=f"pages-{i}")


def fill_with_templates(berth: BerthServer, ecr: BaseClient) -> tuple[dict[str, Any], set[str]]:
    """Makes creation templates, and returns their prefixes."""
    names = {f"pages-{i}" for i in range(5)}
    for name in names:
        ecr.create_repository_creation_template(prefix=name, appliedFor=["REPLICATION"])
    return {}, names


def empty_of_templates(ecr: BaseClient) -> None:
    for i in range(5):
        ecr.delete_repository_creation_template(prefix=f"pages-{i}")


def fill_a_preview(berth: BerthServer, ecr: BaseClient) -> tuple[dict[str, Any], set[str]]:
    """Lets a policy expire images of a repository in a preview, and returns their digests."""
    members, digests = fill_with_images(berth, ecr)
    digests.add(push(berth, NAME, small_image("page-kept"), "v5"))
    begin_preview(berth, ecr)
    wait = ecr.get_waiter("lifecycle_policy_preview_complete").wait
    wait(repositoryName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    gone = ecr.get_lifecycle_policy_preview(**members)["previewResults"]
    assert len(gone) == len(digests) - 1
    return members, {image["imageDigest"] for image in gone}


def send_elsewhere(ecr: BaseClient, *destinations: dict[str, str]) -> None:
    """Lets the registry replicate its images to registries that it does not reach."""
    rules = [{"destinations": destinations}] if destinations else []
    ecr.put_replication_configuration(replicationConfiguration={"rules": rules})


def backfill(ecr: BaseClient) -> str:
    """Begins a backfill, waits for its end, and returns its id."""
    send_elsewhere(ecr, ELSEWHERE)
    made = ecr.start_replication_backfill(destination=ELSEWHERE)["replicationBackfillId"]
    deadline = time.monotonic() + END_SECONDS
    while "endedAt" not in ecr.describe_replication_backfill_results(replicationBackfillId=made):
        assert time.monotonic() < deadline, f"backfill {made} does not end"
        time.sleep(0.1)
    return made


def fill_with_backfills(berth: BerthServer, ecr: BaseClient) -> tuple[dict[str, Any], set[str]]:
    """Returns backfills of which there are enough."""
    return {}, {backfill(ecr) for _ in range(5)}


def fill_with_results(berth: BerthServer, ecr: BaseClient) -> tuple[dict[str, Any], set[str]]:
    """Returns a backfill of one image of each of some repositories."""
    _, names = fill_with_repositories(berth, ecr)
    for name in names:
        push(berth, name, small_image(name), "v1")
    return {"replicationBackfillId": backfill(ecr)}, names


def empty_of_results(ecr: BaseClient) -> None:
    send_elsewhere(ecr)
    for i in range(5):
        ecr.delete_repository(repositoryName=f"pages/repository-{i}", force=True)


# How to fill a registry for a paginator, what to call each thing, and how to empty it afterwards.
FILLINGS: dict[str, tuple[Filling, str, Callable[[BaseClient], None]]] = {
    "DescribeImages": (fill_with_images, "imageDigest", lambda _: None),
    "DescribePullThroughCacheRules": (fill_with_rules, "ecrRepositoryPrefix", empty_of_rules),
    "DescribeReplicationBackfillResults": (
        fill_with_results,
        "repositoryName",
        empty_of_results,
    ),
    "DescribeRepositories": (fill_with_repositories, "repositoryName", empty_of_repositories),
    "DescribeRepositoryCreationTemplates": (fill_with_templates, "prefix", empty_of_templates),
    "GetLifecyclePolicyPreview": (fill_a_preview, "imageDigest", lambda _: None),
    "ListImages": (fill_with_images, "imageDigest", lambda _: None),
    "ListReplicationBackfills": (fill_with_backfills, "replicationBackfillId", send_elsewhere),
}


@pytest.mark.parametrize("operation", PAGINATORS)
def test_pages_hold_each_thing_once(berth: BerthServer, ecr: BaseClient, operation: str) -> None:
    paginator = ecr.get_paginator(xform_name(operation))
    if STATES[operation] == "not yet":
        with pytest.raises(ClientError, match="UnsupportedOperationException"):
            paginator.paginate().build_full_result()
        return
    fill, key, empty = FILLINGS[operation]
    members, expected = fill(berth, ecr)
    things = PAGINATORS[operation]["result_key"]
    pages = list(paginator.paginate(**members, PaginationConfig={"PageSize": 2}))
    assert len(pages) > 2
    assert all(len(page[things]) <= 2 for page in pages)
    found = [thing[key] for page in pages for thing in page[things]]
    assert len(found) == len(set(found))
    assert expected <= set(found)
    assert resumed(paginator, members, things, key) == found
    empty(ecr)


def resumed(paginator: Any, members: dict[str, Any], things: str, key: str) -> list[str]:
    """Returns what a client reads that stops after each three things, and goes on from there."""
    found: list[str] = []
    token = None
    while True:
        config = {"PageSize": 2, "MaxItems": 3, "StartingToken": token}
        part = paginator.paginate(**members, PaginationConfig=config).build_full_result()
        found += [thing[key] for thing in part[things]]
        token = part.get("NextToken")
        if token is None:
            return found


def begin_preview(berth: BerthServer, ecr: BaseClient) -> dict[str, Any]:
    """Begins a preview, and returns what names its repository."""
    ecr.start_lifecycle_policy_preview(repositoryName=NAME, lifecyclePolicyText=KEEP_ONE)
    return {"repositoryName": NAME}


# What is to be waited for.
WAITS: dict[str, Callable[[BerthServer, BaseClient], dict[str, Any]]] = {
    "LifecyclePolicyPreviewComplete": begin_preview,
}


@pytest.mark.parametrize("waiter", WAITERS)
def test_waits_end(berth: BerthServer, ecr: BaseClient, waiter: str) -> None:
    wait = ecr.get_waiter(xform_name(waiter)).wait
    config = {"Delay": 1, "MaxAttempts": 30}
    if STATES[WAITERS[waiter]["operation"]] == "not yet":
        with pytest.raises(WaiterError, match="not supported by Berth yet"):
            wait(WaiterConfig=config)
        return
    wait(**WAITS[waiter](berth, ecr), WaiterConfig=config)
