"""A proxy that counts the calls of a function to AWS."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from ministack import MiniStack

# What stands between a client and a proxy, and not behind it.
HOP = {"connection", "transfer-encoding", "expect"}


class CallCounter:
    """Passes calls on to MiniStack, and counts them by name. Its `endpoint` speaks plain HTTP."""

    def __init__(self, aws: MiniStack) -> None:
        """Listens on a port of its own."""
        self.counted: Counter[str] = Counter()
        self.port = aws.port
        self.trust = ssl.create_default_context(cafile=str(aws.ca_file))
        counter = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_call(self) -> None:
                counter._pass_on(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_call

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def taken(self) -> str:
        """Returns what was counted since the last time, as `GetItem 2, PutObject`."""
        counted, self.counted = self.counted, Counter()
        names = sorted(counted.items())
        return ", ".join(name if number == 1 else f"{name} {number}" for name, number in names)

    def close(self) -> None:
        """Stops listening."""
        self.server.shutdown()
        self.server.server_close()

    def _pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        self.counted[name_of(handler)] += 1
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {k: v for k, v in handler.headers.items() if k.lower() not in HOP}
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.trust)
        try:
            connection.request(handler.command, handler.path, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            handler.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP | {"content-length", "date", "server"}:
                    handler.send_header(name, value)
            length = answer.getheader("Content-Length") if handler.command == "HEAD" else None
            handler.send_header("Content-Length", length or str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)
        finally:
            connection.close()


def name_of(handler: BaseHTTPRequestHandler) -> str:
    """Returns the name of a call: its target, or what S3 calls the method."""
    target = handler.headers.get("X-Amz-Target")
    if target:
        return target.rsplit(".", 1)[-1]
    query = parse_qs(urlsplit(handler.path).query, keep_blank_values=True)
    # The SDK says which operation it means.
    return query.get("x-id", [f"{handler.command} object"])[0]
