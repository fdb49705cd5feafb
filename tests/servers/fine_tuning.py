"""A fine-tuning API on a real socket: files, jobs that take a few looks to end, their events, and faults."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.loopback import loopback

Json = dict[str, Any]
PAGE = 2  # so that what is looked for is not on the first page


@dataclass
class Account:
    """Files, jobs (the newest first) and events of one customer.

    `faults` come in place of answers, in order: a status with headers and a body; "cut", which closes the connection
    before anything was done; or "lost", which does what was asked and closes it before the answer.
    """

    key: str = ""
    fails_with: str = ""
    looks: int = 2
    files: list[Json] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    jobs: list[Json] = field(default_factory=list)
    events: dict[str, list[Json]] = field(default_factory=dict)
    faults: dict[str, list[Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def upload(self, name: str, purpose: str, content: bytes) -> Json:
        file = {"id": f"file-{len(self.files)}", "filename": name, "bytes": len(content), "purpose": purpose}
        self.files.insert(0, file)
        self.contents[file["id"]] = content
        return file

    def create(self, asked: Json) -> Json:
        number = len(self.jobs)
        job = {**asked, "id": f"ftjob-{number}", "status": "queued", "fine_tuned_model": None, "error": None}
        self.jobs.insert(0, {**job, "left": self.looks})
        self.events[job["id"]] = []
        self.say(job["id"], "Created fine-tuning job")
        return job

    def look(self, id: str) -> Json | None:
        job = next((one for one in self.jobs if one["id"] == id), None)
        if job is None or job["status"] in ("succeeded", "failed"):
            return job
        job["left"] -= 1
        self.say(id, f"Step {self.looks - job['left']}/{self.looks}")
        job["status"] = "running"
        if job["left"] <= 0 and self.fails_with:
            job |= {"status": "failed", "error": {"code": "invalid", "message": self.fails_with}}
        elif job["left"] <= 0:
            model = f"ft:{job['model']}:{job['suffix']}:{id}"
            job |= {"status": "succeeded", "fine_tuned_model": model, "trained_tokens": 4321}
        return job

    def say(self, id: str, message: str) -> None:
        self.events[id].insert(0, {"id": f"{id}-{len(self.events[id])}", "message": message, "level": "info"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    account: Account

    def do_GET(self) -> None:
        self._served(b"")

    def do_POST(self) -> None:
        self._served(self.rfile.read(int(self.headers["Content-Length"])))

    def _served(self, body: bytes) -> None:
        path = urlsplit(self.path).path.removeprefix("/v1")
        account, asked = self.account, f"{self.command} {path}"
        with account.lock:
            account.log.append(asked)
            waiting = account.faults.get(asked, [])
            fault = waiting.pop(0) if waiting else None
            if fault == "cut":
                self.close_connection = True
                return
            status, headers, found = fault if isinstance(fault, tuple) else self._answer(asked, path, body)
        if fault == "lost":
            self.close_connection = True
            return
        data = (found if isinstance(found, str) else json.dumps(found)).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _answer(self, asked: str, path: str, body: bytes) -> tuple[int, dict[str, str], Any]:
        account = self.account
        method = self.command
        if account.key and self.headers.get("Authorization") != f"Bearer {account.key}":
            return 401, {}, {"error": {"message": "Incorrect API key provided"}}
        found: Any
        match [method, *path.strip("/").split("/")]:
            case ["GET", "files"]:
                found = self._page(account.files)
            case ["POST", "files"]:
                found = account.upload(*self._form(body))
            case ["GET", "fine_tuning", "jobs"]:
                found = self._page(account.jobs)
            case ["POST", "fine_tuning", "jobs"]:
                found = account.create(json.loads(body))
            case ["GET", "fine_tuning", "jobs", id]:
                found = account.look(id)
            case ["GET", "fine_tuning", "jobs", id, "events"]:
                found = {"data": account.events[id]}
            case _:
                return 404, {}, {"error": {"message": f"no such path: {asked}"}}
        return 200, {}, found

    def _page(self, rows: list[Json]) -> Json:
        after = parse_qs(urlsplit(self.path).query).get("after", [""])[0]
        start = next((place + 1 for place, row in enumerate(rows) if row["id"] == after), 0)
        return {"data": rows[start : start + PAGE], "has_more": start + PAGE < len(rows)}

    def _form(self, body: bytes) -> tuple[str, str, bytes]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = BytesParser().parsebytes(head + body).get_payload()
        by_name = {part.get_param("name", header="content-disposition"): part for part in parts}
        file = by_name["file"]
        return file.get_filename(), by_name["purpose"].get_payload(), file.get_payload(decode=True)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the log is the account's."""


@contextmanager
def served(account: Account) -> Iterator[Account]:
    """`account` on a free port as long as the block lasts; its `url` ends in /v1."""
    handler = type("Handler", (_Handler,), {"account": account})
    with loopback(handler) as url:
        account.url = f"{url}/v1"
        yield account
