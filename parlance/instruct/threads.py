"""Slack threads with the speech acts of their turns, read from the tables of the lake."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from parlance.errors import SchemaError
from parlance.speech_acts import SpeechAct

CERTAIN = 1.0  # the score of what a written rule decides
_THREAD_COLUMNS = ("id", "text", "channel", "language", "created_at", "turns")
_UTTERANCE_COLUMNS = ("document_id", "turn", "start", "text", "form", "form_score", "function", "abstained")


class Act(NamedTuple):
    """One utterance of a turn; `abstained`: its labels are too unsure to be evidence, though they are the likeliest.

    `certain_form`: a written rule decided the form, which stands whatever the classifier makes of the function.
    """

    text: str
    form: str
    function: str
    abstained: bool = False
    certain_form: bool = False

    def asks(self, *acts: SpeechAct) -> bool:
        """Whether its form or its function is surely one of `acts`."""
        if self.abstained:
            return self.certain_form and self.form in acts
        return self.form in acts or self.function in acts


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a thread; `author` is None where the source names none."""

    message_id: str
    author: str | None
    is_bot: bool
    text: str
    acts: Sequence[Act]

    def functions(self) -> set[str]:
        """The functions of the utterances."""
        return {act.function for act in self.acts}

    def asks(self, *acts: SpeechAct) -> bool:
        """Whether an utterance surely has one of `acts` as its form or its function."""
        return any(act.asks(*acts) for act in self.acts)

    def may_ask(self, *acts: SpeechAct) -> bool:
        """As `asks`, with the labels that are unsure."""
        return any(act.form in acts or act.function in acts for act in self.acts)


@dataclass(frozen=True, slots=True)
class Thread:
    """A document of source slack; the first of its turns is the root."""

    id: str
    channel: str | None
    turns: Sequence[Turn]
    row: dict[str, Any]


def read(threads: pl.DataFrame, utterances: pl.DataFrame) -> Iterator[Thread]:
    """The rows of `threads` (KEPT) in their order, each with its `utterances` (UTTERANCES, in any order)."""
    _require(threads, _THREAD_COLUMNS, "threads")
    _require(utterances, _UTTERANCE_COLUMNS, "utterances")
    acts: defaultdict[tuple[str, int], list[Act]] = defaultdict(list)
    ordered = utterances.select(_UTTERANCE_COLUMNS).sort("document_id", "turn", "start")
    for document_id, turn, _, text, form, form_score, function, abstained in ordered.iter_rows():
        acts[document_id, turn].append(Act(text, form, function, abstained, form_score >= CERTAIN))
    for row in threads.select(_THREAD_COLUMNS).iter_rows(named=True):
        turns = [
            Turn(
                message_id=turn["message_id"],
                author=turn["author"],
                is_bot=turn["is_bot"],
                text=row["text"][turn["start"] : turn["end"]].strip(),
                acts=acts.get((row["id"], index), ()),
            )
            for index, turn in enumerate(row["turns"] or ())
        ]
        yield Thread(row["id"], row["channel"], turns, row)


def _require(frame: pl.DataFrame, columns: Sequence[str], name: str) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise SchemaError(f"{name} lack the columns {missing}; needed: {list(columns)}")
