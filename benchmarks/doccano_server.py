"""A doccano of one's own on loopback: its web server, its task queue, its SQLite, and a client of its REST API."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peers

ADMIN, PASSWORD = "admin", "correct-horse-9"
START_S, TASK_S = 120, 120


@dataclass(frozen=True, kw_only=True)
class Client:
    """Requests as one user."""

    url: str
    token: str = ""

    def json(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.send(method, path, data, "application/json") or b"null")

    def file(self, path: str, field: str, name: str, content: bytes) -> bytes:
        """Posts one file as a form does."""
        mark = uuid.uuid4().hex
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        form = (
            f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + content + f"\r\n--{mark}--\r\n".encode()
        )
        return self.send("POST", path, form, f"multipart/form-data; boundary={mark}")

    def send(self, method: str, path: str, data: bytes | None, kind: str) -> bytes:
        headers = {"Content-Type": kind, **({"Authorization": f"Token {self.token}"} if self.token else {})}
        request = urllib.request.Request(f"{self.url}{path}", data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read()[:500]!r}") from error

    def log_in(self, name: str, password: str = PASSWORD) -> "Client":
        found = self.json("POST", "/v1/auth/login/", {"username": name, "password": password})
        return Client(url=self.url, token=found["key"])

    def wait(self, task: str) -> Any:
        """The result of a task of the queue."""
        end = time.monotonic() + TASK_S
        while time.monotonic() < end:
            found = self.json("GET", f"/v1/tasks/status/{task}")
            if found["ready"]:
                return found
            time.sleep(0.5)
        raise RuntimeError(f"task {task} was not done after {TASK_S} s")


@contextmanager
def running(home: Path) -> Iterator[Client]:
    """A server with an empty database in `home`, and a client of its administrator; both end with the block."""
    python = peers.python("doccano")
    if python is None:
        raise SystemExit("doccano is not installed: python -m benchmarks.peers makes its environment")
    environment = _environment(home)
    code = "import backend; print(list(backend.__path__)[0])"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True, cwd=home)
    backend, port = Path(found.stdout.strip()), _free_port()
    doccano = [str(python.with_name("doccano"))]
    for command in (["init"], ["createuser", "--username", ADMIN, "--password", PASSWORD]):
        subprocess.run([*doccano, *command], check=True, env=environment, capture_output=True, cwd=home)
    # `doccano webserver` would listen on every interface; this is what it starts, on loopback alone.
    web = [str(python.with_name("gunicorn")), "--bind", f"127.0.0.1:{port}", "--workers", "2", "--chdir", str(backend)]
    with (home / "web.log").open("wb") as web_log, (home / "tasks.log").open("wb") as task_log:
        processes = [
            subprocess.Popen([*web, "config.wsgi"], env=environment, stdout=web_log, stderr=web_log, cwd=home),
            subprocess.Popen(
                [*doccano, "task", "--concurrency", "1"], env=environment, stdout=task_log, stderr=task_log, cwd=home
            ),
        ]
        try:
            client = Client(url=f"http://127.0.0.1:{port}")
            _wait_for(client)
            yield client.log_in(ADMIN)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(timeout=30)


def _environment(home: Path) -> Mapping[str, str]:
    return {
        **os.environ,
        "DOCCANO_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "STANDALONE": "True",
        "DATABASE_URL": f"sqlite:///{home}/db.sqlite3",
        "MEDIA_ROOT": str(home / "media"),
        "SECRET_KEY": uuid.uuid4().hex,
    }


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(client: Client) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            client.log_in(ADMIN)
        except (RuntimeError, OSError):
            time.sleep(1)
        else:
            return
    raise RuntimeError(f"doccano did not answer within {START_S} s")
