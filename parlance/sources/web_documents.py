"""Raw rows of crawls and dumps to documents: pages through extraction, plain text as it is, JSON by its fields."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from parlance import extraction
from parlance.sources.rows import Row, dropped, paired, rule_of, well_formed

TEXT_FIELDS = ("text", "content", "raw_content")


def documents(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Pairs of `DOCUMENTS` and `LEDGER` batches; every raw row is in one of the two, once.

    Dropped are rows with an error (`unreadable`, `refused`, `failed`, `unchanged`), a second row with an id that this
    call has seen (`duplicate_id`) and rows without text (`empty_text`). The source is that of the raw rows.
    """
    seen: set[int] = set()
    return paired(_outcome(row, seen) for batch in batches for row in batch.to_pylist())


def _outcome(row: Row, seen: set[int]) -> tuple[list[Row], list[Row]]:
    if row["error"] is not None:
        return [], [dropped(row, rule_of(row["error"]), detail=row["error"])]
    key = hash(row["id"])  # 64 bits: a set of the ids themselves would not fit in memory for a large dump
    if key in seen:
        return [], [dropped(row, "duplicate_id", detail=f"{row['shard']}#{row['position']}")]
    seen.add(key)
    found = fields(row["payload"] or b"", media_type=row["media_type"], url=row["url"])
    if not found["text"].strip():
        return [], [dropped(row, "empty_text")]
    return [_document(row, found)], []


def fields(payload: bytes, *, media_type: str, url: str | None) -> Row:
    """`text`, `title` and `author` of one payload; the text is empty where nothing was found."""
    kind, _, charset = media_type.partition("; charset=")
    if kind == "application/json":
        return _json_fields(payload)
    text = extraction.decode(payload, charset=charset or None)
    if kind == "text/plain":
        return {"text": text, "title": None, "author": None}
    page = extraction.extract(text, url=url)
    return {"text": page.text, "title": page.title, "author": page.author}


def text_field(record: dict[str, Any]) -> str | None:
    """The text of a dump's object: the first of `text`, `content`, `raw_content` that holds any."""
    found = (record.get(name) for name in TEXT_FIELDS)
    return next((text for text in found if isinstance(text, str) and text.strip()), None)


def _json_fields(payload: bytes) -> Row:
    try:
        record = json.loads(payload)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        return {"text": "", "title": None, "author": None}
    return {
        "text": well_formed(text_field(record) or ""),
        "title": _string(record.get("title")),
        "author": _string(record.get("author")),
    }


def _string(value: object) -> str | None:
    return well_formed(value) if isinstance(value, str) and value.strip() else None


def _document(row: Row, found: Row) -> Row:
    return {
        "id": row["document_id"],
        "source": row["source"],
        **found,
        "url": row["url"],
        "channel": None,
        "created_at": row["created_at"],
        "turns": None,
        "raw_ids": [row["id"]],
        "partition": row["document_partition"],
    }
