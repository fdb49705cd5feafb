"""Raw Slack messages to documents: a thread is one document, each message one of its turns."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pyarrow as pa

from parlance.pseudonyms import Pseudonyms
from parlance.sources.rows import Row, dropped, paired, rule_of, well_formed
from parlance.sources.slack_fields import without_names
from parlance.sources.slack_text import render

Json = dict[str, Any]

SEPARATOR = "\n\n"
TS = re.compile(r"[0-9]{1,11}(\.[0-9]{1,6})?", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SLACK = {"USLACKBOT"}

# Subtypes by which Slack tells what happened to a channel; nobody says anything.
CHANNEL_EVENTS = frozenset(
    f"{place}_{event}"
    for place in ("channel", "group")
    for event in (
        "join",
        "leave",
        "topic",
        "purpose",
        "name",
        "archive",
        "unarchive",
        "canvas_updated",
        "convert_to_private",
        "convert_to_public",
        "posting_permissions",
    )
) | {
    "app_conversation_join",
    "app_conversation_leave",
    "bot_add",
    "bot_disable",
    "bot_enable",
    "bot_remove",
    "pinned_item",
    "unpinned_item",
}


def documents(
    batches: Iterable[pa.RecordBatch], *, pseudonyms: Pseudonyms | None = None
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Pairs of `DOCUMENTS` and `LEDGER` batches; every raw row is one turn or one row of the ledger.

    With `pseudonyms`, authors and mentioned people have these in place of their ids and names, and a direct message has
    its id in place of its name.

    The raw rows of a document must stand together, sorted by `document_id`, `created_at`, `shard` and `position`.
    Dropped are rows with an error (`unreadable`, or `refused` where rights forbid), second copies of a message
    (`duplicate_message`), joins, topics and the like (`channel_event`), deleted messages (`deleted`; the replies stay)
    and messages without text (`empty_text`).
    """
    rows = (row for batch in batches for row in batch.to_pylist())
    return paired(_thread(list(group), pseudonyms) for _, group in groupby(rows, key=lambda row: row["document_id"]))


def _thread(rows: list[Row], pseudonyms: Pseudonyms | None) -> tuple[list[Row], list[Row]]:
    """The document of one thread, if anything of it is left, and the ledger rows of the messages that are not in it."""
    thread = _Thread(id=rows[0]["document_id"], partition=rows[0]["document_partition"])
    ledger: list[Row] = []
    seen: set[str] = set()
    deleted: set[str] = set()
    for row in rows:
        payload = _payload(row, pseudonyms)
        if isinstance(payload, str):
            ledger.append(dropped(row, rule_of(payload), detail=payload))
        elif row["id"] in seen:
            text = "" if row["id"] in deleted else _shown(payload)
            place = f"{payload.channel}/{row['shard'].rpartition('/')[2]}#{row['position']}"
            ledger.append(dropped(row, "duplicate_message", detail=place, text=text))
        else:
            seen.add(row["id"])
            if _is_deleted(payload):
                deleted.add(row["id"])
            reason = thread.take(row, payload)
            if reason is not None:
                ledger.append(dropped(row, reason, detail=_event(payload.message), text=_shown(payload)))
    return ([thread.document()] if thread.turns else []), ledger


@dataclass(frozen=True, kw_only=True)
class _Payload:
    """A message and the text that a reader sees of it."""

    message: Json
    text: str
    channel: str | None
    author: str | None
    is_bot: bool
    is_deleted: bool


@dataclass(kw_only=True)
class _Thread:
    """A document as it grows."""

    id: str
    partition: str
    texts: list[str] = field(default_factory=list)
    turns: list[Row] = field(default_factory=list)
    length: int = 0
    author: str | None = None
    channel: str | None = None

    def take(self, row: Row, payload: _Payload) -> str | None:
        """Add one message as a turn, or say why it is none."""
        self.channel = self.channel or payload.channel
        reason = _reason(payload)
        if reason in (None, "empty_text") and self.id == f"slack:{row['id']}":
            self.author = payload.author
        if reason is None:
            self._add(row, payload)
        return reason

    def _add(self, row: Row, payload: _Payload) -> None:
        start = self.length + len(SEPARATOR) if self.turns else 0
        self.length = start + len(payload.text)
        self.texts.append(payload.text)
        self.turns.append(
            {
                "message_id": row["id"],
                "author": payload.author,
                "is_bot": payload.is_bot,
                "created_at": row["created_at"],
                "start": start,
                "end": self.length,
            }
        )

    def document(self) -> Row:
        return {
            "id": self.id,
            "source": "slack",
            "text": SEPARATOR.join(self.texts),
            "title": None,
            "url": None,
            "channel": self.channel,
            "author": self.author,
            # The id ends in the root's ts: known even where the root itself is not there.
            "created_at": moment(self.id.rpartition("/")[2]),
            "turns": self.turns,
            "raw_ids": [turn["message_id"] for turn in self.turns],
            "partition": self.partition,
        }


def moment(ts: str) -> datetime | None:
    """The time that a Slack `ts` names, to the microsecond; null where it is none.

    >>> moment("1452837318.000012").isoformat()
    '2016-01-15T05:55:18.000012+00:00'
    """
    if not TS.fullmatch(ts):
        return None
    seconds, _, fraction = ts.partition(".")
    return EPOCH + timedelta(seconds=int(seconds), microseconds=int(fraction.ljust(6, "0")))


def _payload(row: Row, pseudonyms: Pseudonyms | None) -> _Payload | str:
    """What a raw row holds, or why it cannot be read."""
    if row["error"] is not None:
        return str(row["error"])
    try:
        payload = json.loads(row["payload"] or b"")
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    parts = ("message", "channel", "users")
    if not isinstance(payload, dict) or not all(isinstance(payload.get(part), dict) for part in parts):
        return "the payload lacks a message, its channel or its users"
    message, channel = payload["message"], payload["channel"]
    people = {id: user for id, user in payload["users"].items() if isinstance(user, dict)}
    names = {id: name for id, user in people.items() if (name := _string(user.get("name")))}
    is_bot = _is_bot(message, SLACK | {id for id, user in people.items() if user.get("is_bot") is True})
    try:
        if pseudonyms is not None:
            message, channel, names = pseudonyms.in_json(message), without_names(channel), {}
        text = well_formed(render(message, users=names)).strip()
    except RecursionError:
        return "nested too deep"
    return _Payload(
        message=message,
        text=text,
        channel=_string(channel.get("name")),
        author=_string(message.get("user")),
        is_bot=is_bot,
        is_deleted=payload.get("deleted_at") is not None,
    )


def _shown(payload: _Payload) -> str:
    """What the ledger may show of a message that is no turn: nothing of a deleted one."""
    return "" if _is_deleted(payload) else payload.text


def _reason(payload: _Payload) -> str | None:
    """The rule by which the message is no turn; null where it is one."""
    if _event(payload.message) is not None:
        return "channel_event"
    if _is_deleted(payload):
        return "deleted"
    return None if payload.text else "empty_text"


def _is_deleted(payload: _Payload) -> bool:
    return payload.is_deleted or payload.message.get("subtype") in ("tombstone", "message_deleted")


def _event(message: Json) -> str | None:
    subtype = message.get("subtype")
    return subtype if isinstance(subtype, str) and subtype in CHANNEL_EVENTS else None


def _is_bot(message: Json, bots: set[str]) -> bool:
    is_from_app = message.get("subtype") == "bot_message" or message.get("bot_id")
    return bool(is_from_app) or _string(message.get("user")) in bots


def _string(value: object) -> str | None:
    return well_formed(value) if isinstance(value, str) and value else None
