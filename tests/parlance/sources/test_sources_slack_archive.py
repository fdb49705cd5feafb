"""Windows of time, versions of messages, and the archive's view of them as raw rows."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.errors import ConfigError
from parlance.schemas import RAW, SLACK_MESSAGES
from parlance.sources.rows import batches
from parlance.sources.slack_archive import Archive
from parlance.sources.slack_columns import messages
from parlance.sources.slack_export import Workspace
from parlance.sources.slack_recorder import Recorder
from parlance.sources.slack_versions import observation
from parlance.sources.slack_windows import (
    Segment,
    Window,
    last_read,
    merged,
    missing,
    number_of,
    of_days,
    ring,
    time_of,
    ts_of,
)

windows = st.builds(lambda one, other: Window(min(one, other), max(one, other)), *[st.integers(0, 40)] * 2)


def points(found: list[Window]) -> list[int]:
    return [point for window in found for point in range(window.oldest, window.latest + 1)]


@given(st.lists(windows))
def test_merged_windows_are_the_same_moments_in_order_and_apart(given: list[Window]) -> None:
    found = merged(given)
    assert points(found) == sorted(set(points(given)))
    assert all(one.latest + 1 < other.oldest for one, other in pairwise(found))


@given(windows, st.lists(windows))
def test_what_is_missing_and_what_is_covered_are_all(window: Window, covered: list[Window]) -> None:
    gaps = list(missing(window, merged(covered)))
    assert points(gaps) == [point for point in points([window]) if point not in points(covered)]


@given(st.lists(st.builds(Segment, st.integers(0, 5), windows)))
def test_each_moment_was_last_read_when_the_newest_window_with_it_was(reads: list[Segment]) -> None:
    found = last_read(reads)
    assert found == sorted(found)
    last = {point: read.read_at for read in sorted(reads) for point in points([read.window])}
    assert {point: segment.read_at for segment in found for point in points([segment.window])} == last
    assert len(points([segment.window for segment in found])) == len(last)


@given(
    st.dictionaries(st.sampled_from("ABC"), st.lists(windows).map(merged)), st.sampled_from("ABCD"), st.integers(0, 40)
)
def test_a_ring_has_every_moment_once_and_ends_with_its_place(
    covered: dict[str, list[Window]], place: str, number: int
) -> None:
    found = [(channel, point) for channel, window in ring(covered, after=(place, number)) for point in points([window])]
    everything = sorted((channel, point) for channel in covered for point in points(covered[channel]))
    split = sum(one <= (place, number) for one in everything)
    assert found == everything[split:] + everything[:split]


@given(st.integers(10**15, 9 * 10**15), st.integers(10**15, 9 * 10**15))
def test_times_compare_as_their_texts(one: int, other: int) -> None:
    assert (one < other) == (ts_of(one) < ts_of(other))
    assert number_of(ts_of(one)) == one


def test_days_are_whole_and_checked() -> None:
    window = of_days("2026-01-05", "2026-01-06")
    assert time_of(window.oldest).isoformat() == "2026-01-05T00:00:00+00:00"
    assert time_of(window.latest).isoformat() == "2026-01-06T23:59:59.999999+00:00"
    assert window.days() == ["2026-01-05", "2026-01-06"]
    with pytest.raises(ConfigError, match="2026-02-30"):
        of_days("2026-01-05", "2026-02-30")


WORKSPACE = Workspace(team="T1", channels={"C1": {"id": "C1", "name": "general"}}, users={})
TS = "1767571200.000100"


def looked_at(message: dict[str, Any]) -> Any:
    return observation(message, channel=WORKSPACE.channel("C1"), workspace=WORKSPACE, rights=None)


@pytest.mark.parametrize(
    ("more", "is_version", "is_change"),
    [
        ({"text": "other"}, True, True),
        ({"edited": {"user": "U1", "ts": TS}}, True, True),
        ({"blocks": [{"type": "rich_text"}]}, True, True),
        ({"attachments": [{"text": "x"}]}, True, True),
        ({"files": [{"id": "F1", "mode": "tombstone"}]}, True, True),
        ({"files": [{"id": "F1", "mode": "hosted", "thumb_64": "signed"}]}, False, True),
        ({"reactions": [{"name": "wave", "users": ["U1"], "count": 1}]}, False, True),
        ({"reply_count": 2, "latest_reply": TS}, False, True),
        ({"subscribed": True, "last_read": TS, "unread_count": 3, "root": {}}, False, False),
        ({"text": "said", "attachments": []}, False, True),
    ],
    ids=lambda value: str(value)[:30],
)
def test_only_what_people_change_is_a_version(more: dict[str, Any], is_version: bool, is_change: bool) -> None:
    message = {"ts": TS, "text": "said", "files": [{"id": "F1", "mode": "hosted"}]}
    before, after = looked_at(message), looked_at(message | more)
    assert (before.fingerprint != after.fingerprint, before.state != after.state) == (is_version, is_change)


@pytest.mark.parametrize("ts", [None, 5, "", "1767571200", "1767571200.1", "x", ["1767571200.000100"], True])
def test_a_message_without_a_usable_ts_is_none(ts: object) -> None:
    assert looked_at({"ts": ts, "text": "x"}) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("text", "user", "blocks", "attachments", "files", "edited", "reply_count", "thread_ts", "root", "x")


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_hostile_messages_are_kept_whole(fields: dict[str, Any]) -> None:
    found = looked_at({"ts": TS, **fields})
    assert json.loads(found.payload) == {"ts": TS, **fields}
    assert found == looked_at({"ts": TS, **fields})


def recorder(archive: Archive, now: datetime) -> Recorder:
    return Recorder(archive, workspace=WORKSPACE, rights=None, now=lambda: now, requests=lambda: 0, requests_at_once=50)


def test_hostile_payloads_come_back_as_rows_and_columns(tmp_path: Path) -> None:
    archive, now = Archive(str(tmp_path)), datetime(2026, 1, 6, tzinfo=UTC)
    archive.remember(team="T1", channels=WORKSPACE.channels, users={}, at=now)
    texts = ["\ud800 lone", "\x00", "\u2028", '"}', "\U0001f600"]
    hostile = [{"ts": f"1767571200.00010{number}", "text": text} for number, text in enumerate(texts)]
    writer = recorder(archive, now)
    writer.observe(WORKSPACE.channel("C1"), hostile, {}, at=now)
    writer.store()
    found = list(archive.rows(["2026-01-05"]))
    payloads = [json.loads(row["payload"]) for row in found]
    assert [one["message"] for one in payloads] == hostile
    assert {one["first_seen"] for one in payloads} == {now.isoformat()}
    assert [row["position"] for row in found] == list(range(5))
    table = pa.Table.from_batches(messages(batches((row | {"rights": None} for row in found), RAW)), SLACK_MESSAGES)
    assert table["first_seen"].to_pylist() == [now] * 5
    assert table["versions"].to_pylist() == [1] * 5


def test_two_writers_at_once_leave_one_row_in_the_view(tmp_path: Path) -> None:
    archive, now = Archive(str(tmp_path)), datetime(2026, 1, 6, tzinfo=UTC)
    archive.remember(team="T1", channels=WORKSPACE.channels, users={}, at=now)
    writers = [recorder(archive, now + timedelta(seconds=number)) for number in range(2)]
    for writer in writers:
        writer.observe(WORKSPACE.channel("C1"), [{"ts": TS, "text": "x"}], {}, at=now)
    for writer in writers:
        writer.store()
    assert archive.messages.scan().collect().height == 2
    assert len(list(archive.rows(["2026-01-05", "2026-01-05", "2026-01-04"]))) == 1


def test_many_rows_are_read_a_few_channels_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parlance.sources.slack_archive.ROWS_AT_ONCE", 3)
    archive, now = Archive(str(tmp_path)), datetime(2026, 1, 8, tzinfo=UTC)
    channels = {id: {"id": id, "name": id.lower()} for id in ("C1", "C2", "C3")}
    archive.remember(team="T1", channels=channels, users={}, at=now)
    writer = recorder(archive, now)
    for id, channel in channels.items():
        for day in range(2):
            said = [{"ts": ts_of((1767571200 + 86_400 * day + number) * 10**6), "text": id} for number in range(2)]
            writer.observe(channel, said, {}, at=now)
    writer.store()
    found = list(archive.rows(["2026-01-06", "2026-01-05"]))
    order = [(row["partition"], row["id"].split("/")[1], row["position"]) for row in found]
    assert order == sorted(order)
    assert len(order) == 12


def test_an_archive_that_was_never_written_is_empty(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    assert list(archive.rows(["2026-01-05"])) == []
    assert archive.coverage() == {}
    assert archive.gaps("2026-01-05", "2026-01-06") == []
    assert archive.changed_days(datetime(2026, 1, 1, tzinfo=UTC)) == {}
