"""What an HTTP API tells a function, and what it makes of the answer: payload format 2.0.

Follows https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from gateway_routes import Route

# Types whose bodies travel as text; every other travels as base64.
TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")
# What a proxy does not pass on.
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


class AnswerError(Exception):
    """A function's answer is not of the format."""


@dataclass(frozen=True)
class Request:
    """A client's request, whole."""

    method: str
    target: str
    """Path and query as they were sent."""
    headers: list[tuple[str, str]]
    body: bytes
    source_ip: str = "127.0.0.1"
    scheme: str = "https"

    @property
    def path(self) -> str:
        """Returns the path, decoded as API Gateway delivers it."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> str:
        """Returns the query as it was sent."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str:
        """Returns the values of a header, joined; empty if there is none."""
        return ",".join(value for key, value in self.headers if key.lower() == name)


@dataclass(frozen=True)
class Answer:
    """What the client gets."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def event(request: Request, route: Route, variables: dict[str, str], account: str) -> dict:
    """Returns the event of a request."""
    host = request.header("host")
    body, encoded = _body(request)
    now = time.time()
    told: dict = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": _headers(request, host),
        "requestContext": {
            "accountId": account,
            "apiId": "standin",
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip,
                "userAgent": request.header("user-agent"),
            },
            "requestId": uuid.uuid4().hex[:16],
            "routeKey": route.key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": encoded,
    }
    cookies = [each.strip() for each in request.header("cookie").split(";") if each.strip()]
    if cookies:
        told["cookies"] = cookies
    if request.query:
        told["queryStringParameters"] = _parameters(request.query)
    if variables:
        told["pathParameters"] = variables
    if request.body:
        told["body"] = body
    return told


def answer(payload: bytes) -> Answer:
    """Reads a function's answer."""
    try:
        told = json.loads(payload)
    except ValueError as error:
        raise AnswerError(f"not JSON: {error}") from error
    if not isinstance(told, dict) or "statusCode" not in told:
        # Whatever else a function says is the body of a 200.
        return Answer(200, [("content-type", "application/json")], payload)
    status = told["statusCode"]
    if not isinstance(status, int) or not 100 <= status <= 599:
        raise AnswerError(f"no status: {status!r}")
    headers = [
        (name.lower(), str(value))
        for name, value in (told.get("headers") or {}).items()
        if name.lower() not in HOP_BY_HOP
    ]
    headers += [("set-cookie", cookie) for cookie in told.get("cookies") or []]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    text = "" if told.get("body") is None else told["body"]
    if not isinstance(text, str):
        raise AnswerError("the body is no string")
    if not told.get("isBase64Encoded"):
        return Answer(status, headers, text.encode())
    try:
        return Answer(status, headers, base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise AnswerError(f"the body is not base64: {error}") from error


def _headers(request: Request, host: str) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, value in request.headers:
        key = name.lower()
        if key in HOP_BY_HOP or key == "cookie" or key.startswith("x-forwarded-"):
            continue
        told[key] = f"{told[key]},{value}" if key in told else value
    hop = f"by=203.0.113.1;for={request.source_ip};host={host};proto={request.scheme}"
    told["forwarded"] = f"{told['forwarded']}, {hop}" if "forwarded" in told else hop
    told["content-length"] = str(len(request.body))
    told["x-amzn-trace-id"] = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
    return told


def _parameters(query: str) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        told[name] = f"{told[name]},{value}" if name in told else value
    return told


def _body(request: Request) -> tuple[str, bool]:
    if not request.body:
        return "", False
    kind = request.header("content-type").lower()
    if kind.startswith(TEXT_TYPES) and not request.header("content-encoding"):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True
