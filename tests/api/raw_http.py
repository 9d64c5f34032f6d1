"""Requests written byte by byte, as HTTP libraries refuse to: headers twice, paths as they are."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any

from berth_server import BerthServer


@dataclass(frozen=True)
class RawAnswer:
    """What was answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """Returns the body as JSON."""
        return json.loads(self.body)


def ask(
    berth: BerthServer,
    method: str,
    target: str | bytes,
    headers: list[tuple[str, str]],
    body: bytes = b"",
) -> RawAnswer:
    """Sends a request on a connection of its own; adds nothing to it but `Connection: close`."""
    path = target if isinstance(target, bytes) else target.encode()
    lines = [f"{name}: {value}".encode() for name, value in [*headers, ("Connection", "close")]]
    head = b"\r\n".join([method.encode() + b" " + path + b" HTTP/1.1", *lines, b"", b""])
    port = int(berth.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head + body)
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        return RawAnswer(answer.status, answer.headers, answer.read())


def basic(user: str, password: str) -> tuple[str, str]:
    """Returns a header of Basic credentials."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return ("Authorization", f"Basic {pair}")
