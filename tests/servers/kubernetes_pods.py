"""As much of the Kubernetes API as pods need, on a real socket: a pod's first container is a process of this machine.

https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.33/: create, list, read the log of and delete pods.
"""

import datetime as dt
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.loopback import loopback

Json = dict[str, Any]


@dataclass
class Pod:
    """A pod as it was asked for, and its process."""

    body: Json
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S.%f}000Z {line}")
        self.process.wait()
        self.ended.set()

    def shown(self) -> Json:
        started = "2026-10-05T00:00:00Z"
        code = self.process.returncode if self.ended.is_set() else None
        state = (
            {"running": {"startedAt": started}}
            if code is None
            else {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}
        )
        container = self.body["spec"]["containers"][0]
        status = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0}
        return {**self.body, "status": {"containerStatuses": [{**status, "ready": code is None, "state": state}]}}


@dataclass
class Cluster:
    """Pods by name, every request that came, and the folder in which containers run."""

    folder: Path
    path: str
    pods: dict[str, Pod] = field(default_factory=dict)
    log: list[tuple[str, str, Json | None]] = field(default_factory=list)
    url: str = ""

    def create(self, body: Json) -> Json:
        container = body["spec"]["containers"][0]
        told = {one["name"]: one["value"] for one in container["env"]}
        process = subprocess.Popen(
            container["command"],
            cwd=self.folder,
            env={"PATH": self.path, "HOME": os.environ.get("HOME", "/"), **told},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        pod = Pod(body, process)
        threading.Thread(target=pod.read, daemon=True).start()
        self.pods[body["metadata"]["name"]] = pod
        return pod.shown()


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster

    def do_GET(self) -> None:
        parts, asked = self._asked(None)
        if parts[-1] == "log":
            return self._follow(self.cluster.pods[parts[-2]])
        name = asked["fieldSelector"][0].removeprefix("metadata.name=") if "fieldSelector" in asked else parts[-1]
        found = [self.cluster.pods[name].shown()] if name in self.cluster.pods else []
        return self._send(200, {"kind": "PodList", "apiVersion": "v1", "items": found})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._asked(body)
        self._send(201, self.cluster.create(body))

    def do_DELETE(self) -> None:
        parts, _ = self._asked(None)
        pod = self.cluster.pods.pop(parts[-1])
        pod.process.kill()
        self._send(200, pod.shown())

    def _asked(self, body: Json | None) -> tuple[list[str], dict[str, list[str]]]:
        split = urlsplit(self.path)
        self.cluster.log.append((self.command, split.path, body))
        return split.path.split("/"), parse_qs(split.query)

    def _follow(self, pod: Pod) -> None:
        self.send_response(200)
        self.end_headers()
        sent = 0
        while True:
            over = pod.ended.wait(0.05)
            for line in pod.lines[sent:]:
                self.wfile.write(line.encode())
            sent = len(pod.lines)
            self.wfile.flush()
            if over and sent == len(pod.lines):
                return

    def _send(self, status: int, found: Json) -> None:
        data = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the log is the cluster's."""


@contextmanager
def served(cluster: Cluster) -> Iterator[Cluster]:
    """`cluster` on a free port as long as the block lasts."""
    handler = type("Handler", (_Handler,), {"cluster": cluster})
    with loopback(handler) as url:
        cluster.url = url
        yield cluster
    for pod in cluster.pods.values():
        pod.process.kill()


def kubeconfig(cluster: Cluster, path: Path) -> Path:
    """Writes into `path` how `cluster` is reached."""
    named = {"name": "test"}
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [{**named, "cluster": {"server": cluster.url}}],
                "users": [{**named, "user": {}}],
                "contexts": [{**named, "context": {"cluster": "test", "user": "test"}}],
            }
        )
    )
    return path
