"""What the UI shows of the ledger: the funnel, the reasons with samples of each, numbers that plot by partition."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets import metadata
from parlance import plots
from parlance.excerpts import CHARACTERS
from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.report import funnel as ledger

MOST_REASONS = 40

Shown = dict[str, dg.MetadataValue]


def funnel(lake: Lake, lane: str, rules: Sequence[Bound], partitions: Sequence[str], *, whole: pl.DataFrame) -> Shown:
    """The funnel of `partitions` beside that of the whole lane: a table, and pictures."""
    ours, name = ledger.funnel(lake, lane, rules, partitions), _named(partitions)
    table = whole.join(ours, on="step", how="full", coalesce=True, maintain_order="left", suffix="_ours").select(
        "step",
        pl.col("rows_ours").alias(name),
        pl.col("dropped_ours").alias("dropped"),
        pl.col("rows").alias("all partitions"),
        pl.col("dropped").alias("dropped of all"),
    )
    drawn = [picture(ours, title=f"{lane}: {name}"), picture(whole, title=f"{lane}: all partitions")]
    return {"funnel": metadata.table_of(table), "funnel_picture": metadata.pictures(drawn)}


def whole(lake: Lake, lane: str, rules: Sequence[Bound]) -> pl.DataFrame:
    """The funnel of all partitions of the lane."""
    return ledger.funnel(lake, lane, rules)


def picture(steps: pl.DataFrame, *, title: str) -> str:
    """The steps of a funnel as SVG."""
    return plots.funnel(
        steps["step"].to_list(), steps["rows"].to_list(), dropped=steps["dropped"].to_list(), title=title
    )


def reasons(lake: Lake, lane: str, table: str, partitions: Sequence[str]) -> Shown:
    """The reasons of the dropped rows of `partitions` with their counts, and a few rows of each."""
    counted = ledger.reasons(lake, lane, table, partitions)
    if counted.is_empty():
        return {"reasons": dg.MetadataValue.md("*nothing was dropped*")}
    total = int(counted["first"].sum())
    counts = counted.select(
        "rule",
        pl.col("first").alias("first reason"),
        pl.format("{} %", (pl.col("first") / total * 100).round(1)).alias("share"),
        pl.col("any").alias("any reason"),
    )
    samples = ledger.samples(lake, lane, table, partitions)
    found = counted.head(MOST_REASONS).select("rule").join(samples, on="rule", maintain_order="left_right")
    shown = [metadata.markdown(found, cell=CHARACTERS - 1), metadata.markdown(counts)]
    return {
        "reasons": metadata.shortened(counts, more="samples", caption=f"{total:,} rows of {_named(partitions)}"),
        "samples": dg.MetadataValue.md("\n\n".join(shown)),
    }


def _named(partitions: Sequence[str]) -> str:
    return partitions[0] if len(partitions) == 1 else f"{len(partitions)} partitions"


def numbers(lake: Lake, lane: str, rules: Sequence[Bound], partitions: Sequence[str]) -> dict[str, dict[str, Any]]:
    """For each partition the numbers that the UI plots over partitions; a share of nothing is left out."""
    counted = ledger.by_partition(lake, lane, rules, partitions)
    return {row["partition"]: _numbers(row, ledger.groups(rules)) for row in counted.iter_rows(named=True)}


def _numbers(row: Mapping[str, Any], groups: Sequence[str]) -> dict[str, Any]:
    """`rows_in`, `rows_kept`, `rows_dropped`, `kept_share`, and `dropped_by_<group>` with `duplicate_share`."""
    rows_in = row["kept"] + row["dropped"]
    shares = {"kept_share": row["kept"], "duplicate_share": row[ledger.DUPLICATES]} if rows_in else {}
    return {
        "rows_in": rows_in,
        "rows_kept": row["kept"],
        "rows_dropped": row["dropped"],
        **{name: round(count / rows_in, 4) for name, count in shares.items()},
        **{f"dropped_by_{name.replace(' ', '_')}": row[name] for name in groups},
    }
