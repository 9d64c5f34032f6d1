"""What the functions behind the queues may do is enforced, and needed.

One denial for each port, and one for each role that they act in. What was refused is done when the
right is there again: no event and no job is lost.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.client import BaseClient
from denials import denied
from later import (
    image_ids,
    items,
    outbox,
    push,
    repository_id,
    send,
    settled,
    wait_for,
    waiting,
)
from stack import Stack

NAME = "later/denied"
# What MiniStack asks for where AWS asks for `sqs:SendMessage`: see stack.py.
SEND_JOBS = "sqs:SendMessageBatch"


@pytest.fixture(autouse=True)
def all_is_done(home: Stack, home_ecr: BaseClient) -> Iterator[None]:
    """Each test begins and ends with nothing left to be done."""
    wait_for("nothing is left", lambda: settled(home))
    yield
    wait_for("nothing is left", lambda: settled(home))


def was_refused(stack: Stack, function: str, action: str, since: int) -> bool:
    """Whether the function's log names the action in a line behind the first `since`."""
    return any(action in line for line in stack.function_log(function)[since:])


@pytest.mark.parametrize("action", ["events:PutEvents", SEND_JOBS, "dynamodb:UpdateItem"])
def test_dispatch(home: Stack, away_ecr: BaseClient, action: str) -> None:
    """An event waits in the outbox until it is published, its jobs are sent, and it is counted."""
    function = "DispatchFunction"
    with denied(home, "DispatchRole", action):
        since = len(home.function_log(function))
        digest, _ = push(home, NAME, "denied", f"dispatch-{action}")
        wait_for("a refusal", lambda: was_refused(home, function, action, since))
        assert outbox(home)
    wait_for("the replica", lambda: digest in image_ids(away_ecr, NAME))


@pytest.mark.parametrize(
    ("role", "policy", "action", "told"),
    [
        # What the SDK says of credentials that it does not get names no action.
        ("ReplicateRole", "peers", "sts:AssumeRole", "a job failed"),
        ("ReplicateRole", "ports", "dynamodb:UpdateItem", "dynamodb:UpdateItem"),
    ],
)
def test_replicate(
    home: Stack, away_ecr: BaseClient, role: str, policy: str, action: str, told: str
) -> None:
    """A job that is refused comes again."""
    function = "ReplicateFunction"
    with denied(home, role, action, policy=policy):
        since = len(home.function_log(function))
        digest, _ = push(home, NAME, "denied", f"replicate-{action}")
        wait_for("a refusal", lambda: was_refused(home, function, told, since))
        assert digest not in image_ids(away_ecr, NAME)
    wait_for("the replica", lambda: digest in image_ids(away_ecr, NAME))


@pytest.mark.parametrize("action", ["dynamodb:UpdateItem", "s3:PutObject"])
def test_role_of_peers(home: Stack, away: Stack, away_ecr: BaseClient, action: str) -> None:
    """What `replicate` does in the other region it does with that stack's rights."""
    function = "ReplicateFunction"
    with denied(away, "PeerRole", action, restarts=False):
        since = len(home.function_log(function))
        digest, _ = push(home, NAME, "denied", f"peer-{action}")
        wait_for("a refusal", lambda: was_refused(home, function, action, since))
        assert digest not in image_ids(away_ecr, NAME)
    wait_for("the replica", lambda: digest in image_ids(away_ecr, NAME))


def test_lifecycle(home: Stack, home_ecr: BaseClient) -> None:
    name, function = "later/denied-preview", "LifecycleFunction"
    push(home, name, "1.0", "lifecycle-denied")
    policy = (
        '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType":'
        ' "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}]}'
    )
    with denied(home, "LifecycleRole", "dynamodb:UpdateItem"):
        since = len(home.function_log(function))
        home_ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=policy)
        wait_for("a refusal", lambda: was_refused(home, function, "dynamodb:UpdateItem", since))

    def complete() -> bool:
        return home_ecr.get_lifecycle_policy_preview(repositoryName=name)["status"] == "COMPLETE"

    wait_for("the preview", complete)


def test_collect(home: Stack, home_ecr: BaseClient) -> None:
    name, function = "later/denied-collection", "CollectFunction"
    push(home, name, "1.0", "collect-denied")
    wait_for("nothing is left", lambda: settled(home))
    partition = f"repository/{repository_id(home, name)}"
    with denied(home, "CollectRole", "dynamodb:DeleteItem"):
        since = len(home.function_log(function))
        home_ecr.delete_repository(repositoryName=name, force=True)
        wait_for("a refusal", lambda: was_refused(home, function, "dynamodb:DeleteItem", since))
        assert list(items(home, partition))
    wait_for("what it left", lambda: not list(items(home, partition)))


def test_jobs_are_set_aside_by_the_functions_rights(home: Stack) -> None:
    """Without them the job stays in its queue."""
    function = "CollectFunction"
    with denied(home, "CollectRole", SEND_JOBS):
        since = len(home.function_log(function))
        send(home, "CollectQueue", {"job": "makeTea"})
        wait_for("a refusal", lambda: was_refused(home, function, SEND_JOBS, since))
        assert waiting(home, "CollectQueue") == 1
        assert waiting(home, "CollectDeadLetters") == 0
    # It is hidden for as long as its function could have worked: nobody waits for that here.
    home.client("sqs").purge_queue(QueueUrl=home.resources["CollectQueue"])
