"""Reads what strace saw of a server: writes, syncs and renames of its files, and its answers.

`Trace` joins the halves of interrupted calls and puts them into an order: what a call does to a
file counts from when it returned, an answer from when it began to be sent.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from clients import program

CALLS = (
    "openat,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,ftruncate,"
    "fsync,fdatasync,rename,renameat,renameat2,copy_file_range"
)
ATTACH_SECONDS = 30

UNFINISHED = re.compile(r"^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
COMPLETE = re.compile(r"^(\d+) +(\w+)\((.*)$")
FD_PATH = re.compile(r"^\d+<(/[^>]*)>")
SOCKET = re.compile(r"^\d+<(?:socket|TCP|TCPv6):")
ANSWER = re.compile(r'"HTTP/1\.1 (\d{3}) ')
QUOTED = re.compile(r'"([^"]*)"')
FAILED = re.compile(r"= -1 [A-Z]+ ")


@dataclass(frozen=True)
class Event:
    """One thing that happened: `write`, `sync`, `rename`, `create` or `answer`."""

    kind: str
    path: str = ""
    target: str = ""
    status: int = 0
    # The lines of the trace in which the call began and ended; events are in the order of ends.
    began: int = 0
    ended: int = 0


@dataclass
class Trace:
    """The events of one traced server."""

    events: list[Event] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str) -> Trace:
        """Reads the output of `strace -f -y`."""
        trace = cls()
        open_calls: dict[tuple[str, str], tuple[int, str]] = {}
        for number, line in enumerate(text.splitlines()):
            if found := UNFINISHED.match(line):
                thread, call, arguments = found.groups()
                if not trace._answer(call, arguments, number):
                    open_calls[thread, call] = (number, arguments)
            elif found := RESUMED.match(line):
                thread, call, rest = found.groups()
                if (thread, call) in open_calls:
                    began, arguments = open_calls.pop((thread, call))
                    trace._returned(call, arguments + rest, began, number)
            elif found := COMPLETE.match(line):
                _, call, arguments = found.groups()
                if not trace._answer(call, arguments, number):
                    trace._returned(call, arguments, number, number)
        return trace

    def up_to_answers(self) -> Iterator[tuple[int, list[Event]]]:
        """Yields the status of each answer and all that happened before it, from the start on."""
        for position, event in enumerate(self.events):
            if event.kind == "answer":
                yield event.status, self.events[:position]

    def _answer(self, call: str, arguments: str, number: int) -> bool:
        if call not in ("write", "writev", "sendto", "sendmsg") or not SOCKET.match(arguments):
            return False
        if found := ANSWER.search(arguments):
            self.events.append(Event("answer", "", "", int(found[1]), number, number))
        return True

    def _returned(self, call: str, arguments: str, began: int, ended: int) -> None:
        if FAILED.search(arguments):
            return
        if call.startswith("rename"):
            source, target = QUOTED.findall(arguments)[:2]
            self.events.append(Event("rename", source, target, 0, began, ended))
        elif call == "openat":
            if "O_CREAT" in arguments:
                path = QUOTED.findall(arguments)[0]
                self.events.append(Event("create", path, "", 0, began, ended))
        elif found := FD_PATH.match(arguments):
            kind = "sync" if call in ("fsync", "fdatasync") else "write"
            self.events.append(Event(kind, found[1], "", 0, began, ended))


def unsynced(events: list[Event], concerns: Callable[[str], bool]) -> list[str]:
    """Returns what a crash after `events` could lose, of the files that `concerns` names.

    A file is safe when a sync of it began after its last write ended; a rename, when its folder
    was synced after it.
    """
    writes: dict[str, Event] = {}
    renames: dict[str, Event] = {}
    for event in events:
        if event.kind == "write" and concerns(event.path):
            writes[event.path] = event
        elif event.kind == "rename" and concerns(event.target):
            if event.path in writes:
                writes[event.target] = writes.pop(event.path)
            renames[str(PurePosixPath(event.target).parent)] = event
        elif event.kind == "sync":
            for waiting in (writes, renames):
                change = waiting.get(event.path)
                if change is not None and change.ended < event.began:
                    del waiting[event.path]
    return [*writes, *(f"the folder {path}" for path in renames)]


@contextmanager
def traced(pid: int, output: Path) -> Iterator[None]:
    """Traces a running process while the block runs; `output` is whole after it."""
    errors = output.with_suffix(".err")
    command = [program("strace"), "-f", "-y", "-s", "64", "-e", f"trace={CALLS}"]
    with errors.open("wb") as stderr:
        tracer = subprocess.Popen(
            [*command, "-o", str(output), "-p", str(pid)],
            stdin=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        deadline = time.monotonic() + ATTACH_SECONDS
        while "attached" not in errors.read_text():
            assert tracer.poll() is None, errors.read_text()
            assert time.monotonic() < deadline, "strace does not attach"
            time.sleep(0.02)
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(timeout=ATTACH_SECONDS)
