"""Slack exports: what is read, what is refused, and that no message is lost between the two."""

import json
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import ConfigError
from parlance.pseudonyms import Pseudonyms
from parlance.schemas import DOCUMENTS, LEDGER, RAW, conform
from parlance.sources import slack, slack_export

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "slack"
USERS = [
    {"id": "U1", "team_id": "T1", "name": "ada", "real_name": "Ada Lovelace", "is_bot": False},
    {"id": "U2", "team_id": "T1", "name": "bot", "profile": {"real_name": "Bot"}, "is_bot": True},
    {"id": "U3", "team_id": "T9", "name": "guest"},
]
CHANNELS = [{"id": "C1", "name": "hr-help"}]
DAY = "2026-10-05"
NOON = 1_791_201_600  # 2026-10-05 12:00:00 UTC

Files = dict[str, Any]


def said(seconds: int = 0, text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": "U1", "ts": f"{NOON + seconds}.000100", "text": text} | more


def export(folder: Path, days: Files, **lists: Any) -> str:
    """A zip with `<channel>/<day>.json` for each key of `days`; bytes are written as they are."""
    path = folder / "export.zip"
    files = {"channels.json": CHANNELS, "users.json": USERS} | lists | {f"{name}.json": days[name] for name in days}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            if content is not None:
                archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return str(path)


def raw_table(path: str, **bounds: str) -> pa.Table:
    batches = [conform(batch, RAW, table="raw") for batch in slack.raw(path, **bounds)]
    return pa.Table.from_batches(batches, schema=RAW).sort_by(slack.ORDER)


def told(table: pa.Table, *, rows: int = 2_000) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    documents, ledger = [], []
    for one, other in slack.documents(table.to_batches(max_chunksize=rows)):
        documents += conform(one, DOCUMENTS, table="documents").to_pylist()
        ledger += conform(other, LEDGER, table="ledger").to_pylist()
    return documents, ledger


def turn_texts(document: dict[str, Any]) -> list[str]:
    return [document["text"][turn["start"] : turn["end"]] for turn in document["turns"]]


def test_a_raw_row_stands_for_itself(tmp_path: Path) -> None:
    message = said(text="<@U2> hi", reactions=[{"name": "eyes", "users": ["U3"], "count": 1}])
    (row,) = raw_table(export(tmp_path, {f"hr-help/{DAY}": [message]})).to_pylist()
    payload = json.loads(row.pop("payload"))
    assert row == {
        "id": f"T1/C1/{message['ts']}",
        "source": "slack",
        "shard": f"hr-help/{DAY}.json",
        "position": 0,
        "media_type": "application/json",
        "url": None,
        "created_at": datetime(2026, 10, 5, 12, 0, 0, 100, tzinfo=UTC),
        "document_id": f"slack:T1/C1/{message['ts']}",
        "document_partition": DAY,
        "error": None,
        "rights": None,
        "partition": DAY,
    }
    assert payload == {
        "message": message,
        "channel": {"id": "C1", "name": "hr-help"},
        "users": {
            "U1": {"name": "Ada Lovelace", "is_bot": False, "real_name": "Ada Lovelace"},
            "U2": {"name": "Bot", "is_bot": True, "real_name": "Bot"},
        },
    }


def test_a_thread_is_one_document_of_its_roots_day(tmp_path: Path) -> None:
    root = said(0, "Question?", thread_ts=f"{NOON}.000100")
    reply = said(86_400, "Answer.", user="U2", thread_ts=root["ts"])
    path = export(tmp_path, {f"hr-help/{DAY}": [root], "hr-help/2026-10-06": [reply]})
    table = raw_table(path)
    assert table["partition"].to_pylist() == [DAY, "2026-10-06"]
    assert table["document_partition"].to_pylist() == [DAY, DAY]
    ((document,), ledger) = told(table, rows=1)
    assert ledger == []
    assert document["text"] == "Question?\n\nAnswer."
    assert turn_texts(document) == ["Question?", "Answer."]
    assert [turn["author"] for turn in document["turns"]] == ["U1", "U2"]
    assert [turn["is_bot"] for turn in document["turns"]] == [False, True]
    assert document["raw_ids"] == [turn["message_id"] for turn in document["turns"]]
    assert (document["author"], document["channel"], document["partition"]) == ("U1", "hr-help", DAY)
    assert document["created_at"] == document["turns"][0]["created_at"]


@pytest.mark.parametrize("pseudonyms", [None, Pseudonyms(b"0123456789abcdef")], ids=["named", "pseudonyms"])
@pytest.mark.parametrize("depth", [150, 220])
def test_a_message_that_is_nested_too_deep_is_rejected_alone(
    depth: int, pseudonyms: Pseudonyms | None, tmp_path: Path
) -> None:
    block: dict[str, Any] = {"type": "table", "rows": [[{"type": "raw_text", "text": "deep"}]]}
    for _ in range(depth):
        block = {"type": "table", "rows": [[block]]}
    path = export(tmp_path, {f"hr-help/{DAY}": [said(0), said(1, blocks=[block])]})
    ((documents, ledger),) = slack.documents(raw_table(path).to_batches(), pseudonyms=pseudonyms)
    assert documents["text"].to_pylist() == ["hello"]
    assert [(row["rule"], row["detail"]) for row in ledger.to_pylist()] == [("unreadable", "nested too deep")]


def test_a_reply_without_its_root_still_belongs_to_the_roots_day(tmp_path: Path) -> None:
    reply = said(0, "late", thread_ts=f"{NOON - 9 * 86_400}.000000")
    ((document,), _) = told(raw_table(export(tmp_path, {f"hr-help/{DAY}": [reply]})))
    assert document["partition"] == "2026-09-26"
    assert document["created_at"] == datetime(2026, 9, 26, 12, tzinfo=UTC)
    assert document["author"] is None


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (said(subtype="channel_join"), "channel_event"),
        (said(subtype="group_topic"), "channel_event"),
        (said(subtype="bot_add"), "channel_event"),
        (said(subtype="tombstone", user="USLACKBOT"), "deleted"),
        (said(text="", files=[{"name": "a.pdf"}]), "empty_text"),
        (said(text=" \n"), "empty_text"),
        ({"type": "message", "text": "no ts"}, "unreadable"),
        (said(ts=""), "unreadable"),
        (said(ts=["1"]), "unreadable"),
        ("a string", "unreadable"),
        (None, "unreadable"),
    ],
)
def test_dropped_messages_are_listed(tmp_path: Path, message: object, rule: str) -> None:
    documents, (row,) = told(raw_table(export(tmp_path, {f"hr-help/{DAY}": [message]})))
    assert documents == []
    assert (row["rule"], row["reason"], row["reasons"]) == (rule, rule, [rule])
    assert (row["step"], row["version"], row["partition"]) == ("documents", 1, DAY)


