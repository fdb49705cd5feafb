"""The web UI of a workspace as `make ui` runs it: web server, daemon, code server, and the server of reports."""

import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.orchestration.conftest import ROOT, Workspace

LOADED = "{workspaceOrError{...on Workspace{locationEntries{loadStatus locationOrLoadError{__typename}}}}}"
# As a script starts it: SIGINT does nothing, SIGTERM must.
IN_BACKGROUND = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")


@dataclass(frozen=True)
class WebUI:
    """`url` ends without a slash."""

    workspace: Workspace
    url: str


def copied(workspace: Workspace, folder: Path) -> Workspace:
    """The workspace in another folder, where the registry of models too names the new one."""
    shutil.copytree(workspace.home, folder / "home", symlinks=True)
    copy = Workspace(folder / "home")
    with sqlite3.connect(copy.home / "mlflow.db") as registry:
        registry.create_function("moved", 1, lambda text: text.replace(str(workspace.home), str(copy.home)))
        for table, column in _texts(registry):
            there = f'"{column}" like ?'
            registry.execute(
                f'update "{table}" set "{column}" = moved("{column}") where {there}', (f"%{workspace.home}%",)
            )
    return copy


@contextmanager
def web_ui(workspace: Workspace, log: Path, *, limit_s: float = 300) -> Iterator[WebUI]:
    """Runs it as long as the block lasts; afterwards no process of the workspace is left, or the test fails."""
    port, report_port = _free_ports(2)
    command = [*IN_BACKGROUND, sys.executable, "-m", "orchestration.ui"]
    command += ["--port", str(port), "--report-port", str(report_port)]
    environment = workspace.environment | {"PARLANCE_REPORT_URL": f"http://127.0.0.1:{report_port}"}
    with log.open("wb") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT)
    try:
        _wait_until_loaded(f"http://127.0.0.1:{port}", process, log, limit_s=limit_s)
        yield WebUI(workspace, f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(workspace.processes(), timeout=90)
        for one in left:
            one.kill()
        process.wait()
    assert left == [], f"SIGTERM did not end them; see {log}"


def _wait_until_loaded(url: str, process: subprocess.Popen[bytes], log: Path, *, limit_s: float) -> None:
    until = time.monotonic() + limit_s
    body = json.dumps({"query": LOADED}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})
    while time.monotonic() < until:
        assert process.poll() is None, f"ended with {process.returncode}; see {log}"
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
        except urllib.error.URLError:  # it does not listen yet
            entries = []
        if entries and all(entry["loadStatus"] == "LOADED" for entry in entries):
            assert {entry["locationOrLoadError"]["__typename"] for entry in entries} == {"RepositoryLocation"}, entries
            return
        time.sleep(0.5)
    raise AssertionError(f"no code location after {limit_s} s; see {log}")


def _free_ports(count: int) -> list[int]:
    """Different ones, since all are held until all are known."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


def _texts(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Every column of text, with its table."""
    tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
    columns = {name: database.execute(f'pragma table_info("{name}")').fetchall() for name in tables}
    return [(name, row[1]) for name, rows in columns.items() for row in rows if "CHAR" in row[2] or "TEXT" in row[2]]
