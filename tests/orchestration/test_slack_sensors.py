"""Days that are made again for what Slack brought later: all of them, each once, in as few runs as they need."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pyarrow as pa
import pytest

from orchestration import sensors
from orchestration.catching_up import tables_of
from orchestration.definitions import defs
from orchestration.lanes.slack import lane_from
from orchestration.settings import lake_root
from parlance.lake import Lake
from parlance.sources.slack_archive import Archive

DAYS = [f"2026-10-0{number}" for number in range(1, 8)]
BEGIN = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
FIRST, LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


LANE = lane_from(DAYS[0])
AFTER_RAW = [table for table in tables_of(LANE) if table != "raw"]


def stand_in(table: str) -> dg.AssetsDefinition:
    """Stands for a table of the lane, whose rows the test writes where they matter."""

    @dg.asset(
        key=LANE.key(table),
        partitions_def=dg.DailyPartitionsDefinition(DAYS[0], end_date="2026-10-08"),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def made_of_nothing() -> None: ...

    return made_of_nothing


STAND_INS = {table: stand_in(table) for table in tables_of(LANE)}


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("PARLANCE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PARLANCE_SLACK_START", DAYS[0])
    monkeypatch.delenv("PARLANCE_LAKE", raising=False)
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def write(replies: dict[str, list[str]]) -> None:
    """Raw rows of each day: the days of the threads that its messages belong to."""
    told = [(day, of) for day, days in replies.items() for of in days]
    same = {"source": "slack", "shard": "x", "position": 0, "media_type": "application/json", "created_at": BEGIN}
    rows = [{"id": f"{day}/{of}", "document_id": of, "document_partition": of, "partition": day} for day, of in told]
    table = Lake(root=lake_root()).table("slack/raw")
    table.replace(pa.Table.from_pylist([same | row for row in rows], schema=table.schema).to_batches(), list(replies))


def made(instance: dg.DagsterInstance, first: str, last: str, *tables: str) -> None:
    """Runs that make tables of a range of days; without `tables` all of them, first the raw rows."""
    for chosen in [tables] if tables else [("raw",), AFTER_RAW]:
        assets = [STAND_INS[table] for table in chosen]
        assert dg.materialize(assets, instance=instance, tags={FIRST: first, LAST: last}).success


def look(instance: dg.DagsterInstance, cursor: str | None) -> tuple[list[tuple[str, str]], str | None]:
    """First and last day of what is asked for, and the new cursor."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        result = defs().resolve_sensor_def("late_replies")(context)
    asked = [
        (request.partition_key, request.partition_key)
        if request.partition_key
        else (request.tags[FIRST], request.tags[LAST])
        for request in result.run_requests
    ]
    return asked, result.cursor


def test_replies_of_every_day_of_a_range_are_seen(instance: dg.DagsterInstance) -> None:
    write({DAYS[0]: [DAYS[0]], DAYS[4]: [DAYS[4], DAYS[0]], DAYS[5]: [DAYS[1]], DAYS[6]: [DAYS[3], DAYS[5]]})
    made(instance, DAYS[0], DAYS[6])
    _, cursor = look(instance, None)
    made(instance, DAYS[4], DAYS[6], "raw")
    asked, cursor = look(instance, cursor)
    # The sixth day got a reply of the seventh, but the same run makes both.
    assert asked == [(DAYS[0], DAYS[1]), (DAYS[3], DAYS[3])]
    for first, last in asked:
        made(instance, first, last, *AFTER_RAW)
    assert look(instance, cursor)[0] == []


def test_days_of_different_runs_are_made_again(instance: dg.DagsterInstance) -> None:
    write({DAYS[5]: [DAYS[5]], DAYS[6]: [DAYS[5]]})
    made(instance, DAYS[0], DAYS[0])
    _, cursor = look(instance, None)
    made(instance, DAYS[5], DAYS[5])
    made(instance, DAYS[6], DAYS[6])
    assert look(instance, cursor)[0] == [(DAYS[5], DAYS[5])]


