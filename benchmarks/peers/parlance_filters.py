"""Ours: all signals of the four families at once, then the verdict of each."""

import sys

import polars as pl
from measuring import report_filters

from parlance.filters import decide, registry
from parlance.filters.recipes import RECIPES

texts = pl.read_parquet(sys.argv[1])["text"]
names = [name for name in registry.rules() if name.startswith(("c4_", "gopher_", "fineweb_"))]
registry.scores(texts[:10], names)  # loads what was compiled, as a long-running worker has it


def run(name: str) -> list[bool]:
    scores = registry.scores(texts, names)
    signals = scores.with_columns(id=pl.int_range(len(texts)).cast(pl.String), language=pl.lit("en"))
    bounds = [bound for bound in RECIPES["web"] if bound.rule.startswith(("c4_", "gopher_"))]
    return decide(signals, bounds)["reason"].is_null().to_list()


report_filters(run, ["all"])
