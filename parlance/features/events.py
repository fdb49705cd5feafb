"""What happened in a chat and when it was known: messages, deletions, and the acts of each version of a message."""

from typing import Final

import polars as pl

from parlance.lake import Lake
from parlance.sources.slack_threads import CHANNEL_EVENTS
from parlance.speech_acts.labels import LABELS, SpeechAct

TIME: Final = pl.Datetime("us", "UTC")
QUESTION, THANKS = str(SpeechAct.QUESTION), str(SpeechAct.EXPRESSIVE)


def said(lake: Lake) -> pl.LazyFrame:
    """Messages in the order of their threads, with `id`, `thread`, `author`, `at` and `deleted_at`.

    `before` is the author of the message before it, `run` counts changes of the author, `is_first` marks an author's
    first in the thread, `starter` is who began it. None of them depends on what comes later. Deleted messages are
    there, with the time at which they were seen to be gone.
    """
    root = pl.coalesce("thread_ts", "ts")
    rows = (
        lake.table("slack/messages")
        .scan()
        .filter(
            ~pl.col("subtype").fill_null("").is_in([*CHANNEL_EVENTS, "tombstone"]), pl.col("created_at").is_not_null()
        )
        .select(
            "id",
            "deleted_at",
            thread=pl.format("slack:{}/{}/{}", "team", "channel", root),
            author=pl.coalesce("user", "bot_id", "username").fill_null(""),
            at=pl.col("created_at"),
        )
        .unique("id", keep="first")
        .sort("thread", "at", "id")
    )
    before = pl.col("author").shift(1).over("thread")
    return rows.with_columns(
        before=before,
        starter=pl.col("author").first().over("thread"),
        run=(pl.col("author") != before).fill_null(False).cast(pl.Int64).cum_sum().over("thread"),
        is_first=pl.col("author").is_first_distinct().over("thread").cast(pl.Int64),
    )


def acts(lake: Lake) -> pl.LazyFrame:
    """Versions of messages with their acts: `id`, `from`, `until` (null: still), `last_act`, a count for each act."""
    rows = lake.table("features/acts").scan().unique(["message_id", "valid_from"], keep="first")
    counts = {act: pl.col("acts").list.count_matches(act).cast(pl.Int64) for act in LABELS}
    ordered = rows.sort("message_id", "valid_from")
    return ordered.select(
        pl.col("valid_from").alias("from"),
        pl.col("valid_from").shift(-1).over("message_id").alias("until"),
        id="message_id",
        last_act=pl.col("acts").list.last(),
        **counts,
    )


def changes(versions: pl.LazyFrame, columns: list[str]) -> pl.LazyFrame:
    """Each version's `columns` added at its time, and taken away when the next takes its place: `time` and `id`."""
    here = versions.select("id", *columns, time=pl.col("from"))
    gone = versions.filter(pl.col("until").is_not_null()).select(
        "id", *(-pl.col(name) for name in columns), time=pl.col("until")
    )
    return pl.concat([here, gone])
