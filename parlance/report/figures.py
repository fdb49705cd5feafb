"""The figures of the report, from the tables of the lake. Of texts it reads the ledger's excerpts and the drafts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.report import funnel

MOST_COLUMNS = 60
LEDGERS = {"rejected": "documents", "dropped": "kept"}
FUNNEL = ("raw", "documents", "kept", "utterances", "embeddings")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything that the page shows; frames have the columns that they are printed with.

    By lane: `funnels`, `days` (rows kept, dropped and rejected of each partition) and `samples` of its dropped rows.
    """

    funnel: pl.DataFrame
    words: pl.DataFrame
    funnels: Mapping[str, pl.DataFrame]
    days: Mapping[str, pl.DataFrame]
    drops: pl.DataFrame
    samples: Mapping[str, pl.DataFrame]
    languages: pl.DataFrame
    speech_acts: pl.DataFrame
    duplicates: pl.DataFrame
    examples: pl.DataFrame
    drafts: pl.DataFrame
    tokenizers: list[dict[str, Any]] = field(default_factory=list)
    models: dict[str, dict[str, float]] = field(default_factory=dict)


def collect(
    lake: Lake,
    recipes: Mapping[str, Sequence[Bound]],
    *,
    tokenizers: list[dict[str, Any]],
    models: dict[str, dict[str, float]],
) -> Figures:
    """Reads the figures of the lanes in `recipes`, each with its bounds.

    `tokenizers` and `models` are figures that their own assets measured.
    """
    lanes = list(recipes)
    return Figures(
        funnel=_funnel(lake, lanes),
        funnels={lane: funnel.funnel(lake, lane, rules) for lane, rules in recipes.items()},
        days={lane: _days(funnel.by_partition(lake, lane, rules)) for lane, rules in recipes.items()},
        samples={lane: _samples(lake, lane) for lane in lanes},
        words=_words(lake, lanes, tokenizers),
        drops=_drops(lake, lanes),
        languages=_by(lake, lanes, "signals", "language").rename({"rows": "documents"}),
        speech_acts=_speech_acts(lake, lanes),
        duplicates=_duplicates(lake),
        examples=_counted(lake.table("instruct/examples").scan(), "split").rename({"rows": "examples"}),
        drafts=lake.table("models/predictions")
        .scan()
        .filter(pl.col("status") == "drafted")
        .sort("partition", "message_id", descending=True)
        .select("partition", "channel", "question", "draft")
        .head(5)
        .collect(),
        tokenizers=tokenizers,
        models=models,
    )


def _rows(frame: pl.LazyFrame) -> int:
    return int(frame.select(pl.len()).collect().item())


def _funnel(lake: Lake, lanes: Sequence[str]) -> pl.DataFrame:
    """Rows by step and lane."""
    rows = [{"step": step, **{lane: _rows(lake.table(f"{lane}/{step}").scan()) for lane in lanes}} for step in FUNNEL]
    return pl.DataFrame(rows)


def _words(lake: Lake, lanes: Sequence[str], tokenizers: list[dict[str, Any]]) -> pl.DataFrame:
    """Words by step and lane, and tokens as words times the measured tokens per word of the first tokenizer."""
    fertility = tokenizers[0]["fertility"] if tokenizers else None
    rows = []
    for lane in lanes:
        words = lake.table(f"{lane}/signals").scan().select("id", "partition", "words")
        kept = lake.table(f"{lane}/kept").scan().select("id", "partition")
        frames = {"documents": words, "kept": words.join(kept, on=["id", "partition"], how="semi")}
        for step, frame in frames.items():
            count = int(frame.select(pl.col("words").sum()).collect().item() or 0)
            tokens = None if fertility is None else round(count * fertility)
            rows.append({"lane": lane, "step": step, "words": count, "tokens (about)": tokens})
    return pl.DataFrame(
        rows, schema={"lane": pl.String, "step": pl.String, "words": pl.Int64, "tokens (about)": pl.Int64}
    )


def _days(partitions: pl.DataFrame) -> pl.DataFrame:
    """Kept, dropped and rejected rows by partition; of many partitions some that follow each other are one row."""
    each = max(1, -(-partitions.height // MOST_COLUMNS))
    numbered = partitions.select("partition", "kept", "dropped", "rejected").with_row_index("place")
    binned = numbered.group_by(pl.col("place") // each, maintain_order=True)
    return binned.agg(pl.col("partition").first(), pl.exclude("partition", "place").sum()).drop("place")


def _drops(lake: Lake, lanes: Sequence[str]) -> pl.DataFrame:
    """Dropped rows by lane, step and rule: those whose first broken rule it is, and all that break it."""
    frames = [
        funnel.reasons(lake, lane, table).select(
            pl.lit(lane).alias("lane"), pl.lit(step).alias("step"), "rule", rows="first", any="any"
        )
        for lane in lanes
        for table, step in LEDGERS.items()
    ]
    return pl.concat(frames).sort("lane", "step", "rows", "rule", descending=[False, False, True, False])


def _samples(lake: Lake, lane: str) -> pl.DataFrame:
    """A few dropped rows of each first broken rule, of both steps."""
    return pl.concat(funnel.samples(lake, lane, table) for table in LEDGERS)


def _by(lake: Lake, lanes: Sequence[str], table: str, column: str) -> pl.DataFrame:
    return _counted(pl.concat([lake.table(f"{lane}/{table}").scan().select(column) for lane in lanes]), column)


def _counted(frame: pl.LazyFrame, column: str) -> pl.DataFrame:
    counted = frame.group_by(pl.col(column).fill_null("unknown")).agg(rows=pl.len())
    return counted.sort("rows", column, descending=[True, False]).collect()


def _speech_acts(lake: Lake, lanes: Sequence[str]) -> pl.DataFrame:
    """Utterances by speech act: columns act, function, form."""
    function, form = (_by(lake, lanes, "utterances", column) for column in ("function", "form"))
    joined = function.rename({"function": "act", "rows": "function"}).join(
        form.rename({"form": "act", "rows": "form"}), on="act", how="full", coalesce=True
    )
    return joined.fill_null(0).sort("function", "act", descending=[True, False])


def _duplicates(lake: Lake) -> pl.DataFrame:
    dropped = lake.table("corpus/duplicates").scan().filter(~pl.col("keep"))
    return dropped.group_by(lane="source", kind="kind").agg(documents=pl.len()).sort("lane", "kind").collect()
