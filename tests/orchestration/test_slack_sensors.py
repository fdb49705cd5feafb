"""Days that are made again for what Slack brought later: all of them, each once, in as few runs as they need."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pyarrow as pa
import pytest

from orchestration import sensors
from orchestration.definitions import defs
from orchestration.settings import lake_root
from parlance.lake import Lake
from parlance.sources.slack_archive import Archive

RAW = dg.AssetKey(["slack", "raw"])
DAYS = [f"2026-10-0{number}" for number in range(1, 8)]
BEGIN = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
FIRST, LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dg.asset(
    key=RAW,
    partitions_def=dg.DailyPartitionsDefinition(DAYS[0], end_date="2026-10-08"),
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def raw() -> None:
    """Stands for the raw rows, which the test writes."""


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


def made(instance: dg.DagsterInstance, first: str, last: str) -> None:
    """One run that makes the raw rows of a range of days."""
    assert dg.materialize([raw], instance=instance, tags={FIRST: first, LAST: last}).success


def look(instance: dg.DagsterInstance, cursor: str | None) -> tuple[list[tuple[str, str]], str | None]:
    """First and last day of what is asked for, and the new cursor."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        result = defs().resolve_sensor_def("late_replies")(context)
    if isinstance(result, dg.SkipReason):
        return [], cursor
    asked = [
        (request.partition_key, request.partition_key)
        if request.partition_key
        else (request.tags[FIRST], request.tags[LAST])
        for request in result.run_requests
    ]
    return asked, result.cursor


def test_replies_of_every_day_of_a_range_are_seen(instance: dg.DagsterInstance) -> None:
    write({DAYS[0]: [DAYS[0]], DAYS[4]: [DAYS[4], DAYS[0]], DAYS[5]: [DAYS[1]], DAYS[6]: [DAYS[3], DAYS[5]]})
    made(instance, DAYS[0], DAYS[3])
    _, cursor = look(instance, None)
    made(instance, DAYS[4], DAYS[6])
    asked, cursor = look(instance, cursor)
    # The sixth day got a reply of the seventh, but the same run made both.
    assert asked == [(DAYS[0], DAYS[1]), (DAYS[3], DAYS[3])]
    assert look(instance, cursor)[0] == []


def test_days_of_different_runs_are_made_again(instance: dg.DagsterInstance) -> None:
    write({DAYS[5]: [DAYS[5]], DAYS[6]: [DAYS[5]]})
    made(instance, DAYS[0], DAYS[0])
    _, cursor = look(instance, None)
    made(instance, DAYS[5], DAYS[5])
    made(instance, DAYS[6], DAYS[6])
    assert look(instance, cursor)[0] == [(DAYS[5], DAYS[5])]


def test_without_materialisations_nothing_is_asked_for(instance: dg.DagsterInstance) -> None:
    assert look(instance, None) == ([], None)


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
    made(instance, DAYS[1], DAYS[1])
    _, days, cursor = changes(cursor)
    assert days == []
    assert cursor is not None
    assert began is not None
    assert cursor > began
