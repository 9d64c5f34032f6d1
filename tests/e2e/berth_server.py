"""Runs `berth serve` as a black box: the server that the Python tests talk to.

    with BerthServer() as berth:
        requests.get(berth.url + "/v2/", auth=(berth.access_key, berth.secret_key))

The server listens on a free port of 127.0.0.1 and keeps its data in a folder of its own. It can
host several registries, each on a port of its own:

    with BerthServer(registries=["123456789012/us-east-1", "123456789012/eu-west-1"]) as berth:
        west = berth.hosted("123456789012/eu-west-1")

Which binary runs: the environment's `BERTH_BINARY`, else the newer of
`target/release/berth` and `target/debug/berth`.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ACCESS_KEY = "BERTHTESTROOTKEY0001"
SECRET_KEY = "berth-test-secret/with+signs0123456789abc"
START_SECONDS = 60
STOP_SECONDS = 60
URL = re.compile(r"(https?)://127\.0\.0\.1:(\d+)")


class ServerError(Exception):
    """The server did not do what the test asked of its process."""


def berth_binary() -> Path:
    """Returns the binary under test."""
    chosen = os.environ.get("BERTH_BINARY")
    if chosen:
        return Path(chosen)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [target / profile / "berth" for profile in ("release", "debug")]
    built = [path for path in built if path.exists()]
    if not built:
        raise ServerError("no berth binary: run `cargo build --bin berth` or set BERTH_BINARY")
    return max(built, key=lambda path: path.stat().st_mtime)


class BerthServer:
    """One `berth serve` process, its data folder and its credentials."""

    def __init__(
        self,
        *,
        data_dir: Path | str | None = None,
        args: Sequence[str] = (),
        env: dict[str, str] | None = None,
        wrapper: Sequence[str] = (),
        access_key: str = ACCESS_KEY,
        secret_key: str = SECRET_KEY,
        ca_file: Path | None = None,
        registries: Sequence[str] = (),
        start: bool = True,
    ) -> None:
        """Starts the server, unless `start` is false.

        `data_dir` defaults to a temporary folder, which `close` removes. `args` are passed to
        `berth serve`, `env` is added to its environment, `wrapper` (such as `["strace", "-f"]`)
        stands before the command. With an empty `access_key` the server makes its own root.
        `ca_file` is the authority behind the certificate of a server with TLS. `registries` are
        those that it hosts, as `ACCOUNT/REGION`; without them it hosts one. `url`, `host` and
        `port` are those of the first.
        """
        self.access_key = access_key
        self.secret_key = secret_key
        self.args = list(args)
        self.wrapper = list(wrapper)
        self.extra_env = dict(env or {})
        self.process: subprocess.Popen[bytes] | None = None
        self.scheme = "http"
        self.registries = list(registries)
        self.ports = [0]
        self.ca_file = ca_file
        self._own_folder = Path(tempfile.mkdtemp(prefix="berth-test-"))
        self.data_dir = Path(data_dir) if data_dir else self._own_folder / "data"
        self.log_path = self._own_folder / "stderr.log"
        self.stdout_lines: list[str] = []
        if start:
            try:
                self.start()
            except BaseException:
                self.close()
                raise

    @property
    def port(self) -> int:
        """Returns the port of the registry."""
        return self.ports[0]

    def hosted(self, registry: str) -> HostedRegistry:
        """Returns one of the registries, named as `ACCOUNT/REGION`."""
        return HostedRegistry(self, registry)

    @property
    def host(self) -> str:
        """Returns `127.0.0.1:PORT`, the name of the registry in image references."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Returns the base URL, without a slash at the end."""
        return f"{self.scheme}://{self.host}"

    @property
    def auth(self) -> tuple[str, str]:
        """Returns the root's user name and password."""
        return (self.access_key, self.secret_key)

    @property
    def pid(self) -> int:
        """Returns the process id of the server (of the wrapper, when there is one)."""
        if self.process is None:
            raise ServerError("the server is not running")
        return self.process.pid

    @property
    def log(self) -> str:
        """Returns what the server wrote to stderr since it was made."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def command(self) -> list[str]:
        """Returns the command line that `start` runs."""
        several = [f"--registry={registry}=127.0.0.1:0" for registry in self.registries]
        berth = [str(berth_binary()), "serve", *(several or ["--listen", "127.0.0.1:0"])]
        return [*self.wrapper, *berth, "--data-dir", str(self.data_dir), *self.args]

    def environment(self) -> dict[str, str]:
        """Returns the environment of the server, without `BERTH_*` from outside."""
        outside = {k: v for k, v in os.environ.items() if not k.startswith("BERTH_")}
        root = {
            "BERTH_ROOT_ACCESS_KEY_ID": self.access_key,
            "BERTH_ROOT_SECRET_ACCESS_KEY": self.secret_key,
        }
        return outside | (root if self.access_key else {}) | self.extra_env

    def start(self) -> BerthServer:
        """Starts the process and returns when it answers `/healthz`."""
        if self.process is not None:
            raise ServerError("the server is running already")
        lines: queue.Queue[str | None] = queue.Queue()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.environment(),
                start_new_session=True,
            )
        threading.Thread(target=self._read_stdout, args=(lines,), daemon=True).start()
        deadline = time.monotonic() + START_SECONDS
        self._await_url(lines, deadline)
        self._await_health(deadline)
        return self

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Waits until the process has ended, and returns its exit code."""
        if self.process is None:
            raise ServerError("the server is not running")
        code = self.process.wait(timeout=seconds)
        self.process = None
        return code

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Sends SIGTERM, waits, and returns the exit code."""
        return self._signal(signal.SIGTERM, seconds)

    def kill(self) -> int:
        """Sends SIGKILL, waits, and returns the exit code (-9)."""
        return self._signal(signal.SIGKILL, STOP_SECONDS)

    def restart(self, *, kill: bool = False) -> BerthServer:
        """Stops (or kills) the process and starts it on the same data folder.

        The port is a new one: the old one could be taken meanwhile. Read `url` again.
        """
        if self.process is not None:
            if kill:
                self.kill()
            else:
                self.stop()
        return self.start()

    def close(self) -> None:
        """Ends the process in any case and removes the temporary folder."""
        if self.process is not None:
            try:
                self.stop(seconds=15)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self._own_folder, ignore_errors=True)

    def __enter__(self) -> BerthServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _signal(self, number: signal.Signals, seconds: float) -> int:
        if self.process is None:
            raise ServerError("the server is not running")
        self.process.send_signal(number)
        return self.wait(seconds)

    def _read_stdout(self, lines: queue.Queue[str | None]) -> None:
        process = self.process
        assert process is not None
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            self.stdout_lines.append(line)
            lines.put(line)
        process.stdout.close()
        lines.put(None)

    def _await_url(self, lines: queue.Queue[str | None], deadline: float) -> None:
        self.ports = []
        while len(self.ports) < max(1, len(self.registries)):
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise self._failed_start("printed no URL") from None
            if line is None:
                raise self._failed_start("ended")
            found = URL.search(line)
            if found:
                self.scheme = found[1]
                self.ports.append(int(found[2]))

    def _await_health(self, deadline: float) -> None:
        trust = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(
                    self.url + "/healthz", timeout=5, context=trust
                ) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            if self.process is not None and self.process.poll() is not None:
                raise self._failed_start("ended")
            time.sleep(0.01)
        raise self._failed_start("never answered /healthz with 200")

    def _failed_start(self, what: str) -> ServerError:
        process = self.process
        if process is not None:
            process.kill()
            process.wait()
            self.process = None
        log = self.log[-4000:]
        return ServerError(f"berth serve {what}\nstdout: {self.stdout_lines[-20:]}\nstderr: {log}")


class HostedRegistry:
    """One of the registries of a server; its URL follows the server when that starts again."""

    def __init__(self, server: BerthServer, name: str) -> None:
        """Takes the server, and the registry's name as `ACCOUNT/REGION`."""
        self.server = server
        self.name = name
        self.account, self.region = name.split("/")
        self.access_key, self.secret_key = server.auth

    @property
    def host(self) -> str:
        """Returns `127.0.0.1:PORT`, the name of the registry in image references."""
        return f"127.0.0.1:{self.server.ports[self.server.registries.index(self.name)]}"

    @property
    def url(self) -> str:
        """Returns the base URL, without a slash at the end."""
        return f"{self.server.scheme}://{self.host}"

    @property
    def auth(self) -> tuple[str, str]:
        """Returns the root's user name and password."""
        return (self.access_key, self.secret_key)

    @property
    def data_dir(self) -> Path:
        """Returns the folder of the registry's data."""
        return self.server.data_dir / "registries" / self.name
