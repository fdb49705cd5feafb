"""Raw rows of crawls and dumps to documents: pages through extraction, plain text as it is, JSON by its fields."""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import pyarrow as pa

from parlance import extraction
from parlance.excerpts import readable
from parlance.extraction import Page
from parlance.extraction_bounded import TIMEOUT_S, Extractor, Html, Loss, Workers
from parlance.sources.rows import Row, dropped, paired, rule_of, well_formed

TEXT_FIELDS = ("text", "content", "raw_content")


def documents(
    batches: Iterable[pa.RecordBatch],
    *,
    timeout_s: float = TIMEOUT_S,
    workers: int | None = None,
    extractor: Extractor = extraction.extract,
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Pairs of `DOCUMENTS` and `LEDGER` batches; every raw row is in one of the two, once, in the order of the rows.

    Dropped are rows with an error (`unreadable`, `refused`, `failed`, `unchanged`), a second row with an id that this
    call has seen (`duplicate_id`), rows without text (`empty_text`) and pages that extraction was lost on: beyond
    `timeout_s` seconds (`extraction_timeout`), with its process (`extraction_crashed`), or by an error after which
    there was no text (`extraction_failed`). The source is that of the raw rows.

    Pages go to `extractor` in `workers` processes: see `extraction_bounded.Workers`.
    """
    return _documents(batches, Workers(timeout_s=timeout_s, workers=workers, extractor=extractor))


def _documents(batches: Iterable[pa.RecordBatch], workers: Workers) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    seen: set[int] = set()
    with workers:
        yield from paired(one for batch in batches for one in _outcomes(batch.to_pylist(), seen, workers))


def _outcomes(rows: list[Row], seen: set[int], workers: Workers) -> Iterator[tuple[list[Row], list[Row]]]:
    refusals = [_refusal(row, seen) for row in rows]
    kept = [row for row, refusal in zip(rows, refusals, strict=True) if refusal is None]
    with closing(workers.extract([_html(row) for row in kept if _is_page(row)])) as extracted:
        for row, refusal in zip(rows, refusals, strict=True):
            if refusal is not None:
                yield [], [refusal]
            else:
                yield _outcome(row, next(extracted) if _is_page(row) else _fields(row))


def _refusal(row: Row, seen: set[int]) -> Row | None:
    """The `LEDGER` row of a raw row that is not looked into; None where it is."""
    if row["error"] is not None:
        rule = rule_of(row["error"])
        return dropped(row, rule, detail=row["error"], text="" if rule == "refused" else _readable(row))
    key = hash(row["id"])  # 64 bits: a set of the ids themselves would not fit in memory for a large dump
    if key in seen:
        return dropped(row, "duplicate_id", detail=f"{row['shard']}#{row['position']}", text=_readable(row))
    seen.add(key)
    return None


def _outcome(row: Row, found: Page | Loss) -> tuple[list[Row], list[Row]]:
    if isinstance(found, Loss):
        return [], [dropped(row, found.rule, detail=found.detail, text=_readable(row))]
    if found.failure is not None:
        return [], [dropped(row, "extraction_failed", detail=found.failure, text=_readable(row))]
    if not found.text.strip():
        return [], [dropped(row, "empty_text", text=_readable(row))]
    return [_document(row, found)], []


def _is_page(row: Row) -> bool:
    return _media_type(row)[0] not in ("application/json", "text/plain")


def _readable(row: Row) -> str:
    return well_formed(readable(row["payload"], row["media_type"]))


def _media_type(row: Row) -> tuple[str, str | None]:
    """The type, and the charset that goes with it."""
    kind, _, charset = row["media_type"].partition("; charset=")
    return kind, charset or None


def _html(row: Row) -> Html:
    return Html(html=row["payload"] or b"", url=row["url"], charset=_media_type(row)[1])


def _fields(row: Row) -> Page:
    """What a row that is no page holds; its text is empty where nothing was found."""
    kind, charset = _media_type(row)
    if kind == "application/json":
        return _json_fields(row["payload"] or b"")
    return Page(text=extraction.decode(row["payload"] or b"", charset=charset))


def text_field(record: dict[str, Any]) -> str | None:
    """The text of a dump's object: the first of `text`, `content`, `raw_content` that holds any."""
    found = (record.get(name) for name in TEXT_FIELDS)
    return next((text for text in found if isinstance(text, str) and text.strip()), None)


def _json_fields(payload: bytes) -> Page:
    try:
        record = json.loads(payload)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        return Page(text="")
    return Page(
        text=well_formed(text_field(record) or ""),
        title=_string(record.get("title")),
        author=_string(record.get("author")),
    )


def _string(value: object) -> str | None:
    return well_formed(value) if isinstance(value, str) and value.strip() else None


def _document(row: Row, found: Page) -> Row:
    return {
        "id": row["document_id"],
        "source": row["source"],
        "text": found.text,
        "title": found.title,
        "author": found.author,
        "url": row["url"],
        "channel": None,
        "created_at": row["created_at"],
        "turns": None,
        "page": _stated(found),
        "raw_ids": [row["id"]],
        "partition": row["document_partition"],
    }


def _stated(page: Page) -> Row | None:
    stated = {
        "canonical_url": page.url,
        "site": page.site,
        "published": page.date,
        "language": page.language,
        "licence": page.licence,
    }
    return stated if any(stated.values()) else None
