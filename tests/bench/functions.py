"""Measures the functions: start, memory, size, and the time of invocations.

    make bench-functions

The binaries of functions/build run here as Lambda runs them, beside a stand-in for its runtime API;
AWS is MiniStack. Prints tables in Markdown, for docs/performance.md. Ends with 1 if a target of the
issue is missed.
"""

from __future__ import annotations

import argparse
import base64
import copy
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from calls import CallCounter
from ministack import ACCOUNT, REGION, ROOT, MiniStack
from runtime_api import RuntimeApi

FUNCTIONS = ("oci-pull", "oci-push", "oci-delete", "token", "ecr-api", "session")
ROOT_KEY = ("BERTHTESTROOTKEY0001", "berth-test-secret/with+signs0123456789abc")
MOST_START_MS = 30
MOST_ZIP_MB = 5
MOST_RESIDENT_MB = 40
# What a client sends in one chunk.
LAYER_BYTES = 4 * 1024 * 1024
# Invocations of each operation whose calls are counted: the first ones still look for keys.
COUNTED = 3
PATHS = "/v2/bench/app"
APP = {"repositoryName": "bench/app"}


class BenchError(Exception):
    """A function did not answer as it should."""


class Function:
    """One process of a function, as Lambda starts it."""

    def __init__(self, binary: Path, env: dict[str, str]) -> None:
        """Starts it; `start_ms` is the time to its first poll."""
        self.api = RuntimeApi()
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "AWS_LAMBDA_FUNCTION_NAME": f"berth-{binary.parent.name}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "BERTH_ACCOUNT": ACCOUNT,
            **env,
        }
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [str(binary)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            self.start_ms = (self.api.await_poll() - started) * 1000
        except Exception:
            self.process.kill()
            raise BenchError(self.process.stderr.read().decode()) from None

    def memory(self, name: str) -> float:
        """Returns a figure of /proc/PID/status (`VmRSS`, `VmHWM`), in MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise BenchError(f"no {name}")

    def processor_seconds(self) -> float:
        """Returns the processor time that the process has used, all its threads together."""
        # What clock_getcpuclockid(3) returns; /proc counts in hundredths of a second.
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.api.close()


@dataclass
class Size:
    """A binary, and its zip."""

    binary: float
    zipped: float


def size(binary: Path) -> Size:
    """Returns the sizes of a function's binary and of its zip, in MB."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(binary, "bootstrap")
    return Size(binary.stat().st_size / 1e6, len(packed.getvalue()) / 1e6)


def sample(function: str) -> dict:
    """Returns the sample event of a function."""
    return json.loads((ROOT / "events" / f"{function}.json").read_text())


def event(function: str, method: str, path: str, query: str = "", body: bytes = b"") -> dict:
    """Returns an event like the sample of `function`, for another request."""
    made = copy.deepcopy(sample(function))
    made["rawPath"], made["rawQueryString"] = path, query
    made["requestContext"]["http"] |= {"method": method, "path": path}
    made["headers"]["content-length"] = str(len(body))
    made["headers"]["content-type"] = "application/vnd.oci.image.manifest.v1+json"
    made["body"], made["isBase64Encoded"] = base64.b64encode(body).decode(), True
    return made


class Registry:
    """What the functions stand on, in MiniStack."""

    def __init__(self, aws: MiniStack) -> None:
        """Makes the table, the bucket, the key and the secret."""
        aws.client("s3").create_bucket(Bucket="berth")
        keys = [("pk", "HASH"), ("sk", "RANGE")]
        aws.client("dynamodb").create_table(
            TableName="berth",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )
        key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        root = json.dumps(dict(zip(("accessKeyId", "secretAccessKey"), ROOT_KEY, strict=True)))
        secret = aws.client("secretsmanager").create_secret(Name="berth", SecretString=root)
        self.env = {
            "BERTH_TABLE": "berth",
            "BERTH_BUCKET": "berth",
            "BERTH_KEY_ID": key,
            "BERTH_ROOT_SECRET": secret["ARN"],
            "AWS_ENDPOINT_URL": aws.endpoint,
            "SSL_CERT_FILE": str(aws.ca_file),
        }


def manifest(number: int) -> bytes:
    """Returns a manifest like no other, without layers."""
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2}
    empty["digest"] = "sha256:" + hashlib.sha256(b"{}").hexdigest()
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": empty,
        "layers": [],
        "annotations": {"number": str(number)},
    }
    return json.dumps(document).encode()


def digest(content: bytes) -> str:
    """Returns the digest of content."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def blob(content: bytes) -> dict:
    """Returns the event that pushes a blob in one request."""
    query = f"digest={digest(content)}"
    return event("oci-push", "POST", f"{PATHS}/blobs/uploads/", query, content)


def ecr(operation: str, members: dict) -> dict:
    """Returns the event of an operation of ECR's API, signed now."""
    body = json.dumps(members).encode()
    made = event("ecr-api", "POST", "/", body=body)
    kept = {name: made["headers"][name] for name in ("host", "content-type", "x-amz-target")}
    headers = kept | {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
    }
    request = AWSRequest("POST", f"https://{headers['host']}/", headers=headers, data=body)
    SigV4Auth(Credentials(*ROOT_KEY), "ecr", REGION).add_auth(request)
    made["headers"] |= {name.lower(): value for name, value in request.headers.items()}
    return made


