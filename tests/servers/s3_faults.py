"""Moto's S3 server behind a proxy that fails: by a seed, but never more than twice in a row for one object."""

import http.client
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fault = Literal["503", "500", "cut", "reset", "slow"]
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
IN_A_ROW = 2


@dataclass
class Proxy:
    """Which faults are injected, how often, and what was."""

    faults: tuple[Fault, ...] = ()
    share: float = 0.3
    seed: int = 1
    methods: tuple[str, ...] = ("GET", "PUT", "POST")
    url: str = ""
    injected: Counter[str] = field(default_factory=Counter)
    _row: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._lock = threading.Lock()

    def next(self, method: str, path: str) -> Fault | None:
        with self._lock:
            key = path.partition("?")[0]
            if not self.faults or method not in self.methods or self._row[key] >= IN_A_ROW:
                self._row[key] = 0
                return None
            if self._chance.random() > self.share:
                self._row[key] = 0
                return None
            fault = self._chance.choice(self.faults)
            self._row[key] += fault != "slow"
            self.injected[fault] += 1
            return fault


@contextmanager
def failing(behind: str) -> Iterator[Proxy]:
    """A proxy before the S3 server `behind` (`host:port`); set its `faults` when everything is in place."""
    proxy = Proxy()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            return

        def answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            fault = proxy.next(self.command, self.path)
            if fault == "reset":
                self.close_connection = True
                return
            if fault in ("503", "500"):
                self.send_response(int(fault))
                self.send_header("Content-Length", str(len(SLOW_DOWN)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(SLOW_DOWN)
                return
            if fault == "slow":
                time.sleep(0.2)
            connection = http.client.HTTPConnection(behind, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path, body=body, headers=headers)
            answered = connection.getresponse()
            data = answered.read()
            self.send_response(answered.status)
            for name, value in answered.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                    self.send_header(name, value)
            length = answered.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            if fault == "cut" and len(data) > 1:
                self.wfile.write(data[: len(data) // 2])
                self.close_connection = True
            elif self.command != "HEAD":
                self.wfile.write(data)
            connection.close()

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            logging.getLogger(__name__).debug("a client went away")

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxy.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield proxy
        finally:
            server.shutdown()
