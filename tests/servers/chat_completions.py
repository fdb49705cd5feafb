"""A chat-completions server on a real socket: a model that writes by a rule, with counts of tokens, and faults."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.servers.loopback import loopback

Json = dict[str, Any]
# A status with headers and a body in place of an answer; or "cut": the connection is closed without one.
Fault = tuple[int, dict[str, str], str] | str
WORDS = (
    "ledger", "invoice", "turbine", "cable", "harvest", "meadow", "printer", "badge", "pension", "lantern", "harbour",
    "compiler", "socket", "recipe", "window", "payroll", "budget", "visitor", "parking", "bicycle", "garden", "archive",
)  # fmt: skip


def invented(body: Json, *, words: int = 24) -> str:
    """Text that depends on all that was asked, and shares next to nothing with any other."""
    asked = json.dumps(body, sort_keys=True).encode()
    numbers = [int.from_bytes(hashlib.sha256(asked + bytes([place])).digest()[:4], "big") for place in range(words)]
    said = [f"{WORDS[number % len(WORDS)]}{number % 97}" for number in numbers]
    return f"{' '.join(said)}."


@dataclass
class Model:
    """What the server says; `log` has every request that was well-formed, `faults` come before answers, in order.

    `faulty` gives the fault of a request by what it asks, each time it is asked. After `dies_after` answers the server
    is gone: it closes each connection, that for the list of models included. `most_at_once` requests were side by side.
    """

    say: Callable[[Json], str] = invented
    finish: str = "stop"
    key: str = ""
    names: Sequence[str] = ("tiny",)
    faults: list[Fault] = field(default_factory=list)
    faulty: Callable[[Json], Fault | None] = lambda body: None
    dies_after: int | None = None
    pause_s: float = 0.0
    at_once: int = 0
    most_at_once: int = 0
    log: list[Json] = field(default_factory=list)
    url: str = ""
    tokens: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_dead(self) -> bool:
        return self.dies_after is not None and len(self.log) >= self.dies_after

    def fault(self, body: Json) -> Fault | None:
        with self.lock:
            if self.is_dead:
                return "cut"
            return self.faults.pop(0) if self.faults else self.faulty(body)

    def answer(self, path: str, authorization: str, body: Json) -> tuple[int, dict[str, str], str]:
        if path != "/v1/chat/completions":
            return 404, {}, '{"error": {"message": "no such path"}}'
        if self.key and authorization != f"Bearer {self.key}":
            return 401, {}, '{"error": {"message": "Incorrect API key provided"}}'
        if body.get("model") not in self.names:
            return 404, {}, '{"error": {"message": "The model does not exist"}}'
        roles = [message["role"] for message in body["messages"]]
        if roles not in (["user"], ["system", "user"]):
            return 400, {}, f'{{"error": {{"message": "roles {roles}"}}}}'
        text = self.say(body)
        usage = {
            "prompt_tokens": sum(len(message["content"].split()) + 4 for message in body["messages"]),
            "completion_tokens": min(len(text.split()), body.get("max_tokens") or body["max_completion_tokens"]),
        }
        with self.lock:
            self.log.append(body)
            self.tokens += sum(usage.values())
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": self.finish}
        found = {"id": "c", "object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}
        return 200, {}, json.dumps(found)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: Model

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.model.lock:
            self.model.at_once += 1
            self.model.most_at_once = max(self.model.most_at_once, self.model.at_once)
        time.sleep(self.model.pause_s)
        try:
            self._answered(body)
        finally:
            with self.model.lock:
                self.model.at_once -= 1

    def do_GET(self) -> None:
        if self.model.is_dead:
            self.close_connection = True
            return
        self._send(200, {}, json.dumps({"object": "list", "data": [{"id": name} for name in self.model.names]}))

    def _answered(self, body: Json) -> None:
        fault = self.model.fault(body)
        if fault == "cut":
            self.close_connection = True
            return
        authorization = self.headers.get("Authorization", "")
        status, headers, text = (
            self.model.answer(self.path, authorization, body) if not isinstance(fault, tuple) else fault
        )
        self._send(status, headers, text)

    def _send(self, status: int, headers: dict[str, str], text: str) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the log is the model's."""


@contextmanager
def served(model: Model) -> Iterator[Model]:
    """`model` on a free port as long as the block lasts; its `url` ends in /v1."""
    handler = type("Handler", (_Handler,), {"model": model})
    with loopback(handler) as url:
        model.url = f"{url}/v1"
        yield model
