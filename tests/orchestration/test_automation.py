"""Sensors, schedules and automation, evaluated as the daemon does."""

import datetime as dt
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import fsspec
import pytest

from orchestration import sensors
from orchestration.definitions import defs
from parlance.lake import LANE_TABLES
from tests.servers.s3 import s3

MORNING = dt.datetime(2026, 11, 3, 5, tzinfo=dt.UTC)


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    monkeypatch.setenv("PARLANCE_DUMPS", str(folder))
    monkeypatch.setenv("PARLANCE_HOME", str(tmp_path / "home"))
    return folder


def look(cursor: str | None, instance: dg.DagsterInstance) -> dg.SensorResult:
    sensor = defs().resolve_sensor_def("dumps_inbox")
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        return sensor(context)


def test_a_file_in_the_inbox_becomes_a_partition_on_the_second_look(inbox: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        (inbox / "new.jsonl").write_text('{"text": "hello"}\n')
        (inbox / "notes.html").write_text("not a dump")
        first = look(None, instance)
        assert first.run_requests == []
        second = look(first.cursor, instance)
        assert [request.partition_key for request in second.run_requests] == ["new.jsonl"]
        assert [request.partition_keys for request in second.dynamic_partitions_requests] == [["new.jsonl"]]
        assert look(second.cursor, instance).run_requests == []


def test_an_object_in_a_bucket_becomes_a_partition_and_a_changed_one_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By size and ETag, as S3 lists them."""
    monkeypatch.setenv("PARLANCE_DUMPS", "s3://bucket/inbox")
    monkeypatch.setenv("PARLANCE_HOME", str(tmp_path))
    cursor, taken = None, []
    with s3("bucket"), dg.DagsterInstance.ephemeral() as instance:
        fs = fsspec.filesystem("s3", skip_instance_cache=True)
        for content in (b'{"text": "one"}\n', b'{"text": "two"}\n'):  # of one size
            fs.pipe_file("bucket/inbox/new.jsonl", content)
            for _ in range(3):
                result = look(cursor, instance)
                cursor = result.cursor
                taken += [request.run_key for request in result.run_requests]
    assert len({*taken}) == len(taken) == 2
    assert all((key or "").startswith("new.jsonl@16:") for key in taken)


def test_a_file_that_still_grows_is_left_alone(inbox: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        (inbox / "new.jsonl").write_text("{}\n")
        first = look(None, instance)
        (inbox / "new.jsonl").write_text('{}\n{"text": "more"}\n')
        second = look(first.cursor, instance)
        assert second.run_requests == []
        assert len(look(second.cursor, instance).run_requests) == 1


def test_a_changed_dump_runs_again(inbox: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = None
        for content in ("{}\n", '{"text": "changed"}\n'):
            (inbox / "new.jsonl").write_text(content)
            requests = []
            for _ in range(3):
                result = look(cursor, instance)
                cursor = result.cursor
                requests += result.run_requests
            assert len(requests) == 1
        assert set(json.loads(cursor or "{}")["taken"]) == {"new.jsonl"}


def test_a_changed_dump_whose_run_failed_is_asked_for_again_each_day(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [time.time()]
    monkeypatch.setattr(sensors, "time", SimpleNamespace(time=lambda: clock[0]))
    tables = [dg.AssetKey(["dump", table]) for table in LANE_TABLES]

    def make(instance: dg.DagsterInstance) -> None:
        for key in tables:
            instance.report_runless_asset_event(dg.AssetMaterialization(key, partition="new.jsonl"))

    def keys(instance: dg.DagsterInstance, looks: int = 2) -> list[str | None]:
        nonlocal cursor
        found = []
        for _ in range(looks):
            result = look(cursor, instance)
            cursor = result.cursor
            found += [request.run_key for request in result.run_requests]
        return found

    cursor: str | None = None
    with dg.DagsterInstance.ephemeral() as instance:
        (inbox / "new.jsonl").write_text("{}\n")
        assert len(keys(instance)) == 1
        clock[0] += 90_000
        assert keys(instance) == []  # one that was never made is left to missing_days
        make(instance)
        (inbox / "new.jsonl").write_text('{"text": "changed"}\n')
        (first,) = keys(instance)
        assert keys(instance) == []
        clock[0] += 90_000
        (second,) = keys(instance)
        assert second != first
        assert keys(instance) == []
        clock[0] = time.time()  # made after the last time it was asked for
        cursor = (cursor or "").replace(str(json.loads(cursor or "{}")["asked"]["new.jsonl"]), str(clock[0]))
        make(instance)
        clock[0] += 90_000
        assert keys(instance) == []
        assert json.loads(cursor or "{}")["asked"] == {}


def test_what_runs_by_itself_leaves_only_what_is_asked_for() -> None:
    repository = defs().get_repository_def()
    graph = repository.asset_graph
    named = [schedule.job_name for schedule in repository.schedule_defs]
    named += [target.job_name for sensor in repository.sensor_defs for target in sensor.targets if target.job_name]
    made = {key for key in graph.materializable_asset_keys if graph.get(key).automation_condition is not None}
    for name in set(named) & set(repository.job_names):
        made |= repository.get_job(name).asset_layer.selected_asset_keys
    left = {key.to_user_string() for key in graph.materializable_asset_keys - made}
    assert {path for path in left if not path.startswith("tokenizers/")} == {
        "corpus/annotation_batch",
        "corpus/labelling_functions",
        "corpus/recipe_comparison",
        "instruct/hub_dataset",
        "instruct/synthetic",
        "instruct/token_counts",
        "models/base_model",
        "models/posted_drafts",
    }


def test_the_corpus_is_made_in_nights_after_which_there_is_something_new(inbox: Path, tmp_path: Path) -> None:
    schedule = defs().resolve_schedule_def("corpus_daily")
    utterances = dg.AssetMaterialization(dg.AssetKey(["dump", "utterances"]), partition="a")
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:

        def asked() -> int:
            with dg.build_schedule_context(instance=instance, scheduled_execution_time=MORNING) as context:
                return len(schedule.evaluate_tick(context).run_requests)

        assert asked() == 0
        instance.report_runless_asset_event(utterances)
        assert asked() == 1
        report(instance, EXAMPLES, "1")
        assert asked() == 0
        instance.report_runless_asset_event(utterances)
        assert asked() == 1


def test_the_dump_schedule_asks_for_what_was_never_made(inbox: Path, tmp_path: Path) -> None:
    (inbox / "a.jsonl").write_text("{}\n")
    schedule = defs().resolve_schedule_def("dump_daily")
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        with dg.build_schedule_context(instance=instance, repository_def=defs().get_repository_def()) as context:
            requests = schedule.evaluate_tick(context).run_requests
        assert [request.partition_key for request in requests] == ["a.jsonl"]
        instance.report_runless_asset_event(
            dg.AssetMaterialization(dg.AssetKey(["dump", "documents"]), partition="a.jsonl")
        )
        with dg.build_schedule_context(instance=instance, repository_def=defs().get_repository_def()) as context:
            assert schedule.evaluate_tick(context).run_requests == []


GATES = (
    "every_kept_document_is_accounted_for",
    "nothing_is_on_two_sides",
    "rows_keep_their_contract",
    "rights_allow_training",
    "there_are_enough_examples",
)
EXAMPLES = dg.AssetKey(["instruct", "examples"])
BASE, TUNED = dg.AssetKey(["models", "base_model"]), dg.AssetKey(["models", "fine_tuned_model"])


def report(instance: dg.DagsterInstance, key: dg.AssetKey, version: str) -> None:
    tags = {"dagster/data_version": version}
    instance.report_runless_asset_event(dg.AssetMaterialization(key, tags=tags))


def gate(instance: dg.DagsterInstance, *, passed: bool) -> None:
    for name in GATES:
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=EXAMPLES, check_name=name, passed=passed, blocking=True, metadata={})
        )


@pytest.mark.parametrize("passed", [True, False])
def test_changed_examples_are_fine_tuned_only_when_the_gates_passed(passed: bool) -> None:
    definitions = defs()
    models = dg.AssetSelection.assets(TUNED)
    with dg.DagsterInstance.ephemeral() as instance:
        for key in (EXAMPLES, BASE):
            report(instance, key, "1")
        gate(instance, passed=True)
        report(instance, TUNED, "1")
        tick = dg.evaluate_automation_conditions(definitions, instance, asset_selection=models)
        tick = dg.evaluate_automation_conditions(definitions, instance, asset_selection=models, cursor=tick.cursor)
        assert tick.total_requested == 0
        report(instance, EXAMPLES, "2")
        gate(instance, passed=passed)
        tick = dg.evaluate_automation_conditions(definitions, instance, asset_selection=models, cursor=tick.cursor)
        assert tick.total_requested == (1 if passed else 0)


def test_examples_made_again_without_a_change_train_nothing() -> None:
    definitions = defs()
    models = dg.AssetSelection.assets(TUNED)
    with dg.DagsterInstance.ephemeral() as instance:
        for key in (EXAMPLES, BASE, TUNED):
            report(instance, key, "1")
        gate(instance, passed=True)
        tick = dg.evaluate_automation_conditions(definitions, instance, asset_selection=models)
        report(instance, EXAMPLES, "1")
        gate(instance, passed=True)
        tick = dg.evaluate_automation_conditions(definitions, instance, asset_selection=models, cursor=tick.cursor)
        assert tick.total_requested == 0


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Three days of the chat of which the second has drafts, and a champion."""
    with dg.DagsterInstance.ephemeral() as instance:
        for day in CHAT_DAYS:
            report_day(instance, "kept", day, "1")
            report_day(instance, "utterances", day, "1")
        report(instance, CHAMPION, "1")
        pass_gates(instance, CHAMPION)
        instance.report_runless_asset_event(
            dg.AssetMaterialization(PREDICTIONS, partition=CHAT_DAYS[1], tags={"dagster/data_version": "1"})
        )
        yield instance


CHAT_DAYS = ("2026-10-06", "2026-10-07", "2026-11-01")
CHAMPION, PREDICTIONS = dg.AssetKey(["models", "champion"]), dg.AssetKey(["models", "predictions"])


def report_day(instance: dg.DagsterInstance, table: str, day: str, version: str) -> None:
    tags = {"dagster/data_version": version}
    key = dg.AssetKey(["slack", table])
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=day, tags=tags))
    pass_gates(instance, key)