def test_a_thread_stays_pending_until_its_documents_are_made(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({DAYS[5]: [DAYS[5]], DAYS[6]: [DAYS[5]]})
    made(instance, DAYS[5], DAYS[5])
    _, cursor = look(instance, None)
    made(instance, DAYS[6], DAYS[6], "raw")
    asked, cursor = look(instance, cursor)
    assert asked == [(DAYS[5], DAYS[5])]
    # The run fails after a part of its tables: pending still, and asked for under another key on the next day.
    made(instance, DAYS[5], DAYS[5], *AFTER_RAW[:3])
    assert look(instance, cursor) == (asked, cursor)
    keys = [late_replies_keys(instance, cursor)]
    with monkeypatch.context() as later:
        later.setattr(sensors, "dt", SimpleNamespace(datetime=Tomorrow, UTC=dt.UTC))
        keys.append(late_replies_keys(instance, cursor))
    assert keys[0] != keys[1]
    # A run of the day goes on: nothing is asked for.
    instance.create_run_for_job(defs().resolve_job_def("slack_threads"), tags={"dagster/partition": DAYS[5]})
    assert look(instance, cursor) == ([], cursor)
    made(instance, DAYS[5], DAYS[5], *AFTER_RAW[3:])
    assert json.loads(look(instance, cursor)[1] or "{}")["pending"] == {}


def late_replies_keys(instance: dg.DagsterInstance, cursor: str | None) -> list[str | None]:
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        return [request.run_key for request in defs().resolve_sensor_def("late_replies")(context).run_requests]


def test_without_materialisations_nothing_is_asked_for(instance: dg.DagsterInstance) -> None:
    asked, cursor = look(instance, None)
    assert asked == []
    assert look(instance, cursor)[0] == []


class Tomorrow(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
        return dt.datetime.now(tz) + dt.timedelta(days=1)


def test_a_change_stays_pending_until_its_day_is_made_again(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: dict[str, dt.datetime] = {}
    monkeypatch.setattr(Archive, "changed_days", lambda _, since: {day: at for day, at in stored.items() if at > since})
    monkeypatch.setenv("PARLANCE_SLACK_TOKEN", "xoxb-1")

    def changes(cursor: str | None) -> tuple[list[str | None], list[str | None], str | None]:
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            result = defs().resolve_sensor_def("slack_changes")(context)
        requests = result.run_requests
        return [request.run_key for request in requests], [request.partition_key for request in requests], result.cursor

    made(instance, DAYS[0], DAYS[2])
    _, days, began = changes(None)
    assert days == []
    stored[DAYS[1]] = dt.datetime.now(dt.UTC)
    keys, days, cursor = changes(began)
    assert (days, cursor) == ([DAYS[1]], began)
    # The run fails: Dagster takes a key once, so it is asked for again only on the next day.
    assert changes(cursor) == (keys, [DAYS[1]], began)
    with monkeypatch.context() as later:
        later.setattr(sensors, "dt", SimpleNamespace(datetime=Tomorrow, UTC=dt.UTC))
        again, days, cursor = changes(cursor)
    assert (days, cursor) == ([DAYS[1]], began)
    assert again != keys
    # Another is begun and makes its tables one by one: it is not asked for beside it, nor anew where it fails midway.
    run = instance.create_run_for_job(defs().resolve_job_def("slack_lane"), tags={"dagster/partition": DAYS[1]})
    made(instance, DAYS[1], DAYS[1], "raw", *AFTER_RAW[:3])
    assert changes(cursor) == ([], [], began)
    instance.report_run_failed(run)
    assert changes(cursor) == (keys, [DAYS[1]], began)
    made(instance, DAYS[1], DAYS[1])
    _, days, cursor = changes(cursor)
    assert days == []
    assert cursor is not None
    assert began is not None
    assert cursor > began
    # One that is being committed while the sensor looks has a time before that look.
    stamped = dt.datetime.now(dt.UTC)
    _, days, cursor = changes(cursor)
    assert days == []
    stored[DAYS[2]] = stamped
    assert changes(cursor)[1] == [DAYS[2]]
