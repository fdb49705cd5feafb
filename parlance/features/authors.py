"""Features of authors as of a time."""

from typing import Final

import polars as pl

from parlance.features.events import THANKS, acts, changes, said
from parlance.lake import Lake
from parlance.speech_acts.labels import LABELS

SHARES: Final = tuple(f"share_{act}" for act in LABELS)
FEATURES: Final = ("messages_7d", "messages_30d", *SHARES, "answers_accepted")


def features(lake: Lake, entities: pl.LazyFrame) -> pl.LazyFrame:
    """`entities` (`row`, `id` of an author, `timestamp`), each with every feature as it was known then.

    `messages_7d` and `messages_30d` are said in the days before, deleted ones included. `share_...` are shares of the
    acts of 30 days, null without any. An answer is accepted where who began the thread thanks, or expresses something
    else, right after it.
    """
    messages, versions = said(lake), acts(lake)
    spoken = messages.select(author="author", time="at", n=pl.lit(1, pl.Int64)).sort("time")
    acted = changes(versions, list(LABELS)).join(messages.select("id", "author"), on="id").sort("time", "id")
    thanked = messages.filter(
        pl.col("author") == pl.col("starter"), pl.col("before").is_not_null(), pl.col("before") != pl.col("author")
    )
    flags = versions.with_columns(pl.col(THANKS).clip(upper_bound=1))
    accepted = changes(flags, [THANKS]).join(thanked.select("id", author="before"), on="id").sort("time", "id")
    found = entities.rename({"id": "author"})
    found = _until(found, spoken, {"n": "messages"})
    for days in (7, 30):
        found = _until(found, spoken, {"n": f"messages_before_{days}"}, days=days)
    found = _until(found, acted, {act: f"acts_{act}" for act in LABELS})
    found = _until(found, acted, {act: f"acts_before_{act}" for act in LABELS}, days=30)
    found = _until(found, accepted, {THANKS: "answers_accepted"})
    within = {act: pl.col(f"acts_{act}") - pl.col(f"acts_before_{act}") for act in LABELS}
    total = pl.sum_horizontal(within.values())
    return found.select(
        "row",
        *((pl.col("messages") - pl.col(f"messages_before_{days}")).alias(f"messages_{days}d") for days in (7, 30)),
        # An edit of an older message takes away what was said before the window.
        *(pl.when(total > 0).then((count / total).clip(0, 1)).alias(f"share_{act}") for act, count in within.items()),
        "answers_accepted",
    )


def _until(entities: pl.LazyFrame, events: pl.LazyFrame, named: dict[str, str], *, days: int = 0) -> pl.LazyFrame:
    """The sums of what happened until `days` before each timestamp; 0 where nothing did."""
    sums = events.select(
        "author", "time", *(pl.col(column).cum_sum().over("author").alias(name) for column, name in named.items())
    )
    last = sums.unique(["author", "time"], keep="last", maintain_order=True).sort("time")
    moved = entities.with_columns(when=pl.col("timestamp") - pl.duration(days=days)).sort("when")
    joined = moved.join_asof(
        last, left_on="when", right_on="time", by="author", strategy="backward", check_sortedness=False
    )
    return joined.drop("when", "time", strict=False).with_columns(pl.col(list(named.values())).fill_null(0))
