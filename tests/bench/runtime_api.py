"""A stand-in for Lambda's runtime API: hands events to one function's process, takes its answers.

Follows https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

API = "/2018-06-01/runtime"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:berth"
TIMEOUT = 30


class RuntimeApiError(Exception):
    """The function did not do what an invocation or its start asks for."""


@dataclass
class Answer:
    """What a function answered."""

    document: dict
    failed: bool
    seconds: float


class Server(ThreadingHTTPServer):
    """A server that says nothing of a process that was ended while it waited."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class RuntimeApi:
    """The runtime API of one process, on a port of its own."""

    def __init__(self) -> None:
        """Listens; `address` is what the process is told."""
        self.first_poll: float | None = None
        self.polled = threading.Event()
        self.events: queue.Queue[dict] = queue.Queue()
        self.answers: queue.Queue[tuple[float, bool, bytes]] = queue.Queue()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                api._next(self)

            def do_POST(self) -> None:
                api._take(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def await_poll(self) -> float:
        """Returns the moment of the first poll, of `time.perf_counter`."""
        if not self.polled.wait(TIMEOUT):
            raise RuntimeApiError("the function never asked for an event")
        return self.first_poll

    def invoke(self, event: dict) -> Answer:
        """Hands out an event and returns the answer to it."""
        self.await_poll()
        body = json.dumps(event).encode()
        started = time.perf_counter()
        self.events.put({"body": body, "id": str(uuid.uuid4())})
        try:
            ended, failed, answer = self.answers.get(timeout=TIMEOUT)
        except queue.Empty:
            raise RuntimeApiError("the function never answered") from None
        return Answer(json.loads(answer or b"null"), failed, ended - started)

    def close(self) -> None:
        """Stops listening."""
        self.server.shutdown()
        self.server.server_close()

    def _next(self, handler: BaseHTTPRequestHandler) -> None:
        now = time.perf_counter()
        if self.first_poll is None:
            self.first_poll = now
            self.polled.set()
        event = self.events.get()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": event["id"],
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + TIMEOUT) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": FUNCTION,
            "Lambda-Runtime-Trace-Id": "Root=1-68a1b2c3-1a2b3c4d5e6f708192a3b4c5",
            "Content-Type": "application/json",
            "Content-Length": str(len(event["body"])),
        }
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(event["body"])

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = _read_chunks(handler.rfile)
        else:
            body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.answers.put((time.perf_counter(), handler.path.endswith("/error"), body))
        handler.send_response(202)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


def _read_chunks(stream) -> bytes:
    """Reads a chunked body."""
    body = b""
    while length := int(stream.readline(), 16):
        body += stream.read(length)
        stream.readline()
    stream.readline()
    return body
