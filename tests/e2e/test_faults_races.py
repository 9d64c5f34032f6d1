"""A repository is deleted beside pushes to it: no push that was answered 201 is lost quietly."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import boto3
import images
from berth_server import BerthServer
from botocore.config import Config
from clients import Registry

ROUNDS = 15
PUSHERS = 4
PUSHES = 8
REPOSITORY = "race/app"
SEED = 716


@dataclass(frozen=True)
class Push:
    """One push of an image, as its client saw it."""

    tag: str
    digest: str
    began: float
    status: int


def ecr(server: BerthServer) -> object:
    """Returns a client of the server's ECR API."""
    return boto3.client(
        "ecr",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


class Progress:
    """Counts the pushes of a round, so that the deletion comes in their midst."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def step(self) -> None:
        """Counts one push."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        """Returns when so many pushes have ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._count >= count, timeout=120)


def push_images(server: BerthServer, seed: str, progress: Progress) -> list[Push]:
    """Pushes small images, whatever becomes of the repository meanwhile."""
    registry = Registry(server)
    pushes = []
    for number in range(PUSHES):
        tag = f"{seed}-{number}"
        image = images.image(tag, layers=1, layer_size=2 * images.KIB)
        for blob in image.blobs:
            answer = registry.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/")
            assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
            location = answer.headers["Location"]
            answer = registry.finish_upload(location, images.sha256(blob), blob)
            # The upload may have gone with its repository.
            assert answer.status_code in (201, 404), f"{answer.status_code} {answer.text}"
        began = time.monotonic()
        answer = registry.put_manifest(REPOSITORY, tag, image)
        # Its layers may have gone as well.
        assert answer.status_code in (201, 400, 404), f"{answer.status_code} {answer.text}"
        pushes.append(Push(tag, image.digest, began, answer.status_code))
        progress.step()
    return pushes


def test_deletion_beside_pushes(fresh_berth: BerthServer) -> None:
    client = ecr(fresh_berth)
    chance = random.Random(SEED)
    registry = Registry(fresh_berth)
    answered = lost = 0
    for number in range(ROUNDS):
        registry.push_blob(REPOSITORY, b"the repository is there")
        progress = Progress()
        pushes_before = chance.randrange(1, PUSHERS * PUSHES)

        def delete(progress: Progress = progress, pushes_before: int = pushes_before) -> float:
            progress.wait_for(pushes_before)
            client.delete_repository(repositoryName=REPOSITORY, force=True)
            return time.monotonic()

        with ThreadPoolExecutor(PUSHERS + 1) as pool:
            deletion = pool.submit(delete)
            pushers = [
                pool.submit(push_images, fresh_berth, f"r{number}-p{pusher}", progress)
                for pusher in range(PUSHERS)
            ]
            pushes = [push for pusher in pushers for push in pusher.result()]
            deleted = deletion.result()

        for push in pushes:
            if push.status != 201:
                continue
            answered += 1
            found = registry.get_manifest(REPOSITORY, push.tag)
            if found.status_code == 404:
                # Only a deletion that had not ended before the push may have taken it.
                assert push.began <= deleted, f"{push} came after the deletion, and is gone"
                lost += 1
            else:
                assert images.sha256(found.content) == push.digest
                registry.assert_whole(REPOSITORY, push.tag)
        names = {push.tag for push in pushes if push.status == 201}
        listed = registry.request("GET", f"/v2/{REPOSITORY}/tags/list")
        assert listed.status_code in (200, 404)
        if listed.status_code == 200:
            assert set(listed.json()["tags"] or []) <= names
        for name in client.describe_repositories()["repositories"]:
            client.delete_repository(repositoryName=name["repositoryName"], force=True)
    # Both outcomes must have been seen, or the test has shown nothing.
    assert answered > lost > 0, f"{answered} pushes answered 201, {lost} of them deleted"
