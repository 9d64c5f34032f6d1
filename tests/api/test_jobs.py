"""`berth job`, and events that a webhook is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from berth_server import BerthServer, berth_binary
from ecr_http import ACCOUNT, REGION
from ecr_images import push, small_image
from test_commands import run
from test_users import administer
from waiting import eventually

KEY = secrets.token_bytes(32)
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def job(berth: BerthServer, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    env = {
        "BERTH_ENDPOINT_URL": berth.url,
        "BERTH_ROOT_ACCESS_KEY_ID": berth.access_key,
        "BERTH_ROOT_SECRET_ACCESS_KEY": berth.secret_key,
    }
    return run([str(berth_binary()), "job", *args], env, code)


def queue_messages(berth: BerthServer, queue: str, *bodies: str) -> None:
    """Puts messages into a queue of a server that is not running."""
    table = sqlite3.connect(berth.data_dir / "table.sqlite")
    rows = [
        (f"queue/{queue}", f"{0:020}/{uuid.uuid4()}/{uuid.uuid4()}", body.encode())
        for body in bodies
    ]
    received = json.dumps({"received": "0"})
    with table:
        table.executemany(
            "INSERT INTO items (pk, sk, version, attributes, document) "
            f"VALUES (?, ?, 1, '{received}', ?)",
            rows,
        )
    table.close()


def failed(berth: BerthServer, queue: str = "lifecycle") -> list[tuple[str, str, str]]:
    """Returns id, reason and job of all that was set aside."""
    lines = job(berth, "list", queue).stdout.splitlines()
    assert all(line.startswith(f"{queue} ") for line in lines[::3])
    ids = [line.split()[1] for line in lines[::3]]
    rest = [line.strip() for line in lines]
    return list(zip(ids, rest[1::3], rest[2::3], strict=True))


def test_jobs_are_listed_retried_and_purged() -> None:
    with BerthServer() as berth:
        assert job(berth, "list").stdout == ""
        berth.stop()
        queue_messages(berth, "lifecycle", '"one"', '"two"', '{"job": "unheardOf"}')
        berth.start()
        eventually(lambda: len(failed(berth)) == 3)
        jobs = {body: name for name, reason, body in failed(berth) if reason}
        assert sorted(jobs) == ['"one"', '"two"', '{"job":"unheardOf"}']
        reasons = {body: reason for _, reason, body in failed(berth)}
        assert reasons['{"job":"unheardOf"}'].startswith("it is no job: unknown variant")
        assert failed(berth, "collect") == []

        purged = job(berth, "purge", "lifecycle", "--id", jobs['"one"'])
        assert purged.stdout == "purged 1\n"
        assert job(berth, "purge", "lifecycle", "--id", jobs['"one"']).stdout == "purged 0\n"
        retried = job(berth, "retry", "lifecycle", "--id", jobs['"two"'])
        assert retried.stdout == "retried 1\n"
        # It fails again, under another id.
        eventually(lambda: '"two"' in [body for _, _, body in failed(berth)])
        assert jobs['"two"'] not in [name for name, _, _ in failed(berth)]
        assert job(berth, "retry", "lifecycle").stdout == "retried 2\n"
        eventually(lambda: len(failed(berth)) == 2)
        assert job(berth, "purge", "lifecycle").stdout == "purged 2\n"
        assert job(berth, "list").stdout == ""

        unknown = job(berth, "retry", "scan", code=1)
        assert "[lifecycle, collect, replicate, webhook]" in unknown.stderr


def test_very_many_jobs_are_listed_in_part_and_purged_whole() -> None:
    with BerthServer() as berth:
        berth.stop()
        queue_messages(berth, "collect-dead", *(f'"{number}"' for number in range(1005)))
        queue_messages(berth, "replicate-dead", '"one"')
        berth.start()
        listed = job(berth, "list")
        assert listed.stderr == "collect has 1000 jobs or more, of which these are some\n"
        assert len(listed.stdout.splitlines()) == 3 * 1001
        assert "its worker ended without a word" in listed.stdout
        assert job(berth, "purge", "collect").stdout == "purged 1005\n"
        assert len(job(berth, "list").stdout.splitlines()) == 3


class Hook:
    """A webhook, which refuses events until it is told otherwise."""

    def __init__(self) -> None:
        self.refuses = True
        self.refused = 0
        self.told: dict[str, dict[str, Any]] = {}

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Checks an event's signature, and answers with a status."""
        name, moment = headers["webhook-id"], headers["webhook-timestamp"]
        signed = hmac.new(KEY, f"{name}.{moment}.".encode() + body, hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(signed).decode()
        if self.refuses:
            self.refused += 1
            return 503
        self.told[name] = json.loads(body)
        return 204


@contextmanager
def serving(hook: Hook) -> Iterator[str]:
    """Serves a webhook on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(hook.take(headers, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        server.server_close()


def images(berth: BerthServer) -> int:
    """Returns how many images the repository has by its figures."""
    told = administer(berth, "GetRepositoryStorageFigures", repositoryName="hooks/app").json()
    return told["repository"]["imageCount"]


def events(berth: BerthServer) -> list[dict[str, Any]]:
    """Returns the events that the log tells."""
    lines = [json.loads(line) for line in berth.log.splitlines()]
    return [json.loads(line["event"]) for line in lines if line.get("target") == "berth::events"]


def test_a_webhook_is_told_what_happened() -> None:
    hook = Hook()
    image = small_image("told")
    with serving(hook) as url:
        args = ["--event-webhook", url, "--log-format", "json"]
        with BerthServer(args=args, env={"BERTH_EVENT_WEBHOOK_SECRET": SECRET}) as berth:
            push(berth, "hooks/app", image, "v1", "v2")
            eventually(lambda: hook.refused >= 2)
            # What the webhook refuses keeps nothing else waiting, and outlives the process.
            assert len(events(berth)) == 2
            eventually(lambda: images(berth) == 1)
            berth.kill()
            hook.refuses = False
            berth.start()
            eventually(lambda: len(hook.told) == 2)
            assert SECRET[6:] not in berth.log
            told = sorted(hook.told.values(), key=lambda event: event["detail"]["image-tag"])
            assert told == sorted(events(berth), key=lambda event: event["detail"]["image-tag"])
    assert sorted(hook.told) == sorted(event["id"] for event in told)
    first = told[0]
    assert (first["source"], first["detail-type"]) == ("aws.ecr", "ECR Image Action")
    assert (first["account"], first["region"]) == (ACCOUNT, REGION)
    assert first["detail"] == {
        "result": "SUCCESS",
        "repository-name": "hooks/app",
        "image-digest": image.digest,
        "action-type": "PUSH",
        "image-tag": "v1",
        "manifest-media-type": image.media_type,
        "artifact-media-type": "application/vnd.oci.image.config.v1+json",
    }
