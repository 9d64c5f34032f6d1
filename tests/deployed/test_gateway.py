"""The stand-in for API Gateway is as strict as the real one."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import requests
from gateway import LARGEST_EVENT, LARGEST_PAYLOAD, Gateway, Invocation
from gateway_routes import Route, RouteError, Routes
from stack import translated

ROUTES = Routes(
    [
        Route("GET", "/v2/", "Pull"),
        Route("GET", "/v2/{proxy+}", "Pull"),
        Route("HEAD", "/v2/{proxy+}", "Pull"),
        Route("PUT", "/v2/{proxy+}", "Push"),
        Route("ANY", "/things/{thing}", "Thing"),
    ]
)


class Function:
    """Answers as it was told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.events: list[dict] = []
        self.names: list[str] = []
        self.answer: dict | bytes = {"statusCode": 200, "body": "fine"}
        self.wait: Callable[[], object] = lambda: None

    def __call__(self, name: str, payload: bytes) -> Invocation:
        self.names.append(name)
        self.events.append(json.loads(payload))
        self.wait()
        if isinstance(self.answer, bytes):
            return Invocation(self.answer)
        return Invocation(json.dumps(self.answer).encode())


@pytest.fixture
def function() -> Function:
    return Function()


@pytest.fixture
def gateway(function: Function) -> Iterator[Gateway]:
    with Gateway(ROUTES, function, account="123456789012", seconds=0.5) as running:
        yield running


def message(answer: requests.Response) -> tuple[int, object]:
    return answer.status_code, answer.json()


def raw(gateway: Gateway, text: bytes) -> int:
    """Sends bytes as they are, and returns the answer's status."""
    host, port = gateway.host.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(text)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status


def test_template_routes() -> None:
    """What the template routes where, by method."""
    routes = Routes.of_template(translated())
    expected = {
        ("GET", "/v2"): "PullFunction",
        ("GET", "/v2/"): "PullFunction",
        ("HEAD", "/v2/"): "PullFunction",
        ("GET", "/v2/a/b/blobs/x"): "PullFunction",
        ("HEAD", "/v2/a/b/blobs/x"): "PullFunction",
        ("POST", "/v2/a/blobs/uploads/"): "PushFunction",
        ("PUT", "/v2/a/manifests/x"): "PushFunction",
        ("PATCH", "/v2/a/blobs/uploads/1"): "PushFunction",
        ("DELETE", "/v2/a/manifests/x"): "DeleteFunction",
        ("GET", "/token"): "TokenFunction",
        ("POST", "/token"): "TokenFunction",
        ("POST", "/"): "EcrApiFunction",
        ("POST", "/session"): "SessionFunction",
    }
    for (method, path), name in expected.items():
        found = routes.match(method, path)
        assert found is not None, (method, path)
        assert found[0].function == name
    for method, path in [("GET", "/"), ("PUT", "/v2/"), ("OPTIONS", "/v2/a"), ("GET", "/v3/a")]:
        assert routes.match(method, path) is None


def test_whole_paths_come_before_greedy_ones() -> None:
    routes = Routes([Route("GET", "/{proxy+}", "Greedy"), Route("GET", "/a/b", "Whole")])
    assert routes.match("GET", "/a/b") == (Route("GET", "/a/b", "Whole"), {})
    assert routes.match("GET", "/a/c") == (Route("GET", "/{proxy+}", "Greedy"), {"proxy": "a/c"})
    assert routes.match("GET", "/") is None


def test_too_many_routes_are_refused() -> None:
    with pytest.raises(RouteError):
        Routes([Route("GET", f"/{number}", "F") for number in range(301)])


def test_unrouted(gateway: Gateway, function: Function) -> None:
    assert message(requests.get(gateway.url + "/v3")) == (404, {"message": "Not Found"})
    assert message(requests.delete(gateway.url + "/v2/a")) == (404, {"message": "Not Found"})
    assert not function.events


