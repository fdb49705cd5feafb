"""Slack messages from an official export: raw rows by day, and threads as documents."""

import heapq
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Set
from datetime import date
from functools import lru_cache
from itertools import groupby
from typing import Any

import pyarrow as pa

from parlance.errors import ConfigError
from parlance.rights import Rights
from parlance.schemas import RAW
from parlance.sources import slack_export
from parlance.sources.rows import Row, batches, raw_row
from parlance.sources.slack_export import Archive, DamagedMemberError, DayFile, Json, Workspace, is_day
from parlance.sources.slack_threads import documents, moment

__all__ = ["days", "documents", "is_day", "message_row", "moment", "newest", "raw", "read_export", "rows"]

USER = re.compile(r"\b[UW][A-Z0-9]{1,20}\b")
# The fields in which people are named whom a reader of the message sees.
SEEN = ("user", "text", "blocks", "attachments", "comment")
# The fields of a message that hold what it was before and after a change, and those that hold what others wrote.
CHANGED = ("message", "previous_message")
QUOTED = ("attachments", "file", "files", "root")
OPTED_OUT = b"UOPTEDOUT"  # of nobody: it stands for whoever opted out
ORDER = [(name, "ascending") for name in ("document_id", "created_at", "shard", "position")]


def raw(
    path: str, *, first: str | None = None, last: str | None = None, rights: Rights | None = None
) -> Iterator[pa.RecordBatch]:
    """`RAW` rows of an official export, a zip or a folder, by day and channel.

    One row for each message of the days from `first` to `last` (`YYYY-MM-DD`, both included). Days are those of UTC:
    the files of an export are those of the workspace's time zone, so a day's messages stand in up to three of them.
    Rows of two days are in memory. The payload holds the message as sent with its channel and the people it shows, so
    that a row stands for itself. What cannot be read is a row with an `error`; so is what `rights` does not allow,
    without its payload.

    Raises ConfigError where `path` is no export, or one that could do harm.
    """
    return batches(rows(path, first=first, last=last, rights=rights), RAW)


def rows(
    path: str, *, first: str | None = None, last: str | None = None, rights: Rights | None = None
) -> Iterator[Row]:
    """The rows of `raw`, one by one."""
    for name, day in (("first", first), ("last", last)):
        if day is not None and not is_day(day):
            raise ConfigError(f"{name}={day!r} is no day; allowed: YYYY-MM-DD")
    with slack_export.opened(path) as archive:
        archive.day_files()  # what is wrong with the export is told now, not with the first row
    return _rows(path, first=first, last=last, rights=rights)


def newest(exported: Iterable[Row], observed: Iterable[Row]) -> Iterator[Row]:
    """The rows of both in the order of their days; of a message that both have, the observed one.

    Both must be in the order of their days. The ids of one observed day are in memory.
    """
    marked = heapq.merge(
        ((row["partition"], False, row) for row in observed),
        ((row["partition"], True, row) for row in exported),
        key=lambda entry: entry[:2],
    )
    for _, day in groupby(marked, key=lambda entry: entry[0]):
        seen: set[str] = set()
        for _, is_exported, row in day:
            if not is_exported:
                seen.add(row["id"])
            if not is_exported or row["id"] not in seen:
                yield row


def days(path: str) -> list[str]:
    """The days that have a file or a message, in order and once each."""
    with slack_export.opened(path) as archive:
        files = archive.day_files()
        found = {file.day for file in files}
        for file in files:
            if not found.issuperset(_around(file.day)):
                found.update(_day(message, file.day) for message in _messages(archive, file.name)[0])
        return sorted(found)


def read_export(path: str) -> Iterator[pa.RecordBatch]:
    """`DOCUMENTS` batches of a whole export, threads in the order of their ids.

    Threads run over days, so the raw rows are sorted in memory; a lake sorts them day by day.
    """
    table = pa.Table.from_batches(raw(path), schema=RAW).sort_by(ORDER)
    return (batch for batch, _ in documents(table.to_batches(max_chunksize=2_000)) if batch.num_rows)