@pytest.mark.parametrize("subtype", ["me_message", "thread_broadcast", "bot_message", "file_share", "unheard_of"])
def test_what_is_said_stays_whatever_its_subtype(tmp_path: Path, subtype: str) -> None:
    ((document,), ledger) = told(raw_table(export(tmp_path, {f"hr-help/{DAY}": [said(subtype=subtype)]})))
    assert (document["text"], ledger) == ("hello", [])
    assert document["turns"][0]["is_bot"] == (subtype == "bot_message")


def test_a_message_without_user_stays(tmp_path: Path) -> None:
    ((document,), _) = told(raw_table(export(tmp_path, {f"hr-help/{DAY}": [said(user=None, bot_id="B1")]})))
    assert document["author"] is None
    assert document["turns"][0] | {"start": 0} == document["turns"][0]
    assert document["turns"][0]["is_bot"]


def test_replies_of_a_deleted_root_stay(tmp_path: Path) -> None:
    root = said(0, "This message was deleted.", subtype="tombstone", user="USLACKBOT", thread_ts=f"{NOON}.000100")
    reply = said(5, "Why?", thread_ts=root["ts"])
    ((document,), (row,)) = told(raw_table(export(tmp_path, {f"hr-help/{DAY}": [root, reply]})))
    assert (document["text"], document["author"], row["rule"]) == ("Why?", None, "deleted")


