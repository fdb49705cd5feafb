"""The part of Slack's Web API that writes messages, on a real socket: it keeps them, and fails as it is told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from tests.servers.loopback import loopback

TOKEN = "xoxb-1-test"
CHANNEL = "C0ALERTS"
NAME = "#alerts"


@dataclass
class Posts:
    """Messages by timestamp, as they were posted; one that is taken out was deleted.

    `failures`: the statuses of the next answers; `retry_after` is what those with 429 say.
    """

    base_url: str = ""
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[int] = field(default_factory=list)
    retry_after: str = "1"
    changes: int = 0
    posted: int = 0

    def texts(self) -> list[str]:
        return [str(message["text"]) for message in self.messages.values()]

    def shown(self) -> str:
        """Everything that people see."""
        return json.dumps(list(self.messages.values()), ensure_ascii=False)

    def answer(self, method: str, token: str, sent: dict[str, Any]) -> dict[str, Any]:
        if token != f"Bearer {TOKEN}":
            return {"ok": False, "error": "invalid_auth"}
        # Slack posts to a name too, and changes by the id alone.
        known = (CHANNEL, NAME) if method == "chat.postMessage" else (CHANNEL,)
        if sent.get("channel") not in known:
            return {"ok": False, "error": "channel_not_found"}
        if method == "chat.postMessage":
            ts = f"1790000000.{self.posted:06d}"
            self.messages[ts] = sent
            self.posted += 1
            return {"ok": True, "ts": ts, "channel": CHANNEL}
        if method == "chat.update" and sent.get("ts") in self.messages:
            self.messages[sent["ts"]] = sent
            self.changes += 1
            return {"ok": True, "ts": sent["ts"], "channel": CHANNEL}
        return {"ok": False, "error": "message_not_found"}


@contextmanager
def slack_posts() -> Iterator[Posts]:
    posts = Posts()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            is_json = "json" in (self.headers["Content-Type"] or "")
            sent = json.loads(body) if is_json else {name: values[0] for name, values in parse_qs(body).items()}
            status = posts.failures.pop(0) if posts.failures else 200
            method = self.path.rpartition("/")[2]
            answer = posts.answer(method, self.headers["Authorization"] or "", sent) if status == 200 else {"ok": False}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status == 429:
                self.send_header("Retry-After", posts.retry_after)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return

    with loopback(Handler) as origin:
        posts.base_url = f"{origin}/api/"
        yield posts
