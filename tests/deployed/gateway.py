"""Stands in for API Gateway: an HTTP API before the functions of a deployed stack.

It takes its routes from the template and is as strict as the real one: what the real one refuses
is refused here, so that a test that passes here does not fail there for a limit.

    with Gateway(Routes.of_template(template), invoke, account="123456789012") as gateway:
        requests.get(gateway.url + "/v2/")

`invoke` is called with a function's logical id and an event, and returns an `Invocation`.
Limits: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html and
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
"""

from __future__ import annotations

import json
import ssl
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer

from gateway_events import Answer, AnswerError, Request, answer, event
from gateway_routes import Routes

LARGEST_PAYLOAD = 10 * 1024 * 1024
LARGEST_HEAD = 10_240
LARGEST_EVENT = 6_291_456
LARGEST_RESPONSE = 6_291_456
SECONDS = 30.0
MOST_AT_ONCE = 100
PIECE = 65536
POLL_SECONDS = 0.02


class GatewayError(Exception):
    """The client's request can't be read."""


@dataclass(frozen=True)
class Invocation:
    """What Lambda says of one call of a function."""

    payload: bytes
    failed: bool = False
    """The function ended without an answer."""
    throttled: bool = False


@dataclass(frozen=True)
class Exchange:
    """One request that the gateway answered, for tests to look at."""

    method: str
    path: str
    status: int
    function: str | None
    """Logical id of the function that was called; `None` if the gateway answered by itself."""
    event_bytes: int
    millis: float


Invoke = Callable[[str, bytes], Invocation]


class Gateway:
    """The running stand-in, on a free port of 127.0.0.1."""

    def __init__(
        self,
        routes: Routes,
        invoke: Invoke,
        *,
        account: str,
        certificate: Path | None = None,
        key: Path | None = None,
        seconds: float = SECONDS,
        keeps_head_length: bool = True,
    ) -> None:
        """Starts to serve: TLS with a `certificate` and its `key`, else plain HTTP.

        `seconds` is how long a function may take. Whether the real gateway keeps the
        `Content-Length` of an answer to HEAD could not be seen: `keeps_head_length` is what a test
        supposes.
        """
        self.routes = routes
        self.invoke = invoke
        self.account = account
        self.seconds = seconds
        self.keeps_head_length = keeps_head_length
        self.scheme = "https" if certificate else "http"
        self.exchanges: list[Exchange] = []
        self._callers = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="invoke")
        self._server = _Server(self, certificate, key)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True
        )
        self._thread.start()

    @property
    def host(self) -> str:
        """Returns `127.0.0.1:PORT`, the name of the registry in image references."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Returns the base URL, without a slash at the end."""
        return f"{self.scheme}://{self.host}"

    def answers(self, method: str, status: int) -> int:
        """Returns how many requests of `method` were answered with `status`."""
        return sum(each.method == method and each.status == status for each in self.exchanges)

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()
        self._callers.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, request: Request) -> Answer:
        """Answers a request whose head and body are within the limits."""
        started = time.monotonic()
        found = self.routes.match(request.method, request.path)
        if found is None:
            return self._told(request, None, 0, started, _message(404, "Not Found"))
        route, variables = found
        told = event(request, route, variables, self.account)
        payload = json.dumps(told, separators=(",", ":")).encode()
        if len(payload) > LARGEST_EVENT:
            refusal = _message(413, "Request Entity Too Large")
            return self._told(request, None, len(payload), started, refusal)
        result = self._call(route.function, payload)
        return self._told(request, route.function, len(payload), started, result)

    def _call(self, function: str, payload: bytes) -> Answer:
        call = self._callers.submit(self.invoke, function, payload)
        try:
            done = call.result(self.seconds)
        except FutureTimeoutError:
            return _message(503, "Service Unavailable")
        if done.throttled:
            return _message(503, "Service Unavailable")
        if done.failed or len(done.payload) > LARGEST_RESPONSE:
            return _message(500, "Internal Server Error")
        try:
            return answer(done.payload)
        except AnswerError:
            return _message(500, "Internal Server Error")

    def _told(
        self, request: Request, function: str | None, size: int, started: float, result: Answer
    ) -> Answer:
        millis = (time.monotonic() - started) * 1000
        line = Exchange(request.method, request.path, result.status, function, size, millis)
        self.exchanges.append(line)
        return result


