"""The memory of a process and all that it started, seen from outside."""

import subprocess
import time
from pathlib import Path

INTERVAL_S = 0.1


def peak_bytes(process: subprocess.Popen[str]) -> int:
    """Waits for the process; the largest sum of what it and its children held, or 0 if it never had a child.

    What several share counts once (proportional set size). A process alone knows its own peak exactly.
    """
    peak = 0
    while process.poll() is None:
        members = _members(process.pid)
        if len(members) > 1:
            peak = max(peak, sum(_held(member) for member in members))
        time.sleep(INTERVAL_S)
    return peak


def _members(root: int) -> list[int]:
    found, at = [root], 0
    while at < len(found):
        for children in Path(f"/proc/{found[at]}/task").glob("*/children"):
            found += [int(child) for child in _read(children).split()]
        at += 1
    return found


def _held(member: int) -> int:
    for line in _read(Path(f"/proc/{member}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: Path) -> str:
    """What stands in a file of `/proc`; nothing once its process has ended."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
