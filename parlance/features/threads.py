"""Features of threads as of a time."""

from typing import Final

import polars as pl

from parlance.features.events import QUESTION, acts, changes, said
from parlance.lake import Lake

FEATURES: Final = ("turns", "participants", "minutes_since_last", "questions", "questions_open", "last_act")


def features(lake: Lake, entities: pl.LazyFrame) -> pl.LazyFrame:
    """`entities` (`row`, `id` of a thread's document, `timestamp`), each with every feature as it was known then.

    `turns` are messages that were not deleted yet, `participants` all who had written, `minutes_since_last` is null
    before the first. A question is open until somebody else writes. `last_act` is that of the last utterance of the
    last message. Zero, or null, for what was unknown then.
    """
    messages, versions = said(lake), acts(lake)
    placed = messages.select("id", "thread", "run")
    asked = changes(versions, [QUESTION]).join(placed, on="id")
    here = entities.sort("timestamp")
    found = _joined(here, _turns(messages), by=["thread"])
    found = _joined(found, _summed(asked, ["thread"], "questions"), by=["thread"])
    found = _joined(found, _summed(asked, ["thread", "run"], "questions_open"), by=["thread", "run"])
    labels = versions.select("last_act", last_id="id", time="from").sort("time")
    found = _joined(found, labels, by=["last_id"])
    since = (pl.col("timestamp") - pl.col("last_at")).dt.total_microseconds() / 60_000_000
    return found.with_columns(
        pl.col("turns", "participants", "questions", "questions_open").fill_null(0), minutes_since_last=since
    ).select("row", *FEATURES)


def _turns(messages: pl.LazyFrame) -> pl.LazyFrame:
    """After each message and each deletion: how many turns and participants, which message was the last and when."""
    written = messages.select("thread", "run", time="at", turn=pl.lit(1), new="is_first", last_at="at", last_id="id")
    deleted = messages.filter(pl.col("deleted_at").is_not_null()).select(
        "thread", run=pl.lit(None, pl.Int64), time="deleted_at", turn=pl.lit(-1), new=pl.lit(0, pl.Int64),
        last_at=pl.lit(None, pl.Datetime("us", "UTC")), last_id=pl.lit(None, pl.String),
    )  # fmt: skip
    events = pl.concat([written, deleted]).sort("time", "last_id", nulls_last=True)
    return events.select(
        "thread",
        "time",
        pl.col("run", "last_at", "last_id").forward_fill().over("thread"),
        turns=pl.col("turn").cum_sum().over("thread").cast(pl.Int64),
        participants=pl.col("new").cum_sum().over("thread"),
    )


def _summed(asked: pl.LazyFrame, by: list[str], name: str) -> pl.LazyFrame:
    return asked.sort("time", "id").select(*by, "time", pl.col(QUESTION).cum_sum().over(by).alias(name))


def _joined(left: pl.LazyFrame, right: pl.LazyFrame, *, by: list[str]) -> pl.LazyFrame:
    """The last row of `right` at or before each timestamp. Of rows at one time the last counts: they are in order."""
    last = right.unique([*by, "time"], keep="last", maintain_order=True).sort("time")
    return left.join_asof(
        last, left_on="timestamp", right_on="time", by=by, strategy="backward", check_sortedness=False
    ).drop("time", strict=False)
