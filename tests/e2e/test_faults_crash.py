"""`kill -9` at a hundred random points of pushes: what was acknowledged stays, whole.

Each round a few clients push blobs, chunked uploads and images until the server is killed at the
n-th step of any of them, n being drawn from a seeded generator. A step is a request, an answer or
a piece of a body. Then the server starts again on its folder, and everything is looked at.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import images
import requests
from berth_server import BerthServer
from clients import Registry

ROUNDS = 100
CLIENTS = 3
STEPS_AT_MOST = 400
PIECE = 16 * images.KIB
REPOSITORY = "crash/app"
RESUME_SECONDS = 30
SEED = 20260716


class Killed(Exception):
    """The server died beneath a client."""


@dataclass
class Upload:
    """A chunked upload, as far as its client knows."""

    location: str
    data: bytes
    sent: int = 0
    acknowledged: int = 0
    ending: bool = False


@dataclass
class Known:
    """What the clients asked for and what they were answered."""

    blobs: dict[str, int] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    asked_blobs: set[str] = field(default_factory=set)
    asked_tags: dict[str, str] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)


class Bomb:
    """Kills the server at a step that was chosen before."""

    def __init__(self, server: BerthServer, steps: int) -> None:
        self._pid = server.pid
        self._left = steps
        self._lock = threading.Lock()

    def step(self) -> None:
        """Counts one step."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(self._pid, signal.SIGKILL)
            if self._left <= 0:
                raise Killed

    def pieces(self, data: bytes) -> Body:
        """Returns a body of a known length, each piece of which is a step."""
        return Body(self, data)


class Body:
    """A body that the client sends in pieces."""

    def __init__(self, bomb: Bomb, data: bytes) -> None:
        self._bomb = bomb
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), PIECE):
            self._bomb.step()
            yield self._data[start : start + PIECE]


class Client:
    """Pushes this and that until the server dies."""

    def __init__(self, server: BerthServer, bomb: Bomb, known: Known, seed: str) -> None:
        self.registry = Registry(server)
        self.bomb = bomb
        self.known = known
        self.seed = seed
        self.random = random.Random(seed)

    def run(self) -> None:
        """Pushes until the server is dead."""
        try:
            for number in range(10**6):
                name = f"{self.seed}-{number}"
                self.random.choice([self.push_blob, self.push_chunks, self.push_image])(name)
        except (Killed, requests.RequestException):
            return

    def push_blob(self, name: str) -> None:
        self.blob(images.random_bytes(name, self.random.randrange(1, 512 * images.KIB)))

    def blob(self, data: bytes) -> None:
        """Pushes a blob with one PUT."""
        digest = images.sha256(data)
        self.bomb.step()
        location = self.registry.start_upload(REPOSITORY)
        self.known.asked_blobs.add(digest)
        answer = self.registry.finish_upload(location, digest, self.bomb.pieces(data))
        assert answer.status_code == 201, answer.text
        self.known.blobs[digest] = len(data)
        self.bomb.step()

    def push_chunks(self, name: str) -> None:
        """Pushes a blob with some PATCHes and a PUT."""
        data = images.random_bytes(name, self.random.randrange(2, 1024 * images.KIB))
        digest = images.sha256(data)
        self.bomb.step()
        upload = Upload(self.registry.start_upload(REPOSITORY), data)
        self.known.uploads.append(upload)
        cuts = sorted(self.random.sample(range(1, len(data)), min(3, len(data) - 1)))
        for end in (*cuts, len(data)):
            upload.sent = end
            answer = patch(self.registry, upload, upload.acknowledged, end, self.bomb)
            assert answer.status_code == 202, answer.text
            assert answer.headers["Range"] == f"0-{end - 1}"
            upload.acknowledged = end
            upload.location = answer.headers["Location"]
            self.bomb.step()
        upload.ending = True
        self.known.asked_blobs.add(digest)
        answer = self.registry.finish_upload(upload.location, digest)
        assert answer.status_code == 201, answer.text
        self.known.blobs[digest] = len(data)
        self.known.uploads.remove(upload)
        self.bomb.step()

    def push_image(self, name: str) -> None:
        """Pushes an image under a tag that is its own."""
        image = images.image(name, layers=1, layer_size=self.random.randrange(1, 64 * images.KIB))
        for blob in image.blobs:
            self.blob(blob)
        tag = f"t-{name}"
        self.known.asked_tags[tag] = image.digest
        answer = self.registry.put_manifest(REPOSITORY, tag, image)
        assert answer.status_code == 201, answer.text
        self.known.tags[tag] = image.digest
        self.bomb.step()


