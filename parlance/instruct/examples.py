"""Threads to rows: examples, the reasons for none, and the questions that are open."""

import hashlib
from typing import Any, Final

import polars as pl

from parlance import schemas
from parlance.errors import ConfigError
from parlance.instruct.questions import Dialogue, dialogue, unanswered_question
from parlance.instruct.threads import Thread, read

_EXAMPLES: Final = pl.Schema(schemas.EXAMPLES)
_REASONS: Final = {"id": pl.String, "reason": pl.String}
_UNANSWERED: Final = {"document_id": pl.String, "message_id": pl.String, "channel": pl.String, "question": pl.String}


def build(
    threads: pl.DataFrame, utterances: pl.DataFrame, *, validation: float = 0.1, test: float = 0.1, seed: int = 1
) -> pl.DataFrame:
    """One example (a row of the EXAMPLES table) for each thread that holds a question or request and an answer.

    `threads` are rows of KEPT, `utterances` rows of UTTERANCES. The question is what the author of the root wrote
    before anybody else; the answer is the last substantive turn of another human before the asker
    thanks, else the first, with the turns of the same person next to it. Where questions were asked in
    between, that dialogue is the `input`. What the speech acts say of it stands in `asks`, `answers`, `thanked`,
    `promise` and `unsure`; utterances that the classifier abstained from are evidence of nothing. `validation` and
    `test` are shares of the threads; a thread's split depends on `seed` and its id only.
    """
    if min(validation, test) < 0 or validation + test >= 1:
        raise ConfigError(f"validation={validation} and test={test} must be at least 0 and together below 1")
    rows = [
        _row(thread, found, _split(seed, thread.id, validation=validation, test=test))
        for thread in read(threads, utterances)
        if isinstance(found := dialogue(thread), Dialogue)
    ]
    return pl.DataFrame(rows, schema=_EXAMPLES)


def reasons(threads: pl.DataFrame, utterances: pl.DataFrame) -> pl.DataFrame:
    """`id` and `reason` of each thread that gives no example; the others are in `build`."""
    found = ((thread.id, dialogue(thread)) for thread in read(threads, utterances))
    rows = [(thread_id, reason) for thread_id, reason in found if isinstance(reason, str)]
    return pl.DataFrame(rows, schema=_REASONS, orient="row")


def unanswered(threads: pl.DataFrame, utterances: pl.DataFrame) -> pl.DataFrame:
    """`document_id`, `message_id` of the root, `channel` and `question` of each thread that waits for an answer."""
    rows = [
        (thread.id, thread.turns[0].message_id, thread.channel, question)
        for thread in read(threads, utterances)
        if (question := unanswered_question(thread)) is not None
    ]
    return pl.DataFrame(rows, schema=_UNANSWERED, orient="row")


def _row(thread: Thread, found: Dialogue, split: str) -> dict[str, Any]:
    ids, example = found.message_ids(), found.example()
    return {
        "id": hashlib.blake2b("\x1f".join([thread.id, *ids]).encode(), digest_size=16).hexdigest(),
        "document_id": thread.id,
        "split": split,
        **example._asdict(),
        "kind": "answer",
        "messages": [{"role": "user", "content": example.prompt}, {"role": "assistant", "content": example.output}],
        "source": "slack",
        "quality": 1.0,
        "quality_reasons": [],
        "alternatives": [],
        **found.evidence(),
        "raw_ids": ids,
        **{name: thread.row[name] for name in ("channel", "language", "created_at")},
    }


def _split(seed: int, document_id: str, *, validation: float, test: float) -> str:
    digest = hashlib.blake2b(f"{seed}\x1f{document_id}".encode(), digest_size=8).digest()
    position = int.from_bytes(digest, "big") / 2**64
    return "test" if position < test else "validation" if position < test + validation else "train"
