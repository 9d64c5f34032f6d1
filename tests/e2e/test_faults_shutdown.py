"""SIGTERM during a push: the server ends in bounded time, in order, and tells no lies."""

from __future__ import annotations

import http.client
import time
from base64 import b64encode

import images
from berth_server import BerthServer
from clients import Registry

SIZE = 8 * images.MIB
HALF = SIZE // 2
IN_TIME = 60


def half_a_push(server: BerthServer, data: bytes) -> http.client.HTTPConnection:
    """Begins a PUT and sends the first half of its body."""
    location = Registry(server).start_upload("shutdown/app").removeprefix(server.url)
    connection = http.client.HTTPConnection(server.host, timeout=IN_TIME)
    mark = "&" if "?" in location else "?"
    connection.putrequest("PUT", f"{location}{mark}digest={images.sha256(data)}")
    connection.putheader("Content-Length", str(len(data)))
    connection.putheader("Content-Type", "application/octet-stream")
    credentials = b64encode(":".join(server.auth).encode()).decode()
    connection.putheader("Authorization", f"Basic {credentials}")
    connection.endheaders(data[:HALF])
    return connection


def test_a_push_in_flight_is_finished_or_cut(fresh_berth: BerthServer) -> None:
    data = images.random_bytes("shutdown", SIZE)
    registry = Registry(fresh_berth)
    kept = registry.push_blob("shutdown/app", b"pushed before")
    connection = half_a_push(fresh_berth, data)
    fresh_berth.process.terminate()
    try:
        connection.send(data[HALF:])
        status = connection.getresponse().status
    except (ConnectionError, http.client.HTTPException):
        status = None
    connection.close()
    assert status in (None, 201, 503)
    assert fresh_berth.wait(IN_TIME) == 0

    fresh_berth.start()
    registry = Registry(fresh_berth)
    assert registry.get_blob("shutdown/app", kept).content == b"pushed before"
    pushed = registry.get_blob("shutdown/app", images.sha256(data))
    if status == 201:
        assert pushed.content == data
    else:
        # Cut before its answer: it may have been stored, but then whole.
        assert pushed.status_code == 404 or pushed.content == data


def test_a_client_that_stalls_does_not_keep_the_server(fresh_berth: BerthServer) -> None:
    data = images.random_bytes("stall", SIZE)
    connection = half_a_push(fresh_berth, data)
    fresh_berth.process.terminate()
    assert fresh_berth.wait(IN_TIME) == 0
    connection.close()
    fresh_berth.start()
    answer = Registry(fresh_berth).get_blob("shutdown/app", images.sha256(data))
    assert answer.status_code == 404


def test_an_idle_server_ends_at_once(fresh_berth: BerthServer) -> None:
    registry = Registry(fresh_berth)
    # This connection stays open and idle.
    registry.push_blob("shutdown/app", b"blob")
    started = time.monotonic()
    assert fresh_berth.stop() == 0
    assert time.monotonic() - started < 5
