"""A layer of 5 GiB passes both ways in bounded memory."""

from __future__ import annotations

import hashlib
import http.client
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import images
from berth_server import BerthServer
from clients import Registry

SIZE = 5 * images.GIB
PEAK = 100 * images.MIB
READ = images.MIB


def peak_memory(server: BerthServer) -> int:
    """Returns the most memory that the server's process ever held, in bytes."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) * images.KIB


def test_five_gib(fresh_berth: BerthServer) -> None:
    registry = Registry(fresh_berth)
    authorization = "Basic " + b64encode(":".join(fresh_berth.auth).encode()).decode()
    digest = hashlib.sha256()

    def body() -> Iterator[bytes]:
        for block in images.random_blocks("memory", SIZE):
            digest.update(block)
            yield block

    # As Docker does it: PATCH without a length, then PUT.
    connection = http.client.HTTPConnection(fresh_berth.host, timeout=600)
    location = registry.start_upload("memory/app").removeprefix(fresh_berth.url)
    headers = {"Authorization": authorization, "Content-Type": "application/octet-stream"}
    connection.request("PATCH", location, body=body(), headers=headers, encode_chunked=True)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 202, text
    assert answer.headers["Range"] == f"0-{SIZE - 1}"
    name = f"sha256:{digest.hexdigest()}"
    finished = registry.finish_upload(answer.headers["Location"], name)
    assert finished.status_code == 201, finished.text
    pushed = peak_memory(fresh_berth)
    assert pushed < PEAK, f"{pushed / images.MIB:.0f} MiB after the push"

    found = hashlib.sha256()
    connection.request("GET", f"/v2/memory/app/blobs/{name}", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["Content-Length"] == str(SIZE)
    while part := answer.read(READ):
        found.update(part)
    connection.close()
    assert found.digest() == digest.digest()
    pulled = peak_memory(fresh_berth)
    assert pulled < PEAK, f"{pulled / images.MIB:.0f} MiB after the pull"


def test_one_gib_in_one_put(fresh_berth: BerthServer) -> None:
    digest = hashlib.sha256()
    for block in images.random_blocks("put", images.GIB):
        digest.update(block)
    name = f"sha256:{digest.hexdigest()}"

    class Blocks:
        def __len__(self) -> int:
            return images.GIB

        def __iter__(self) -> Iterator[bytes]:
            return images.random_blocks("put", images.GIB)

    registry = Registry(fresh_berth)
    answer = registry.finish_upload(registry.start_upload("memory/put"), name, Blocks())
    assert answer.status_code == 201, answer.text
    peak = peak_memory(fresh_berth)
    assert peak < PEAK, f"{peak / images.MIB:.0f} MiB after the push"
