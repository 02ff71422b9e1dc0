"""A provider over HTTP on this machine, which keeps what it was posted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Posted:
    """One request."""

    path: str
    headers: Message
    body: bytes


class Provider:
    """Answers every request with ``status`` and ``answer`` (JSON)."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.status = 200
        self.answer: Any = {}
        self.posted: list[Posted] = []


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider that is there for the time of a ``with``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            here.posted.append(Posted(self.path, self.headers, body))
            answer = json.dumps(here.answer).encode()
            self.send_response(here.status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Provider(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
