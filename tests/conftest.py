"""Fixtures that tests of more than one folder share: the server, and clients' daemons."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from berth_server import BerthServer
from clients import program, run
from remote_registry import RemoteRegistry, needs_its_own, remote_registry, wait_for_names

DAEMON_SECONDS = 60


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts what judges a run last; leaves out what a registry that runs elsewhere can't do."""
    items.sort(key=lambda item: item.path.name == "test_coverage.py")
    if remote_registry() is None:
        return
    left_out = [item for item in items if needs_its_own(item)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="module")
def berth() -> Iterator[BerthServer | RemoteRegistry]:
    """A running `berth serve`, one for all tests of a module, or what `BERTH_TEST_URL` names."""
    remote = remote_registry()
    if remote is not None:
        with pytest.MonkeyPatch.context() as patch:
            wait_for_names(patch)
            yield remote
        return
    with BerthServer() as server:
        yield server


@pytest.fixture
def fresh_berth() -> Iterator[BerthServer]:
    """A running `berth serve` on an empty data folder, for one test alone."""
    with BerthServer() as server:
        yield server


@pytest.fixture(scope="session")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., None]]:
    """Starts a daemon, waits until `ready` does not fail, and stops it after the last test."""
    started: list[subprocess.Popen[bytes]] = []
    logs = tmp_path_factory.mktemp("daemons")

    def start(command: list[str], ready: Callable[[], object]) -> None:
        log = logs / f"{Path(command[0]).name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        started.append(process)
        deadline = time.monotonic() + DAEMON_SECONDS
        while True:
            try:
                ready()
                return
            except AssertionError:
                tail = log.read_text(errors="replace")[-3000:]
                assert process.poll() is None, f"{command[0]} ended\n{tail}"
                assert time.monotonic() < deadline, f"{command[0]} is not ready\n{tail}"
                time.sleep(0.1)

    yield start
    for process in reversed(started):
        process.terminate()
    for process in reversed(started):
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def dockerd(
    tmp_path_factory: pytest.TempPathFactory, daemons: Callable[..., None]
) -> Callable[..., str]:
    """A Docker daemon with the classic store, and the client that runs against it.

    It has no network and no bridge: images are imported, never built or run.
    """
    folder = tmp_path_factory.mktemp("dockerd")
    # The path of a Unix socket may have 108 bytes at most.
    socket = f"unix://{folder}/docker.sock"
    settings = {
        "bridge": "none",
        "data-root": str(folder / "root"),
        "exec-root": str(folder / "exec"),
        "features": {"containerd-snapshotter": False},
        "hosts": [socket],
        "ip6tables": False,
        "iptables": False,
        "pidfile": str(folder / "pid"),
        "storage-driver": "vfs",
    }
    (folder / "daemon.json").write_text(json.dumps(settings))
    env = {"DOCKER_CONFIG": str(folder / "client"), "DOCKER_HOST": socket}

    def docker(*arguments: str | Path, stdin: str | None = None) -> str:
        return run("/usr/bin/docker", *arguments, stdin=stdin, env=env)

    command = [program("dockerd"), "--config-file", str(folder / "daemon.json")]
    daemons(command, lambda: docker("version"))
    assert "vfs" in docker("info", "--format", "{{.Driver}}")
    return docker
