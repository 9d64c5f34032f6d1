"""The edge: bodies of any length, with a token in the URL, in bounded memory."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import images
import pytest
import requests
from edge_server import Edge
from ministack import free_port
from stack import Stack

BLOB = 40 * images.MIB
PIECE = 64 * images.KIB
UPLOADS = 8
EACH = 64 * images.MIB
UPLOAD_MEMORY = 128 * images.MIB
# What else there is: the program, and each upload's connections to its client and to S3.
PROGRAM = 48 * images.MIB
CONNECTIONS = 8 * images.MIB
SECONDS = 600


@pytest.fixture(scope="module")
def edge(stack: Stack) -> Iterator[Edge]:
    """A running edge that may use 128 MiB for bodies."""
    told = {"BERTH_UPLOAD_MEMORY": str(UPLOAD_MEMORY // images.MIB)}
    with Edge(stack, port=free_port(), env=told) as running:
        yield running


def begin(edge: Edge, repository: str) -> str:
    """Begins an upload with the root's credentials, and returns where it goes on."""
    url = f"{edge.url}/v2/{repository}/blobs/uploads/"
    answer = requests.post(url, auth=edge.auth, timeout=SECONDS)
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]


def send(location: str, pieces: Iterator[bytes]) -> requests.Response:
    """Sends a body without a length, as Docker does, with no credentials but the URL's."""
    return requests.patch(location, data=pieces, timeout=SECONDS)


def finish(location: str, digest: str) -> requests.Response:
    """Ends an upload, with no credentials but the URL's."""
    return requests.put(f"{location}&digest={digest}", timeout=SECONDS)


def pieces_of(repository: str, size: int) -> Iterator[bytes]:
    """Yields a blob that depends on its repository's name."""
    return images.random_blocks(repository, size, PIECE)


def digest_of(pieces: Iterator[bytes]) -> str:
    """Returns the digest of a blob that comes in pieces."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def push(edge: Edge, repository: str, size: int) -> str:
    """Pushes a blob as Docker does, and returns its digest."""
    sent = send(begin(edge, repository), pieces_of(repository, size))
    assert sent.status_code == 202, sent.text
    assert sent.headers["Range"] == f"0-{size - 1}"
    digest = digest_of(pieces_of(repository, size))
    finished = finish(sent.headers["Location"], digest)
    assert finished.status_code == 201, finished.text
    return digest


def pulled(edge: Edge, repository: str, digest: str) -> str:
    """Returns the digest of what S3 serves as a blob."""
    url = f"{edge.url}/v2/{repository}/blobs/{digest}"
    answer = requests.get(url, auth=edge.auth, timeout=SECONDS, stream=True)
    assert [each.status_code for each in answer.history] == [307]
    assert answer.status_code == 200
    return digest_of(answer.iter_content(images.MIB))


class HeldBack:
    """A body whose first half is sent at once, and the rest when it is told."""

    def __init__(self, repository: str, size: int) -> None:
        """Makes a body of two halves of `size` bytes together."""
        self.pieces = list(pieces_of(repository, size))
        self.digest = digest_of(iter(self.pieces))
        self.released = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        """Yields the halves."""
        half = len(self.pieces) // 2
        yield from self.pieces[:half]
        assert self.released.wait(SECONDS)
        yield from self.pieces[half:]


def await_uploads(edge: Edge, count: int) -> None:
    """Waits until so many uploads are under way."""
    deadline = time.monotonic() + 30
    line = f"berth_uploads_in_flight {count}\n"
    while line not in requests.get(f"{edge.url}/metrics", timeout=SECONDS).text:
        assert time.monotonic() < deadline, edge.log[-2000:]
        time.sleep(0.02)


def await_no_listener(edge: Edge) -> None:
    """Waits until the edge takes no more connections."""
    host, _, port = edge.host.partition(":")
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((host, int(port))).close()
        except ConnectionRefusedError:
            return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_long_body_without_a_length(edge: Edge) -> None:
    digest = push(edge, "edge/long", BLOB)
    assert pulled(edge, "edge/long", digest) == digest


def test_the_url_is_good_for_its_upload_alone(edge: Edge) -> None:
    first, second = begin(edge, "edge/first"), begin(edge, "edge/second")
    assert first.startswith(f"{edge.url}/v2/edge/first/blobs/uploads/")
    bare, _, token = first.partition("?")
    assert send(bare, iter([b"a"])).status_code == 401
    assert send(f"{second.partition('?')[0]}?{token}", iter([b"a"])).status_code == 401
    forged = re.sub(r".(?=.{8}$)", lambda last: "A" if last[0] != "A" else "B", first)
    assert send(forged, iter([b"a"])).status_code == 401
    other = f"{edge.url}/v2/edge/first/manifests/v1?{token}"
    assert requests.get(other, timeout=SECONDS).status_code == 401
    # A token never reaches the log.
    assert token.partition("=")[2][:20] not in edge.log
    assert send(first, iter([b"a"])).status_code == 202


def test_memory_is_bounded(edge: Edge) -> None:
    names = [f"edge/memory-{number}" for number in range(UPLOADS)]
    with ThreadPoolExecutor(UPLOADS) as threads:
        digests = list(threads.map(lambda name: push(edge, name, EACH), names))
    print(f"peak of {UPLOADS} uploads: {edge.peak_memory / images.MIB:.0f} MiB")
    assert edge.peak_memory < UPLOAD_MEMORY + PROGRAM + UPLOADS * CONNECTIONS
    assert pulled(edge, names[0], digests[0]) == digests[0]


def test_more_bodies_wait(stack: Stack) -> None:
    body = HeldBack("edge/waiting", images.MIB)
    with (
        Edge(stack, port=free_port(), env={"BERTH_MOST_BODIES": "1"}) as edge,
        ThreadPoolExecutor(2) as threads,
    ):
        first, second = begin(edge, "edge/waiting"), begin(edge, "edge/waiting")
        held = threads.submit(send, first, iter(body))
        await_uploads(edge, 1)
        waiting = threads.submit(send, second, iter([b"a"]))
        await_uploads(edge, 2)
        # What brings no body does not wait.
        assert requests.get(first, timeout=SECONDS).status_code in (204, 409)
        assert not waiting.done()
        body.released.set()
        assert held.result().status_code == 202
        assert waiting.result().status_code == 202


def test_requests_end_when_the_edge_is_told_to_stop(stack: Stack) -> None:
    body = HeldBack("edge/stopping", images.MIB)
    with Edge(stack, port=free_port()) as edge, ThreadPoolExecutor(2) as threads:
        location = begin(edge, "edge/stopping")
        sent: Future[requests.Response] = threads.submit(send, location, iter(body))
        await_uploads(edge, 1)
        code = threads.submit(edge.stop)
        await_no_listener(edge)
        body.released.set()
        assert sent.result().status_code == 202
        assert code.result() == 0
    # The upload's session does not know which process took its bytes.
    with Edge(stack, port=int(edge.host.partition(":")[2])) as edge:
        finished = finish(sent.result().headers["Location"], body.digest)
        assert finished.status_code == 201, finished.text
        assert pulled(edge, "edge/stopping", body.digest) == body.digest