class _Server(ThreadingHTTPServer):
    """Carries the gateway to the handlers of its connections."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, gateway: Gateway, certificate: Path | None, key: Path | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.gateway = gateway
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate, key)

    def handle_error(self, request: object, client_address: object) -> None:
        """Tells what went wrong, unless a client went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    wbufsize = -1

    def __init__(self, request: object, address: object, server: BaseServer) -> None:
        assert isinstance(server, _Server)
        self.gateway = server.gateway
        self.source = str(address[0])
        if server.tls:
            # Here, not where connections are accepted: a slow handshake delays nobody else.
            request = server.tls.wrap_socket(request, server_side=True)
        super().__init__(request, address, server)

    def log_message(self, *_: object) -> None:
        """Logs nothing: `Gateway.exchanges` has it."""

    def _serve(self) -> None:
        head = len(self.requestline) + sum(len(k) + len(v) for k, v in self.headers.items())
        if head > LARGEST_HEAD:
            return self._refuse(431, "Request Header Fields Too Large")
        try:
            body = self._body()
        except GatewayError:
            return self._refuse(400, "Bad Request")
        if body is None:
            return self._say(413, "Request Entity Too Large")
        headers = list(self.headers.items())
        request = Request(self.command, self.path, headers, body, self.source, self.gateway.scheme)
        return self._send(self.gateway.answer(request))

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = _serve  # noqa: N815

    def _refuse(self, status: int, text: str) -> None:
        self.close_connection = True
        self._say(status, text)

    def _say(self, status: int, text: str) -> None:
        path = self.path.partition("?")[0]
        self.gateway.exchanges.append(Exchange(self.command, path, status, None, 0, 0.0))
        self._send(_message(status, text))

    def _body(self) -> bytes | None:
        """Reads the body; `None` if it is too large.

        All of it is read, though nobody could see what the real gateway does: regctl seeks in a
        file that it still sends, if it is refused before the end, and then sends other bytes.
        """
        if "chunked" in (self.headers.get("transfer-encoding") or "").lower():
            return self._chunks()
        length = self.headers.get("content-length") or "0"
        if not length.isdecimal():
            raise GatewayError(f"content-length {length!r}")
        body = bytearray()
        self._read(int(length), body)
        return bytes(body) if int(length) <= LARGEST_PAYLOAD else None

    def _chunks(self) -> bytes | None:
        body, length = bytearray(), 0
        while True:
            line = self.rfile.readline(1024).partition(b";")[0].strip()
            try:
                size = int(line, 16)
            except ValueError as error:
                raise GatewayError(f"chunk size {line!r}") from error
            length += size
            self._read(size, body)
            if self.rfile.readline(1024) != b"\r\n":
                raise GatewayError("a chunk has no end")
            if size == 0:
                return bytes(body) if length <= LARGEST_PAYLOAD else None

    def _read(self, length: int, body: bytearray) -> None:
        """Reads bytes, and keeps no more of them than a payload may have."""
        while length > 0:
            piece = self.rfile.read(min(length, PIECE))
            if not piece:
                raise GatewayError("the body was cut off")
            length -= len(piece)
            if len(body) <= LARGEST_PAYLOAD:
                body += piece

    def _send(self, result: Answer) -> None:
        length = str(len(result.body))
        if self.command == "HEAD" and self.gateway.keeps_head_length:
            length = dict(result.headers).get("content-length", length)
        self.send_response(result.status)
        for name, value in result.headers:
            if name not in ("content-length", "date", "server"):
                self.send_header(name, value)
        if result.status not in (204, 304):
            self.send_header("content-length", length)
        self.send_header("apigw-requestid", "standin")
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD" and result.status not in (204, 304):
            self.wfile.write(result.body)
        self.wfile.flush()


def _message(status: int, text: str) -> Answer:
    body = json.dumps({"message": text}, separators=(",", ":")).encode()
    return Answer(status, [("content-type", "application/json")], body)
