"""Raw rows of dumps whose records are objects: JSON lines and Parquet."""

import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from parlance.sources import files
from parlance.sources.compression import Compression, DamageError, inflated
from parlance.sources.rows import Row, raw_row, well_formed
from parlance.sources.web_documents import TEXT_FIELDS, text_field

ID_FIELDS = ("id", "doc_id", "url")
DATE_FIELDS = ("date", "timestamp", "created", "created_at", "date_download")
LINE_BYTES = 64 * 1024 * 1024
# By its first bytes and not by its name: some servers send `.gz` files uncompressed.
MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def line_rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """The raw rows of a file with one JSON object per line; `position` is the line's index.

    Empty lines are no rows. Damage inside a compressed file ends it: the rest is one row with an error.
    """
    here = {"source": source, "shard": file.name, "partition": partition}
    position = 0
    with files.opened(file) as stream:
        try:
            for line in _lines(_plain(stream)):
                if line is None or line.strip():
                    yield _line_row(line, here | {"position": position})
                position += 1
        except DamageError as damage:
            yield _error_row(str(damage), here | {"position": position})


def parquet_rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """The raw rows of a Parquet file; the payload is the row as a JSON object, `position` the row's index."""
    here = {"source": source, "shard": file.name, "partition": partition}
    position = 0
    with files.opened(file) as stream, _seekable(stream) as seekable:
        try:
            for batch in pq.ParquetFile(seekable).iter_batches(batch_size=500):
                for record in batch.to_pylist():
                    payload = json.dumps(record, default=_as_json).encode()
                    yield _object_row(json.loads(payload), payload, here | {"position": position})
                    position += 1
        except (pa.ArrowException, OSError) as error:
            yield _error_row(f"damaged: {error}", here | {"position": position})


def _plain(stream: BinaryIO) -> BinaryIO:
    start = stream.peek(4)[:4] if isinstance(stream, io.BufferedReader) else b""
    for magic, compression in MAGIC.items():
        if start.startswith(magic):
            return inflated(stream, compression)
    return stream


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Lines without end; None for one that is too long to hold."""
    while line := stream.readline(LINE_BYTES):
        if len(line) < LINE_BYTES or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(LINE_BYTES)
        yield None


def _line_row(line: bytes | None, here: Row) -> Row:
    if line is None:
        return _error_row(f"line over {LINE_BYTES} bytes", here)
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _error_row(f"not JSON: {error}", here, payload=line)
    if not isinstance(record, dict):
        return _error_row(f"not a JSON object but {type(record).__name__}", here, payload=line)
    return _object_row(record, line.strip(), here)


def _object_row(record: dict[str, Any], payload: bytes, here: Row) -> Row:
    text = text_field(record)
    if text is None:
        return _error_row(f"no text in {', '.join(TEXT_FIELDS)}", here, payload=payload)
    return raw_row(
        f"{here['source']}:{here['partition']}/{_id(record, text)}",
        media_type="application/json",
        url=url if isinstance(url := record.get("url"), str) else None,
        created_at=_created_at(record),
        payload=payload,
        **here,
    )


def _id(record: dict[str, Any], text: str) -> str:
    """The object's own id, else a hash of its text."""
    for name in ID_FIELDS:
        value = record.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
            return str(value)
    return hashlib.md5(well_formed(text).encode(), usedforsecurity=False).hexdigest()


def _created_at(record: dict[str, Any]) -> datetime | None:
    for name in DATE_FIELDS:
        value = record.get(name)
        if isinstance(value, str) and (date := _date(value)) is not None:
            return date
    return None


def _date(value: str) -> datetime | None:
    try:
        date = datetime.fromisoformat(value.strip())
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _error_row(error: str, here: Row, *, payload: bytes | None = None) -> Row:
    id = f"{here['source']}:{here['partition']}/{here['shard']}#row-{here['position']}"
    return raw_row(id, media_type="application/json", error=error, payload=payload, **here)


def _as_json(value: object) -> str:
    """What Parquet holds and JSON does not: times, dates, decimals and bytes, as text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """`stream`, or a copy of it on disk where the server gives it only from start to end."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
        yield copy
