"""What came back from annotators, as the tools say it, before anything is believed."""

import datetime as dt
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

import polars as pl

from parlance.speech_acts.labels import LABELS

FORM, FUNCTION = "form", "function"
TARGETS: Final = (FORM, FUNCTION)


class State(StrEnum):
    """What a row of a tool's file is."""

    ANSWERED = "answered"
    SKIPPED = "skipped"
    UNREADABLE = "unreadable"


class Answer(NamedTuple):
    """One annotator's labels of one utterance; absent is what the file does not say. `line` counts from 1.

    `other` are labels that are neither a form nor a function. `annotated_at` is null where the tool says no time.
    """

    line: int
    id: str | None = None
    text: str | None = None
    forms: Sequence[str] = ()
    functions: Sequence[str] = ()
    other: Sequence[str] = ()
    annotator: str | None = None
    annotated_at: dt.datetime | None = None
    comment: str | None = None
    guide_version: str | None = None
    state: State = State.ANSWERED


_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "line": pl.Int32,
    "id": pl.String,
    "text": pl.String,
    "forms": pl.List(pl.String),
    "functions": pl.List(pl.String),
    "other": pl.List(pl.String),
    "annotator": pl.String,
    "annotated_at": pl.Datetime("us", "UTC"),
    "comment": pl.String,
    "guide_version": pl.String,
    "state": pl.String,
}


def frame(answers: Iterable[Answer]) -> pl.DataFrame:
    """The answers as a frame with the fields of `Answer` as columns."""
    return pl.DataFrame(list(answers), schema=pl.Schema(_SCHEMA), orient="row")


def label_names() -> list[str]:
    """Every label as tools with one list of labels show it.

    >>> label_names()[0], len(label_names())
    ('form: expressive', 16)
    """
    return [f"{target}: {label}" for target in TARGETS for label in LABELS]


class Labels(NamedTuple):
    """The labels of one answer, by what they say something about."""

    forms: list[str]
    functions: list[str]
    other: list[str]


def sorted_out(names: Iterable[Any]) -> Labels:
    """Names like those of `label_names`, without their prefix.

    >>> sorted_out(["form: question", "function: directive", "urgent"])
    Labels(forms=['question'], functions=['directive'], other=['urgent'])
    """
    found = Labels([], [], [])
    for name in map(str, names):
        target, _, label = name.partition(": ")
        if target in TARGETS and label:
            (found.forms if target == FORM else found.functions).append(label)
        else:
            found.other.append(name)
    return found


def text_or_none(value: Any) -> str | None:
    """A field of a row as text; null where it is absent or empty.

    >>> text_or_none("  "), text_or_none(3)
    (None, '3')
    """
    text = "" if value is None else str(value)
    return text if text.strip() else None
