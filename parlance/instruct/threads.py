"""Slack threads with the speech acts of their turns, read from the tables of the lake."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import polars as pl

from parlance.errors import SchemaError
from parlance.speech_acts import SpeechAct

CERTAIN = 1.0  # the score of what a written rule decides
THREAD_COLUMNS = ("id", "source", "text", "channel", "language", "created_at", "raw_ids", "turns")
UTTERANCE_COLUMNS = ("document_id", "turn", "start", "text", "form", "form_score", "function", "abstained")
MESSAGE_COLUMNS = (
    "id", "team", "channel", "ts", "thread_ts", "subtype", "deleted_at", "edited_ts", "reactions",
)  # fmt: skip
# Reactions that say that something is right, done or welcome; whatever skin they have.
APPROVING: Final = frozenset(
    {
        "+1", "thumbsup", "white_check_mark", "heavy_check_mark", "ballot_box_with_check", "pray", "tada", "heart",
        "100", "ok_hand", "raised_hands", "bulb", "clap", "star", "star2", "trophy", "bow", "green_heart", "blue_heart",
        "purple_heart", "orange_heart", "yellow_heart", "heart_eyes", "sparkles", "partying_face", "muscle", "rocket",
    }
)  # fmt: skip


DELETED: Final = pl.col("deleted_at").is_not_null() | (pl.col("subtype") == "tombstone").fill_null(False)


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
    """One message of a thread; `author` is None where the source names none.

    `approved_by` are those who reacted with one of APPROVING.
    """

    message_id: str
    author: str | None
    is_bot: bool
    text: str
    acts: Sequence[Act]
    created_at: datetime | None = None
    edited_at: datetime | None = None
    approved_by: AbstractSet[str] = frozenset()

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
    """A document with turns; the first of them is the root. `holes` counts the messages that were deleted.

    `is_request`: it stands where people ask for help, so that its root is a question, whatever its words.
    """

    id: str
    channel: str | None
    turns: Sequence[Turn]
    row: dict[str, Any]
    holes: int = 0
    is_request: bool = False


def read(threads: pl.DataFrame, utterances: pl.DataFrame, messages: pl.DataFrame | None = None) -> Iterator[Thread]:
    """The rows of `threads` (KEPT) in their order, each with its `utterances` (UTTERANCES, in any order).

    `messages` (SLACK_MESSAGES) say who reacted, what was edited and what was deleted.
    """
    require(threads, THREAD_COLUMNS, "threads")
    require(utterances, UTTERANCE_COLUMNS, "utterances")
    known, holes = _known(messages)
    acts: defaultdict[tuple[str, int], list[Act]] = defaultdict(list)
    ordered = utterances.select(UTTERANCE_COLUMNS).sort("document_id", "turn", "start")
    for document_id, turn, _, text, form, form_score, function, abstained in ordered.iter_rows():
        acts[document_id, turn].append(Act(text, form, function, abstained, form_score >= CERTAIN))
    for row in threads.select(THREAD_COLUMNS).iter_rows(named=True):
        turns = [
            Turn(
                message_id=turn["message_id"],
                author=turn["author"],
                is_bot=turn["is_bot"],
                text=row["text"][turn["start"] : turn["end"]].strip(),
                acts=acts.get((row["id"], index), ()),
                created_at=turn["created_at"],
                **known.get(turn["message_id"], {}),
            )
            for index, turn in enumerate(row["turns"] or ())
        ]
        yield Thread(row["id"], row["channel"], turns, row, holes.get(row["id"], 0))


def _known(messages: pl.DataFrame | None) -> tuple[Mapping[str, dict[str, Any]], Mapping[str, int]]:
    """What messages say beside their text, by id; and how many were deleted, by document."""
    if messages is None or messages.is_empty():
        return {}, {}
    require(messages, MESSAGE_COLUMNS, "messages")
    rows = messages.filter((pl.col("reactions").list.len() > 0) | pl.col("edited_ts").is_not_null())
    known = {
        id: {"approved_by": _approving(reactions or ()), "edited_at": _moment(edited)}
        for id, reactions, edited in rows.select("id", "reactions", "edited_ts").iter_rows()
    }
    gone = messages.filter(DELETED)
    document = pl.format("slack:{}/{}/{}", "team", "channel", pl.coalesce("thread_ts", "ts"))
    return known, dict(gone.drop_nulls("channel").group_by(document.alias("id")).len().iter_rows())


def _approving(reactions: Sequence[dict[str, Any]]) -> frozenset[str]:
    names = ((str(one["name"]).partition("::")[0], one["users"] or ()) for one in reactions)
    return frozenset(user for name, users in names if name in APPROVING for user in users)


def _moment(seconds: str | None) -> datetime | None:
    """The time that Slack writes as seconds since 1970; null where it writes something else."""
    try:
        return None if seconds is None else datetime.fromtimestamp(float(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def require(frame: pl.DataFrame, columns: Sequence[str], name: str) -> None:
    """Raises SchemaError that names the columns that `frame` lacks."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise SchemaError(f"{name} lack the columns {missing}; needed: {list(columns)}")
