"""Tests of the reader of traces, which must see a sync that is missing."""

from __future__ import annotations

from syscalls import Event, Trace, unsynced

GOOD = """\
7 openat(AT_FDCWD</>, "/d/uploads/tmp-1", O_RDWR|O_CREAT|O_EXCL, 0600) = 9</d/uploads/tmp-1>
7 writev(9</d/uploads/tmp-1>, [{iov_base="abc", iov_len=3}], 1) = 3
7 fdatasync(9</d/uploads/tmp-1> <unfinished ...>
8 write(4<anon_inode:[eventfd]>, "\\1\\0", 8) = 8
7 <... fdatasync resumed>)          = 0
7 renameat(AT_FDCWD</>, "/d/uploads/tmp-1", AT_FDCWD</>, "/d/objects/00/blob") = 0
7 fsync(9</d/objects/00>) = 0
8 pwrite64(5</d/table.sqlite-wal>, "frame", 24, 0) = 24
8 fsync(5</d/table.sqlite-wal>) = 0
6 writev(20<socket:[1]>, [{iov_base="HTTP/1.1 201 Created\\r\\n", iov_len=99}], 1 <unfinished ...>
6 <... writev resumed>)             = 99
"""


def lost(trace: str) -> list[str]:
    """Returns what is not synced at the first answer of a trace."""
    (status, events), *_ = Trace.parse(trace).up_to_answers()
    assert status == 201
    return unsynced(events, lambda path: path.startswith("/d/"))


def without(*fragments: str) -> str:
    """Returns the good trace without the lines that hold one of the fragments."""
    kept = [line for line in GOOD.splitlines() if not any(part in line for part in fragments)]
    return "\n".join(kept)


def test_a_good_trace_loses_nothing() -> None:
    assert lost(GOOD) == []


def test_events_are_in_order() -> None:
    kinds = [event.kind for event in Trace.parse(GOOD).events]
    assert kinds == ["create", "write", "sync", "rename", "sync", "write", "sync", "answer"]


def test_a_missing_sync_of_the_data_is_seen() -> None:
    assert lost(without("fdatasync")) == ["/d/objects/00/blob"]


def test_a_missing_sync_of_the_folder_is_seen() -> None:
    assert lost(without("fsync(9</d/objects/00>)")) == ["the folder /d/objects/00"]


def test_a_missing_sync_of_the_log_is_seen() -> None:
    assert lost(without("fsync(5<")) == ["/d/table.sqlite-wal"]


def test_a_sync_that_ends_after_the_answer_is_too_late() -> None:
    late = without("fsync(5<").replace(
        "6 writev(20", "8 fsync(5</d/table.sqlite-wal> <unfinished ...>\n6 writev(20"
    )
    assert lost(late + "\n8 <... fsync resumed>) = 0") == ["/d/table.sqlite-wal"]


def test_a_sync_that_began_before_the_write_does_not_cover_it() -> None:
    trace = """\
7 fsync(5</d/log> <unfinished ...>
8 pwrite64(5</d/log>, "frame", 24, 0) = 24
7 <... fsync resumed>) = 0
6 sendto(20<socket:[1]>, "HTTP/1.1 201 Created\\r\\n", 99, 0, NULL, 0) = 99
"""
    assert lost(trace) == ["/d/log"]


def test_a_sync_that_began_during_the_write_does_not_cover_it() -> None:
    trace = """\
8 pwrite64(5</d/log>, "frame", 24, 0 <unfinished ...>
7 fsync(5</d/log> <unfinished ...>
8 <... pwrite64 resumed>) = 24
7 <... fsync resumed>) = 0
6 sendto(20<socket:[1]>, "HTTP/1.1 201 Created\\r\\n", 99, 0, NULL, 0) = 99
"""
    assert lost(trace) == ["/d/log"]


def test_a_failed_sync_does_not_count() -> None:
    assert lost(GOOD.replace("wal>) = 0", "wal>) = -1 EIO (Input/output error)")) == [
        "/d/table.sqlite-wal"
    ]


def test_a_rename_names_both_paths() -> None:
    (rename,) = [event for event in Trace.parse(GOOD).events if event.kind == "rename"]
    assert rename == Event("rename", "/d/uploads/tmp-1", "/d/objects/00/blob", began=5, ended=5)
