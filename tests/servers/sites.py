"""A small world of web sites on loopback: hosts by name, what each path answers, and a log of who asked when."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Page:
    """An answer. `fault` is what goes wrong with it: `cut`, `reset`, `slow` or `stall`."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "text/html; charset=utf-8"
    fault: str = ""


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    at: float
    host: str
    path: str
    headers: Mapping[str, str]


Answer = Page | Callable[[int], Page]
Site = Mapping[str, Answer]


@dataclass
class World:
    """Sites by host name. A path's answer may depend on how often it was asked for before."""

    sites: Mapping[str, Site]
    origin: str = ""
    log: list[Asked] = field(default_factory=list)

    def asked(self, host: str, path: str | None = None) -> list[Asked]:
        return [one for one in self.log if one.host == host and path in (None, one.path)]

    @property
    def connect_to(self) -> dict[str, str]:
        """Every host of the world, connected to the server."""
        return {f"http://{host}": self.origin for host in self.sites}


def page(*links: str, text: str = "", head: str = "", **more: object) -> Page:
    """An HTML page with links."""
    anchors = "".join(f'<a href="{link}">{link}</a> ' for link in links)
    body = f"<html><head><title>t</title>{head}</head><body><p>{text}</p>{anchors}</body></html>"
    return Page(body=body.encode(), **more)  # type: ignore[arg-type]


def folder(root: Path) -> Site:
    """The files of a folder as a site, index.html for folders; ETags as their content has it."""
    found: dict[str, Answer] = {}
    types = {".html": "text/html; charset=utf-8", ".xml": "application/xml", ".txt": "text/plain", ".png": "image/png"}
    for file in sorted(root.rglob("*")):
        if file.is_file():
            path = "/" + file.relative_to(root).as_posix()
            answer = Page(body=file.read_bytes(), media_type=types.get(file.suffix, "application/octet-stream"))
            found[path] = answer
            if file.name == "index.html":
                found[path.removesuffix("index.html")] = answer
    return found


@contextmanager
def served(sites: Mapping[str, Site]) -> Iterator[World]:
    """The sites on one port of 127.0.0.1, told apart by the header Host."""
    world = World(sites=sites)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            return

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            host = self.headers.get("Host", "").partition(":")[0]
            with lock:
                before = len(world.asked(host, self.path))
                world.log.append(Asked(time.monotonic(), host, self.path, dict(self.headers)))
            answer = world.sites.get(host, {}).get(self.path, Page(status=404, body=b"nothing here"))
            self._send(answer if isinstance(answer, Page) else answer(before))

        def _send(self, answer: Page) -> None:
            etag = f'"{sha1(answer.body, usedforsecurity=False).hexdigest()}"'
            if answer.status == 200 and self.headers.get("If-None-Match") == etag:
                answer = Page(status=304)
            body = answer.body
            headers = {
                "Content-Type": answer.media_type,
                "Content-Length": str(len(body)),
                "ETag": etag,
                **answer.headers,
            }
            wanted = self.headers.get("Range")
            if wanted and answer.status == 200 and answer.media_type == "application/octet-stream":
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                span = slice(int(first), int(last) + 1 if last else len(body))
                headers |= {"Content-Range": f"bytes {span.start}-{min(span.stop, len(body)) - 1}/{len(body)}"}
                body, answer = body[span], Page(status=206, fault=answer.fault)
                headers["Content-Length"] = str(len(body))
            if headers.get("Content-Encoding") == "gzip":
                body = gzip.compress(body)
                headers["Content-Length"] = str(len(body))
            if answer.fault == "reset":
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in headers.items():
                self.send_header(name, value)
            if answer.media_type == "application/octet-stream" or answer.status == 206:
                self.send_header("Accept-Ranges", "bytes")
            self.end_headers()
            self._write(b"" if self.command == "HEAD" else body, answer.fault)

        def _write(self, body: bytes, fault: str) -> None:
            if fault == "cut":
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
            elif fault == "stall":
                self.wfile.flush()
                time.sleep(5)
                self.close_connection = True
            elif fault == "slow":
                for start in range(0, len(body), max(1, len(body) // 5)):
                    self.wfile.write(body[start : start + max(1, len(body) // 5)])
                    time.sleep(0.05)
            else:
                self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            return  # a client that went away is what some tests are about

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        world.origin = f"http://127.0.0.1:{server.server_port}"
        try:
            yield world
        finally:
            server.shutdown()
