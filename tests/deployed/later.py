"""What the functions behind queues, the stream and the timer did: waits for it, and looks at it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import images
from botocore.client import BaseClient
from clients import Registry
from stack import Stack

T = TypeVar("T")

SECONDS = 120
POLL_SECONDS = 0.5
QUEUES = ("LifecycleQueue", "CollectQueue", "ReplicateQueue")


class WaitError(Exception):
    """Something did not come about in time."""


def wait_for(what: str, look: Callable[[], T | None], seconds: float = SECONDS) -> T:
    """Returns what `look` sees, as soon as it sees something."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise WaitError(f"{what}: not after {seconds} s")
        time.sleep(POLL_SECONDS)


class Bus:
    """The events that a stack's registry published, by a rule and a queue of the test's own."""

    def __init__(self, stack: Stack, name: str) -> None:
        """Begins to listen."""
        self.sqs = stack.client("sqs")
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        events = stack.client("events")
        events.put_rule(Name=name, EventPattern=json.dumps({"source": ["berth.ecr"]}))
        target = {"Id": name, "Arn": arn["Attributes"]["QueueArn"]}
        events.put_targets(Rule=name, Targets=[target])
        self.heard: list[dict] = []

    def actions(self, digest: str) -> list[dict]:
        """Returns the details of what was told of an image so far."""
        self._hear()
        told = [event["detail"] for event in self.heard]
        return [each for each in told if each.get("image-digest") == digest]

    def _hear(self) -> None:
        while True:
            told = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            if not told.get("Messages"):
                return
            for message in told["Messages"]:
                self.heard.append(json.loads(message["Body"]))
                receipt = message["ReceiptHandle"]
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=receipt)


def waiting(stack: Stack, queue: str) -> int:
    """Returns how many messages the queue with this logical id has, hidden ones included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = stack.resources[queue]
    told = stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(told["Attributes"][name]) for name in names)


def send(stack: Stack, queue: str, job: dict) -> None:
    """Sends a job to the queue with this logical id."""
    url = stack.resources[queue]
    stack.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(job))


def letters(stack: Stack, queue: str) -> list[dict]:
    """Takes the dead letters out of the queue with this logical id."""
    sqs, url = stack.client("sqs"), stack.resources[queue]
    told = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages", [])
    for message in told:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return told


def items(stack: Stack, partition: str, prefix: str = "") -> Iterator[dict]:
    """Returns the items of a partition of the table whose sort keys begin with `prefix`."""
    values = {":pk": {"S": partition}}
    condition = "pk = :pk"
    if prefix:
        values[":sk"] = {"S": prefix}
        condition += " AND begins_with(sk, :sk)"
    pages = (
        stack.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=stack.table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
    )
    for page in pages:
        yield from page["Items"]


def outbox(stack: Stack) -> list[dict]:
    """Returns the events that nobody dispatched yet."""
    return [item for shard in range(8) for item in items(stack, f"outbox/{shard}")]


def repository_id(stack: Stack, name: str) -> str:
    """Returns the id that a repository has in the table."""
    (listing,) = [item for item in items(stack, "names") if item["sk"]["S"] == name]
    return json.loads(document(listing))


def document(item: dict) -> bytes:
    """Returns the document of an item."""
    return item["document"]["B"]


def image_ids(ecr: BaseClient, name: str) -> set[str]:
    """Returns the digests of a repository's images; none if it is not there."""
    try:
        told = ecr.list_images(repositoryName=name)
    except ecr.exceptions.RepositoryNotFoundException:
        return set()
    return {image["imageDigest"] for image in told["imageIds"]}


def push(stack: Stack, name: str, tag: str, seed: str) -> tuple[str, images.Manifest]:
    """Pushes an image of one layer."""
    manifest = images.image(seed, layers=1)
    return Registry(stack).push(name, tag, manifest), manifest


def settled(stack: Stack) -> bool:
    """Whether nothing is left to be done."""
    return not outbox(stack) and not any(waiting(stack, queue) for queue in QUEUES)
