"""The system calls of the server: everything is on the disk before it is acknowledged."""

from __future__ import annotations

from pathlib import Path

import images
import pytest
from berth_server import BerthServer
from clients import Registry
from syscalls import Event, Trace, traced, unsynced


def push_chunked(registry: Registry, repository: str, data: bytes) -> None:
    """Pushes a blob with two PATCHes and a PUT."""
    location = registry.start_upload(repository)
    half = len(data) // 2
    for start, end in ((0, half), (half, len(data))):
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"{start}-{end - 1}",
        }
        answer = registry.request("PATCH", location, data=data[start:end], headers=headers)
        assert answer.status_code == 202
        location = answer.headers["Location"]
    answer = registry.finish_upload(location, images.sha256(data))
    assert answer.status_code == 201


@pytest.fixture
def trace(fresh_berth: BerthServer, tmp_path: Path) -> Trace:
    """What the server did while an image, an index and a chunked blob were pushed one by one."""
    registry = Registry(fresh_berth)
    with traced(fresh_berth.pid, tmp_path / "trace"):
        registry.push("syncs/app", "v1", images.index("syncs"))
        push_chunked(registry, "syncs/app", images.random_bytes("chunked", 3 * images.MIB))
        manifest = images.image("posted", layers=0)
        for blob in manifest.blobs:
            # The whole upload in one request.
            answer = registry.request(
                "POST",
                f"/v2/syncs/other/blobs/uploads/?digest={images.sha256(blob)}",
                data=blob,
                headers={"Content-Type": "application/octet-stream"},
            )
            assert answer.status_code == 201
        assert registry.put_manifest("syncs/other", "v1", manifest).status_code == 201
    return Trace.parse((tmp_path / "trace").read_text(errors="replace"))


def test_nothing_is_acknowledged_before_it_is_durable(
    fresh_berth: BerthServer, trace: Trace
) -> None:
    folder = f"{fresh_berth.data_dir}/"

    def concerns(path: str) -> bool:
        # What a checkpoint copies from the log into the table is still in the log as well, and
        # the shared-memory index is made anew by every process.
        return path.startswith(folder) and not path.endswith((".sqlite", "-shm", ".lock"))

    log = f"{folder}table.sqlite-wal"
    statuses, seen = [], 0
    for status, before in trace.up_to_answers():
        since, seen = before[seen:], len(before)
        statuses.append(status)
        if status in (201, 202):
            # Dispatch and jobs write to the log beside the request: what they wrote last may be
            # waiting for its sync. The request's own write is one of those since the last answer.
            assert [path for path in unsynced(before, concerns) if path != log] == []
            assert was_synced(since, log)
    # 2 platforms of 3 blobs and a manifest, the index, the chunked blob, the posted image.
    assert statuses.count(201) == 2 * 4 + 1 + 1 + 2


def was_synced(events: list[Event], path: str) -> bool:
    """Whether a file was written, and then synced."""
    written = [event.ended for event in events if (event.kind, event.path) == ("write", path)]
    synced = [event.began for event in events if (event.kind, event.path) == ("sync", path)]
    return bool(written and synced) and written[0] < synced[-1]


def test_a_blob_is_written_beside_and_renamed_into_place(
    fresh_berth: BerthServer, trace: Trace
) -> None:
    renames = [event for event in trace.events if event.kind == "rename"]
    objects = [event for event in renames if "/objects/" in event.target]
    # 2 platforms of 3 blobs, the chunked one and the posted one.
    assert len(objects) == 2 * 3 + 1 + 1
    for rename in objects:
        assert_order(fresh_berth, trace, rename)
    written = {event.path for event in trace.events if event.kind in ("write", "create")}
    assert not [path for path in written if "/objects/" in path]


def assert_order(server: BerthServer, trace: Trace, rename: Event) -> None:
    """Around one rename: data synced, renamed, folder synced, log written and synced, answered."""
    place = trace.events.index(rename)
    before, after = trace.events[:place], trace.events[place + 1 :]
    last_write = max(
        (n for n, event in enumerate(before) if (event.kind, event.path) == ("write", rename.path)),
        default=-1,
    )
    assert Event("sync", rename.path) in [
        Event(event.kind, event.path) for event in before[last_write + 1 :]
    ]
    log = f"{server.data_dir}/table.sqlite-wal"
    wanted = [
        ("sync", str(Path(rename.target).parent)),
        ("write", log),
        ("sync", log),
        ("answer", ""),
    ]
    steps = iter((event.kind, event.path) for event in after)
    assert all(step in steps for step in wanted), f"after {rename} came {after[:12]}"