def test_a_second_copy_of_a_message_is_dropped_with_its_place(tmp_path: Path) -> None:
    path = export(tmp_path, {f"hr-help/{DAY}": [said()], "hr-help/2026-10-06": [said()]})
    table = raw_table(path)
    assert table.num_rows == 2
    ((document,), (row,)) = told(table, rows=1)
    assert len(document["turns"]) == 1
    assert (row["rule"], row["detail"]) == ("duplicate_message", "hr-help/2026-10-06.json#0")


def test_strange_times_keep_the_files_day(tmp_path: Path) -> None:
    ((document,), _) = told(raw_table(export(tmp_path, {f"hr-help/{DAY}": [said(ts="yesterday")]})))
    assert (document["created_at"], document["partition"]) == (None, DAY)
    (row,) = raw_table(export(tmp_path, {f"hr-help/{DAY}": [said(ts=NOON + 0.5)]})).to_pylist()
    assert row["created_at"] == datetime(2026, 10, 5, 12, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"[{", "not JSON: "),
        (b"\xff\xfe\xfa", "not JSON: "),
        (b"", "not JSON: "),
        (b"{}", "not a list of messages but dict"),
        (b"[" * 100_000, "not JSON: "),
    ],
)
def test_a_broken_day_file_is_one_row_with_its_bytes(tmp_path: Path, content: bytes, error: str) -> None:
    path = export(tmp_path, {f"hr-help/{DAY}": content, "hr-help/2026-10-06": [said(86_400)]})
    table = raw_table(path)
    assert table.num_rows == 2
    (row,) = [row for row in table.to_pylist() if row["error"]]
    assert row["error"].startswith(error)
    assert (row["payload"], row["partition"], row["id"]) == (content, DAY, f"T1/C1/{DAY}#file")


def test_a_damaged_member_is_one_row(tmp_path: Path) -> None:
    path = Path(export(tmp_path, {f"hr-help/{DAY}": [said(text=f"{n} {n * n}") for n in range(50)]}))
    data = bytearray(path.read_bytes())
    at = data.index(f"hr-help/{DAY}.json".encode()) + 60
    data[at : at + 20] = bytes(20)
    path.write_bytes(data)
    (row,) = raw_table(str(path)).to_pylist()
    assert row["error"].startswith("damaged: ")


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, [4, 5, 6]),
        ({"first": "2026-10-05"}, [5, 6]),
        ({"last": "2026-10-05"}, [4, 5]),
        ({"first": "2026-10-05", "last": "2026-10-05"}, [5]),
        ({"first": "2026-10-07"}, []),
        ({"first": "2026-10-06", "last": "2026-10-04"}, []),
    ],
)
def test_bounds_are_inclusive(tmp_path: Path, bounds: dict[str, str], expected: list[int]) -> None:
    path = export(tmp_path, {f"hr-help/2026-10-0{day}": [said((day - 5) * 86_400)] for day in (4, 5, 6)})
    assert slack.days(path) == ["2026-10-04", "2026-10-05", "2026-10-06"]
    assert raw_table(path, **bounds)["partition"].to_pylist() == [f"2026-10-0{day}" for day in expected]


@pytest.mark.parametrize("bounds", [{"first": "05.10.2026"}, {"last": "2026-1-1"}, {"last": "2026-02-30"}])
def test_bounds_that_are_no_days(tmp_path: Path, bounds: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"is no day; allowed: YYYY-MM-DD"):
        slack.raw(export(tmp_path, {}), **bounds)


def test_zip_and_folder_give_the_same(tmp_path: Path) -> None:
    path = export(tmp_path, {f"hr-help/{DAY}": [said(), said(1, "more")], "hr-help/2026-10-06": b"no"})
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "folder")
    assert raw_table(str(tmp_path / "folder")) == raw_table(path)


