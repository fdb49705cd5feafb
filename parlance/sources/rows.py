"""Rows to record batches, bounded in rows and in bytes, and the two kinds of row that every source makes."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import polars as pl
import pyarrow as pa

from parlance.excerpts import excerpts
from parlance.schemas import DOCUMENTS, LEDGER

Row = dict[str, Any]

ROWS_PER_BATCH = 2_000
BYTES_PER_BATCH = 32 * 1024 * 1024


def batches(rows: Iterable[Row], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """`rows` as batches of at most 2,000 rows, and fewer where payloads or texts fill 32 MiB."""
    batch: list[Row] = []
    size_bytes = 0
    for row in rows:
        batch.append(row)
        size_bytes += weight(row)
        if len(batch) >= ROWS_PER_BATCH or size_bytes >= BYTES_PER_BATCH:
            yield pa.RecordBatch.from_pylist(batch, schema=schema)
            batch, size_bytes = [], 0
    if batch:
        yield pa.RecordBatch.from_pylist(batch, schema=schema)


def weight(row: Row) -> int:
    """Roughly how many bytes `row` holds."""
    return len(row.get("payload") or b"") + len(row.get("text") or "")


def paired(outcomes: Iterable[tuple[list[Row], list[Row]]]) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Pairs of a `DOCUMENTS` and a `LEDGER` batch from many small pairs of document and ledger rows."""
    documents: list[Row] = []
    ledger: list[Row] = []
    size_bytes = 0
    for more_documents, more_ledger in outcomes:
        documents += more_documents
        ledger += more_ledger
        size_bytes += sum(map(weight, more_documents))
        if max(len(documents), len(ledger)) >= ROWS_PER_BATCH or size_bytes >= BYTES_PER_BATCH:
            yield _pair(documents, ledger)
            documents, ledger, size_bytes = [], [], 0
    if documents or ledger:
        yield _pair(documents, ledger)


def _pair(documents: list[Row], ledger: list[Row]) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    return (
        pa.RecordBatch.from_pylist(documents, schema=DOCUMENTS),
        _with_excerpts(ledger),
    )


def _with_excerpts(ledger: list[Row]) -> pa.RecordBatch:
    """The rows with excerpts of their texts, made together."""
    batch = pa.RecordBatch.from_pylist(ledger, schema=LEDGER)
    texts = pl.Series([row["excerpt"] for row in ledger], dtype=pl.String)
    place = LEDGER.get_field_index("excerpt")
    return batch.set_column(place, LEDGER.field(place), excerpts(texts).to_arrow().cast(pa.string()))


def raw_row(
    id: str,
    *,
    source: str,
    shard: str,
    position: int,
    media_type: str,
    partition: str,
    url: str | None = None,
    created_at: datetime | None = None,
    document_id: str | None = None,
    document_partition: str | None = None,
    payload: bytes | None = None,
    error: str | None = None,
) -> Row:
    """One `RAW` row; it is its own document unless another is named. Texts become well-formed."""
    return {
        "id": well_formed(id),
        "source": source,
        "shard": well_formed(shard),
        "position": position,
        "media_type": well_formed(media_type),
        "url": None if url is None else well_formed(url),
        "created_at": created_at,
        "document_id": well_formed(id if document_id is None else document_id),
        "document_partition": partition if document_partition is None else document_partition,
        "payload": payload,
        "error": None if error is None else well_formed(error),
        "partition": partition,
    }


# How an `error` begins that is not about reading, and the rule by which its row is dropped.
RULES = {"revisit:": "unchanged", "refused:": "refused", "failed:": "failed"}


def rule_of(error: str) -> str:
    """The rule by which a raw row with this `error` is in no document.

    >>> rule_of("refused: user opted out"), rule_of("not JSON")
    ('refused', 'unreadable')
    """
    return next((rule for start, rule in RULES.items() if error.startswith(start)), "unreadable")


def dropped(raw: Row, rule: str, *, detail: str | None = None, text: str = "") -> Row:
    """The `LEDGER` row of a raw row that the documents step did not pass on.

    `text` is that of which `paired` makes the excerpt: none where rights or its author do not allow it.
    """
    return {
        "id": raw["id"],
        "source": raw["source"],
        "step": "documents",
        "reason": rule,
        "rule": rule,
        "value": None,
        "bound": None,
        "version": 1,
        "reasons": [rule],
        "detail": detail,
        "excerpt": text,
        "partition": raw["document_partition"],
    }


def well_formed(text: str) -> str:
    """`text` with every lone surrogate replaced by U+FFFD: JSON may hold them, Arrow cannot.

    >>> well_formed("caf\\u00e9 \\ud800!")
    'café \ufffd!'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
