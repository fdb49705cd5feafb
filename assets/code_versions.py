"""Code versions from the code itself: an edited bound or kernel makes its assets stale, and nothing else."""

import ast
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ENGINE = Path(__file__).parent.parent / "parlance"
# Every process that loads the definitions asks for all versions, each step of a run too, and 200 modules take a
# CPU-second to read. So they are kept as Python keeps what it compiles: while files have the same size and time.
REMEMBERED = Path(__file__).parent / "__pycache__" / "code_versions.json"
# A file that was just written may be written again within one tick of its file system's clock. What lies in the future
# was written by another clock, as the files of an image may be.
SETTLED_S = 2.0


def code_version(*modules: str) -> str:
    """12 hex digits of the code of engine modules or packages, such as `filters` or `sources.slack`.

    Comments and layout do not count. Nothing is imported.
    """
    files = [file for module in sorted(modules) for file in _files(module)]
    stats = [file.stat() for file in files]
    seen = repr([(str(file), stat.st_size, stat.st_mtime_ns) for file, stat in zip(files, stats, strict=True)])
    key = hashlib.sha256(seen.encode()).hexdigest()
    if (known := _remembered().get(key)) is not None:
        return known
    version = _version(files)
    if all(abs(time.time() - stat.st_mtime) > SETTLED_S for stat in stats):
        _remember(key, version)
    return version


def _files(module: str) -> list[Path]:
    path = ENGINE.joinpath(*module.split("."))
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def _version(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(_code(file).encode())
    return digest.hexdigest()[:12]


@cache
def _code(file: Path) -> str:
    return ast.unparse(ast.parse(file.read_text(encoding="utf-8")))


@cache
def _remembered() -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads(REMEMBERED.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # what is not there, or not whole, is made again
        return {}
    return known


def _remember(key: str, version: str) -> None:
    """Keeps a version for other processes; in a folder that is read-only they read the code again, as Python does."""
    _remembered()[key] = version
    try:
        REMEMBERED.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=REMEMBERED.parent) as scratch:
            Path(scratch, "new").write_text(json.dumps(_remembered()), encoding="utf-8")
            os.replace(Path(scratch, "new"), REMEMBERED)
    except OSError:
        return
