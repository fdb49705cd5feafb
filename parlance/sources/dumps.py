"""Dumps in named formats: WARC and WET, JSON lines, Parquet; a file or a folder, local or behind a URL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from parlance.errors import ConfigError
from parlance.schemas import RAW
from parlance.sources import files, json_rows, warc
from parlance.sources.rows import Row, batches
from parlance.sources.web_documents import documents

__all__ = ["FORMATS", "Format", "documents", "format_of", "raw", "read"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """How a dump is read, and the ends of the file names by which it is known."""

    rows: Callable[..., Iterator[Row]]
    suffixes: tuple[str, ...]


FORMATS = {
    "warc": Format(rows=warc.rows, suffixes=(".warc", ".warc.gz", ".wet", ".wet.gz")),
    "jsonl": Format(
        rows=json_rows.line_rows,
        suffixes=(".jsonl", ".jsonl.gz", ".jsonl.zst", ".json.gz", ".json.zst"),
    ),
    "parquet": Format(rows=json_rows.parquet_rows, suffixes=(".parquet",)),
}


def raw(path: str, *, partition: str, format: str | None = None, source: str = "dump") -> Iterator[pa.RecordBatch]:
    """`RAW` rows of a dump: a file, or the files below a folder in the order of their names.

    Without a format each file's name tells it. A record that cannot be read is a row with an `error`.

    Raises ConfigError for an unknown format and a path that cannot be read, TransientError where the network fails.
    """
    if format is not None and format not in FORMATS:
        raise ConfigError(f"unknown format {format!r}; known formats: {', '.join(FORMATS)}")
    found = [(FORMATS[format or format_of(file.name)], file) for file in files.expand(path)]
    return batches((row for one, file in found for row in one.rows(file, partition=partition, source=source)), RAW)


def read(path: str, format: str | None = None) -> Iterator[pa.RecordBatch]:
    """`DOCUMENTS` batches of a dump."""
    pairs = documents(raw(path, partition="default", format=format))
    return (batch for batch, _ in pairs if batch.num_rows)


def format_of(name: str) -> str:
    """The format that a file of this name has.

    >>> format_of("CC-MAIN-20240518-00000.warc.wet.gz"), format_of("part-0.jsonl.zst")
    ('warc', 'jsonl')
    """
    for format, one in FORMATS.items():
        if name.lower().endswith(one.suffixes):
            return format
    known = "; ".join(f"{format} ({', '.join(one.suffixes)})" for format, one in FORMATS.items())
    raise ConfigError(f"no format known for {name!r}; name one, or use these ends of names: {known}")
