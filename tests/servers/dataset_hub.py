"""A hub of data sets on a real socket: the part of the Hugging Face API that an upload of a folder calls."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from tests.servers.loopback import loopback

Json = dict[str, Any]


@dataclass
class Repository:
    """Files of the last commit by path, and the messages of all commits."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)

    @property
    def head(self) -> str:
        return hashlib.sha1(f"{len(self.commits)}{sorted(self.files)}".encode()).hexdigest()


class RefusedError(Exception):
    """The hub refuses: the status, why, and what else the answer says."""

    def __init__(self, status: int, why: str, **more: str) -> None:
        super().__init__(why)
        self.status, self.why, self.more = status, why, more


@dataclass
class Hub:
    """Repositories by name, for whoever brings `token`. Parquet goes through LFS, as on the real hub."""

    token: str = "hf_right"
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    failing: int = 0
    storage_fails: bool = False
    url: str = ""

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, object]:
        self.log.append(f"{method} {path}")
        if self.failing:
            return self.failing, {"error": "out of order"}
        if method == "PUT" and self.storage_fails:
            return 507, {"error": "disk full"}
        if method == "PUT":  # the address was given out, and is the permission
            self.objects[path.rpartition("/")[2]] = body
            return 200, {}
        if authorization != f"Bearer {self.token}":
            return 401, {"error": "Invalid username or password."}
        try:
            return 200, self._called(method, path.strip("/").split("/"), body)
        except RefusedError as error:
            return error.status, {"error": error.why, **error.more}

    def _called(self, method: str, parts: list[str], body: bytes) -> object:  # noqa: PLR0911 - one for each endpoint
        match method, parts:
            case "POST", ["api", "repos", "create"]:
                return self._create(json.loads(body))
            case "POST", ["api", "validate-yaml"]:
                return _validated(json.loads(body))
            case "GET", ["api", "datasets", owner, name] | ["api", "datasets", owner, name, "revision", "main"]:
                found = self._repository(f"{owner}/{name}")
                return {
                    "id": f"{owner}/{name}",
                    "private": found.private,
                    "sha": found.head,
                    "siblings": [],
                    "tags": [],
                }
            case "GET", ["api", "datasets", owner, name, "tree", "main"]:
                files = self._repository(f"{owner}/{name}").files
                return [{"type": "file", "path": path, "size": len(data), "oid": "0"} for path, data in files.items()]
            case "POST", ["api", "datasets", owner, name, "preupload", "main"]:
                self._repository(f"{owner}/{name}")
                return {"files": [_mode(file["path"]) for file in json.loads(body)["files"]]}
            case "POST", ["datasets", _, _, "info", "lfs", "objects", "batch"]:
                return {"transfer": "basic", "objects": [self._object(one) for one in json.loads(body)["objects"]]}
            case "POST", ["api", "datasets", owner, name, "commit", "main"]:
                return self._commit(f"{owner}/{name}", [json.loads(line) for line in body.splitlines()])
        raise RefusedError(404, "Not found")

    def _repository(self, name: str) -> Repository:
        if name not in self.repositories:
            raise RefusedError(404, "Repository not found")
        return self.repositories[name]

    def _create(self, asked: Json) -> Json:
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.repositories:
            url = f"{self.url}/datasets/{name}"
            raise RefusedError(409, "You already created this dataset repo", url=url)
        self.repositories[name] = Repository(private=asked.get("visibility") == "private")
        return {"url": f"{self.url}/datasets/{name}", "name": name}

    def _object(self, asked: Json) -> Json:
        if asked["oid"] in self.objects:
            return asked
        return asked | {"actions": {"upload": {"href": f"{self.url}/objects/{asked['oid']}"}}}

    def _commit(self, name: str, lines: list[Json]) -> Json:
        repository = self._repository(name)
        files = dict(repository.files)
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self._uploaded(value)
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        repository.files = files
        repository.commits.append(lines[0]["value"]["summary"])
        return {"commitUrl": f"{self.url}/datasets/{name}/commit/{repository.head}", "commitOid": repository.head}

    def _uploaded(self, value: Json) -> bytes:
        data = self.objects.get(value["oid"], b"")
        if hashlib.sha256(data).hexdigest() != value["oid"]:
            raise RefusedError(400, f"{value['path']} was not uploaded")
        return data


def _mode(path: str) -> Json:
    return {"path": path, "uploadMode": "lfs" if path.endswith(".parquet") else "regular", "shouldIgnore": False}


def _validated(asked: Json) -> Json:
    head = asked["content"].split("---\n")[1]
    if not isinstance(yaml.safe_load(head), dict):
        raise RefusedError(400, "no front matter")
    return {"errors": [], "warnings": []}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def _serve(self) -> None:
        body = self._body()
        path = unquote(urlsplit(self.path).path)
        status, found = self.hub.answer(self.command, path, self.headers.get("Authorization", ""), body)
        data = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the log is the hub's."""


@contextmanager
def served(hub: Hub) -> Iterator[Hub]:
    """`hub` on a free port as long as the block lasts."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    with loopback(handler) as url:
        hub.url = url
        yield hub
