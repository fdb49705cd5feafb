"""What the UI shows of the ledger: the funnel, the reasons with samples of each, numbers that plot by partition."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets import metadata
from parlance import plots
from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.report import funnel as ledger

MOST_REASONS = 25


def funnel(lake: Lake, lane: str, rules: Sequence[Bound], partitions: Sequence[str]) -> dg.MetadataValue:
    """The funnel of the whole lane as a picture, and beside its numbers those of `partitions`."""
    whole, ours = ledger.funnel(lake, lane, rules), ledger.funnel(lake, lane, rules, partitions)
    name = _named(partitions)
    table = whole.join(ours, on="step", how="full", coalesce=True, maintain_order="left", suffix="_ours").select(
        "step",
        pl.col("rows_ours").alias(name),
        pl.col("dropped_ours").alias("dropped"),
        pl.col("rows").alias("all partitions"),
        pl.col("dropped").alias("dropped "),
    )
    return dg.MetadataValue.md(
        "\n\n".join(
            [
                metadata.image(picture(ours, title=f"{lane}: {name}")),
                metadata.image(picture(whole, title=f"{lane}: all partitions")),
                metadata.markdown(table),
            ]
        )
    )


def picture(steps: pl.DataFrame, *, title: str) -> str:
    """The steps of a funnel as SVG."""
    return plots.funnel(
        steps["step"].to_list(), steps["rows"].to_list(), dropped=steps["dropped"].to_list(), title=title
    )


def reasons(lake: Lake, lane: str, table: str, partitions: Sequence[str]) -> dg.MetadataValue:
    """The reasons of the dropped rows of `partitions` with their counts, and a few rows of each."""
    counted = ledger.reasons(lake, lane, table, partitions)
    if counted.is_empty():
        return dg.MetadataValue.md("*nothing was dropped*")
    shown = counted.head(MOST_REASONS)
    total = int(counted["first"].sum())
    found = shown.select("rule").join(
        ledger.samples(lake, lane, table, partitions), on="rule", maintain_order="left_right"
    )
    counts = shown.select(
        "rule",
        pl.col("first").alias("rows, by first reason"),
        pl.format("{} %", (pl.col("first") / total * 100).round(1)).alias("share"),
        pl.col("any").alias("rows, by any reason"),
    )
    bars = plots.bars(dict(shown.select("rule", "first").iter_rows()), title=f"{total:,} rows by first reason")
    return dg.MetadataValue.md(
        "\n\n".join([metadata.image(bars), metadata.markdown(counts), "**Samples**", metadata.markdown(found)])
    )


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


def _named(partitions: Sequence[str]) -> str:
    return partitions[0] if len(partitions) == 1 else f"{len(partitions)} partitions"
