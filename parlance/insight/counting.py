"""Counts of the utterances of whole documents; counts of several lots of documents add up."""

from typing import Final

import polars as pl

from parlance.speech_acts.labels import SpeechAct

COLUMNS: Final = (
    "id",
    "source",
    "document_id",
    "message_id",
    "author",
    "is_bot",
    "turn",
    "start",
    "form",
    "function",
    "function_alone",
    "abstained",
)
ASKER, HELPER, BOT, OTHER = ROLES = ("asker", "helper", "bot", "other")
SAME_TURN, SAME_SPEAKER, OTHER_SPEAKER = STEPS = ("same turn", "next turn, same speaker", "next turn, other speaker")
CELL: Final = ("form", "function")
COUNTED_BY: Final = ("source", "channel", "day", "role", *CELL)
STEPPED_BY: Final = ("source", "step", "function", "next_function")
_ASKING: Final = (str(SpeechAct.QUESTION), str(SpeechAct.DIRECTIVE))


def with_roles(utterances: pl.DataFrame) -> pl.DataFrame:
    """`utterances` with the column `role`.

    The asker wrote the first turn of a thread and asks or requests something in it; helpers are the other people in
    such a thread; a bot is a bot anywhere. All others are `other`: they announce, chat, or wrote a page. What the
    classifier abstained from makes nobody an asker.

    >>> rows = [("t", "m1", "ann", 0, "question"), ("t", "m2", "bob", 1, "representative")]
    >>> frame = pl.DataFrame(rows, ["document_id", "message_id", "author", "turn", "function"], orient="row")
    >>> with_roles(frame.with_columns(is_bot=pl.lit(False), abstained=pl.lit(False)))["role"].to_list()
    ['asker', 'helper']
    """
    first = utterances.filter(turn=0)
    asks = pl.col("function").is_in(_ASKING) & ~pl.col("abstained") & ~pl.col("is_bot")
    asked = (
        first.filter(asks, pl.col("message_id").is_not_null(), pl.col("author").is_not_null())
        .group_by("document_id")
        .agg(asker=pl.col("author").first())
    )
    joined = utterances.join(asked, on="document_id", how="left", maintain_order="left")
    role = (
        pl.when("is_bot")
        .then(pl.lit(BOT))
        .when(pl.col("asker").is_null() | pl.col("author").is_null())
        .then(pl.lit(OTHER))
        .when(pl.col("author") == pl.col("asker"))
        .then(pl.lit(ASKER))
        .otherwise(pl.lit(HELPER))
    )
    return joined.with_columns(role=role).drop("asker")


def counted(utterances: pl.DataFrame) -> pl.DataFrame:
    """Rows of SPEECH_ACTS; `utterances` have `channel`, `day` and `role` beside their own columns."""
    return utterances.group_by(COUNTED_BY).agg(
        utterances=pl.len().cast(pl.Int64),
        context_dependent=(pl.col("function") != pl.col("function_alone")).sum().cast(pl.Int64),
        abstained=pl.col("abstained").sum().cast(pl.Int64),
    )


def transitions(utterances: pl.DataFrame) -> pl.DataFrame:
    """Rows of SPEECH_ACT_TRANSITIONS: each utterance with the next one of its document.

    Two utterances of one turn, or the last of a turn and the first of the next, by the same or by another speaker.
    People without a name are one another's others.
    """
    ordered = utterances.sort("source", "document_id", "turn", "start")
    following = ordered.select("document_id", "turn", "author", "function").shift(-1)
    pairs = ordered.select("source", "document_id", "turn", "author", "function").hstack(
        following.rename(lambda name: f"next_{name}").get_columns()
    )
    step = (
        pl.when(pl.col("turn") == pl.col("next_turn"))
        .then(pl.lit(SAME_TURN))
        .when((pl.col("author") == pl.col("next_author")).fill_null(False))
        .then(pl.lit(SAME_SPEAKER))
        .otherwise(pl.lit(OTHER_SPEAKER))
    )
    paired = pairs.filter(pl.col("document_id") == pl.col("next_document_id")).with_columns(step=step)
    return paired.group_by(STEPPED_BY).agg(pairs=pl.len().cast(pl.Int64))


def examples(utterances: pl.DataFrame, *, each: int) -> pl.DataFrame:
    """At most `each` utterances of every form and function, of as many documents, the surest labels first.

    Which of them, the hash of the ids decides, so that more utterances change little.
    """
    ranked = utterances.sort("abstained", pl.col("id").hash(1), "id")
    one_a_document = ranked.unique([*CELL, "document_id"], keep="first", maintain_order=True)
    return one_a_document.group_by(CELL, maintain_order=True).head(each)
