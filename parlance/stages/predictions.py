"""Drafts for questions that nobody answered; runs in the training process."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from parlance import inference, instruct, rights, schemas
from parlance.inference import InferenceSettings, Outcome, Prompt, Request
from parlance.inference.writers import Target, opened
from parlance.lake import Lake
from parlance.stages.lanes import raw_of_documents
from parlance.storage import Table, record_batches
from parlance.storage.tables import empty_frame
from parlance.versions import version

if TYPE_CHECKING:
    from parlance.inference.schema import AnswerSchema

ANSWERS, PREDICTIONS = "models/answers", "models/predictions"


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Who drafts by which prompt: all that an answer depends on. `model` is the version or name that rows carry."""

    target: Target
    model: str
    prompt: Prompt
    schema: "AnswerSchema | None" = None
    settings: InferenceSettings = field(default_factory=InferenceSettings)

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of ANSWERS that are the same in every row."""
        return {
            "model": self.model,
            "prompt_version": self.prompt.version,
            "schema_version": self.schema.version if self.schema else None,
            "sampling": json.dumps(self.settings.sampling(self.target.writer), sort_keys=True),
            "writer": self.target.writer,
        }

    @property
    def partition(self) -> str:
        """The partition of the model's answers, so that a run reads those of no other."""
        return version("model", self.model)


def draft(
    lake: Lake, lane: str, partitions: Sequence[str], asking: Asking, *, log: Callable[[str], None]
) -> dict[str, Any]:
    """One row for each question of `partitions` that nobody answered; replaces the rows of these partitions.

    An answer that was given before, in whatever partition or run, is not asked for again; one that failed is, up to
    `most_attempts` in all. Gives what was written, and what was done now.
    """
    questions = _requested(unanswered(lake, lane, partitions), asking)
    table = lake.table(ANSWERS)
    known = _known(table, asking, questions)
    began = time.monotonic()
    made = _asked(table, questions, known, asking, log)
    seconds = time.monotonic() - began
    rows = _rows(questions, _known(table, asking, questions), asking)
    written = lake.table(PREDICTIONS).replace(record_batches(rows, schemas.PREDICTIONS), partitions)
    return {"written": asdict(written), "seconds": seconds, "made": sorted(made)}


def unanswered(lake: Lake, lane: str, partitions: Sequence[str]) -> pl.DataFrame:
    """`partition`, `document_id`, `message_id`, `channel`, `question` of what waits for an answer, by message.

    Only questions that were taken under a statement of rights that names drafts among its uses.
    """
    threads = lake.table(f"{lane}/kept").scan(partitions).collect()
    utterances = lake.table(f"{lane}/utterances").scan(partitions).collect()
    questions = instruct.unanswered(threads, utterances)
    named = questions.join(threads.select("partition", document_id="id"), on="document_id", how="left")
    allowed = _allowed(lake, lane, partitions, named["message_id"])
    return named.join(allowed, on="message_id", how="semi").sort("message_id")


def out_of_balance(lake: Lake, lane: str, partitions: Sequence[str]) -> dict[str, list[str]]:
    """Messages of `partitions` that wait without a row (`without_row`) or have one and do not wait
    (`without_question`), and all that have two rows anywhere (`repeated`)."""
    place = ["partition", "message_id"]
    asked, table = unanswered(lake, lane, partitions).select(place), lake.table(PREDICTIONS)
    here = table.scan(partitions).select(place).collect()
    found = {
        "without_row": asked.join(here, on=place, how="anti"),
        "without_question": here.join(asked, on=place, how="anti"),
        "repeated": table.scan().group_by("message_id").len().filter(pl.col("len") > 1).collect(),
    }
    return {name: sorted(frame["message_id"]) for name, frame in found.items()}


def _allowed(lake: Lake, lane: str, partitions: Sequence[str], messages: pl.Series) -> pl.DataFrame:
    """The `message_id` of messages that may be drafted for."""
    raw = raw_of_documents(lake, lane, partitions).select("rights", message_id="id")
    found = raw.filter(pl.col("message_id").is_in(messages.implode())).collect()
    ids = found["rights"].drop_nulls().unique().to_list()
    allowing = [id for id in ids if "drafts" in rights.published(lake.files, lane, id)["uses"]]
    return found.filter(pl.col("rights").is_in(allowing)).select("message_id").unique()


