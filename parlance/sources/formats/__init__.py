"""The formats of dumps: one module each, which finds itself. A module with a `FORMAT` in this package is a format.

A format is recognised by what a file begins with, and by its name where that says nothing.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from parlance.sources.rows import Row


@dataclass(frozen=True, kw_only=True)
class Head:
    """What is known of a file before it is read.

    `start`: its first bytes, up to 64 KiB, uncompressed. `record`: the first object of JSON or row of Parquet; null
    where it
    holds neither.
    """

    name: str
    start: bytes
    record: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class Format:
    """`recognise` gives 0 (another format) to 100 (certain); `rows` gives raw rows of a `files.File`.

    `suffixes` are ends of file names in lower case, by which a file in an inbox is taken for a dump.
    """

    name: str
    suffixes: tuple[str, ...]
    recognise: Callable[[Head], int]
    rows: Callable[..., Iterator[Row]]


@cache
def formats() -> dict[str, Format]:
    """Every format by name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    named = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {format.name: format for format in sorted(named, key=lambda format: format.name)}
