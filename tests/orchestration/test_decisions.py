"""The sensor that has verdicts follow the duplicates."""

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pyarrow as pa
import pytest

from orchestration import decisions
from orchestration.decisions import DECIDED
from orchestration.definitions import defs
from parlance.lake import Lake
from parlance.schemas import DOCUMENTS
from parlance.stages.duplicates import write_duplicates
from parlance.stages.lanes import write_kept, write_signals

DAYS = {"2026-11-01": "some old news", "2026-11-02": "what is new today"}


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("PARLANCE_HOME", str(tmp_path))
    lake = Lake(root=str(tmp_path / "lake"))
    for day, text in DAYS.items():
        row = {"id": day, "source": "crawl", "text": text, "url": "http://a.example/", "raw_ids": [day]}
        row |= {"created_at": datetime.fromisoformat(day).replace(tzinfo=UTC), "partition": day}
        lake.table("crawl/documents").replace([pa.RecordBatch.from_pylist([row], schema=DOCUMENTS)], [day])
        write_signals(lake, "crawl", [day])
        write_duplicates(lake, {"crawl": ()}, threshold=0.8)
        write_kept(lake, "crawl", (), [day])
    return lake


def look(instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    sensor = defs().resolve_sensor_def("changed_duplicates")
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        return sensor(context)


def test_the_day_of_an_older_capture_is_asked_for_once_a_day(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        found = look(instance, None)
        assert isinstance(found, dg.SensorResult)
        assert [(one.job_name, one.partition_key) for one in found.run_requests or []] == [
            ("crawl_decisions", "2026-11-01")
        ]
        again = look(instance, found.cursor)  # its run failed
        assert isinstance(again, dg.SensorResult)
        assert again.run_requests == []
        monkeypatch.setattr(decisions, "dt", SimpleNamespace(datetime=Tomorrow, UTC=UTC))
        tomorrow = look(instance, again.cursor)
        assert isinstance(tomorrow, dg.SensorResult)
        assert [one.partition_key for one in tomorrow.run_requests or []] == ["2026-11-01"]
        assert [one.run_key for one in tomorrow.run_requests or []] != [one.run_key for one in found.run_requests or []]
        write_kept(lake, "crawl", (), ["2026-11-01"])
        done = look(instance, tomorrow.cursor)
        assert isinstance(done, dg.SensorResult)
        assert done.run_requests == []
        assert isinstance(look(instance, done.cursor), dg.SkipReason)


class Tomorrow(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + timedelta(days=1)


def test_what_failed_does_not_stand_before_the_others(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"2026-09-{day:02}" for day in range(1, 31)]
    monkeypatch.setattr(decisions, "undecided", lambda _, lane: keys if lane == "crawl" else [])
    cursor, asked = None, []
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(3):
            found = look(instance, cursor)
            assert isinstance(found, dg.SensorResult)
            cursor = found.cursor
            asked.append([one.partition_key for one in found.run_requests or []])
    assert asked == [keys[:25], keys[25:], []]


def test_it_waits_while_a_lane_is_made(lake: Lake) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs().resolve_job_def("crawl_lane")
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        assert "crawl_lane must end first" in str(look(instance, None))
        instance.delete_run(run.run_id)
        assert isinstance(look(instance, None), dg.SensorResult)


def test_its_job_makes_what_is_decided_and_nothing_before() -> None:
    for lane, more in (("crawl", set()), ("slack", {"features/acts", "features/authors", "features/threads"})):
        job = defs().resolve_job_def(f"{lane}_decisions")
        made = {key.to_user_string() for key in job.asset_layer.selected_asset_keys}
        assert made == {f"{lane}/{table}" for table in DECIDED} | more
