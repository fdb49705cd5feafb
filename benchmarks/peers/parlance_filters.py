"""Ours: all signals of one family at once, then the verdict. Third argument: `papers`, `datatrove` or `redpajama`."""

import sys

import polars as pl
from measuring import report_filters

from parlance.filters import decide, registry
from parlance.filters.recipes import RECIPES

PREFIXES = {"papers": ("c4_", "gopher_", "fineweb_"), "datatrove": ("datatrove_",), "redpajama": ("rps_",)}
RECIPE = {"papers": "web", "datatrove": "datatrove", "redpajama": None}

texts = pl.read_parquet(sys.argv[1])["text"]
family = sys.argv[3]
names = [name for name in registry.rules() if name.startswith(PREFIXES[family])]
bounds = [bound for bound in RECIPES.get(RECIPE[family], ()) if bound.rule in names]
registry.scores(texts[:10], names)  # loads what was compiled, as a long-running worker has it


def run(name: str) -> list[bool]:
    scores = registry.scores(texts, names)
    signals = scores.with_columns(id=pl.int_range(len(texts)).cast(pl.String), language=pl.lit("en"))
    return decide(signals, bounds)["reason"].is_null().to_list()


report_filters(run, ["all"])
