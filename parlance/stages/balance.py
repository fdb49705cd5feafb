"""Whether what goes into a step comes out of it: in each partition the same ids, kept or dropped."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

NAMED_PARTITIONS, NAMED_IDS = 20, 5
SUMS = ("rows", "low", "high")


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Rows in, kept and dropped of all partitions together, and the partitions in which they do not balance.

    `wrong` has a row for each of these, 20 at most: partition, in, kept, dropped, `lost` (ids in and not out), `added`
    (ids out and not in, or once too often), and a few of these ids. `wrong_partitions` is their number.
    """

    rows_in: int
    kept: int
    dropped: int
    partitions: int
    wrong_partitions: int
    wrong: pl.DataFrame

    @property
    def holds(self) -> bool:
        return self.wrong_partitions == 0


def balance(rows_in: pl.LazyFrame, kept: pl.LazyFrame, dropped: pl.LazyFrame) -> Balance:
    """Compares frames with `id` and `partition` as bags of ids, partition by partition.

    Two sums over 64-bit hashes of the ids stand for them, so that memory grows with the partitions alone; ids are
    looked at only where the sums differ.

    >>> rows = pl.LazyFrame({"id": ["a", "b", "c"], "partition": ["p", "p", "q"]})
    >>> balance(rows, rows.head(1), rows.tail(2)).holds
    True
    >>> balance(rows, rows.head(1), rows.tail(1)).wrong.row(0)
    ('p', 2, 1, 0, 1, 0, ['b'])
    """
    rows_in, kept, dropped = (frame.select("partition", "id") for frame in (rows_in, kept, dropped))
    sums = _sums({"in": rows_in, "kept": kept, "dropped": dropped})
    same = [pl.col(f"{name}_in") == pl.col(f"{name}_kept") + pl.col(f"{name}_dropped") for name in SUMS]
    wrong = sums.filter(~pl.all_horizontal(same)).sort("partition")
    named = wrong.head(NAMED_PARTITIONS).select(
        "partition", **{side: f"rows_{side}" for side in ("in", "kept", "dropped")}
    )
    differences = _differences(rows_in, pl.concat([kept, dropped]), named["partition"].to_list())
    return Balance(
        rows_in=int(sums["rows_in"].sum()),
        kept=int(sums["rows_kept"].sum()),
        dropped=int(sums["rows_dropped"].sum()),
        partitions=sums.height,
        wrong_partitions=wrong.height,
        wrong=named.join(differences, on="partition", how="left", maintain_order="left"),
    )


def _sums(sides: dict[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row for each partition; the columns `rows`, `low` and `high` of each side, 0 where it has no row."""
    key = pl.col("id").hash()
    halves = {"low": key & 0xFFFFFFFF, "high": key // 2**32}  # sums of whole hashes would overflow
    frames = [
        frame.select("partition", **halves)
        .group_by("partition")
        .agg(pl.len().cast(pl.UInt64).alias("rows"), pl.col("low", "high").sum())
        .rename({name: f"{name}_{side}" for name in SUMS})
        for side, frame in sides.items()
    ]
    first, *others = pl.collect_all(frames, engine="streaming")
    for other in others:
        first = first.join(other, on="partition", how="full", coalesce=True)
    return first.with_columns(pl.exclude("partition").fill_null(0))


def _differences(rows_in: pl.LazyFrame, out: pl.LazyFrame, partitions: Sequence[str]) -> pl.DataFrame:
    """By partition the ids that are not as often in `out` as in `rows_in`: `lost`, `added`, and `ids` of some."""
    sides = [frame.select("partition", "id", times=pl.lit(times)) for frame, times in ((rows_in, 1), (out, -1))]
    # Where nothing is wrong nothing is read.
    chosen = pl.concat(sides if partitions else [side.clear() for side in sides])
    return (
        chosen.filter(pl.col("partition").is_in(list(partitions)))
        .group_by("partition", "id")
        .agg(pl.col("times").sum())
        .filter(pl.col("times") != 0)
        .sort("partition", "id")
        .group_by("partition")
        .agg(
            lost=pl.col("times").clip(lower_bound=0).sum(),
            added=-pl.col("times").clip(upper_bound=0).sum(),
            ids=pl.col("id").head(NAMED_IDS),
        )
        .collect()
    )
