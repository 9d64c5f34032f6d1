"""Runs MiniStack: AWS in one process, with its IAM policies enforced.

    with MiniStack() as aws:
        aws.client("s3").list_buckets()

It serves TLS, or the bucket's policy would refuse everything. Its certificate authority is made for
the run; `MiniStack.ca_file` is what clients must trust.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import boto3
import requests
from botocore.client import BaseClient
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".tools" / "ministack" / "bin" / "ministack"
REGION = "us-east-1"
ACCOUNT = "123456789012"
# The account's root: MiniStack lets this key do everything.
ROOT_KEY = "test"
# All that the stack uses. Not `ecr`: it would answer `/v2/` with a registry of its own.
SERVICES = (
    "apigateway",
    "cloudformation",
    "dynamodb",
    "dynamodbstreams",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "sts",
)
START_SECONDS = 60
STOP_SECONDS = 2


class MiniStackError(Exception):
    """MiniStack did not do what its process was asked."""


class Certificates:
    """A certificate authority, and a certificate of 127.0.0.1 and localhost, in `folder`."""

    def __init__(self, folder: Path) -> None:
        """Makes both with openssl."""
        self.ca_file = folder / "ca.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        ca_key = folder / "ca.key"
        request = folder / "server.csr"
        names = folder / "names"
        names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n")
        new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        for command in (
            [*new, "-x509", "-days", "2", "-subj", "/CN=Berth test authority", *usage]
            + ["-keyout", str(ca_key), "-out", str(self.ca_file)],
            [*new, "-subj", "/CN=127.0.0.1", "-keyout", str(self.key), "-out", str(request)],
            ["openssl", "x509", "-req", "-in", str(request), "-CA", str(self.ca_file)]
            + ["-CAkey", str(ca_key), "-CAcreateserial", "-days", "2", "-extfile", str(names)]
            + ["-out", str(self.certificate)],
        ):
            subprocess.run(command, check=True, capture_output=True)


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class MiniStack:
    """One MiniStack process, its certificates and its files."""

    def __init__(self, *, env: dict[str, str] | None = None) -> None:
        """Starts it, and returns when it answers. `env` is added to its environment."""
        if not PROGRAM.exists():
            raise MiniStackError(f"no {PROGRAM}: run `tests/tools/install-isolated ministack`")
        self.folder = Path(tempfile.mkdtemp(prefix="berth-aws-"))
        self.certificates = Certificates(self.folder)
        self.port = free_port()
        self.log_path = self.folder / "ministack.log"
        self.extra_env = dict(env or {})
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [str(PROGRAM)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                cwd=self.folder,
                start_new_session=True,
            )
        try:
            self._await_health()
        except BaseException:
            self.close()
            raise

    @property
    def endpoint(self) -> str:
        """Returns the URL that SDKs are given, without a slash at the end."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path:
        """Returns the certificate authority that clients must trust."""
        return self.certificates.ca_file

    @property
    def log(self) -> str:
        """Returns what MiniStack wrote."""
        return self.log_path.read_text(errors="replace")

    def client(
        self,
        service: str,
        *,
        access_key: str = ROOT_KEY,
        region: str = REGION,
        **more: object,
    ) -> BaseClient:
        """Returns an SDK client, of the account's root unless `access_key` says otherwise."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            verify=str(self.ca_file),
            aws_access_key_id=access_key,
            aws_secret_access_key=more.pop("secret_key", "test"),
            aws_session_token=more.pop("session_token", None),
            config=Config(
                max_pool_connections=64,
                read_timeout=60,
                retries={"max_attempts": 0},
                s3={"addressing_style": "path"},
            ),
            **more,
        )

    def close(self) -> None:
        """Ends the process with the functions that it runs, and removes its files."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=STOP_SECONDS)
        # It keeps nothing, and may leave functions behind: its group is of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> MiniStack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _environment(self) -> dict[str, str]:
        outside = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "BERTH_", "LAMBDA_", "MINISTACK_"))
        }
        files = self.folder / "tmp"
        files.mkdir()
        return outside | {
            "AUTH": "true",
            # What functions inherit: where AWS is, and whom to trust.
            "AWS_ENDPOINT_URL": self.endpoint,
            "SSL_CERT_FILE": str(self.ca_file),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "LAMBDA_EXECUTOR": "local",
            "LOG_LEVEL": "WARNING",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "MINISTACK_SSL_CERT": str(self.certificates.certificate),
            "MINISTACK_SSL_KEY": str(self.certificates.key),
            "SERVICES": ",".join(SERVICES),
            "TMPDIR": str(files),
            "USE_SSL": "1",
            **self.extra_env,
        }

    def _await_health(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                url = f"{self.endpoint}/_ministack/health"
                if requests.get(url, verify=str(self.ca_file), timeout=5).ok:
                    return
            except requests.RequestException:
                pass
            if self.process.poll() is not None:
                raise MiniStackError(f"MiniStack ended\n{self.log[-3000:]}")
            if time.monotonic() > deadline:
                raise MiniStackError(f"MiniStack never answered\n{self.log[-3000:]}")
            time.sleep(0.05)
