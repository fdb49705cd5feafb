"""What one look at a Slack message says, and what all looks together say: versions, deletion, the raw row."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal

from parlance.rights import Rights
from parlance.sources.rows import Row
from parlance.sources.slack import message_row
from parlance.sources.slack_export import Json, Workspace
from parlance.sources.slack_windows import number_of

Kind = Literal["message", "tombstone", "deleted"]

TS = re.compile(r"[0-9]{10}\.[0-9]{6}", re.ASCII)
# What people change. Reactions and the counts of replies are not among it: they make no version.
CONTENT = ("text", "blocks", "attachments", "edited", "subtype")
FILE_CONTENT = ("id", "name", "title", "mode", "size")
# What depends on who asks, or on which method: a change in it is no change of the message.
OF_THE_VIEWER = frozenset({"subscribed", "last_read", "unread_count", "is_starred", "root"})


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One look at one message.

    `fingerprint` is of what people change, `state` of the whole message, `payload` the message as JSON; of a message
    that may not be kept there is only the key and the `error`.
    """

    ts: str
    thread_ts: str | None
    in_history: bool
    kind: Kind
    fingerprint: str
    state: str
    payload: bytes | None
    error: str | None


def observation(message: Json, *, channel: Json, workspace: Workspace, rights: Rights | None) -> Observation | None:
    """What `message`, as sent, says; null where it has no `ts`.

    What `rights` does not allow is left out: messages of people who opted out, and what others quote of them.
    """
    ts = key_of(message)
    if ts is None:
        return None
    row = message_row(
        message, channel=channel, workspace=workspace, day="9999-12-31", shard="", position=0, rights=rights
    )  # the one place that knows what rights leave of a message
    thread_ts = root_of(message)
    in_history = thread_ts in (None, ts) or message.get("subtype") == "thread_broadcast"
    if row["payload"] is None:
        return Observation(
            ts=ts,
            thread_ts=thread_ts,
            in_history=in_history,
            kind="message",
            fingerprint="",
            state="",
            payload=None,
            error=row["error"],
        )
    kept: Json = json.loads(row["payload"])["message"]
    return Observation(
        ts=ts,
        thread_ts=thread_ts,
        in_history=in_history,
        kind="tombstone" if message.get("subtype") == "tombstone" else "message",
        fingerprint=_hash(_content(kept)),
        state=_hash({name: value for name, value in kept.items() if name not in OF_THE_VIEWER}),
        payload=json.dumps(kept).encode(),
        error=None,
    )


def key_of(message: object) -> str | None:
    """The `ts` of a message; null where it has none as Slack writes them."""
    ts = message.get("ts") if isinstance(message, dict) else None
    return ts if isinstance(ts, str) and TS.fullmatch(ts) else None


def root_of(message: Json) -> str | None:
    """The `ts` of the thread's root; null for a message that is in no thread."""
    found = message.get("thread_ts")
    return found if isinstance(found, str) and TS.fullmatch(found) else None


def thread_mark(message: Json) -> str:
    """What a root says of its replies: it changes when one comes or goes, not when one is edited. Empty: no thread.

    >>> thread_mark({"ts": "1.0", "reply_count": 2, "latest_reply": "1452837318.000012"})
    '2:1452837318.000012'
    >>> thread_mark({"ts": "1.0"})
    ''
    """
    count, latest = message.get("reply_count"), message.get("latest_reply")
    return f"{count or 0}:{latest or ''}" if count or latest else ""


@dataclass(frozen=True, kw_only=True)
class Read:
    """A window of a channel, or one thread, and when it was read."""

    oldest: int
    latest: int
    thread_ts: str | None
    read_at: datetime


Reads = dict[str, list[Read]]


def raw_rows(looks: Iterable[Row], *, workspace: Workspace, rights: Rights | None, reads: Reads) -> Iterator[Row]:
    """The `RAW` row of each message, from its archived `looks`, which stand together in the order of `revision`.

    The payload is that of the last look at which the message was there, with `first_seen`, `last_seen`, `versions` and
    `deleted_at`. So a tombstone does not take the place of what was said.
    """
    position: dict[str, int] = {}
    for (channel, _), group in groupby(looks, key=lambda look: (look["channel"], look["ts"])):
        place = position[channel] = position.get(channel, -1) + 1
        said = list(group)
        shown = _shown(said)
        row = _message_row(said[-1], shown, position=place, workspace=workspace, rights=rights)
        yield row if row["payload"] is None else _with_history(row, said, shown, reads.get(channel, []))


def _shown(looks: Sequence[Row]) -> Row:
    """The look whose payload is given: the last at which the message was there, else its last tombstone."""
    if looks[-1]["error"]:
        return looks[-1]
    said = [look for look in looks if look["payload"] is not None]
    return ([look for look in said if look["kind"] == "message"] or said or looks)[-1]


def _message_row(newest: Row, shown: Row, *, position: int, workspace: Workspace, rights: Rights | None) -> Row:
    channel, day = workspace.channel(newest["channel"]), newest["partition"]
    key = {"ts": newest["ts"], "thread_ts": newest["thread_ts"]}
    row = message_row(
        key if shown["payload"] is None else json.loads(shown["payload"]),
        channel=channel,
        workspace=workspace,
        day=day,
        shard=f"{channel['name']}/{day}",
        position=position,
        rights=rights,
    )
    return row | {"payload": None, "error": shown["error"]} if shown["payload"] is None else row


def _with_history(row: Row, looks: Sequence[Row], shown: Row, reads: list[Read]) -> Row:
    gone = deleted_at(looks)
    seen = {
        "first_seen": looks[0]["observed_at"].isoformat(),
        "last_seen": _last_seen(shown, gone, reads).isoformat(),
        "versions": versions(looks),
        "deleted_at": None if gone is None else gone.isoformat(),
    }
    # The payload is a JSON object that is not empty: the new fields go in before its last brace.
    return row | {"payload": row["payload"][:-1] + b", " + json.dumps(seen).encode()[1:]}


def versions(looks: Sequence[Row]) -> int:
    """How many contents the message was seen to have, one after the other; 1 where only its tombstone was seen."""
    contents = [look["fingerprint"] for look in looks if look["kind"] == "message" and not look["error"]]
    return sum(1 for _ in groupby(contents)) or 1


def deleted_at(looks: Sequence[Row]) -> datetime | None:
    """When the message was first seen to be gone, and not seen again since; null where it is there."""
    gone: datetime | None = None
    for look in reversed(looks):
        if look["kind"] == "message":
            break
        gone = look["observed_at"]
    return gone


def _last_seen(shown: Row, gone: datetime | None, reads: list[Read]) -> datetime:
    """The last look at which the message was there; a look that found nothing new is known by its window alone."""
    number = number_of(shown["ts"])
    assert number is not None
    found: datetime = shown["observed_at"]
    for read in reads:
        holds = (
            read.thread_ts in (shown["thread_ts"], shown["ts"])
            if read.thread_ts is not None
            else shown["in_history"] and read.oldest <= number <= read.latest
        )
        if holds and read.read_at > found and (gone is None or read.read_at < gone):
            found = read.read_at
    return found


def _content(message: Json) -> Json:
    found = {name: message.get(name) or None for name in CONTENT}
    given = message.get("files")
    files = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    return found | {"files": [{name: one.get(name) for name in FILE_CONTENT} for one in files]}


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