def test_an_export_without_messages_has_no_rows(tmp_path: Path) -> None:
    path = export(tmp_path, {})
    assert (list(slack.raw(path)), slack.days(path), list(slack.read_export(path))) == ([], [], [])
    assert list(slack.documents([])) == []


def test_channels_and_people_may_be_missing_or_elsewhere(tmp_path: Path) -> None:
    lists = {"channels.json": None, "users.json": None, "dms.json": [{"id": "D1", "members": ["U1", "U2"]}]}
    path = export(tmp_path, {f"D1/{DAY}": [said()], f"gone/{DAY}": [said(text="<@U1>")]}, **lists)
    rows = raw_table(path).to_pylist()
    assert [row["id"].rsplit("/", 1)[0] for row in rows] == ["unknown/D1", "unknown/gone"]
    documents, _ = told(raw_table(path))
    assert [(one["channel"], one["text"]) for one in documents] == [("D1", "hello"), ("gone", "@U1")]


def test_people_of_an_organisation(tmp_path: Path) -> None:
    lists = {"users.json": None, "org_users.json": [{"id": "U1", "team_id": "T7", "name": "ada"}]}
    ((document,), _) = told(raw_table(export(tmp_path, {f"hr-help/{DAY}": [said(text="<@U1>")]}, **lists)))
    assert (document["id"].split("/")[0], document["text"]) == ("slack:T7", "@ada")


def test_a_folder_name_garbled_by_the_zip_finds_its_channel(tmp_path: Path) -> None:
    garbled = "größe".encode().decode("cp437")
    path = export(tmp_path, {f"{garbled}/{DAY}": [said()]}, **{"channels.json": [{"id": "C5", "name": "größe"}]})
    (row,) = raw_table(path).to_pylist()
    assert (row["shard"], row["id"].split("/")[1]) == (f"größe/{DAY}.json", "C5")


def test_lone_surrogates_and_deep_messages_do_not_stop_an_export(tmp_path: Path) -> None:
    # `\ud800` is legal JSON and no legal text.
    day = b'[{"ts": "%d.0", "text": "a \\ud800 b", "user": "U\\udfff"}]' % NOON
    ((document,), _) = told(raw_table(export(tmp_path, {f"hr-help/{DAY}": day})))
    assert document["text"] == "a � b"
    deep = b'[{"ts": "1.0", "text": "x", "more": ' + b"[" * 950 + b"]" * 950 + b"}]"
    (row,) = raw_table(export(tmp_path, {f"hr-help/{DAY}": deep})).to_pylist()
    assert row["error"] is None or "deep" in row["error"] or "JSON" in row["error"]


def test_files_beside_the_messages_are_left_alone(tmp_path: Path) -> None:
    files = {
        "integration_logs": [],
        "canvases": {},
        "hr-help/canvas_in_the_conversation": {},
        "__uploads/F1/notes": {},
        f"hr-help/{DAY}": [said()],
    }
    assert raw_table(export(tmp_path, files)).num_rows == 1


