"""Generated examples: their tables, and what training may use of them."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from parlance import schemas, synthesis
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.storage import Written, record_batches
from parlance.synthesis import Endpoint, Synthesis, SynthesisSettings
from parlance.synthesis.cache import Cached


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What one run made, and what of it was asked for and paid now, not read from the cache."""

    written: Written
    made: Synthesis
    asked_now: int
    paid_now: int


def write_synthetic(lake: Lake, endpoint: Endpoint, *, cache: Path, settings: SynthesisSettings) -> Generated:
    """Generates from the examples of split train; `instruct/synthetic_rejected` has the candidates that are none."""
    examples = lake.table("instruct/examples").scan().sort("id").collect()
    cached = Cached(endpoint, cache)
    made = synthesis.generate(examples, cached, settings)
    rejected = record_batches(made.rejected, schemas.SYNTHETIC_REJECTED)
    lake.table("instruct/synthetic_rejected").replace(rejected)
    written = lake.table("instruct/synthetic").replace(record_batches(made.rows, schemas.SYNTHETIC))
    return Generated(written=written, made=made, asked_now=cached.asked, paid_now=cached.paid)


def unsound(lake: Lake) -> pl.DataFrame:
    """`id` and `reason` of the generated rows that training must not see.

    Reasons: `not_train` (in another split), `not_marked` (as synthetic), `no_seed`, `seed_not_train` (the model was
    shown what is held out, or is no longer an example), `id_of_example` (a real one has the same).
    """
    rows = lake.table("instruct/synthetic").scan()
    examples = lake.table("instruct/examples").scan()
    real = examples.filter(pl.col("split") == "train", pl.col("kind") != "synthetic").select(seed="id")
    seeds = rows.select("id", seed="seed_ids").explode("seed")
    strange = seeds.drop_nulls().join(real, on="seed", how="anti").select("id").unique()
    marked = (pl.col("kind") == "synthetic") & (pl.col("source") == "synthetic")
    found = {
        "not_train": rows.filter(pl.col("split") != "train"),
        "not_marked": rows.filter(~marked),
        "no_seed": rows.filter(pl.col("seed_ids").list.len() == 0),
        "seed_not_train": strange,
        "id_of_example": rows.join(examples.select("id"), on="id", how="semi"),
    }
    named = [frame.select("id", reason=pl.lit(reason)) for reason, frame in found.items()]
    return pl.concat(named).sort("reason", "id").collect()


def require_sound(lake: Lake) -> None:
    """Raises ConfigError where a generated row is `unsound`."""
    found = unsound(lake)
    if found.height:
        counts = dict(found.group_by("reason").len().sort("reason").iter_rows())
        raise ConfigError(f"instruct/synthetic holds rows that training must not see: {counts}; materialise it again")