def test_event(gateway: Gateway, function: Function) -> None:
    """An event has the parts of format 2.0, the path decoded and the query as it was sent."""
    headers = {"X-Two": "1", "Cookie": "a=b; c=d", "X-Forwarded-For": "8.8.8.8"}
    requests.get(gateway.url + "/v2/a%2Fb/sha256%3Aff?n=1&n=2&e=%20", headers=headers)
    (event,) = function.events
    assert event["version"] == "2.0"
    assert event["routeKey"] == "GET /v2/{proxy+}"
    assert event["rawPath"] == "/v2/a/b/sha256:ff"
    assert event["rawQueryString"] == "n=1&n=2&e=%20"
    assert event["queryStringParameters"] == {"n": "1,2", "e": " "}
    assert event["pathParameters"] == {"proxy": "a/b/sha256:ff"}
    assert event["cookies"] == ["a=b", "c=d"]
    assert event["headers"]["x-two"] == "1"
    assert "cookie" not in event["headers"]
    assert "x-forwarded-for" not in event["headers"]
    assert f"for=127.0.0.1;host={gateway.host};proto=http" in event["headers"]["forwarded"]
    assert event["requestContext"]["domainName"] == gateway.host
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event["isBase64Encoded"] is False
    assert "body" not in event


def test_repeated_headers_are_joined(gateway: Gateway, function: Function) -> None:
    raw(gateway, b"GET /v2/ HTTP/1.1\r\nHost: h\r\nAccept: a/b\r\nAccept: c/d\r\n\r\n")
    assert function.events[0]["headers"]["accept"] == "a/b,c/d"


@pytest.mark.parametrize(
    ("kind", "body", "encoded"),
    [
        ("application/json", b"{}", False),
        ("text/plain; charset=utf-8", b"hello", False),
        ("text/plain", b"\xff\xfe", True),
        ("application/vnd.oci.image.manifest.v1+json", b"{}", True),
        ("application/x-www-form-urlencoded", b"a=b", True),
        ("application/octet-stream", b"\x00", True),
        (None, b"x", True),
    ],
)
def test_bodies(
    gateway: Gateway, function: Function, kind: str | None, body: bytes, encoded: bool
) -> None:
    """Only a few types travel as text."""
    headers = {"Content-Type": kind} if kind else {}
    requests.put(gateway.url + "/v2/a", data=body, headers=headers)
    (event,) = function.events
    assert event["isBase64Encoded"] is encoded
    expected = base64.b64encode(body).decode() if encoded else body.decode()
    assert event["body"] == expected


def test_chunked_body(gateway: Gateway, function: Function) -> None:
    """A chunked body arrives whole, with its length."""
    requests.put(gateway.url + "/v2/a", data=iter([b"ab", b"cd"]))
    (event,) = function.events
    assert base64.b64decode(event["body"]) == b"abcd"
    assert event["headers"]["content-length"] == "4"
    assert "transfer-encoding" not in event["headers"]


def test_payload_over_ten_megabytes(gateway: Gateway, function: Function) -> None:
    refused = (413, {"message": "Request Entity Too Large"})
    body = bytes(LARGEST_PAYLOAD + 1)
    assert message(requests.put(gateway.url + "/v2/a", data=body)) == refused
    assert message(requests.put(gateway.url + "/v2/a", data=iter([body]))) == refused
    assert not function.events
    assert gateway.answers("PUT", 413) == 2


