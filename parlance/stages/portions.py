"""The utterances of whole documents, as many at a time as memory is to hold."""

import math
from collections.abc import Iterator, Sequence

import polars as pl

from parlance.lake import Lake
from parlance.storage import Table

ROWS_AT_ONCE = 1_000_000
DOCUMENTS_AT_ONCE = 20_000


def whole_documents(
    utterances: Table, columns: Sequence[str], *, rows: int = ROWS_AT_ONCE
) -> Iterator[tuple[list[str], pl.DataFrame]]:
    """Partitions of `utterances`, and `columns` of all rows of some of their documents; some `rows` at a time.

    A document is in one frame; of a partition with more rows it comes by the hash of its id.
    """
    counts = utterances.scan().group_by("partition").len().sort("partition").collect()
    for partitions, height in _portions(counts, rows):
        pieces = math.ceil(height / rows)
        scanned = utterances.scan(partitions)
        for piece in range(pieces):
            ours = scanned if pieces == 1 else scanned.filter(pl.col("document_id").hash() % pieces == piece)
            yield partitions, ours.select(columns).collect()


def documents_with_utterances(
    lake: Lake, lane: str, columns: Sequence[str], *, documents: int = DOCUMENTS_AT_ONCE
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Kept documents of `lane`, some `documents` at a time, and `columns` of their utterances; each document once."""
    kept, utterances = lake.table(f"{lane}/kept"), lake.table(f"{lane}/utterances")
    counts = kept.scan().group_by("partition").len().sort("partition").collect()
    for partitions, height in _portions(counts, documents):
        pieces = math.ceil(height / documents)
        for piece in range(pieces):
            ours = [
                table.scan(partitions).filter(pl.col(name).hash() % pieces == piece)
                for table, name in ((kept, "id"), (utterances, "document_id"))
            ]
            yield ours[0].sort("id").collect(), ours[1].select(columns).collect()


def _portions(counts: pl.DataFrame, most: int) -> Iterator[tuple[list[str], int]]:
    waiting: list[str] = []
    rows = 0
    for partition, count in counts.iter_rows():
        if waiting and rows + count > most:
            yield waiting, rows
            waiting, rows = [], 0
        waiting.append(partition)
        rows += count
    if waiting:
        yield waiting, rows
