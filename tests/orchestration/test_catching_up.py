"""Missed days are asked for again, those that failed for good are not, and nothing is asked for twice."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration import catching_up
from orchestration.catching_up import requests_of
from orchestration.definitions import defs
from parlance.errors import ConfigError, TransientError
from tests.orchestration.failing_lane import Failing, made, run, tickets

TODAY = dt.datetime.now(dt.UTC).date()
NOW = dt.datetime.combine(TODAY, dt.time(12), dt.UTC)
DAYS = [(TODAY - dt.timedelta(days=back)).isoformat() for back in range(20, 0, -1)]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def source(tmp_path: Path) -> Failing:
    return Failing(folder=str(tmp_path))


def ranges(requests: list[dg.RunRequest]) -> list[tuple[str, str]]:
    return [
        (one.partition_key, one.partition_key)
        if one.partition_key
        else (one.tags[catching_up.FIRST], one.tags[catching_up.LAST])
        for one in requests
    ]


def test_an_outage_is_caught_up_in_one_run_and_no_further_back_than_the_window(
    instance: dg.DagsterInstance, source: Failing
) -> None:
    lane = tickets(source, first=DAYS[0], days=DAYS)
    made(lane, instance, *DAYS[:10])
    requests, left = requests_of(lane, instance, now=NOW)
    assert ranges(requests) == [(DAYS[10], DAYS[-1])]
    assert left == []
    other = tickets(source, first=DAYS[0], days=[DAYS[0], DAYS[10], DAYS[12]])
    assert ranges(requests_of(other, instance, now=NOW)[0]) == [(DAYS[10], DAYS[10]), (DAYS[12], DAYS[12])]


def test_the_night_before_is_left_to_its_schedule(instance: dg.DagsterInstance, source: Failing) -> None:
    lane = tickets(source, first=DAYS[0], days=[DAYS[-1]])
    midnight = dt.datetime.combine(TODAY, dt.time(), dt.UTC)
    assert requests_of(lane, instance, now=midnight + dt.timedelta(hours=5))[0] == []
    assert ranges(requests_of(lane, instance, now=midnight + dt.timedelta(hours=6))[0]) == [(DAYS[-1], DAYS[-1])]


def test_a_day_that_lacks_one_table_is_missing(instance: dg.DagsterInstance, source: Failing) -> None:
    lane = tickets(source, first=DAYS[0], days=DAYS[-1:])
    for table in catching_up.tables_of(lane)[:-1]:
        instance.report_runless_asset_event(dg.AssetMaterialization(lane.key(table), partition=DAYS[-1]))
    assert len(requests_of(lane, instance, now=NOW)[0]) == 1
    made(lane, instance, DAYS[-1])
    assert requests_of(lane, instance, now=NOW) == ([], [])


def test_a_transient_failure_is_tried_again_later_and_a_lasting_one_never(
    instance: dg.DagsterInstance, source: Failing, tmp_path: Path
) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    lane = tickets(source, first=DAYS[0], days=DAYS[-2:])
    source.fail(DAYS[-1], TransientError("the desk does not answer"))
    source.fail(DAYS[-2], ConfigError("no such desk"))
    for day in DAYS[-2:]:
        assert run(lane, tmp_path / "lake", instance, partition_key=day).status == dg.DagsterRunStatus.FAILURE
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10)
    assert requests_of(lane, instance, now=soon)[0] == []
    requests, left = requests_of(lane, instance, now=later)
    assert ranges(requests) == [(DAYS[-1], DAYS[-1])]
    assert left == [f"tickets {DAYS[-2]} (no such desk)"]
    run(lane, tmp_path / "lake", instance, partition_key=DAYS[-1])
    after_two = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=20)
    assert requests_of(lane, instance, now=after_two)[0] == []
    (second,) = requests_of(lane, instance, now=later)[0]
    assert second.run_key != requests[0].run_key


def test_a_lasting_failure_is_tried_again_once_the_input_is_another(
    instance: dg.DagsterInstance, source: Failing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = tickets(source, first=DAYS[0], days=DAYS[-1:])
    source.fail(DAYS[-1], ConfigError("the export is no zip"))
    before = dt.datetime.now(dt.UTC)
    run(lane, tmp_path / "lake", instance, partition_key=DAYS[-1])
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    monkeypatch.setattr(Failing, "changed_at", lambda _: before)
    assert requests_of(lane, instance, now=later) == ([], [f"tickets {DAYS[-1]} (the export is no zip)"])
    monkeypatch.setattr(Failing, "changed_at", lambda _: later - dt.timedelta(hours=1))
    requests, left = requests_of(lane, instance, now=later)
    assert (ranges(requests), left) == ([(DAYS[-1], DAYS[-1])], [])


def test_what_waits_or_runs_is_not_asked_for(instance: dg.DagsterInstance, source: Failing) -> None:
    lane = tickets(source, first=DAYS[0], days=DAYS[-4:])
    job = dg.define_asset_job("tickets_lane", selection="*")
    step = dg.asset(key=lane.key("raw"), partitions_def=lane.partitions)(lambda: None)
    resolved = dg.Definitions(assets=[step], jobs=[job]).resolve_job_def("tickets_lane")
    tags = {catching_up.FIRST: DAYS[-4], catching_up.LAST: DAYS[-3]}
    going = instance.create_run_for_job(resolved, tags=tags, status=dg.DagsterRunStatus.STARTED)
    assert ranges(requests_of(lane, instance, now=NOW)[0]) == [(DAYS[-2], DAYS[-1])]
    instance.report_run_canceled(going)
    requests, left = requests_of(lane, instance, now=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    assert ranges(requests) == [(DAYS[-2], DAYS[-1])]
    assert [one.rpartition(" (")[2] for one in left] == ["its run was ended by hand)"] * 2


def test_the_sensor_asks_for_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample's export is older than the window; the crawl of the sample is due."""
    monkeypatch.setenv("PARLANCE_HOME", str(tmp_path))
    for name in ("PARLANCE_SLACK_EXPORT", "PARLANCE_SLACK_TOKEN", "PARLANCE_CRAWL", "PARLANCE_DUMPS"):
        monkeypatch.delenv(name, raising=False)
    sensor = defs().resolve_sensor_def("missing_days")
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("dumps", [f"gone-{number}.jsonl" for number in range(3)])
        instance.add_dynamic_partitions("dumps", ["site.warc.gz"])
        with dg.build_sensor_context(instance=instance) as context:
            result = sensor(context)
    requests = result.run_requests if isinstance(result, dg.SensorResult) else []
    assert len(requests) <= catching_up.MOST_REQUESTS
    assert {one.partition_key for one in requests if one.job_name == "dump_lane"} == {"site.warc.gz"}


def test_a_source_that_cannot_be_read_is_named_and_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inbox that is no folder, as where a disk is not mounted."""
    monkeypatch.setenv("PARLANCE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PARLANCE_DUMPS", str(tmp_path / "away"))
    sensor = defs().resolve_sensor_def("missing_days")
    with dg.DagsterInstance.ephemeral() as instance:
        with dg.build_sensor_context(instance=instance) as context:
            skipped = sensor(context)
        assert str(skipped.skip_message).startswith("dump cannot be read: the dumps folder")
        monkeypatch.setenv("PARLANCE_SLACK_TOKEN", "xoxb-1-test")
        monkeypatch.setenv("PARLANCE_SLACK_START", DAYS[-3])
        with dg.build_sensor_context(instance=instance) as context:
            found = defs().resolve_sensor_def("missing_days")(context)
    assert {one.job_name for one in found.run_requests} == {"slack_lane"}
