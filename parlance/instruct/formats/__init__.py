"""The layouts that trainers load, one module each; a new module is found by itself.

A module has `row(example)`, the layout's own columns, and `parse(row)`, the example that such a row says.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, cast

import polars as pl

from parlance.errors import ConfigError, SchemaError
from parlance.instruct.example import Example

_COLUMNS = ("id", "document_id", *Example._fields)


class Format(Protocol):
    """What a module of this package offers."""

    def row(self, example: Example) -> dict[str, Any]:
        """The columns of `example` in this layout."""

    def parse(self, row: Mapping[str, Any]) -> Example:
        """The example of a row; the inverse of `row` as far as the layout allows."""


def formats() -> list[str]:
    """Names of the formats, sorted."""
    return sorted(module.name for module in iter_modules(__path__))


def export(examples: pl.DataFrame, format: str) -> Iterator[str]:
    """`examples` as JSON lines without line ends, in their order.

    Each row also has `id` and `document_id`, for the way back to the messages: `datasets` keeps such columns and
    TRL passes over them.
    """
    module = _format(format)
    missing = [column for column in _COLUMNS if column not in examples.columns]
    if missing:
        raise SchemaError(f"examples lack the columns {missing}; needed: {list(_COLUMNS)}")
    return (
        json.dumps(module.row(Example(*texts)) | {"id": example_id, "document_id": document_id}, ensure_ascii=False)
        for example_id, document_id, *texts in examples.select(_COLUMNS).iter_rows()
    )


def parse(line: str, format: str) -> Example:
    """The example that a line of `export` says.

    Alpaca and landmarks give back all three texts; the chat layouts have one message for the question and its input,
    which comes back as the instruction.
    """
    module = _format(format)
    try:
        return module.parse(json.loads(line))
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaError(f"no row of format {format!r}: {line[:200]!r}") from error


def _format(name: str) -> Format:
    if name not in formats():
        raise ConfigError(f"unknown format {name!r}; known formats: {', '.join(formats())}")
    return _loaded(name)


@cache
def _loaded(name: str) -> Format:
    return cast(Format, import_module(f"{__name__}.{name}"))