def message_row(
    message: object,
    *,
    channel: Json,
    workspace: Workspace,
    day: str,
    shard: str,
    position: int,
    rights: Rights | None = None,
) -> Row:
    """The `RAW` row of one message as Slack sent it.

    A reply belongs to its thread's root, and to the root's day, even where the root itself is not there; where that
    day is after `day` it is an error. Of what `rights` does not allow only the key is kept, with the reason as `error`.
    """
    here: Row = {"source": "slack", "shard": shard, "position": position, "partition": day}
    here["media_type"] = "application/json"
    place = f"{workspace.team}/{channel['id']}"
    opted_out: frozenset[str] = rights.opt_out_users if rights is not None else frozenset()
    try:
        refusal = _refusal(message, channel, rights)
        kept = None if refusal else _json(_payload(_without(message, opted_out), channel, workspace, opted_out))
    except RecursionError:
        return raw_row(f"{place}/{day}#{position}", error="nested too deep", **here)
    payload = _ids(opted_out).sub(OPTED_OUT, kept) if kept and opted_out else kept
    ts = _ts(message.get("ts")) if isinstance(message, dict) else ""
    if not isinstance(message, dict) or not ts:
        error = "message without ts" if isinstance(message, dict) else f"not an object but {type(message).__name__}"
        return raw_row(f"{place}/{day}#{position}", payload=payload, error=error, **here)
    root = _ts(message.get("thread_ts")) or ts
    began = moment(root)
    belongs = began.date().isoformat() if began is not None else day
    if belongs > day:  # a document's rows are looked for in its own day and later ones
        refusal, belongs = refusal or "the thread begins after the message's day", day
    return raw_row(
        f"{place}/{ts}",
        created_at=moment(ts),
        document_id=f"slack:{place}/{root}",
        document_partition=belongs,
        payload=payload,
        error=refusal,
        **here,
    )


def _refusal(message: object, channel: Json, rights: Rights | None) -> str | None:
    """Why nothing but the key of the message may be kept; null where it may."""
    if rights is None:
        return None
    authors = list(_authors(message))
    if not all(author is None or isinstance(author, str) for author in authors):
        return "refused: nobody can tell who wrote it"
    refusal = "user opted out" if rights.opt_out_users.intersection(authors) else rights.refusal(channel)
    return None if refusal is None else f"refused: {refusal}"


def _authors(message: object) -> Iterator[object]:
    """Who wrote a message, a comment on a file, and what a message was before and after a change."""
    if isinstance(message, dict):
        yield message.get("user")
        for name in ("comment", *CHANGED):
            yield from _authors(message.get(name))


def _without(message: object, opted_out: Set[str]) -> object:
    """The message without what it quotes of people who opted out: shared messages, files, a broadcast reply's root."""
    if not opted_out or not isinstance(message, dict):
        return message
    kept: Json = {}
    for name, value in message.items():
        if name in CHANGED:
            kept[name] = _without(value, opted_out)
        elif name in QUOTED and isinstance(value, list):
            kept[name] = [one for one in value if not _is_by(one, opted_out)]
        elif name not in QUOTED or not _is_by(value, opted_out):
            kept[name] = value
    return kept


@lru_cache(maxsize=8)
def _ids(people: frozenset[str]) -> re.Pattern[bytes]:
    """Ids of people with the name that may follow: others mention them, and list who replied and reacted."""
    ids = "|".join(re.escape(id) for id in sorted(people))
    return re.compile(rf'\b(?:{ids})\b(?:\|[^<>"]*(?=>))?'.encode())


def _is_by(value: object, people: Set[str]) -> bool:
    """Whether one of `people` wrote `value` or something in it."""
    if isinstance(value, list):
        return any(_is_by(one, people) for one in value)
    if not isinstance(value, dict):
        return False
    authors = (value.get(name) for name in ("user", "author_id"))
    is_one = any(isinstance(author, str) and author in people for author in authors)
    return is_one or any(_is_by(one, people) for one in value.values())


