"""The data folder: one process at a time, and what happens when its disk is full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import images
import pytest
from berth_server import BerthServer
from clients import Registry, error_codes

DISK = 64 * images.MIB


def test_a_second_process_says_so_and_stops(fresh_berth: BerthServer) -> None:
    registry = Registry(fresh_berth)
    digest = registry.push_blob("folder/app", b"first")
    second = subprocess.run(
        fresh_berth.command(),
        env=fresh_berth.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode not in (0, None)
    assert second.returncode > 0, f"died of a signal: {second}"
    assert str(fresh_berth.data_dir) in second.stderr
    assert "another process" in second.stderr or "in use" in second.stderr
    assert registry.get_blob("folder/app", digest).content == b"first"


def test_the_folder_is_free_after_a_kill(fresh_berth: BerthServer) -> None:
    digest = Registry(fresh_berth).push_blob("folder/app", b"first")
    fresh_berth.restart(kill=True)
    assert Registry(fresh_berth).get_blob("folder/app", digest).content == b"first"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    mount = tmp_path / "disk"
    mount.mkdir()
    options = f"size={DISK},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", mount], check=True)
    yield mount
    subprocess.run(["umount", mount], check=True)


@pytest.fixture
def small_berth(disk: Path) -> Iterator[BerthServer]:
    """A server whose data lie on the small disk."""
    with BerthServer(data_dir=disk / "data") as server:
        yield server


def fill(filler: Path, leave: int) -> None:
    """Leaves no more than `leave` bytes of the disk free."""
    room = os.statvfs(filler.parent)
    with filler.open("ab") as file:
        left = room.f_bavail * room.f_frsize - leave
        while left > 0:
            left -= file.write(bytes(min(left, images.MIB)))


def assert_full(answer: object) -> None:
    """The answer is 507 and says why, as an OCI error document."""
    assert answer.status_code == 507, f"{answer.status_code} {answer.text}"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert error_codes(answer)
    message = answer.json()["errors"][0]["message"]
    assert "no room left" in message


def test_a_full_disk_refuses_and_loses_nothing(small_berth: BerthServer, disk: Path) -> None:
    registry = Registry(small_berth)
    image = images.image("disk", layer_size=2 * images.MIB)
    registry.push("disk/app", "v1", image)
    large = images.random_bytes("large", 8 * images.MIB)

    # Too little room for the layer.
    filler = disk / "filler"
    fill(filler, leave=4 * images.MIB)
    location = registry.start_upload("disk/app")
    assert_full(registry.finish_upload(location, images.sha256(large), large))
    assert registry.get_blob("disk/app", images.sha256(large)).status_code == 404
    registry.assert_whole("disk/app", "v1")

    # No room at all: not for a record of an upload or of a manifest either.
    fill(filler, leave=0)
    refused = 0
    for number in range(1000):
        other = images.Manifest(image.data + b" " * (number + 1), image.media_type)
        answer = registry.put_manifest("disk/app", f"full-{number}", other)
        if answer.status_code != 201:
            assert_full(answer)
            assert registry.get_manifest("disk/app", f"full-{number}").status_code == 404
            refused += 1
            break
        assert registry.digest_of("disk/app", f"full-{number}") == other.digest
    assert refused, "a thousand manifests found room on a full disk"
    registry.assert_whole("disk/app", "v1")

    # A process that starts now serves what is there, once it has room for its own files.
    filler.unlink()
    digest = registry.push_blob("disk/app", large)
    registry.push("disk/app", "v2", images.image("disk-2"))
    small_berth.restart(kill=True)
    registry = Registry(small_berth)
    for tag in ("v1", "v2"):
        registry.assert_whole("disk/app", tag)
    assert images.sha256(registry.get_blob("disk/app", digest).content) == digest


def test_a_disk_that_fills_during_a_chunked_upload(small_berth: BerthServer, disk: Path) -> None:
    registry = Registry(small_berth)
    data = images.random_bytes("chunks", 12 * images.MIB)
    half = 6 * images.MIB
    headers = {"Content-Type": "application/octet-stream", "Content-Range": f"0-{half - 1}"}
    location = registry.start_upload("disk/chunks")
    answer = registry.request("PATCH", location, data=data[:half], headers=headers)
    assert answer.status_code == 202
    location = answer.headers["Location"]

    filler = disk / "filler"
    fill(filler, leave=2 * images.MIB)
    headers["Content-Range"] = f"{half}-{len(data) - 1}"
    assert_full(registry.request("PATCH", location, data=data[half:], headers=headers))

    filler.unlink()
    status = registry.request("GET", location)
    assert status.status_code == 204
    assert status.headers["Range"] == f"0-{half - 1}"
    location = status.headers["Location"]
    answer = registry.request("PATCH", location, data=data[half:], headers=headers)
    assert answer.status_code == 202, answer.text
    digest = images.sha256(data)
    assert registry.finish_upload(answer.headers["Location"], digest).status_code == 201
    assert images.sha256(registry.get_blob("disk/chunks", digest).content) == digest