def _requested(questions: pl.DataFrame, asking: Asking) -> pl.DataFrame:
    """The questions with `chat` (the messages as JSON) and `request_id`."""
    sampling, schema = asking.settings.sampling(asking.target.writer), asking.schema
    chats = [asking.prompt.messages(row) for row in questions.select("question", "channel").iter_rows(named=True)]
    ids = [
        inference.request_id(
            model=asking.model,
            prompt=asking.prompt.version,
            schema=schema.version if schema else None,
            sampling=sampling,
            messages=chat,
        )
        for chat in chats
    ]
    return questions.with_columns(
        chat=pl.Series([json.dumps(chat) for chat in chats], dtype=pl.String),
        request_id=pl.Series(ids, dtype=pl.String),
    )


def _known(table: Table, asking: Asking, questions: pl.DataFrame) -> pl.DataFrame:
    """The row of ANSWERS for each request that had an outcome, with its `attempts`: the first answer, else the last
    failure. So an answer stays what it is."""
    ours = table.scan([asking.partition]).filter(pl.col("id").is_in(questions["request_id"].unique().implode()))
    is_failed = pl.col("status") == "failed"
    # Of answers the first, of failures the last.
    age = pl.col("answered_at").dt.timestamp("us")
    ordered = ours.sort("id", is_failed, pl.when(is_failed).then(-age).otherwise(age))
    counts = ours.group_by("id").agg(attempts=pl.len().cast(pl.Int32))
    return ordered.unique("id", keep="first", maintain_order=True).join(counts, on="id", how="left").collect()


def _asked(
    table: Table, questions: pl.DataFrame, known: pl.DataFrame, asking: Asking, log: Callable[[str], None]
) -> set[str]:
    """Asks for what is not known and appends what comes as it comes; gives the ids of the requests that were asked."""
    done = known.filter((pl.col("status") == "drafted") | (pl.col("attempts") >= asking.settings.most_attempts))
    left = questions.unique("request_id", maintain_order=True).join(
        done.select(request_id="id"), on="request_id", how="anti"
    )
    log(f"{questions.height:,} questions, {left.height:,} requests to make with {asking.model}")
    if left.is_empty():
        return set()
    requests = [Request(id=id, messages=json.loads(chat)) for id, chat in left.select("request_id", "chat").iter_rows()]
    kept = 0

    def keep(outcomes: Sequence[Outcome]) -> None:
        nonlocal kept
        table.append(record_batches(_answer_rows(outcomes, asking), schemas.ANSWERS))
        kept += len(outcomes)
        log(f"{kept:,} of {len(requests):,} requests done")

    tried = dict(known.select("id", "attempts").iter_rows())
    with opened(asking.target, asking.settings, asking.schema) as writer:
        inference.run(requests, writer, asking.settings, keep=keep, schema=asking.schema, tried=tried)
    return {request.id for request in requests}


def _answer_rows(outcomes: Sequence[Outcome], asking: Asking) -> pl.DataFrame:
    now = datetime.now(UTC)
    rows = [
        {
            **one._asdict(),
            **asking.columns,
            "text": one.text if one.error is None else None,
            "status": "drafted" if one.error is None else "failed",
            "cost": asking.settings.cost(one.prompt_tokens, one.answer_tokens),
            "answered_at": now,
            "partition": asking.partition,
        }
        for one in outcomes
    ]
    return pl.DataFrame(rows, schema=empty_frame(schemas.ANSWERS).schema)


def _rows(questions: pl.DataFrame, answers: pl.DataFrame, asking: Asking) -> pl.DataFrame:
    """PREDICTIONS: every question with the outcome of its request."""
    outcomes = answers.rename({"id": "request_id", "text": "draft"}).drop("partition")
    ids = [version(*row) for row in questions.select("request_id", "message_id").iter_rows()]
    named = questions.with_columns(id=pl.Series(ids, dtype=pl.String))
    return named.join(outcomes, on="request_id", how="left")
