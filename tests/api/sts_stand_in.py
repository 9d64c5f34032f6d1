"""A stand-in for AWS STS that verifies signatures, which neither MiniStack nor moto does.

    with StsStandIn() as sts:
        sts.know("AKIDEXAMPLE", "secret", "arn:aws:iam::111122223333:user/kim")

It answers `GetCallerIdentity` as the API reference has it. The signature is made again by botocore,
from the headers that the request says are signed. It can be made slow, silent, or too talkative.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)


@dataclass
class Known:
    """A principal, by its access key."""

    secret: str
    arn: str
    token: str | None = None
    expired: bool = False


@dataclass
class StsStandIn:
    """The stand-in, and how it behaves."""

    principals: dict[str, Known] = field(default_factory=dict)
    # Every request that came, as its headers.
    requests: list[dict[str, str]] = field(default_factory=list)
    # Seconds before it answers.
    delay: float = 0
    # What it answers instead: a status and a body.
    instead: tuple[int, bytes] | None = None

    def know(self, key: str, secret: str, arn: str, **more: Any) -> Credentials:
        """Makes the access key of a principal known, and returns it."""
        self.principals[key] = Known(secret, arn, **more)
        return Credentials(key, secret, more.get("token"))

    def __enter__(self) -> StsStandIn:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def host(self) -> str:
        """Returns where it listens, as requests name it."""
        return f"127.0.0.1:{self.server.server_port}"

    @property
    def url(self) -> str:
        """Returns its URL, without a slash at the end."""
        return f"http://{self.host}"

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Returns the answer to a request: a status and a body."""
        self.requests.append(headers)
        time.sleep(self.delay)
        if self.instead is not None:
            return self.instead
        form = {"Action": ["GetCallerIdentity"], "Version": ["2011-06-15"]}
        if parse_qs(body.decode()) != form:
            return refusal("InvalidAction")
        found = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if not found:
            return refusal("IncompleteSignature")
        key, date, region, service, signed, signature = found.groups()
        known = self.principals.get(key)
        if known is None or known.token != headers.get("x-amz-security-token"):
            return refusal("InvalidClientTokenId")
        if known.expired:
            return refusal("ExpiredToken")
        names = signed.split(";")
        at = headers["x-amz-date"]
        is_whole = {"host", "x-amz-date"} <= set(names) and at.startswith(date)
        request = AWSRequest("POST", f"http://{headers['host']}/", data=body)
        for name in names:
            request.headers[name] = headers.get(name, "")
        request.context["timestamp"] = at
        auth = SigV4Auth(Credentials(key, known.secret), service, region)
        text = auth.string_to_sign(request, auth.canonical_request(request))
        is_signed = service == "sts" and auth.signature(text, request) == signature
        if not is_whole or not is_signed:
            return refusal("SignatureDoesNotMatch")
        account = known.arn.split(":")[4]
        result = f"<Arn>{known.arn}</Arn><UserId>AIDAEXAMPLE</UserId><Account>{account}</Account>"
        answer = f"<GetCallerIdentityResult>{result}</GetCallerIdentityResult>"
        return 200, wrapped("GetCallerIdentityResponse", answer)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", 0)))
                status, answer = stand_in.answer(headers, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def refusal(code: str) -> tuple[int, bytes]:
    """Returns an error, as STS answers it."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>"
    return 403, wrapped("ErrorResponse", error)


def wrapped(name: str, content: str) -> bytes:
    """Returns a document of STS."""
    return f'<{name} xmlns="{NAMESPACE}">{content}</{name}>'.encode()