def pass_gates(instance: dg.DagsterInstance, key: dg.AssetKey) -> None:
    graph = defs().get_repository_def().asset_graph
    for check in graph.get(key).check_keys:
        if graph.get(check).blocking:
            passed = dg.AssetCheckEvaluation(
                asset_key=key, check_name=check.name, passed=True, blocking=True, metadata={}
            )
            instance.report_runless_asset_event(passed)


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ("nothing", set()),
        (CHAT_DAYS[0], set()),  # long ago, and it has no drafts
        (CHAT_DAYS[1], {CHAT_DAYS[1]}),
        (CHAT_DAYS[2], {CHAT_DAYS[2]}),
        ("champion", {"2026-11-02"}),
    ],
)
def test_what_is_drafted_again(chat: dg.DagsterInstance, changed: str, wanted: set[str]) -> None:
    """On the third of November, whose latest day is the second."""
    definitions, asked = defs(), dg.AssetSelection.assets(PREDICTIONS)

    def tick(cursor: Any = None) -> Any:
        return dg.evaluate_automation_conditions(
            definitions, chat, asset_selection=asked, cursor=cursor, evaluation_time=MORNING
        )

    for table in ("kept", "utterances"):
        report_day(chat, table, "2026-11-02", "1")
    before = tick(tick().cursor)
    if changed == "champion":
        report(chat, CHAMPION, "2")
        pass_gates(chat, CHAMPION)
    elif changed != "nothing":
        report_day(chat, "kept", changed, "2")
    after = tick(before.cursor)
    assert {one.partition_key for one in after.results[0].true_subset.expensively_compute_asset_partitions()} == wanted