def test_event_over_six_megabytes(gateway: Gateway, function: Function) -> None:
    """The limit is that of the event, in which a body is base64."""
    assert requests.put(gateway.url + "/v2/a", data=bytes(4_700_000)).status_code == 200
    answer = requests.put(gateway.url + "/v2/a", data=bytes(LARGEST_EVENT * 3 // 4))
    assert message(answer) == (413, {"message": "Request Entity Too Large"})
    assert len(function.events) == 1
    assert gateway.answers("PUT", 413) == 1


def test_response_over_six_megabytes(gateway: Gateway, function: Function) -> None:
    function.answer = {"statusCode": 200, "body": "x" * 6_291_300}
    assert requests.get(gateway.url + "/v2/").status_code == 200
    function.answer = {"statusCode": 200, "body": "x" * 6_291_456}
    refused = (500, {"message": "Internal Server Error"})
    assert message(requests.get(gateway.url + "/v2/")) == refused


def test_long_head(gateway: Gateway, function: Function) -> None:
    """The request line and the headers together have 10,240 bytes at most."""
    assert requests.get(gateway.url + "/v2/", headers={"X": "x" * 9_900}).status_code == 200
    assert requests.get(gateway.url + "/v2/", headers={"X": "x" * 10_240}).status_code == 431
    assert requests.get(gateway.url + "/v2/" + "x" * 10_240).status_code == 431
    assert len(function.events) == 1


def test_slow_function(gateway: Gateway, function: Function) -> None:
    done = threading.Event()
    function.wait = lambda: done.wait(10)
    started = time.monotonic()
    answer = requests.get(gateway.url + "/v2/")
    done.set()
    assert message(answer) == (503, {"message": "Service Unavailable"})
    assert 0.5 <= time.monotonic() - started < 5


@pytest.mark.parametrize("kind", ["failed", "throttled"])
def test_function_without_answer(kind: str) -> None:
    expected = {"failed": (500, "Internal Server Error"), "throttled": (503, "Service Unavailable")}
    invocation = Invocation(b"{}", failed=True, throttled=kind == "throttled")
    with Gateway(ROUTES, lambda *_: invocation, account="1") as gateway:
        status, text = expected[kind]
        assert message(requests.get(gateway.url + "/v2/")) == (status, {"message": text})


@pytest.mark.parametrize(
    "answer",
    [b"no json", b'{"statusCode": "200"}', {"statusCode": 200, "body": {}}]
    + [{"statusCode": 200, "body": "%", "isBase64Encoded": True}],
)
def test_malformed_answers(gateway: Gateway, function: Function, answer: dict | bytes) -> None:
    function.answer = answer
    refused = (500, {"message": "Internal Server Error"})
    assert message(requests.get(gateway.url + "/v2/")) == refused


def test_answer(gateway: Gateway, function: Function) -> None:
    function.answer = {
        "statusCode": 401,
        "headers": {"WWW-Authenticate": 'Bearer realm="x"', "Content-Length": "99"},
        "cookies": ["a=b", "c=d"],
        "body": base64.b64encode(b"\x00\xff").decode(),
        "isBase64Encoded": True,
    }
    answer = requests.get(gateway.url + "/v2/")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="x"'
    assert answer.headers["content-length"] == "2"
    assert answer.cookies.get_dict() == {"a": "b", "c": "d"}
    assert answer.content == b"\x00\xff"


def test_answer_without_status(gateway: Gateway, function: Function) -> None:
    """What has no status is the body of a 200."""
    function.answer = {"hello": "you"}
    assert message(requests.get(gateway.url + "/v2/")) == (200, {"hello": "you"})


@pytest.mark.parametrize(("keeps", "length"), [(True, "1234"), (False, "0")])
def test_head(function: Function, keeps: bool, length: str) -> None:
    """HEAD has no body; whether its length is kept is the test's choice."""
    function.answer = {"statusCode": 200, "headers": {"content-length": "1234"}}
    with Gateway(ROUTES, function, account="1", keeps_head_length=keeps) as gateway:
        answer = requests.head(gateway.url + "/v2/a")
    assert answer.headers["content-length"] == length
    assert answer.content == b""
    assert function.events[0]["requestContext"]["http"]["method"] == "HEAD"


def test_connections_are_kept(gateway: Gateway) -> None:
    with requests.Session() as session:
        for _ in range(3):
            assert session.get(gateway.url + "/v2/").status_code == 200
        assert session.put(gateway.url + "/v2/a", data=b"x").status_code == 200
        assert "close" not in session.get(gateway.url + "/v2/").headers.get("connection", "")


def test_requests_run_at_once(function: Function) -> None:
    """Ten calls meet in the function: none waits for another."""
    meeting = threading.Barrier(10)
    function.wait = lambda: meeting.wait(20)
    with Gateway(ROUTES, function, account="1") as gateway:
        statuses: list[int] = []

        def call() -> None:
            statuses.append(requests.get(gateway.url + "/v2/").status_code)

        threads = [threading.Thread(target=call) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 10


@pytest.mark.parametrize(
    "text",
    [
        b"PUT /v2/a HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        b"PUT /v2/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_malformed_requests(gateway: Gateway, function: Function, text: bytes) -> None:
    assert raw(gateway, text) == 400
    assert not function.events
