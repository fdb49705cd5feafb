"""Kept documents to rows: examples, the reasons for none, and the questions that are open."""

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from parlance import schemas
from parlance.instruct.candidates import KINDS, candidates
from parlance.instruct.quality import graded
from parlance.instruct.questions import unanswered_question
from parlance.instruct.splitting import Shares, author_days, sides
from parlance.instruct.threads import read

NEAR: Final = 0.8  # Jaccard similarity from which two examples are near duplicates
_EXAMPLES: Final = pl.Schema(schemas.EXAMPLES)
_UNANSWERED: Final = {"document_id": pl.String, "message_id": pl.String, "channel": pl.String, "question": pl.String}


def build(
    threads: pl.DataFrame,
    utterances: pl.DataFrame,
    messages: pl.DataFrame | None = None,
    *,
    people: Mapping[str, str] | None = None,
    kinds: Sequence[str] = KINDS,
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 1,
) -> pl.DataFrame:
    """The examples (rows of EXAMPLES) of kept documents: of threads, and of pages, which have no turns.

    `threads` are rows of KEPT, `utterances` rows of UTTERANCES, `messages` rows of SLACK_MESSAGES. Of a thread that
    holds a question or request and an answer there is an `answer`: the question is what the author of the root wrote
    before anybody else, the answer the accepted one (see `questions`); where questions were asked in between, that
    dialogue is the `input`. Where asker and helpers talk to and fro there is a `dialogue`. `people` are those who may
    be imitated and their names: they alone have `person`. Of a page there are `faq`, `forum` and `passage`. What the
    speech acts say of it stands in `asks`, `answers`, `thanked`, `promise` and `unsure`; utterances that the classifier
    abstained from are evidence of nothing.

    `validation` and `test` are shares of the groups; what belongs together is on one side (see `splitting`).
    """
    shares = Shares(validation=validation, test=test, seed=seed)
    rows = graded(candidates(threads, utterances, messages, people=people, kinds=kinds).rows)
    rows = rows.with_columns(cluster=near_clusters(rows))
    days = author_days(rows, threads)
    found = sides(rows, rows.select("document_id", "cluster"), days, shares=shares)
    return rows.join(found.split, on="document_id", how="left", maintain_order="left").select(_EXAMPLES.names())


def near_clusters(examples: pl.DataFrame) -> pl.Series:
    """For each example the smallest id among its near duplicates by instruction and output; null where it has none."""
    from parlance.dedup import near_duplicates

    if examples.is_empty():
        return pl.Series("cluster", [], dtype=pl.String)
    texts = examples.select(text=pl.concat_str("instruction", "output", separator="\n"))["text"]
    found = near_duplicates(texts, examples["id"], NEAR, order=examples["id"])
    alone = pl.len().over("cluster") == 1
    return found.select(pl.when(~alone).then(pl.col("cluster")).alias("cluster"))["cluster"]


def reasons(threads: pl.DataFrame, utterances: pl.DataFrame) -> pl.DataFrame:
    """`id` and `reason` of each document that gives no example; the others are in `build`."""
    nothing = candidates(threads, utterances).nothing
    return nothing.select(id="document_id", reason="reason")


def unanswered(threads: pl.DataFrame, utterances: pl.DataFrame) -> pl.DataFrame:
    """`document_id`, `message_id` of the root, `channel` and `question` of each thread that waits for an answer."""
    rows = [
        (thread.id, thread.turns[0].message_id, thread.channel, question)
        for thread in read(threads, utterances)
        if (question := unanswered_question(thread)) is not None
    ]
    return pl.DataFrame(rows, schema=_UNANSWERED, orient="row")
