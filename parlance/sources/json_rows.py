"""Raw rows of dumps whose records are objects: JSON lines and Parquet."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from parlance.sources import files
from parlance.sources.compression import DamageError
from parlance.sources.formats.plain_text import as_utf8, buffered, pieces
from parlance.sources.rows import Row, raw_row, well_formed
from parlance.sources.web_documents import TEXT_FIELDS, text_field

ID_FIELDS = ("id", "doc_id", "url")
DATE_FIELDS = ("date", "timestamp", "created", "created_at", "date_download")
LINE_BYTES = 64 * 1024 * 1024

Described = Callable[[dict[str, Any]], dict[str, Any]]


def object_rows(
    file: files.File, *, partition: str, source: str = "dump", described: Described | None = None
) -> Iterator[Row]:
    """The raw rows of a file of JSON lines or of Parquet, whichever it is.

    `described` gives what a format states elsewhere than most: `id`, `url` and `created_at` of an object.
    """
    with files.opened(file) as stream:
        is_parquet = stream.read(4) == b"PAR1"
    read = parquet_rows if is_parquet else line_rows
    yield from read(file, partition=partition, source=source, described=described)


def line_rows(
    file: files.File, *, partition: str, source: str = "dump", described: Described | None = None
) -> Iterator[Row]:
    """The raw rows of a file with one JSON object per line; `position` is the line's index.

    Empty lines are no rows. Damage inside a compressed file ends it: the rest is one row with an error.
    """
    here = {"source": source, "shard": file.name, "partition": partition}
    position = 0
    with files.opened(file) as stream:
        try:
            for line in _lines(buffered(as_utf8(pieces(stream)))):
                if line is None or line.strip():
                    yield _line_row(line, here | {"position": position}, described)
                position += 1
        except DamageError as damage:
            yield _error_row(str(damage), here | {"position": position})


def parquet_rows(
    file: files.File, *, partition: str, source: str = "dump", described: Described | None = None
) -> Iterator[Row]:
    """The raw rows of a Parquet file; the payload is the row as a JSON object, `position` the row's index."""
    here = {"source": source, "shard": file.name, "partition": partition}
    position = 0
    with files.opened(file) as stream, _seekable(stream) as seekable:
        try:
            for batch in pq.ParquetFile(seekable).iter_batches(batch_size=500):
                for record in _records(batch):
                    yield _record_row(record, here | {"position": position}, described)
                    position += 1
        except (pa.ArrowException, OSError) as error:
            yield _error_row(f"damaged: {error}", here | {"position": position})


def _records(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | str]:
    """The rows of `batch`, or what is wrong with one: text that is no UTF-8, a time that Python does not know."""
    try:
        yield from batch.to_pylist()
    except (ValueError, OverflowError) as error:
        if batch.num_rows == 1:
            yield f"not readable: {error}"
            return
        for number in range(batch.num_rows):
            yield from _records(batch.slice(number, 1))


def _record_row(record: dict[str, Any] | str, here: Row, described: Described | None) -> Row:
    if isinstance(record, str):
        return _error_row(record, here)
    payload = json.dumps(record, default=_as_json).encode()
    return object_row(json.loads(payload), payload, here, described)


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Lines without end; None for one that is too long to hold."""
    while line := stream.readline(LINE_BYTES):
        if len(line) < LINE_BYTES or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(LINE_BYTES)
        yield None


def _line_row(line: bytes | None, here: Row, described: Described | None) -> Row:
    if line is None:
        return _error_row(f"line over {LINE_BYTES} bytes", here)
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _error_row(f"not JSON: {error}", here, payload=line)
    if not isinstance(record, dict):
        return _error_row(f"not a JSON object but {type(record).__name__}", here, payload=line)
    return object_row(record, line.strip(), here, described)


def object_row(record: dict[str, Any], payload: bytes, here: Row, described: Described | None = None) -> Row:
    """The raw row of one object."""
    text = text_field(record)
    if text is None:
        return _error_row(f"no text in {', '.join(TEXT_FIELDS)}", here, payload=payload)
    said = described(record) if described is not None else {}
    url = said.get("url") or record.get("url")
    return raw_row(
        f"{here['source']}:{here['partition']}/{said.get('id') or _id(record, text)}",
        media_type="application/json",
        url=url if isinstance(url, str) else None,
        created_at=date_of(said.get("created_at")) or _created_at(record),
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
        if (date := date_of(value)) is not None:
            return date
    return None


def date_of(value: object) -> datetime | None:
    """The time that a text states as ISO 8601, in UTC; null where it is none."""
    if not isinstance(value, str):
        return None
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
