"""The layouts that trainers load, one module each; a new module is found by itself.

A module has `row(chat)`, the layout's own columns, `parse(row)`, the messages that such a row says, `SCHEMA`, the types
of its columns, `HOLDS_TURNS`, and how LLaMA-Factory and axolotl are told about it.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, cast

import polars as pl
import pyarrow as pa

from parlance.errors import ConfigError, SchemaError
from parlance.instruct.chat import Chat, Messages, read

# Each row also says which example it is, for the way back to the messages, and whether it was generated: `datasets`
# keeps such columns and trainers pass over them.
MARKS = ("id", "document_id", "kind", "source")
_COLUMNS = (*MARKS, "messages", "instruction", "input", "output")


class Format(Protocol):
    """What a module of this package offers.

    `HOLDS_TURNS`: dialogues of several turns come back from a row as they went in; a layout without says in its input
    what was said before. `LLAMA_FACTORY` is its entry in `dataset_info.json` and `AXOLOTL` its entry under `datasets:`,
    both without the file; null where the tool reads no such layout.
    """

    SCHEMA: pa.Schema
    HOLDS_TURNS: bool
    LLAMA_FACTORY: Mapping[str, Any] | None
    AXOLOTL: Mapping[str, Any] | None

    def row(self, chat: Chat) -> dict[str, Any]:
        """The columns of `chat` in this layout."""

    def parse(self, row: Mapping[str, Any]) -> Messages:
        """The messages of a row; the inverse of `row` as far as the layout allows."""


def formats() -> list[str]:
    """Names of the formats, sorted."""
    return sorted(module.name for module in iter_modules(__path__))


def rows(examples: pl.DataFrame, format: str) -> Iterator[dict[str, Any]]:
    """`examples` in a layout, in their order, each row with the columns MARKS after the layout's own.

    Raises SchemaError where a column is missing or messages are not in turns.
    """
    module = loaded(format)
    missing = [column for column in _COLUMNS if column not in examples.columns]
    if missing:
        raise SchemaError(f"examples lack the columns {missing}; needed: {list(_COLUMNS)}")
    return (
        module.row(read(row)) | {name: row[name] for name in MARKS}
        for row in examples.select(_COLUMNS).iter_rows(named=True)
    )


def export(examples: pl.DataFrame, format: str) -> Iterator[str]:
    """The `rows` of `examples` as JSON lines without line ends."""
    return (json.dumps(row, ensure_ascii=False) for row in rows(examples, format))


def schema(format: str) -> pa.Schema:
    """The columns of a layout with the MARKS, as the Parquet files have them."""
    return pa.schema([*loaded(format).SCHEMA, *(pa.field(name, pa.string()) for name in MARKS)])


def parse(line: str, format: str) -> Messages:
    """The messages that a line of `export` says.

    A layout that has no turns (`HOLDS_TURNS`) gives one question with all that was said before, and its answer.
    """
    module = loaded(format)
    try:
        return module.parse(json.loads(line))
    except (KeyError, TypeError, ValueError, SchemaError) as error:
        raise SchemaError(f"no row of format {format!r}: {line[:200]!r}") from error


def loaded(name: str) -> Format:
    """The module of a format. Raises ConfigError for an unknown one."""
    if name not in formats():
        raise ConfigError(f"unknown format {name!r}; known formats: {', '.join(formats())}")
    return _loaded(name)


@cache
def _loaded(name: str) -> Format:
    return cast(Format, import_module(f"{__name__}.{name}"))
