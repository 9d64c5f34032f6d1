"""What happens later, in two stacks that stand for two regions, with IAM enforced.

A push to the first is told of on EventBridge and replicated to the second; policies act, and what
nothing uses is collected, by the functions behind the stacks' own queues.
"""

from __future__ import annotations

import json

import images
import pytest
import requests
from botocore.client import BaseClient
from clients import Registry
from later import (
    Bus,
    image_ids,
    items,
    letters,
    push,
    repository_id,
    send,
    settled,
    wait_for,
    waiting,
)
from stack import Stack

NAME = "later/app"
DEAD_LETTERS = (
    "LifecycleDeadLetters",
    "CollectDeadLetters",
    "ReplicateDeadLetters",
    "DispatchDeadLetters",
    "ScheduleDeadLetters",
)


@pytest.fixture(scope="module")
def bus(home: Stack) -> Bus:
    """What the first registry tells."""
    return Bus(home, "heard-at-home")


def test_a_push_is_told_of_and_replicated(
    home: Stack, away: Stack, home_ecr: BaseClient, away_ecr: BaseClient, bus: Bus
) -> None:
    digest, manifest = push(home, NAME, "1.0", "later")
    (action,) = wait_for("the event", lambda: bus.actions(digest))
    assert action["action-type"] == "PUSH"
    assert action["result"] == "SUCCESS"
    assert action["repository-name"] == NAME
    assert action["image-tag"] == "1.0"

    wait_for("the replica", lambda: digest in image_ids(away_ecr, NAME))
    replica = Registry(away)
    answer = replica.request("GET", f"/v2/{NAME}/manifests/1.0")
    assert answer.status_code == 200
    assert images.sha256(answer.content) == digest
    for blob in manifest.all_blobs():
        path = f"/v2/{NAME}/blobs/{images.sha256(blob)}"
        found = replica.request("GET", path, allow_redirects=False)
        # From the second stack's own bucket, in its own region.
        assert away.bucket in found.headers["location"]
        assert requests.get(found.headers["location"], timeout=60).content == blob

    def status() -> str | None:
        told = home_ecr.describe_image_replication_status(
            repositoryName=NAME, imageId={"imageDigest": digest}
        )
        states = {each["region"]: each["status"] for each in told["replicationStatuses"]}
        return states.get(away.region) if states.get(away.region) == "COMPLETE" else None

    wait_for("the status", status)
    wait_for("nothing is left", lambda: settled(home) and settled(away))
    assert len(bus.actions(digest)) == 1


def test_a_lifecycle_policy_acts(home: Stack, home_ecr: BaseClient, bus: Bus) -> None:
    """A preview tells what would go; the policy deletes it."""
    name = "later/policy"
    old, _ = push(home, name, "old", "policy-old")
    new, _ = push(home, name, "new", "policy-new")
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
        "action": {"type": "expire"},
    }
    policy = json.dumps({"rules": [rule]})
    home_ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=policy)

    def preview() -> dict | None:
        told = home_ecr.get_lifecycle_policy_preview(repositoryName=name)
        return told if told["status"] == "COMPLETE" else None

    told = wait_for("the preview", preview)
    assert [each["imageDigest"] for each in told["previewResults"]] == [old]
    assert image_ids(home_ecr, name) == {old, new}

    home_ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=policy)
    job = {"job": "lifecycle", "repository": name, "id": repository_id(home, name)}
    send(home, "LifecycleQueue", job)
    wait_for("the deletion", lambda: image_ids(home_ecr, name) == {new})
    wait_for("its event", lambda: [a for a in bus.actions(old) if a["action-type"] == "DELETE"])
    wait_for("nothing is left", lambda: settled(home))


def test_a_deleted_repository_is_collected(home: Stack, home_ecr: BaseClient) -> None:
    name = "later/deleted"
    push(home, name, "1.0", "deleted")
    wait_for("nothing is left", lambda: settled(home))
    partition = f"repository/{repository_id(home, name)}"
    assert list(items(home, partition))
    home_ecr.delete_repository(repositoryName=name, force=True)
    wait_for("what it left", lambda: not list(items(home, partition)))
    wait_for("nothing is left", lambda: settled(home))


def test_the_timer_starts_schedule(home: Stack) -> None:
    """EventBridge Scheduler does so in its own role; the minute is not worth five."""
    scheduler = home.client("scheduler")
    name = home.resources["ScheduleFunctionTimer"]
    timer = scheduler.get_schedule(Name=name)
    assert timer["ScheduleExpression"] == "rate(5 minutes)"
    kept = {key: timer[key] for key in ("Name", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**kept, ScheduleExpression="rate(1 minute)")
    try:
        ran = lambda: [line for line in home.metrics("ScheduleFunction") if line["Errors"] == 0]  # noqa: E731
        wait_for("a run", ran, seconds=180)
    finally:
        scheduler.update_schedule(**kept, ScheduleExpression="rate(5 minutes)")


def test_what_is_no_job_is_set_aside(home: Stack) -> None:
    """With its reason, by the function's own rights, at once."""
    send(home, "CollectQueue", {"job": "makeTea"})
    (letter,) = wait_for("the letter", lambda: letters(home, "CollectDeadLetters"))
    assert json.loads(letter["Body"]) == {"job": "makeTea"}
    assert "it is no job" in letter["MessageAttributes"]["reason"]["StringValue"]
    wait_for("an empty queue", lambda: waiting(home, "CollectQueue") == 0)


def test_nothing_was_set_aside(home: Stack, away: Stack) -> None:
    """What the tests above did succeeded at the first or a further attempt."""
    for stack in (home, away):
        assert [name for name in DEAD_LETTERS if waiting(stack, name)] == []
    assert home.region != away.region
