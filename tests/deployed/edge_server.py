"""Runs the edge as a black box, on the resources of the deployed stack.

    with Edge(stack, port=free_port()) as edge:
        requests.get(edge.url + "/healthz")

Which binary runs: the environment's `BERTH_EDGE`, else the newest of `target/*/berth-edge`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import requests
from ministack import ACCOUNT, REGION, ROOT, ROOT_KEY
from stack import Stack

START_SECONDS = 60
# Fargate kills after 30 s.
STOP_SECONDS = 30


class EdgeError(Exception):
    """The edge did not do what the test asked of its process."""


def edge_binary() -> Path:
    """Returns the binary under test."""
    chosen = os.environ.get("BERTH_EDGE")
    if chosen:
        return Path(chosen)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = list(target.glob("*/berth-edge"))
    if not built:
        raise EdgeError("no berth-edge binary: run `cargo build -p berth-edge` or set BERTH_EDGE")
    return max(built, key=lambda path: path.stat().st_mtime)


class Edge:
    """One edge process before the table, the bucket and the keys of a stack."""

    def __init__(self, stack: Stack, *, port: int, env: dict[str, str] | None = None) -> None:
        """Starts it on a port of 127.0.0.1. `env` is added to its environment."""
        self.host = f"127.0.0.1:{port}"
        self.auth = stack.auth
        self._folder = Path(tempfile.mkdtemp(prefix="berth-edge-"))
        self._log_path = self._folder / "stderr.log"
        told = {
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": stack.endpoint,
            "AWS_REGION": REGION,
            "BERTH_ACCOUNT": ACCOUNT,
            "BERTH_BUCKET": stack.bucket,
            "BERTH_KEY_ID": stack.key,
            "BERTH_LISTEN": self.host,
            "BERTH_PUBLIC_URL": stack.url,
            "BERTH_ROOT_SECRET": stack.outputs["RootSecretArn"],
            "BERTH_TABLE": stack.table,
            "BERTH_UPLOAD_HOST": self.url,
            "PATH": os.environ["PATH"],
            "SSL_CERT_FILE": str(stack.ca_file),
        }
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [edge_binary()], stdin=subprocess.DEVNULL, stderr=log, env=told | (env or {})
            )
        try:
            self._await_health()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Returns the upload host's URL, without a slash at the end."""
        return f"http://{self.host}"

    @property
    def log(self) -> str:
        """Returns what the edge wrote to stderr."""
        return self._log_path.read_text(errors="replace")

    @property
    def peak_memory(self) -> int:
        """Returns the most bytes that the process ever had in memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def stop(self) -> int:
        """Asks the process to end as Fargate does, and returns its exit code."""
        self._process.terminate()
        return self._process.wait(timeout=STOP_SECONDS)

    def close(self) -> None:
        """Ends the process and removes its files."""
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Edge:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _await_health(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if requests.get(f"{self.url}/healthz", timeout=5).ok:
                    return
            except requests.RequestException:
                pass
            if self._process.poll() is not None:
                raise EdgeError(f"the edge ended\n{self.log[-3000:]}")
            if time.monotonic() > deadline:
                raise EdgeError(f"the edge is never healthy\n{self.log[-3000:]}")
            time.sleep(0.05)