@pytest.mark.parametrize(
    ("days", "lists", "message"),
    [
        ({"hr-help/notes": []}, {}, r"'hr-help/notes.json' is not named after a day"),
        ({"hr-help/2026-13-01": []}, {}, r"not named after a day; allowed: <channel>/YYYY-MM-DD.json"),
        ({}, {"channels.json": None}, r"is no Slack export: its top level holds none of channels.json, groups.json"),
        ({}, {"channels.json": b"{"}, r"channels.json cannot be read"),
        ({}, {"users.json": {"U1": {}}}, r"users.json holds dict; allowed: a JSON list"),
        ({"../2026-10-05": []}, {}, r"'../2026-10-05.json' leads out of the archive"),
        ({"/etc/2026-10-05": []}, {}, r"leads out of the archive"),
        ({"a/../../2026-10-05": []}, {}, r"leads out of the archive"),
        ({"C:/2026-10-05": []}, {}, r"leads out of the archive"),
        ({f"hr-help/{DAY}": b" " * (11 * 1024**2)}, {}, r"inflates from \d+ to 11534336 bytes; allowed: 200 times"),
    ],
)
def test_exports_that_are_refused(tmp_path: Path, days: Files, lists: Files, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        list(slack.raw(export(tmp_path, days, **lists)))


def test_bounds_of_a_members_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = json.dumps([said()])
    path = export(tmp_path, {f"hr-help/{DAY}": [said()]})
    largest = max(len(day), *(len(json.dumps(one)) for one in (CHANNELS, USERS)))
    monkeypatch.setattr(slack_export, "MEMBER_BYTES", largest)
    assert raw_table(path).num_rows == 1
    monkeypatch.setattr(slack_export, "MEMBER_BYTES", largest - 1)
    with pytest.raises(ConfigError, match="inflates to"):
        slack.raw(path)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no zip", b"x" * 100])
def test_paths_that_are_no_export(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "export.zip"
    if content is not None:
        path.write_bytes(content)
    for call in (slack.raw, slack.days, slack.read_export):
        with pytest.raises(ConfigError, match=r"export\.zip.*allowed: the zip of an official export"):
            call(str(path))


def test_an_empty_folder_is_no_export(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no Slack export"):
        slack.raw(str(tmp_path))


messages = st.fixed_dictionaries(
    {},
    optional={
        "ts": st.sampled_from(["1.000001", "2.000001", "3.5", "x", "", 4.25, None]),
        "thread_ts": st.sampled_from(["1.000001", "2.000001", "x", None]),
        "text": st.text(max_size=6) | st.none(),
        "user": st.sampled_from(["U1", "U2", None, 5]),
        "subtype": st.sampled_from(["channel_join", "tombstone", "bot_message", None, {}]),
        "bot_id": st.sampled_from(["B1", None]),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    days=st.dictionaries(
        st.sampled_from([f"hr-help/{DAY}", "hr-help/2026-10-06", "other/2026-10-06"]),
        st.lists(messages | st.none() | st.text(max_size=2), max_size=6) | st.sampled_from([b"{}", b"["]),
    ),
    rows=st.integers(1, 5),
)
def test_every_raw_row_is_one_turn_or_one_ledger_row(
    tmp_path_factory: pytest.TempPathFactory, days: Files, rows: int
) -> None:
    table = raw_table(export(tmp_path_factory.mktemp("export"), days))
    documents, ledger = told(table, rows=rows)
    turns = [turn for document in documents for turn in document["turns"]]
    assert Counter(table["id"].to_pylist()) == Counter(
        [turn["message_id"] for turn in turns] + [row["id"] for row in ledger]
    )
    assert len({document["id"] for document in documents}) == len(documents)
    for document in documents:
        assert "\n\n".join(turn_texts(document)) == document["text"]
        assert all(turn_texts(document))


@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 10_000), junk=st.binary(min_size=1, max_size=30))
def test_a_damaged_zip_is_refused_or_read_with_errors(
    tmp_path_factory: pytest.TempPathFactory, at: int, junk: bytes
) -> None:
    path = Path(export(tmp_path_factory.mktemp("export"), {f"hr-help/{DAY}": [said(), said(1)]}))
    data = bytearray(path.read_bytes())
    at %= len(data)
    data[at : at + len(junk)] = junk
    path.write_bytes(data)
    try:
        table = raw_table(str(path))
    except ConfigError:
        return
    told(table)


@pytest.mark.parametrize(
    ("name", "count", "turns"),
    [
        ("mifos_fineract_export", 732, 619),
        ("irc_disentangle_export", 38_251, 36_343),
        ("haskell_jp_export", 24_738, 18_722),
        ("slack_export_viewer_testarchive", 158, 147),
    ],
)
def test_real_exports_are_read_whole(name: str, count: int, turns: int) -> None:
    path = DATA / f"{name}.zip"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    table = raw_table(str(path))
    documents, ledger = told(table)
    assert table.num_rows == count
    assert table["error"].null_count == count
    assert sum(len(document["turns"]) for document in documents) == turns
    assert turns + len(ledger) == count
    assert [one["id"] for batch in slack.read_export(str(path)) for one in batch.to_pylist()] == [
        one["id"] for one in documents
    ]
