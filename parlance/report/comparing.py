"""Two recipes side by side: how many documents each keeps, and which rules make the difference."""

from collections.abc import Sequence

import polars as pl

from parlance import filters
from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.storage import stream

SAMPLES = 3
KEPT_BY_ONE, KEPT_BY_OTHER = "kept by the first only", "kept by the second only"


def sides(lake: Lake, lanes: Sequence[str], one: Sequence[Bound], other: Sequence[Bound]) -> pl.DataFrame:
    """Documents of each lane by who keeps them: lane, documents, both, first_only, second_only, neither."""
    names = sorted({"id", "language", *(bound.rule for bound in (*one, *other))})
    rows = []
    for lane in lanes:
        counts = dict.fromkeys([(first, second) for first in (True, False) for second in (True, False)], 0)
        for signals in stream(lake.table(f"{lane}/signals").scan().select(names)):
            kept = [filters.decide(signals, rules)["reason"].is_null() for rules in (one, other)]
            for first, second in counts:
                counts[first, second] += int(((kept[0] == first) & (kept[1] == second)).sum())
        rows.append((lane, sum(counts.values()), *counts.values()))
    columns = ["lane", "documents", "both", "first_only", "second_only", "neither"]
    return pl.DataFrame(rows, schema=[columns[0], *((name, pl.Int64) for name in columns[1:])], orient="row")


def changes(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of `recipe_comparison` with `change`, and with the `rule` for which the other recipe drops them."""
    change = pl.when(pl.col("one").is_null()).then(pl.lit(KEPT_BY_ONE)).otherwise(pl.lit(KEPT_BY_OTHER))
    return rows.with_columns(change=change, rule=pl.coalesce("one", "other").str.extract(r"^(\w+)"))
