"""Code versions from the code itself: an edited bound or kernel makes its assets stale, and nothing else."""

import ast
import hashlib
from functools import cache
from pathlib import Path

ENGINE = Path(__file__).parent.parent / "parlance"


def code_version(*modules: str) -> str:
    """12 hex digits of the code of engine modules or packages, such as `filters` or `sources.slack`.

    Comments and layout do not count. Nothing is imported.
    """
    digest = hashlib.sha256()
    for module in sorted(modules):
        path = ENGINE.joinpath(*module.split("."))
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        for file in files:
            digest.update(_code(file).encode())
    return digest.hexdigest()[:12]


@cache
def _code(file: Path) -> str:
    return ast.unparse(ast.parse(file.read_text(encoding="utf-8")))
