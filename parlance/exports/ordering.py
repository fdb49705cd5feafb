"""Rows in the order of their ids, with neither the rows nor their order in memory at once."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Final

import polars as pl
import pyarrow as pa

from parlance.schemas import conform
from parlance.storage import Spool

MOST_ROWS: Final = 20_000


def in_order(
    frames: Iterable[pl.DataFrame], ids: pl.Series, schema: pa.Schema, *, rows: int = MOST_ROWS
) -> Iterator[pl.DataFrame]:
    """The rows of `frames` by `id`, in frames of about `rows`. `ids` are all their ids, in any order.

    A first pass parts the rows by ranges of ids into temporary files, a second sorts one range after the other: in
    memory are the ids, one frame and one range.
    """
    bounds = _bounds(ids, rows)
    with ExitStack() as stack:
        spools = [stack.enter_context(Spool(schema)) for _ in range(bounds.len() + 1)]
        for frame in frames:
            place = bounds.search_sorted(frame["id"], side="right")
            for (number,), part in frame.with_columns(_place=place).group_by("_place", maintain_order=True):
                for batch in part.drop("_place").to_arrow().to_batches():
                    spools[int(str(number))].add(conform(batch, schema, table="examples"))
        for spool in spools:
            table = pa.Table.from_batches(spool.batches(), schema=schema)
            sorted_part = pl.from_arrow(table)
            assert isinstance(sorted_part, pl.DataFrame)
            yield sorted_part.sort("id")


def _bounds(ids: pl.Series, rows: int) -> pl.Series:
    """The first id of every range but the first."""
    ordered = ids.sort()
    return ordered.gather_every(rows, offset=rows)
