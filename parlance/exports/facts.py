"""What a dataset card says, counted from the tables of the lake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import polars as pl

from parlance.instruct.formats import loaded
from parlance.lake import Lake
from parlance.rights import published

SYNTHETIC: Final = "synthetic"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Counts and statements about an export; frames are ready to be shown.

    `rights` are statements by the lane they are of, `licences` what web pages state of themselves, `recipes` what
    decided about the documents of each source. `files` are rows by file.
    """

    files: Mapping[str, int]
    examples: int
    synthetic: int
    by_split: pl.DataFrame
    by_kind: pl.DataFrame
    languages: pl.DataFrame
    acts: pl.DataFrame
    sources: Sequence[str]
    rights: Sequence[Mapping[str, Any]]
    licences: pl.DataFrame
    versions: pl.DataFrame
    recipes: Mapping[str, str]
    dropped: pl.DataFrame
    passed_over: pl.DataFrame
    generated: pl.DataFrame
    rejected: pl.DataFrame
    formats: pl.DataFrame


def collect(lake: Lake, examples: pl.LazyFrame, *, files: Mapping[str, int], recipes: Mapping[str, str]) -> Facts:
    """The facts about `examples` (EXAMPLES, those that were exported) as files; `recipes` by lane."""
    sources = sorted(examples.select(pl.col("source").unique()).collect()["source"])
    lanes = [source for source in sources if source in recipes]
    totals = examples.select(
        examples=pl.len(), synthetic=(pl.col("kind") == SYNTHETIC).sum(), documents=pl.col("document_id").n_unique()
    ).collect()
    synthetic = totals["synthetic"].item()
    return Facts(
        files=files,
        examples=totals["examples"].item(),
        synthetic=synthetic,
        by_split=_by_split(examples),
        by_kind=_counted(examples, "kind", "source"),
        languages=_counted(examples, "language"),
        acts=_acts(examples),
        sources=sources,
        rights=[statement for lane in lanes for statement in _rights(lake, lane)],
        licences=_licences(lake, lanes, examples),
        versions=_versions(lake, lanes, synthetic=bool(synthetic)),
        recipes={lane: recipes[lane] for lane in lanes},
        dropped=_dropped(lake, lanes),
        passed_over=_counted(lake.table("instruct/passed_over").scan(), "reason"),
        generated=_counted(lake.table("instruct/synthetic").scan(), "model", "method", "prompt_version")
        if synthetic
        else pl.DataFrame(),
        rejected=_counted(lake.table("instruct/synthetic_rejected").scan(), "reason") if synthetic else pl.DataFrame(),
        formats=_formats(files),
    )


def _counted(frame: pl.LazyFrame, *columns: str) -> pl.DataFrame:
    named = [pl.col(column).fill_null("unknown") for column in columns]
    counted = frame.group_by(named).agg(count=pl.len())
    return counted.sort("count", *columns, descending=[True, *[False] * len(columns)]).collect()


def _by_split(examples: pl.LazyFrame) -> pl.DataFrame:
    """Examples, dialogues of several turns, characters of the answers by split."""
    turns = pl.col("messages").list.eval(pl.element().struct.field("role") == "user").list.sum()
    counted = examples.group_by("split").agg(
        examples=pl.len(),
        dialogues=(turns > 1).sum(),
        characters=pl.col("messages").list.eval(pl.element().struct.field("content").str.len_chars()).list.sum().sum(),
        synthetic=(pl.col("kind") == SYNTHETIC).sum(),
    )
    return counted.sort("split").collect()


def _acts(examples: pl.LazyFrame) -> pl.DataFrame:
    """In how many examples an act asks, by its function, and in how many it stands in the answer."""
    asks = examples.select("id", act=pl.col("asks").list.eval(pl.element().struct.field("function"))).explode("act")
    answers = examples.select("id", act="answers").explode("act")
    counted = [
        frame.drop_nulls().unique().group_by("act").agg(pl.len().alias(name)).collect()
        for frame, name in ((asks, "asked with"), (answers, "answered with"))
    ]
    joined = counted[0].join(counted[1], on="act", how="full", coalesce=True).fill_null(0)
    return joined.sort("answered with", "act", descending=[True, False])


def _rights(lake: Lake, lane: str) -> list[dict[str, Any]]:
    """The statements under which the raw rows of a lane were taken, as they are stored; none of web lanes."""
    ids = lake.table(f"{lane}/raw").scan().select(pl.col("rights").drop_nulls().unique()).collect()["rights"]
    return [{"lane": lane, **published(lake.files, lane, one)} for one in sorted(ids)]


def _licences(lake: Lake, lanes: Sequence[str], examples: pl.LazyFrame) -> pl.DataFrame:
    """Documents of the examples by what their pages state as licence."""
    held = examples.select(id="document_id").unique()
    frames = [
        lake.table(f"{lane}/kept").scan().filter(pl.col("page").is_not_null()).join(held, on="id", how="semi")
        for lane in lanes
    ]
    stated = [frame.select("source", licence=pl.col("page").struct.field("licence")) for frame in frames]
    empty = pl.LazyFrame(schema={"source": pl.String, "licence": pl.String})
    return _counted(pl.concat([empty, *stated]), "source", "licence")


def _versions(lake: Lake, lanes: Sequence[str], *, synthetic: bool) -> pl.DataFrame:
    """Parlance, and the tables that the examples are made of, by the number of their last commit."""
    names = [f"{lane}/{table}" for lane in lanes for table in ("kept", "utterances")]
    names += ["instruct/examples", *(["instruct/synthetic"] if synthetic else [])]
    made = [(name, lake.table(name).version()) for name in names]
    rows = [("parlance", version("parlance")), *((name, str(number)) for name, number in made if number is not None)]
    return pl.DataFrame(rows, schema=["table", "version"], orient="row")


def _dropped(lake: Lake, lanes: Sequence[str]) -> pl.DataFrame:
    """Raw rows and documents that the lanes did not pass on, by step and first rule, with bound and version of it."""
    columns = ("source", "step", "rule", "bound", "version")
    ledgers = [lake.table(f"{lane}/{table}").scan().select(columns) for lane in lanes for table in _LEDGERS]
    empty = pl.LazyFrame(schema=dict.fromkeys(columns, pl.String) | {"bound": pl.Float64, "version": pl.Int32})
    counted = pl.concat([empty, *ledgers]).group_by(columns).agg(count=pl.len())
    return counted.sort("count", *columns, descending=[True, *[False] * len(columns)]).collect()


def _formats(files: Mapping[str, int]) -> pl.DataFrame:
    names = sorted({name.partition("/")[0] for name in files})
    rows = [(name, list(loaded(name).SCHEMA.names), loaded(name).HOLDS_TURNS) for name in names]
    said = [(name, ", ".join(columns), "as turns" if turns else "in the input") for name, columns, turns in rows]
    return pl.DataFrame(said, schema=["layout", "columns", "what was said before"], orient="row")


_LEDGERS: Final = ("rejected", "dropped")
