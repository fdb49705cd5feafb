"""WARC, WET and ARC files: one raw row for each record of content, and one with an error for each of no use."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from parlance.errors import ConfigError
from parlance.sources import files, web_documents
from parlance.sources.rows import Row, raw_row
from parlance.sources.warc_batches import raw_batches
from parlance.sources.warc_frames import Loss
from parlance.sources.warc_records import canonical, records, records_at

CONTENT_TYPES = ("text/html", "application/xhtml+xml", "text/plain")
BODY_BYTES = 64 * 1024 * 1024
STEP_BYTES = 256 * 1024
HTTP_HEADER_BYTES = 1024 * 1024
# Records about the crawl, not of it.
NO_CONTENT = ("warcinfo", "request", "metadata")


def raw(path: str, *, partition: str, source: str = "dump") -> Iterator[pa.RecordBatch]:
    """`RAW` rows of a WARC, WET or ARC file, or of all files of a folder, local or behind a URL.

    Files are plain or compressed by gzip, zstd or lz4. `payload` is the body without transfer and content encoding;
    `position` is the byte of the file, also where ranges of it are read, at which the record begins, or its member
    where it is compressed: `record` reads it again. A record that is no text, an answer that is no 200, a revisit and
    every stretch of damage is a row with an `error`.
    `media_type` carries the server's charset where that is not UTF-8.

    Raises ConfigError where `path` cannot be read, TransientError where the network fails.
    """
    found = files.expand(path)
    return raw_batches(row for file in found for row in rows(file, partition=partition, source=source))


def read(path: str) -> Iterator[pa.RecordBatch]:
    """`DOCUMENTS` batches of a WARC, WET or ARC file: its pages as text."""
    return (documents for documents, _ in web_documents.documents(raw(path, partition="default")) if documents.num_rows)


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """The raw rows of one file."""
    losses = 0
    here: Row = {"source": source, "shard": file.name, "partition": partition}
    place = files.places(file)
    with files.opened(file) as stream:
        for found in records(
            stream,
            lambda record, at: _row(record, place(at), here=here),
            lambda data, at: _parsed_row(data, place(at), here=here),
        ):
            if isinstance(found, Loss):
                losses += 1
                id, at = f"{source}:{partition}/{file.name}#damage-{losses}", place(found.offset)
                yield _error_row(id, f"damaged: {found.what} at byte {at}", at, here)
            elif found is not None:
                yield found


def record(path: str, offset: int, *, partition: str = "default", source: str = "dump", id: str | None = None) -> Row:
    """The raw row of the record at the byte `offset`, a row's `position`; nothing else of the file is read.

    Where a compressed member holds many records, `id` says which; else it is the first that has a row. Raises
    ConfigError where there is none, and where the file is on a web server that knows no ranges.
    """
    (file,) = files.expand(path)
    here: Row = {"source": source, "shard": file.name, "partition": partition}
    with files.opened(file) as stream:
        for found in records_at(stream, offset):
            row = None if isinstance(found, Loss) else _parsed_row(found.data, found.offset, here=here)
            if row is not None and id in (None, row["id"]):
                return row
    raise ConfigError(f"no record of content{f' {id!r}' if id else ''} at byte {offset} of {file.name!r}")


def _row(record: Any, position: int, *, here: Row, is_whole: bool = False) -> Row | None:
    """The row of one record; None where it is no content. Raises OSError where its header is not readable.

    So it does where its body is not, unless the record `is_whole`: then the body itself is at fault.
    """
    kind = str(record.record_type)
    if kind in NO_CONTENT:
        return None
    headers = record.headers
    if record.is_http:
        record.parse_http(auto_decode="all", max_header_len=HTTP_HEADER_BYTES)
    url = _bare(headers.get("WARC-Target-URI"))
    name = _bare(record.record_id) or url or f"{here['shard']}#record-{position}"
    media_type, charset = _media_type(record)
    error = _refusal(record, kind, media_type)
    payload = None
    if error is None:
        payload, error = _body(record, is_whole=is_whole)
    return raw_row(
        f"{here['source']}:{here['partition']}/{name}",
        media_type=f"{media_type}; charset={charset}" if charset else media_type,
        url=url,
        created_at=_date(headers.get("WARC-Date")),
        payload=payload,
        error=error,
        position=position,
        **here,
    )


def _parsed_row(data: bytes, position: int, *, here: Row) -> Row | None:
    """The row of a record that was cut out with care; one with an error where it cannot be decoded."""
    try:
        from fastwarc.warc import WarcRecord
    except ImportError as error:
        raise ConfigError(f"reading WARC needs the extra 'web' ({error}): pip install 'parlance[web]'") from error
    try:
        record = WarcRecord.from_bytes(canonical(data))
        return _row(record, position, here=here, is_whole=True)
    except OSError as error:
        id = f"{here['source']}:{here['partition']}/{here['shard']}#record-{position}"
        return _error_row(id, f"damaged: record not readable: {error}", position, here)


def _error_row(id: str, error: str, position: int, here: Row) -> Row:
    return raw_row(id, media_type="application/octet-stream", error=error, position=position, **here)


def _refusal(record: Any, kind: str, media_type: str) -> str | None:
    """Why the record is not passed on as text; null where it is."""
    if kind == "revisit":
        return f"revisit: unchanged since {record.headers.get('WARC-Refers-To-Date') or 'unknown'}"
    if kind not in ("response", "resource", "conversion"):
        return f"{kind} record"
    status = record.http_headers.status_code if record.http_headers is not None else None
    if status not in (None, 200):
        return f"http status {status}"
    return None if media_type in CONTENT_TYPES else f"media type {media_type or 'missing'}"


def _body(record: Any, *, is_whole: bool) -> tuple[bytes | None, str | None]:
    """The decoded body, or why there is none."""
    try:
        body = _decoded(record)
    except OSError as error:
        if not is_whole:
            raise
        return None, f"damaged: body not decodable: {error}"
    return (body, None) if len(body) <= BODY_BYTES else (None, f"body over {BODY_BYTES} bytes")


def _decoded(record: Any) -> bytes:
    """The decoded body, or a little more than is allowed of it. The reader makes room for all that it is asked for."""
    size = min(record.content_length, BODY_BYTES) + 1
    body: bytes = record.reader.read(size)
    if len(body) < size:
        return body
    parts = [body]
    while size <= BODY_BYTES and (more := record.reader.read(STEP_BYTES)):
        parts.append(more)
        size += len(more)
    return b"".join(parts)


def _media_type(record: Any) -> tuple[str, str | None]:
    """The type in lower case, and the charset the sender names unless it is UTF-8."""
    headers = record.http_headers if record.http_headers is not None else record.headers
    declared = headers.get("Content-Type") or ""
    media_type, _, parameters = declared.partition(";")
    name, _, value = parameters.partition("=")
    charset = value.split(";")[0].strip(" \t\"'").lower() if name.strip().lower() == "charset" else ""
    return media_type.strip().lower(), None if charset in ("", "utf-8", "utf8") else charset


def _bare(value: str | None) -> str | None:
    """`value` without angle brackets; Wget put the URL into them as well."""
    return value.strip("<> ") if value and value.strip("<> ") else None


def _date(value: str | None) -> datetime | None:
    try:
        date = datetime.fromisoformat(value or "")
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
