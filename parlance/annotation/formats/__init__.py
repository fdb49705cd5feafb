"""The tools that people annotate with, one module each; a new module is found by itself.

A module has `HOW_TO`, how to import and export in a few sentences; `write(items, folder)`, one file for each annotator
with the tool's configuration beside them; `recognises(path)`; and `read(path)`, the answers in a file that the tool
exported.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol, cast

import polars as pl

from parlance.annotation.answers import Answer
from parlance.annotation.guide import Guide
from parlance.errors import ConfigError


class Format(Protocol):
    """What a module of this package offers."""

    HOW_TO: str
    write: Callable[[pl.DataFrame, Path], None]
    recognises: Callable[[Path], bool]
    read: Callable[[Path], Sequence[Answer]]


def formats() -> list[str]:
    """Names of the formats, sorted."""
    return sorted(module.name for module in iter_modules(__path__))


def export(items: pl.DataFrame, folder: Path, guide: Guide) -> None:
    """Writes `items` (rows of the ANNOTATION_ITEMS table) for every tool, with the guide and how to import them."""
    (folder / "annotation_guide.md").write_text(guide.text, encoding="utf-8")
    steps = []
    for name in formats():
        (folder / name).mkdir()
        _loaded(name).write(items, folder / name)
        steps.append(f"## {name}\n\n{_loaded(name).HOW_TO.strip()}\n")
    (folder / "README.md").write_text(_readme(items, guide, steps), encoding="utf-8")


def read(path: Path) -> tuple[str, list[Answer]]:
    """Which tool exported the file, and the answers in it. Raises ConfigError for a file that none of them wrote."""
    try:
        for name in formats():
            if _loaded(name).recognises(path):
                return name, list(_loaded(name).read(path))
    except (OSError, ValueError) as error:
        raise ConfigError(f"annotation file {str(path)!r} cannot be read: {error}") from error
    raise ConfigError(
        f"annotation file {str(path)!r} is of no known tool; known: {', '.join(formats())}. Export as JSON or JSON"
        " lines, with every column, and put other files elsewhere"
    )


def _readme(items: pl.DataFrame, guide: Guide, steps: Sequence[str]) -> str:
    lines = [
        "# Utterances to annotate\n",
        f"{items.height} utterances, annotation guide version {guide.version} (`annotation_guide.md`). Every annotator",
        "has a file of their own for each tool; use one tool. Give each utterance one form and one function. When",
        "done, put the exported files into the folder that the setting PARLANCE_ANNOTATIONS names.\n",
        *steps,
    ]
    return "\n".join(lines)


@cache
def _loaded(name: str) -> Format:
    return cast(Format, import_module(f"{__name__}.{name}"))
