"""WARC and WET files: one raw row for each record of content, and one with an error for each that cannot be used."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from parlance.errors import ConfigError
from parlance.schemas import RAW
from parlance.sources import files, web_documents
from parlance.sources.rows import Row, batches, raw_row
from parlance.sources.warc_frames import Loss, frames

CONTENT_TYPES = ("text/html", "application/xhtml+xml", "text/plain")
BODY_BYTES = 64 * 1024 * 1024
# Records about the crawl, not of it.
NO_CONTENT = ("warcinfo", "request", "metadata")


def raw(path: str, *, partition: str, source: str = "dump") -> Iterator[pa.RecordBatch]:
    """`RAW` rows of a WARC or WET file, or of all files of a folder, local or behind a URL.

    `payload` is the body without transfer and content encoding; `position` is the byte offset of the record's gzip
    member. A record that is no text, an answer that is no 200, a revisit and every stretch of damage is a row with
    an `error`. `media_type` carries the server's charset where that is not UTF-8.

    Raises ConfigError where `path` cannot be read, TransientError where the network fails.
    """
    found = files.expand(path)
    return batches((row for file in found for row in rows(file, partition=partition, source=source)), RAW)


def read(path: str) -> Iterator[pa.RecordBatch]:
    """`DOCUMENTS` batches of a WARC or WET file: its pages as text."""
    return (documents for documents, _ in web_documents.documents(raw(path, partition="default")) if documents.num_rows)


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """The raw rows of one file."""
    losses = 0
    with files.opened(file) as stream:
        for found in frames(stream):
            here: Row = {"source": source, "shard": file.name, "position": found.offset, "partition": partition}
            if isinstance(found, Loss):
                losses += 1
                id = f"{source}:{partition}/{file.name}#damage-{losses}"
                error = f"damaged: {found.what} at byte {found.offset}"
                yield raw_row(id, media_type="application/octet-stream", error=error, **here)
            elif (row := _row(found.data, here)) is not None:
                yield row


def _row(data: bytes, here: Row) -> Row | None:
    """The row of one whole record; None where it is no content."""
    record = _parsed(data)
    if isinstance(record, str):
        id = f"{here['source']}:{here['partition']}/{here['shard']}#record-{here['position']}"
        return raw_row(id, media_type="application/octet-stream", error=record, **here)
    kind = str(record.record_type)
    if kind in NO_CONTENT:
        return None
    url = _bare(record.headers.get("WARC-Target-URI"))
    name = _bare(record.record_id) or url or f"{here['shard']}#record-{here['position']}"
    media_type, charset = _media_type(record)
    error = _refusal(record, kind, media_type)
    payload = None
    if error is None:
        payload, error = _body(record)
    return raw_row(
        f"{here['source']}:{here['partition']}/{name}",
        media_type=f"{media_type}; charset={charset}" if charset else media_type,
        url=url,
        created_at=_date(record.headers.get("WARC-Date")),
        payload=payload,
        error=error,
        **here,
    )


def _parsed(data: bytes) -> Any | str:
    """The record, with its HTTP header parsed, or why it cannot be."""
    try:
        from fastwarc.warc import WarcRecord
    except ImportError as error:
        raise ConfigError(f"reading WARC needs the extra 'web' ({error}): pip install 'parlance[web]'") from error
    try:
        record = WarcRecord.from_bytes(data)
        if record.is_http:
            record.parse_http(auto_decode="all")
    except OSError as error:
        return f"damaged: record not readable: {error}"
    return record


def _refusal(record: Any, kind: str, media_type: str) -> str | None:
    """Why the record is not passed on as text; null where it is."""
    if kind not in ("response", "resource", "conversion"):
        return f"{kind} record"
    status = record.http_headers.status_code if record.http_headers is not None else None
    if status not in (None, 200):
        return f"http status {status}"
    return None if media_type in CONTENT_TYPES else f"media type {media_type or 'missing'}"


def _body(record: Any) -> tuple[bytes | None, str | None]:
    """The decoded body, or why there is none."""
    try:
        body = bytes(record.reader.read(BODY_BYTES + 1))
    except OSError as error:
        return None, f"damaged: body not decodable: {error}"
    if len(body) > BODY_BYTES:
        return None, f"body over {BODY_BYTES} bytes"
    return body, None


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
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
