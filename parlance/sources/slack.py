"""Slack messages from an official export: raw rows by day, and threads as documents."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from parlance.errors import ConfigError
from parlance.schemas import RAW
from parlance.sources import slack_export
from parlance.sources.rows import Row, batches, raw_row
from parlance.sources.slack_export import Archive, DamagedMemberError, DayFile, Json, Workspace
from parlance.sources.slack_threads import documents, moment

__all__ = ["days", "documents", "message_row", "moment", "raw", "read_export"]

USER = re.compile(r"\b[UW][A-Z0-9]{1,20}\b")
# The fields in which people are named whom a reader of the message sees.
SEEN = ("user", "text", "blocks", "attachments", "comment")
ORDER = [(name, "ascending") for name in ("document_id", "created_at", "shard", "position")]


def raw(path: str, *, first: str | None = None, last: str | None = None) -> Iterator[pa.RecordBatch]:
    """`RAW` rows of an official export, a zip or a folder, by day and channel.

    One row for each message in the files of the days from `first` to `last` (`YYYY-MM-DD`, both included). The
    payload holds the message as sent with its channel and the people it shows, so that a row stands for itself.
    What cannot be read is a row with an `error`.

    Raises ConfigError where `path` is no export, or one that could do harm.
    """
    for name, day in (("first", first), ("last", last)):
        if day is not None and not slack_export.is_day(day):
            raise ConfigError(f"{name}={day!r} is no day; allowed: YYYY-MM-DD")
    with slack_export.opened(path) as archive:
        archive.day_files()  # what is wrong with the export is told now, not with the first row
    return batches(_rows(path, first=first, last=last), RAW)


def days(path: str) -> list[str]:
    """The days that have a file, in order and once each."""
    with slack_export.opened(path) as archive:
        return sorted({file.day for file in archive.day_files()})


def read_export(path: str) -> Iterator[pa.RecordBatch]:
    """`DOCUMENTS` batches of a whole export, threads in the order of their ids.

    Threads run over days, so the raw rows are sorted in memory; a lake sorts them day by day.
    """
    table = pa.Table.from_batches(raw(path), schema=RAW).sort_by(ORDER)
    return (batch for batch, _ in documents(table.to_batches(max_chunksize=2_000)) if batch.num_rows)


def message_row(message: object, *, channel: Json, workspace: Workspace, day: str, shard: str, position: int) -> Row:
    """The `RAW` row of one message as Slack sent it.

    A reply belongs to its thread's root, and to the root's day, even where the root itself is not there.
    """
    here: Row = {"source": "slack", "shard": shard, "position": position, "partition": day}
    here["media_type"] = "application/json"
    place = f"{workspace.team}/{channel['id']}"
    try:
        payload = _json(_payload(message, channel, workspace))
    except RecursionError:
        return raw_row(f"{place}/{day}#{position}", error="nested too deep", **here)
    ts = _ts(message.get("ts")) if isinstance(message, dict) else ""
    if not isinstance(message, dict) or not ts:
        error = "message without ts" if isinstance(message, dict) else f"not an object but {type(message).__name__}"
        return raw_row(f"{place}/{day}#{position}", payload=payload, error=error, **here)
    root = _ts(message.get("thread_ts")) or ts
    began = moment(root)
    return raw_row(
        f"{place}/{ts}",
        created_at=moment(ts),
        document_id=f"slack:{place}/{root}",
        document_partition=began.date().isoformat() if began is not None else day,
        payload=payload,
        **here,
    )


def _rows(path: str, *, first: str | None, last: str | None) -> Iterator[Row]:
    with slack_export.opened(path) as archive:
        workspace = slack_export.workspace(archive)
        for file in archive.day_files():
            if (first or "") <= file.day <= (last or "9999-12-31"):
                yield from _day_rows(archive, workspace, file)


def _day_rows(archive: Archive, workspace: Workspace, file: DayFile) -> Iterator[Row]:
    channel = workspace.channel(file.folder)
    shard = f"{channel['name']}/{file.day}.json"
    messages, payload, error = _messages(archive, file.name)
    if error is not None:
        here: Row = {"source": "slack", "shard": shard, "position": 0, "partition": file.day}
        id = f"{workspace.team}/{channel['id']}/{file.day}#file"
        yield raw_row(id, media_type="application/json", payload=payload, error=error, **here)
    for position, message in enumerate(messages):
        yield message_row(message, channel=channel, workspace=workspace, day=file.day, shard=shard, position=position)


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


def _payload(message: object, channel: Json, workspace: Workspace) -> Json:
    people: Json = {}
    if isinstance(message, dict):
        seen = _text([message.get(name) for name in SEEN])
        people = {id: workspace.users[id] for id in USER.findall(seen) if id in workspace.users}
    return {"message": message, "channel": {"id": channel["id"], "name": channel["name"]}, "users": people}


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
