"""From annotations to gold: what annotators agree on, what they leave open, what an adjudicator decided."""

from typing import Final

import polars as pl

from parlance.annotation.answers import TARGETS
from parlance.annotation.picking import RANDOM

ADJUDICATE: Final = "adjudicate"
PICKED: Final = "picked"
GOLD, OPEN, WAITING = "gold", "open", "waiting"


def decided(annotations: pl.DataFrame, items: pl.DataFrame, *, adjudicator: str) -> pl.DataFrame:
    """One row for each annotated utterance: the columns of the GOLD table, `status` and `labels_so_far`.

    Of each utterance the annotations by its newest version of the guide count. The `adjudicator` decides alone; else
    form and function are each what more than half of the annotators said. An utterance that was given to several is
    `waiting` until two have labelled it, and `open` where there is no such majority; then its labels are null.
    """
    asked = _asked(items)
    newest = pl.col("guide_version") == pl.col("guide_version").sort_by(_version_order()).last().over("id")
    said = annotations.filter(newest).sort("id", "annotator")
    people, judge = said.filter(pl.col("annotator") != adjudicator), said.filter(pl.col("annotator") == adjudicator)
    votes = people.group_by("id", maintain_order=True).agg(
        pl.col("annotator").alias("people"),
        pl.col("guide_version").last(),
        pl.col("annotated_at").max(),
        pl.format("{}: {} / {}", "annotator", "form", "function").str.join("\n").alias("labels_so_far"),
        *(_majority(target) for target in TARGETS),
    )
    ruling = judge.select("id", *(pl.col(name).alias(f"{name}_ruled") for name in (*TARGETS, *_OF_RULING)))
    rows = votes.join(ruling, on="id", how="full", coalesce=True).join(asked, on="id", how="inner")
    adjudicated = pl.col("form_ruled").is_not_null()
    enough = pl.col("people").list.len() >= pl.when("several").then(2).otherwise(1)
    agreed = pl.all_horizontal(pl.col(target).is_not_null() for target in TARGETS)
    status = pl.when(adjudicated | (enough & agreed)).then(pl.lit(GOLD))
    rows = rows.with_columns(
        *(pl.coalesce(f"{name}_ruled", name).alias(name) for name in (*TARGETS, "guide_version", "annotated_at")),
        adjudicated=adjudicated,
        status=status.when(enough).then(pl.lit(OPEN)).otherwise(pl.lit(WAITING)),
        annotators=pl.concat_list(
            pl.col("people").fill_null([]),
            pl.when(adjudicated).then(pl.lit([adjudicator])).otherwise(pl.lit([], dtype=pl.List(pl.String))),
        ),
    )
    return rows.rename({"annotated_at": "decided_at"}).sort("id")


_OF_RULING: Final = ("guide_version", "annotated_at")


def _majority(target: str) -> pl.Expr:
    """What more than half said; null where there is no such label."""
    top = pl.col(target).mode().sort().first()
    return pl.when((pl.col(target) == top).sum() * 2 > pl.len()).then(top).alias(target)


def _version_order() -> list[pl.Expr]:
    """Versions by number where they are numbers, else by name: 2 is before 10."""
    return [pl.col("guide_version").cast(pl.Float64, strict=False).fill_null(-1), pl.col("guide_version")]


def _asked(items: pl.DataFrame) -> pl.DataFrame:
    """One row for each utterance that was given out: what it is, to how many, and in which sample.

    The random sample of all batches is one draw (see `picking.pick`), so all of it has the probability of the last.
    """
    random = items.filter(pl.col("reason") == RANDOM).sort("number")
    probability = random["probability"].last() if random.height else None
    columns = ("source", "document_id", "author", "text", "before", "language", "medium")
    asked = (
        items.sort("number", "id")
        .group_by("id", maintain_order=True)
        .agg(
            *(pl.col(name).last() for name in columns),
            several=pl.col("annotators").explode().n_unique() > 1,
            drawn=(pl.col("reason") == RANDOM).any(),
        )
    )
    return asked.with_columns(
        sample=pl.when("drawn").then(pl.lit(RANDOM)).otherwise(pl.lit(PICKED)),
        probability=pl.when("drawn").then(pl.lit(probability, dtype=pl.Float64)),
    ).drop("drawn")
