"""What rights and pseudonyms do to an export: nothing that was not allowed is stored, and all of it is counted."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from parlance.pseudonyms import Pseudonyms
from parlance.rights import Rights
from parlance.schemas import RAW, SLACK_MESSAGES
from parlance.sources import slack, slack_columns

DAY = "2026-10-05"
KEY = Pseudonyms(b"0123456789abcdef")


def rights(**settings: Any) -> Rights:
    return Rights(granted_by="Ada", granted_on=date(2026, 3, 1), statement="yes", uses=("training",), **settings)


@pytest.fixture
def export(tmp_path: Path) -> str:
    """A public channel, a private one, a direct message and a group of three, with one thread."""
    user = {"team_id": "T1", "tz": "Europe/Berlin", "profile": {"display_name": "ada"}}
    lists: dict[str, list[dict[str, Any]]] = {
        "channels.json": [{"id": "C1", "name": "general", "topic": {"value": "all"}, "created": 1_600_000_000}],
        "groups.json": [{"id": "G1", "name": "board"}],
        "dms.json": [{"id": "D1", "members": ["U0ADA01", "U0BOB02"]}],
        "mpims.json": [{"id": "G2", "name": "mpdm-ada--bob-1"}],
        "users.json": [
            {"id": "U0ADA01", "name": "ada", "real_name": "Ada Lovelace", **user},
            {"id": "U0BOB02", "name": "bob", "real_name": "Bob Stone", **user},
        ],
    }
    root, reply = "1791201600.000100", "1791201660.000100"
    quoted = {"author_id": "U0BOB02", "author_name": "Bob Stone", "text": "Bob's words"}
    days = {
        "general": [
            {"type": "message", "user": "U0ADA01", "text": "Does leave carry over, <@U0BOB02|bob>?", "ts": root},
            {"type": "message", "user": "U0BOB02", "text": "Five days do.", "ts": reply, "thread_ts": root},
            {"type": "message", "user": "U0ADA01", "text": "Bob says so", "ts": "1791201700.000100",
             "attachments": [quoted]},
            {
                "type": "message", "subtype": "thread_broadcast", "user": "U0ADA01", "text": "See above",
                "ts": "1791201800.000100", "thread_ts": reply, "root": {"user": "U0BOB02", "text": "Bob's root"},
            },
        ],
        "board": [{"type": "message", "user": "U0ADA01", "text": "Private words", "ts": root}],
        "D1": [{"type": "message", "user": "U0ADA01", "text": "Direct words", "ts": root}],
        "mpdm-ada--bob-1": [{"type": "message", "user": "U0ADA01", "text": "Group words", "ts": root}],
    }  # fmt: skip
    for name, listed in lists.items():
        (tmp_path / name).write_text(json.dumps(listed), encoding="utf-8")
    for folder, messages in days.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{DAY}.json").write_text(json.dumps(messages), encoding="utf-8")
    return str(tmp_path)


def raw(export: str, allowed: Rights | None) -> pl.DataFrame:
    frame = pl.concat([pl.from_arrow(batch) for batch in slack.raw(export, rights=allowed)])
    assert isinstance(frame, pl.DataFrame)
    return frame


def stored(frame: pl.DataFrame) -> str:
    return b"".join(frame["payload"].drop_nulls().to_list()).decode()


def refused(frame: pl.DataFrame) -> dict[str, str]:
    rows = frame.filter(pl.col("error").is_not_null()).select("id", "error").rows()
    return {id.removeprefix("T1/"): error for id, error in rows}


def test_direct_messages_are_off_unless_named(export: str) -> None:
    frame = raw(export, rights())
    assert set(refused(frame)) == {"D1/1791201600.000100", "G2/1791201600.000100"}
    assert "Direct words" not in stored(frame)
    assert "Group words" not in stored(frame)
    assert "Private words" in stored(frame)
    named = raw(export, rights(direct_messages=frozenset({"D1"})))
    assert "Direct words" in stored(named)
    assert "Group words" not in stored(named)


def test_a_channel_that_opted_out_leaves_its_keys_only(export: str) -> None:
    frame = raw(export, rights(opt_out_channels=frozenset({"general"}), direct_messages=frozenset({"D1", "G2"})))
    assert len(refused(frame)) == 4
    assert set(refused(frame).values()) == {"refused: channel opted out"}
    assert "carry over" not in stored(frame)


def test_a_person_who_opted_out_is_stored_nowhere(export: str) -> None:
    frame = raw(export, rights(opt_out_users=frozenset({"U0BOB02"})))
    assert refused(frame)["C1/1791201660.000100"] == "refused: user opted out"
    text = stored(frame)
    for words in ("Five days", "Bob's words", "Bob's root", "Bob Stone"):
        assert words not in text
    assert "Does leave carry over" in text


def test_who_opted_out_is_not_named_in_messages_of_others(export: str) -> None:
    said = {
        "type": "message",
        "user": "U0ADA01",
        "ts": "1791201600.000100",
        "text": "Ask <@U0BOB02>, <@U0BOB02|bob stone> or <@U0BOB022>, not U0BOB02X. \ud800",
        "reply_users": ["U0BOB02", "U0ADA01"],
        "replies": [{"user": "U0BOB02", "ts": "1791201601.000100"}],
        "reactions": [{"name": "tada", "users": ["U0BOB02"], "count": 1}],
        "parent_user_id": "U0BOB02",
    }
    Path(export, "general", f"{DAY}.json").write_text(json.dumps([said]), encoding="utf-8")
    given = rights(opt_out_users=frozenset({"U0BOB02"}))
    (payload,) = (json.loads(data) for data in raw(export, given)["payload"] if b"tada" in (data or b""))
    assert payload["message"] == said | {
        "text": "Ask <@UOPTEDOUT>, <@UOPTEDOUT> or <@U0BOB022>, not U0BOB02X. \ud800",
        "reply_users": ["UOPTEDOUT", "U0ADA01"],
        "replies": [{"user": "UOPTEDOUT", "ts": "1791201601.000100"}],
        "reactions": [{"name": "tada", "users": ["UOPTEDOUT"], "count": 1}],
        "parent_user_id": "UOPTEDOUT",
    }
    assert "U0BOB02" in stored(raw(export, rights()))
    assert not re.search(r"\bU0BOB02\b", stored(raw(export, given)))


def test_what_is_refused_is_counted_in_the_ledger(export: str) -> None:
    frame = raw(export, rights(opt_out_users=frozenset({"U0BOB02"})))
    pairs = list(slack.documents(slack.raw(export, rights=rights(opt_out_users=frozenset({"U0BOB02"})))))
    ledger = [row for _, batch in pairs for row in batch.to_pylist()]
    turns = sum(len(row["raw_ids"]) for batch, _ in pairs for row in batch.to_pylist())
    assert turns + len(ledger) == frame.height
    assert {row["rule"] for row in ledger} == {"refused"}
    assert [row["excerpt"] for row in ledger if row["excerpt"]] == []


def told(frame: pl.DataFrame, pseudonyms: Pseudonyms | None = None) -> list[dict[str, Any]]:
    """The ledger of raw rows, in their order."""
    batches = frame.to_arrow().to_batches()
    return [row for _, ledger in slack.documents(batches, pseudonyms=pseudonyms) for row in ledger.to_pylist()]


def test_excerpts_name_people_by_pseudonym(export: str) -> None:
    said = {
        "type": "message",
        "user": "U0ADA01",
        "ts": "1791201600.000100",
        "text": "Ask <@U0BOB02|bob>, bob@x.example",
    }
    joined = said | {"subtype": "channel_join"}
    Path(export, "general", f"{DAY}.json").write_text(json.dumps([joined]), encoding="utf-8")
    frame = raw(export, rights()).filter(pl.col("shard").str.starts_with("general"))
    (row,) = told(frame, KEY)
    assert (row["rule"], row["excerpt"]) == ("channel_event", f"Ask @{KEY.of('U0BOB02')}, <EMAIL>")


@pytest.mark.parametrize("first", [0, 1], ids=["deleted first", "deleted last"])
def test_of_a_deleted_message_no_copy_is_shown(export: str, first: int) -> None:
    said = {"type": "message", "user": "U0ADA01", "ts": "1791201600.000100", "text": "I take that back"}
    copies = [said | {"subtype": "tombstone"}, said]
    Path(export, "general", f"{DAY}.json").write_text(json.dumps([copies[first], copies[1 - first]]), encoding="utf-8")
    frame = raw(export, rights()).filter(pl.col("shard").str.starts_with("general"))
    assert [row["excerpt"] for row in told(frame)] == [""] * (2 - first)


def test_what_cannot_be_read_is_not_shown(export: str) -> None:
    without_ts = {"type": "message", "user": "U0BOB02", "text": "Bob's words"}
    Path(export, "general", f"{DAY}.json").write_text(json.dumps([without_ts]), encoding="utf-8")
    frame = raw(export, rights()).filter(pl.col("shard").str.starts_with("general"))
    assert "Bob's words" in stored(frame)
    (row,) = told(frame, KEY)
    assert (row["rule"], row["excerpt"]) == ("unreadable", "")


def test_pseudonyms_stand_for_authors_and_mentions(export: str) -> None:
    batches = slack.raw(export, rights=rights())
    (documents, _), = slack.documents(batches, pseudonyms=KEY)  # fmt: skip
    first = next(row for row in documents.to_pylist() if row["channel"] == "general")
    assert first["author"] == KEY.of("U0ADA01")
    assert first["text"].startswith(f"Does leave carry over, @{KEY.of('U0BOB02')}?")
    assert "Lovelace" not in str(documents.to_pylist())


def write(export: str, channel: str, *messages: dict[str, Any]) -> pl.DataFrame:
    """The raw rows of `channel`, in which `messages` were said one second after the other and nothing else."""
    said = [{"type": "message", "ts": f"{1791201600 + number}.000100", **one} for number, one in enumerate(messages)]
    Path(export, channel, f"{DAY}.json").write_text(json.dumps(said), encoding="utf-8")
    everything = rights(opt_out_users=frozenset({"U0BOB02"}), direct_messages=frozenset({"G2", "D1"}))
    return raw(export, everything).filter(pl.col("shard").str.starts_with(channel))


def test_a_group_message_is_named_by_its_id_alone_under_pseudonyms(export: str) -> None:
    lists = [{"id": "G2", "name": "mpdm-ada--bob-1", "purpose": {"value": "Group messaging with: @ada @bob"}}]
    Path(export, "mpims.json").write_text(json.dumps(lists), encoding="utf-8")
    said = {"user": "U0ADA01", "text": "Group words", "ts": "1791201600.000100"}
    frame = write(export, "mpdm-ada--bob-1", said, said)
    ((documents, ledger),) = slack.documents(frame.to_arrow().to_batches(), pseudonyms=KEY)
    (messages,) = slack_columns.messages(frame.to_arrow().to_batches(), pseudonyms=KEY)
    assert documents["channel"].to_pylist() == ["G2"]
    assert ledger["detail"].to_pylist() == [f"G2/{DAY}.json#1"]
    assert messages["channel_name"].to_pylist() == ["G2"] * 2
    for table in (documents, ledger, messages):
        assert "--bob" not in str(table.to_pylist())
        assert "@ada" not in str(table.to_pylist())
    ((named, _),) = slack.documents(frame.to_arrow().to_batches())
    assert named["channel"].to_pylist() == ["mpdm-ada--bob-1"]


def test_a_group_message_that_no_list_names_is_one_by_its_name(export: str) -> None:
    Path(export, "mpims.json").write_text("[]", encoding="utf-8")
    assert refused(raw(export, rights()))["mpdm-ada--bob-1/1791201600.000100"] == "refused: direct message not named"


def test_documents_and_columns_name_a_person_alike_whatever_the_id(export: str) -> None:
    mention = {"type": "rich_text_section", "elements": [{"type": "user", "user_id": "UHBXKDEFG"}]}
    shared = {"author_id": "UHBXKDEFG", "author_name": "Ada", "fallback": "[January 1st] ada.lovelace: ", "files": [{}]}
    frame = write(
        export,
        "general",
        {"user": "UHBXKDEFG", "text": "", "blocks": [{"type": "rich_text", "elements": [mention]}]},
        {"user": "UHBXKDEFG", "text": "<https://x.slack.com/files/UHBXKDEFG/F1/a.png>", "attachments": [shared]},
        {"subtype": "bot_message", "username": "Ada Lovelace (bridge)", "text": "bridged"},
    )
    ((documents, _),) = slack.documents(frame.to_arrow().to_batches(), pseudonyms=KEY)
    (messages,) = slack_columns.messages(frame.to_arrow().to_batches(), pseudonyms=KEY)
    pseudonym = KEY.of("UHBXKDEFG")
    assert documents["author"].to_pylist() == messages["user"].to_pylist() == [pseudonym, pseudonym, None]
    assert documents["text"].to_pylist() == [
        f"@{pseudonym}", f"https://x.slack.com/files/{pseudonym}/F1/a.png", "bridged",
    ]  # fmt: skip
    for table in (documents, messages):
        for trace in ("UHBXKDEFG", "ada.lovelace", "Lovelace"):
            assert trace not in str(table.to_pylist())


@pytest.mark.parametrize(
    "message",
    [
        {"subtype": "file_comment", "text": "Bob's words", "comment": {"user": "U0BOB02", "comment": "Bob's words"}},
        {"user": "U0ADA01", "subtype": "message_changed", "message": {"user": "U0BOB02", "text": "Bob's words"}},
        {"subtype": "message_deleted", "previous_message": {"user": "U0BOB02", "text": "Bob's words"}},
    ],
    ids=["comment on a file", "changed", "deleted"],
)
def test_who_opted_out_is_found_wherever_the_author_stands(message: dict[str, Any], export: str) -> None:
    frame = write(export, "general", message)
    assert frame["error"].to_list() == ["refused: user opted out"]
    assert stored(frame) == ""


@pytest.mark.parametrize(
    "message",
    [
        {"attachments": [{"text": "Bob's words", "message_blocks": [{"message": {"user": "U0BOB02"}}]}]},
        {"files": [{"user": "U0BOB02", "preview": "Bob's words"}, {"user": "U0ADA01"}]},
        {"message": {"user": "U0ADA01", "attachments": [{"author_id": "U0BOB02", "text": "Bob's words"}]}},
    ],
    ids=["blocks of a shared message", "file", "changed message"],
)
def test_what_others_quote_of_who_opted_out_is_left_out(message: dict[str, Any], export: str) -> None:
    frame = write(export, "general", message | {"user": "U0ADA01", "text": "look"})
    assert frame["error"].to_list() == [None]
    assert "look" in stored(frame)
    assert "Bob's words" not in stored(frame)


@pytest.mark.parametrize("user", [["U0BOB02"], {"id": "U0BOB02"}, 7], ids=str)
def test_a_user_that_cannot_be_read_is_refused_alone(user: object, export: str) -> None:
    frame = write(export, "general", {"user": user, "text": "Bob's words"}, {"user": "U0ADA01", "text": "fine"})
    assert frame["error"].to_list() == ["refused: nobody can tell who wrote it", None]
    assert "Bob's words" not in stored(frame)


def columns(export: str, pseudonyms: Pseudonyms | None) -> pl.DataFrame:
    frame = pl.concat([pl.from_arrow(b) for b in slack_columns.messages(slack.raw(export), pseudonyms=pseudonyms)])
    assert isinstance(frame, pl.DataFrame)
    return frame.sort("id")


def test_every_documented_field_is_a_column(export: str) -> None:
    frame = columns(export, None)
    assert frame.columns == SLACK_MESSAGES.names
    assert frame["channel_kind"].to_list() == ["public"] * 4 + ["im", "private", "mpim"]
    first = frame.row(0, named=True)
    assert (first["team"], first["channel"], first["channel_name"]) == ("T1", "C1", "general")
    assert (first["channel_topic"], first["channel_created"].year) == ("all", 2020)
    assert (first["user"], first["user_real_name"], first["user_tz"]) == ("U0ADA01", "Ada Lovelace", "Europe/Berlin")
    assert json.loads(frame["attachments"][2])[0]["text"] == "Bob's words"


def test_columns_under_pseudonyms_name_nobody(export: str) -> None:
    written = columns(export, KEY).write_json()
    for trace in ("U0ADA01", "U0BOB02", "Lovelace", "Stone", "|bob"):
        assert trace not in written
    assert columns(export, KEY)["user"].n_unique() == 2


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b'{"message": 1, "channel": {}, "users": {}}', b'{"message": {"user": {}}}']
)
def test_odd_payloads_are_no_message(payload: bytes) -> None:
    here = dict.fromkeys(RAW.names) | {"id": "T1/C1/1", "position": 0, "payload": payload, "partition": DAY}
    batch = pa.RecordBatch.from_pylist([here], schema=RAW)
    assert list(slack_columns.messages([batch])) == []
