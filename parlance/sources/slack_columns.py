"""Raw Slack rows as a table of messages: every field that Slack documents, as a column."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from parlance.pseudonyms import Pseudonyms
from parlance.schemas import SLACK_MESSAGES
from parlance.sources.rows import Row, well_formed
from parlance.sources.rows import batches as in_batches
from parlance.sources.slack_fields import without_names

Json = dict[str, Any]

TEXTS = (
    "thread_ts", "parent_user_id", "user", "bot_id", "app_id", "username", "type", "subtype", "text", "latest_reply",
    "client_msg_id",
)  # fmt: skip
NUMBERS = ("reply_count", "reply_users_count")
STRUCTURES = ("blocks", "attachments", "replies", "root", "metadata")
FILE_FIELDS = ("id", "name", "mimetype", "mode", "url_private", "permalink")
SEEN = ("first_seen", "last_seen", "deleted_at")


def messages(batches: Iterable[pa.RecordBatch], *, pseudonyms: Pseudonyms | None = None) -> Iterator[pa.RecordBatch]:
    """`SLACK_MESSAGES` batches of `RAW` ones: a row for each message that can be read.

    With `pseudonyms`, people's ids become pseudonyms in every column, and their names are null; the name of a direct
    message is its id.
    """
    rows = (row for batch in batches for row in batch.to_pylist() if row["error"] is None)
    return in_batches((message for row in rows if (message := _message(row, pseudonyms))), SLACK_MESSAGES)


def _message(row: Row, pseudonyms: Pseudonyms | None) -> Row | None:
    payload = _payload(row["payload"] or b"", pseudonyms)
    if payload is None:
        return None
    message, channel = payload["message"], payload["channel"]
    team, _, _ = str(row["id"]).partition("/")
    return {
        "id": row["id"],
        "team": team,
        "ts": str(message.get("ts")),
        **{name: _text(message.get(name)) for name in TEXTS},
        **{name: _number(message.get(name)) for name in NUMBERS},
        **{name: _structure(message.get(name)) for name in STRUCTURES},
        "files": [_file(one) for one in _objects(message.get("files"))],
        "reactions": [_reaction(one) for one in _objects(message.get("reactions"))],
        "reply_users": _texts(message.get("reply_users")),
        **_edit(message.get("edited")),
        **_channel(channel),
        **_author(payload, named=pseudonyms is None),
        **{name: _moment(payload.get(name)) for name in SEEN},
        "versions": _number(payload.get("versions")) or 1,
        "created_at": row["created_at"],
        "rights": row["rights"],
        "partition": row["partition"],
    }


def _payload(data: bytes, pseudonyms: Pseudonyms | None) -> Json | None:
    """The payload, people under pseudonyms; null where it is none."""
    try:
        found = json.loads(data)
        people = found["users"].get(str(found["message"].get("user")))
        if pseudonyms is not None:
            channel = without_names(pseudonyms.in_json(found["channel"]))
            found |= {"message": pseudonyms.in_json(found["message"]), "channel": channel}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if not isinstance(found["message"], dict) or not isinstance(found["channel"], dict):
        return None
    return {**found, "author": people if isinstance(people, dict) else {}}


def _channel(channel: Json) -> Row:
    kinds = {"im": channel.get("is_im"), "mpim": channel.get("is_mpim"), "private": channel.get("is_private")}
    created = _number(channel.get("created"))
    return {
        "channel": _text(channel.get("id")),
        "channel_name": _text(channel.get("name")),
        "channel_kind": next((kind for kind, is_one in kinds.items() if is_one), "public"),
        "channel_is_archived": channel.get("is_archived") is True,
        "channel_is_member": channel.get("is_member") is True,
        "channel_is_ext_shared": channel.get("is_ext_shared") is True,
        "channel_created": None if created is None else _time(created),
        "channel_topic": _text(channel.get("topic")),
        "channel_purpose": _text(channel.get("purpose")),
    }


def _author(payload: Json, *, named: bool) -> Row:
    author: Json = payload["author"]
    return {
        "user_is_bot": author.get("is_bot") is True,
        "user_is_deleted": author.get("deleted") is True,
        "user_is_restricted": author.get("is_restricted") is True,
        "user_tz": _text(author.get("tz")),
        "user_display_name": _text(author.get("display_name")) if named else None,
        "user_real_name": _text(author.get("real_name")) if named else None,
    }


def _edit(value: object) -> Row:
    edited: Json = value if isinstance(value, dict) else {}
    return {"edited_user": _text(edited.get("user")), "edited_ts": _text(edited.get("ts"))}


def _file(one: Json) -> Row:
    return {**{name: _text(one.get(name)) for name in FILE_FIELDS}, "size": _number(one.get("size"))}


def _reaction(one: Json) -> Row:
    return {"name": _text(one.get("name")), "users": _texts(one.get("users")), "count": _number(one.get("count"))}


def _objects(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [well_formed(one) for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return well_formed(value) if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    is_one = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
    return value if is_one and isinstance(value, int) else None


def _structure(value: object) -> str | None:
    return well_formed(json.dumps(value, ensure_ascii=False)) if value else None


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _time(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
