"""Dumps in the formats of `parlance/sources/formats/`: a file, a manifest or a folder, local or behind a URL."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from parlance.errors import ConfigError
from parlance.schemas import RAW
from parlance.sources import files
from parlance.sources.compression import DamageError
from parlance.sources.formats import Head, formats
from parlance.sources.formats.plain_text import uncompressed
from parlance.sources.rows import batches
from parlance.sources.web_documents import documents

__all__ = ["FORMATS", "documents", "format_of", "raw", "read"]

FORMATS = formats()
HEAD_BYTES = 64 * 1024


def raw(path: str, *, partition: str, format: str | None = None, source: str = "dump") -> Iterator[pa.RecordBatch]:
    """`RAW` rows of a dump: a file, the files of a manifest, or those below a folder in the order of their names.

    Without a format each file's own is recognised. A record that cannot be read is a row with an `error`.

    Raises ConfigError for an unknown format and a path that cannot be read, TransientError where the network fails.
    """
    if format is not None and format not in FORMATS:
        raise ConfigError(f"unknown format {format!r}; known formats: {', '.join(FORMATS)}")
    found = [(FORMATS[format or format_of(file)], file) for file in files.expand(path)]
    return batches((row for one, file in found for row in one.rows(file, partition=partition, source=source)), RAW)


def read(path: str, format: str | None = None) -> Iterator[pa.RecordBatch]:
    """`DOCUMENTS` batches of a dump."""
    pairs = documents(raw(path, partition="default", format=format))
    return (batch for batch, _ in pairs if batch.num_rows)


def format_of(file: files.File) -> str:
    """The name of the format that is surest of the file, by what it begins with and by its name.

    Raises ConfigError where none is, or two are equally sure.
    """
    head = head_of(file)
    sure = sorted(((format.recognise(head), name) for name, format in FORMATS.items()), reverse=True)
    (most, name), (next_most, other) = sure[:2]
    if most == 0:
        raise ConfigError(f"no format known for {file.name!r}; name one of {', '.join(FORMATS)}")
    if most == next_most:
        raise ConfigError(f"{file.name!r} may be {name} or {other}; name one")
    return name


def head_of(file: files.File) -> Head:
    """What the file begins with. A file that ends in damage within the first bytes is known by what comes before."""
    start = bytearray()
    with uncompressed(file) as stream:
        try:
            while len(start) < HEAD_BYTES and (more := stream.read1(HEAD_BYTES - len(start))):  # type: ignore[attr-defined]
                start += more
        except DamageError:
            pass
    return Head(name=file.name, start=bytes(start), record=_record(file, bytes(start)))


def _record(file: files.File, start: bytes) -> dict[str, Any] | None:
    """The first object of JSON or row of Parquet; null where the file holds neither."""
    if start.startswith(b"PAR1"):
        return _parquet_record(file)
    line = start.lstrip(b"\xef\xbb\xbf \r\n\t").split(b"\n", 1)[0]
    if not line.startswith(b"{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return _keys(line)
    return found if isinstance(found, dict) else None


def _keys(line: bytes) -> dict[str, Any] | None:
    """What can be read of an object that is longer than the head: its fields before the one that is cut."""
    text = line.decode("utf-8", "replace")
    decoder, found, at = json.JSONDecoder(), dict[str, Any](), 1
    try:
        while True:
            key, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip(" ,")))
            found[str(key)] = None
            at = text.index(":", at) + 1
            found[str(key)], at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
    except (ValueError, RecursionError):
        return found or None


def _parquet_record(file: files.File) -> dict[str, Any] | None:
    with files.opened(file) as stream:
        if not stream.seekable():
            return None
        try:
            batch = next(pq.ParquetFile(stream).iter_batches(batch_size=1), None)
        except (pa.ArrowException, OSError):
            return None
    if batch is None or not batch.num_rows:
        return None
    try:
        found: dict[str, Any] = batch.to_pylist()[0]
    except (ValueError, OverflowError):
        return dict.fromkeys(batch.schema.names)
    return found