def _rows(path: str, *, first: str | None, last: str | None, rights: Rights | None) -> Iterator[Row]:
    def is_wanted(day: str) -> bool:
        return (first or "") <= day <= (last or "9999-12-31")

    waiting: defaultdict[str, list[Row]] = defaultdict(list)
    with slack_export.opened(path) as archive:
        workspace = slack_export.workspace(archive)
        for name, files in groupby(archive.day_files(), key=lambda file: file.day):
            if any(map(is_wanted, _around(name))):
                for row in (row for file in files for row in _file_rows(archive, workspace, file, rights, is_wanted)):
                    waiting[row["partition"]].append(row)
            # The files that follow hold nothing from before this one's day.
            for day in sorted(day for day in waiting if day < name):
                yield from waiting.pop(day)
    for day in sorted(waiting):
        yield from waiting.pop(day)


def _file_rows(
    archive: Archive, workspace: Workspace, file: DayFile, rights: Rights | None, is_wanted: Callable[[str], bool]
) -> Iterator[Row]:
    channel = workspace.channel(file.folder)
    shard = f"{channel['name']}/{file.day}.json"
    messages, payload, error = _messages(archive, file.name)
    if error is not None and is_wanted(file.day):
        here: Row = {"source": "slack", "shard": shard, "position": 0, "partition": file.day}
        id = f"{workspace.team}/{channel['id']}/{file.day}#file"
        kept = payload if rights is None else None  # it may hold what somebody did not allow
        yield raw_row(id, media_type="application/json", payload=kept, error=error, **here)
    where: Row = {"channel": channel, "workspace": workspace, "shard": shard, "rights": rights}
    for position, message in enumerate(messages):
        day = _day(message, file.day)
        if is_wanted(day):
            yield message_row(message, day=day, position=position, **where)


def _day(message: object, name: str) -> str:
    """The UTC day of a message in the file of the day `name`: one beside it at most, for that is what time zones do."""
    said = moment(_ts(message.get("ts"))) if isinstance(message, dict) else None
    day = name if said is None else said.date().isoformat()
    return day if day in _around(name) else name


@lru_cache(maxsize=8)
def _around(day: str) -> tuple[str, str, str]:
    """The days before, at and after `day`."""
    number = date.fromisoformat(day).toordinal()
    before, after = max(number - 1, date.min.toordinal()), min(number + 1, date.max.toordinal())
    return date.fromordinal(before).isoformat(), day, date.fromordinal(after).isoformat()


def _messages(archive: Archive, name: str) -> tuple[list[Any], bytes | None, str | None]:
    """The messages of a day file; or none, with its bytes and what is wrong with it."""
    try:
        data = archive.read(name)
    except DamagedMemberError as error:
        return [], None, f"damaged: {error}"
    try:
        messages = json.loads(data)
    except (ValueError, RecursionError) as error:
        return [], data, f"not JSON: {error}"
    if not isinstance(messages, list):
        return [], data, f"not a list of messages but {type(messages).__name__}"
    return messages, None, None


def _payload(message: object, channel: Json, workspace: Workspace, opted_out: Set[str]) -> Json:
    people: Json = {}
    if isinstance(message, dict):
        seen = set(USER.findall(_text([message.get(name) for name in SEEN]))) - opted_out
        people = {id: workspace.users[id] for id in sorted(seen) if id in workspace.users}
    return {"message": message, "channel": channel, "users": people}


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _json(value: object) -> bytes:
    """`value` as UTF-8; escaped where it holds lone surrogates, which UTF-8 cannot."""
    try:
        return _text(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def _ts(value: object) -> str:
    """A `ts` as text, empty where there is none; some tools write numbers."""
    is_given = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return str(value).strip() if is_given else ""