def patch(
    registry: Registry, upload: Upload, start: int, end: int, bomb: Bomb | None = None
) -> requests.Response:
    """Sends the bytes from `start` to `end` of an upload."""
    data = upload.data[start:end]
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Range": f"{start}-{end - 1}",
    }
    body = bomb.pieces(data) if bomb else data
    return registry.request("PATCH", upload.location, data=body, headers=headers)


def check_blob(registry: Registry, digest: str, *, acknowledged: bool) -> None:
    """An acknowledged blob is there; any blob that is there is whole."""
    answer = registry.get_blob(REPOSITORY, digest)
    if answer.status_code == 404 and not acknowledged:
        return
    assert answer.status_code == 200, f"{digest}: {answer.status_code} {answer.text[:500]}"
    assert images.sha256(answer.content) == digest


def check_tag(registry: Registry, tag: str, digest: str, *, acknowledged: bool) -> None:
    """The same of a tag and the image that it names."""
    answer = registry.get_manifest(REPOSITORY, tag)
    if answer.status_code == 404 and not acknowledged:
        return
    assert answer.status_code == 200, f"{tag}: {answer.status_code} {answer.text[:500]}"
    assert images.sha256(answer.content) == digest
    registry.assert_whole(REPOSITORY, tag)


def resume(registry: Registry, upload: Upload) -> None:
    """Ends an upload from where the server says it is, which is no less than it acknowledged."""
    digest = images.sha256(upload.data)
    status = registry.request("GET", upload.location)
    if upload.ending and status.status_code == 404:
        # The PUT was carried out although its answer was lost.
        check_blob(registry, digest, acknowledged=True)
        return
    assert status.status_code == 204, f"{status.status_code} {status.text}"
    first, _, last = status.headers["Range"].partition("-")
    assert first == "0"
    offset = int(last) + 1 if int(last) or upload.acknowledged else 0
    assert upload.acknowledged <= offset <= upload.sent
    upload.location = status.headers["Location"]
    if offset < len(upload.data):
        answer = patch(registry, upload, offset, len(upload.data))
        deadline = time.monotonic() + RESUME_SECONDS
        # The lease of the request that died with the server may have to run out.
        while answer.status_code in (409, 429, 503) and time.monotonic() < deadline:
            time.sleep(0.1)
            answer = patch(registry, upload, offset, len(upload.data))
        assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
        upload.location = answer.headers["Location"]
    answer = registry.finish_upload(upload.location, digest)
    assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
    check_blob(registry, digest, acknowledged=True)


def check_round(registry: Registry, known: Known) -> None:
    """Looks at all that one round asked for."""
    for digest in known.asked_blobs:
        check_blob(registry, digest, acknowledged=digest in known.blobs)
    for tag, digest in known.asked_tags.items():
        check_tag(registry, tag, digest, acknowledged=tag in known.tags)
    for upload in known.uploads:
        resume(registry, upload)


def test_a_hundred_kills(fresh_berth: BerthServer) -> None:
    chance = random.Random(SEED)
    server = fresh_berth
    rounds: list[Known] = []
    for number in range(ROUNDS):
        known = Known()
        bomb = Bomb(server, chance.randrange(1, STEPS_AT_MOST))
        clients = [
            Client(server, bomb, known, f"{SEED}-{number}-{client}") for client in range(CLIENTS)
        ]
        with ThreadPoolExecutor(CLIENTS) as pool:
            for done in [pool.submit(client.run) for client in clients]:
                done.result()
        assert server.wait() == -signal.SIGKILL
        server.start()
        check_round(Registry(server), known)
        rounds.append(known)

    registry = Registry(server)
    pushed = {tag for known in rounds for tag in known.asked_tags}
    assert set(tags(registry)) <= pushed
    for known in rounds:
        for digest in known.blobs:
            check_blob(registry, digest, acknowledged=True)
        for tag, digest in known.tags.items():
            check_tag(registry, tag, digest, acknowledged=True)
    # The test would prove little if the server had always died with nothing to lose.
    assert sum(len(known.blobs) for known in rounds) > ROUNDS
    assert sum(len(known.tags) for known in rounds) > ROUNDS // 4
    assert sum(len(known.uploads) for known in rounds) > ROUNDS // 4


def tags(registry: Registry) -> list[str]:
    """Returns all tags, page by page."""
    found: list[str] = []
    path: str | None = f"/v2/{REPOSITORY}/tags/list?n=100"
    while path:
        answer = registry.request("GET", path)
        assert answer.status_code == 200, answer.text
        found += answer.json()["tags"]
        path = answer.links.get("next", {}).get("url")
    return found