def operations(count: int) -> list[tuple[str, str, int, list[dict]]]:
    """Returns what is measured: its name, its function, the status, `count` events or more."""
    manifests = [manifest(number) for number in range(count)]
    few = [b"{}", *(str(number).encode() for number in range(1, count))]
    layers = [number.to_bytes(8) + bytes(LAYER_BYTES - 8) for number in range(count)]
    head = event("oci-pull", "HEAD", f"{PATHS}/manifests/0")
    by_tag = event("oci-pull", "GET", f"{PATHS}/manifests/0")
    by_digest = event("oci-pull", "GET", f"{PATHS}/manifests/{digest(manifests[0])}")
    get_blob = event("oci-pull", "GET", f"{PATHS}/blobs/{digest(b'{}')}")
    begin = event("oci-push", "POST", f"{PATHS}/blobs/uploads/")
    put = [
        event("oci-push", "PUT", f"{PATHS}/manifests/{number}", body=content)
        for number, content in enumerate(manifests)
    ]
    delete = [
        event("oci-delete", "DELETE", f"{PATHS}/manifests/{number}") for number in range(1, count)
    ]
    return [
        ("POST blob of 2 bytes", "oci-push", 201, [blob(content) for content in few]),
        ("POST blob of 4 MiB", "oci-push", 201, [blob(layer) for layer in layers]),
        ("POST upload", "oci-push", 202, [begin] * count),
        ("PUT manifest", "oci-push", 201, put),
        ("HEAD manifest by tag", "oci-pull", 200, [head] * count),
        ("GET manifest by tag", "oci-pull", 200, [by_tag] * count),
        ("GET manifest by digest", "oci-pull", 200, [by_digest] * count),
        ("GET blob (307)", "oci-pull", 307, [get_blob] * count),
        ("GET /token", "token", 200, [sample("token")] * count),
        ("GetAuthorizationToken", "ecr-api", 200, [ecr("GetAuthorizationToken", {})] * count),
        ("DescribeImages", "ecr-api", 200, [ecr("DescribeImages", APP)] * count),
        ("DELETE tag", "oci-delete", 202, delete),
    ]


@dataclass
class Timed:
    """What invocations of one kind took, in milliseconds."""

    first: float
    median: float
    processor: float


def timed(function: Function, status: int, events: list[dict]) -> Timed:
    """Invokes a function that was just started by each event."""
    took = []
    used = 0.0
    for index, each in enumerate(events):
        answer = function.api.invoke(each)
        if answer.failed or answer.document["statusCode"] != status:
            raise BenchError(f"expected {status}: {answer.document}")
        took.append(answer.seconds * 1000)
        if index == 0:
            used = function.processor_seconds()
    used = (function.processor_seconds() - used) * 1000 / max(len(events) - 1, 1)
    return Timed(took[0], statistics.median(took[1:] or took), used)


def calls_of(function: Function, counter: CallCounter, events: list[dict]) -> str:
    """Returns the calls of the last of the events; those before it fill what is remembered."""
    for each in events:
        counter.taken()
        function.api.invoke(each)
    return counter.taken() or "none"


def measure_starts(folder: Path, rounds: int) -> bool:
    """Prints the table of starts and sizes; whether the targets were met."""
    env = {f"BERTH_{name}": "x" for name in ("TABLE", "BUCKET", "KEY_ID", "ROOT_SECRET")}
    print("| function | first poll, median | slowest | resident | binary | zip |")
    print("|---|--:|--:|--:|--:|--:|")
    met = True
    for name in FUNCTIONS:
        binary = folder / name / "bootstrap"
        starts, resident = [], []
        for _ in range(rounds):
            function = Function(binary, env)
            starts.append(function.start_ms)
            resident.append(function.memory("VmRSS"))
            function.close()
        start, memory, sizes = statistics.median(starts), max(resident), size(binary)
        row = f"| {name} | {start:.1f} ms | {max(starts):.1f} ms | {memory:.1f} MB "
        print(f"{row}| {sizes.binary:.1f} MB | {sizes.zipped:.2f} MB |", flush=True)
        met &= start <= MOST_START_MS
        met &= memory <= MOST_RESIDENT_MB
        met &= sizes.zipped < MOST_ZIP_MB
    return met


def measure_invocations(folder: Path, count: int) -> None:
    """Prints the table of invocations."""
    print("\n| operation | function | first | median | processor | peak memory | calls |")
    print("|---|---|--:|--:|--:|--:|---|")
    with MiniStack(env={"AUTH": "false"}) as aws:
        registry = Registry(aws)
        counter = CallCounter(aws)
        for name, function, status, events in operations(count + COUNTED):
            binary = folder / function / "bootstrap"
            process = Function(binary, registry.env)
            counting = Function(binary, registry.env | {"AWS_ENDPOINT_URL": counter.endpoint})
            try:
                took = timed(process, status, events[:-COUNTED])
                peak = process.memory("VmHWM")
                calls = calls_of(counting, counter, events[-COUNTED:])
            finally:
                process.close()
                counting.close()
            row = f"| {name} | {function} | {took.first:.1f} ms | {took.median:.1f} ms "
            print(f"{row}| {took.processor:.2f} ms | {peak:.1f} MB | {calls} |", flush=True)
        counter.close()


def main() -> int:
    """Measures, prints, and says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what functions/build made for this machine")
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--invocations", type=int, default=50)
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    met = measure_starts(options.folder, options.starts)
    measure_invocations(options.folder, options.invocations)
    targets = f"{MOST_START_MS} ms, {MOST_RESIDENT_MB} MB resident, {MOST_ZIP_MB} MB zipped"
    print(f"\ntargets ({targets}): {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
