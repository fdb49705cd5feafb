"""Old runs go with their logs; what the UI shows of every partition stays."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from orchestration import retention
from orchestration.retention import removable, remove_old_runs
from parlance.errors import ConfigError
from tests.orchestration.failing_lane import Failing, run, tickets

DAYS = ["2026-10-05", "2026-10-06"]


def test_the_last_materialisation_of_every_partition_stays(tmp_path: Path) -> None:
    source = Failing(folder=str(tmp_path))
    lane = tickets(source, first=DAYS[0], days=DAYS)
    with dg.DagsterInstance.ephemeral() as instance:
        first, second, third = (
            run(lane, tmp_path / "lake", instance, partition_key=day).run_id for day in (DAYS[0], DAYS[1], DAYS[0])
        )
        source.fail(DAYS[0], ConfigError("no such desk"))
        failed = run(lane, tmp_path / "lake", instance, partition_key=DAYS[0]).run_id
        now = dt.datetime.now(dt.UTC)
        assert removable(instance, before=now - dt.timedelta(hours=1)) == []
        assert sorted(removable(instance, before=now + dt.timedelta(hours=1))) == sorted([first, failed])
        assert remove_old_runs(instance, now=now + dt.timedelta(days=91)) == 2
        assert {one.run_id for one in instance.get_runs()} == {second, third}
        assert instance.get_materialized_partitions(lane.key("raw")) == set(DAYS)
        assert remove_old_runs(instance, now=now + dt.timedelta(days=91)) == 0


def test_runs_that_stay_do_not_hide_those_after_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "IDS_AT_ONCE", 1)
    lane = tickets(Failing(folder=str(tmp_path)), first=DAYS[0], days=DAYS)
    with dg.DagsterInstance.ephemeral() as instance:
        kept = run(lane, tmp_path / "lake", instance, partition_key=DAYS[0]).run_id
        old, last = (run(lane, tmp_path / "lake", instance, partition_key=DAYS[1]).run_id for _ in range(2))
        assert removable(instance, before=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)) == [old]
        assert {kept, last} < {one.run_id for one in instance.get_runs()}


def test_what_missing_days_looks_at_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLANCE_KEEP_RUNS_DAYS", "15")
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(ConfigError, match="above PARLANCE_CATCH_UP_DAYS"):
        remove_old_runs(instance, now=dt.datetime.now(dt.UTC))
