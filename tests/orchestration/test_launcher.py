"""A run whose process is gone is seen to have failed; one that works is left alone."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.dagster_run import RunOpConcurrency
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test

from orchestration.launcher import WatchedRunLauncher
from orchestration.lost_runs import end_lost_runs

ROOT = Path(__file__).parents[2]
# Named as the processes are that a code server starts for runs.
SLEEPER = [sys.executable, "-c", "from multiprocessing import spawn; import time; time.sleep(60)"]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def started(instance: dg.DagsterInstance, *, server: bool, pid: int | None = None) -> dg.DagsterRun:
    """A run in progress of a code server that no longer answers, or of a command."""
    info = {"host": "localhost", "socket": "/nowhere/parlance.socket"}
    tags = {GRPC_INFO_TAG: json.dumps(info)} if server else {}
    run = create_run_for_test(instance, job_name="lane", status=dg.DagsterRunStatus.STARTED, tags=tags)
    if pid is not None:
        instance.report_engine_event("Started process for run.", run, EngineEventData.in_process(pid))
    return run


def launcher(instance: dg.DagsterInstance, *, grace_s: float = 0.0) -> WatchedRunLauncher:
    made = WatchedRunLauncher(grace_s=grace_s)
    made.register_instance(instance)
    return made


def test_its_process_and_its_server_are_gone(instance: dg.DagsterInstance) -> None:
    with subprocess.Popen(SLEEPER) as process:
        run = started(instance, server=True, pid=process.pid)
        assert launcher(instance).check_run_worker_health(run).status is WorkerStatus.RUNNING
        process.kill()
    assert launcher(instance).check_run_worker_health(run).status is WorkerStatus.NOT_FOUND


def test_it_is_not_given_up_at_once(instance: dg.DagsterInstance) -> None:
    run, patient = started(instance, server=True), launcher(instance, grace_s=60.0)
    assert {patient.check_run_worker_health(run).status for _ in range(3)} == {WorkerStatus.RUNNING}


def test_runs_of_commands_are_left_alone(instance: dg.DagsterInstance) -> None:
    run = started(instance, server=False)
    assert launcher(instance).check_run_worker_health(run).status is WorkerStatus.RUNNING


def test_a_command_that_was_killed_gives_back_its_place_in_a_pool(instance: dg.DagsterInstance) -> None:
    with subprocess.Popen(SLEEPER) as process:
        run = started(instance, server=False, pid=process.pid)
        instance.event_log_storage.set_concurrency_slots("source", 1)
        assert instance.event_log_storage.claim_concurrency_slot("source", run.run_id, "raw").is_claimed
        assert end_lost_runs(instance) == []
        assert not instance.event_log_storage.claim_concurrency_slot("source", "another", "raw").is_claimed
        process.kill()
    assert end_lost_runs(instance) == [run.run_id]
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE
    assert instance.event_log_storage.claim_concurrency_slot("source", "another", "raw").is_claimed
    assert end_lost_runs(instance) == []


def test_a_run_that_failed_and_kept_its_place_gives_it_back(instance: dg.DagsterInstance) -> None:
    pools = instance.event_log_storage
    pools.set_concurrency_slots("source", 1)
    broken, going_on = (started(instance, server=True) for _ in range(2))
    assert pools.claim_concurrency_slot("source", broken.run_id, "raw").is_claimed
    assert not pools.claim_concurrency_slot("source", going_on.run_id, "raw").is_claimed
    end_lost_runs(instance)
    assert pools.get_concurrency_info("source").active_run_ids == {broken.run_id}
    instance.report_run_failed(broken)
    end_lost_runs(instance)
    assert pools.claim_concurrency_slot("source", going_on.run_id, "raw").is_claimed
    end_lost_runs(instance)
    assert pools.get_concurrency_info("source").active_run_ids == {going_on.run_id}


def test_the_pools_that_a_run_needs_are_there_before_it_is_launched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[set[str]] = []
    monkeypatch.setattr(
        DefaultRunLauncher,
        "launch_run",
        lambda self, _: there.append(self._instance.event_log_storage.get_concurrency_keys()),
    )
    pools = {"concurrency": {"pools": {"default_limit": 1}}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=pools) as instance:
        instance.event_log_storage.set_concurrency_slots("wide", 4)
        for needed in (None, {"wide"}, {"wide", "narrow"}, {"narrow"}):
            run = started(instance, server=True)
            concurrency = RunOpConcurrency(root_key_counts={}, has_unconstrained_root_nodes=True, all_pools=needed)
            run = run._replace(run_op_concurrency=concurrency if needed else None)
            launcher(instance).launch_run(LaunchRunContext(dagster_run=run, workspace=None))
        limits = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}
    assert there == [{"wide"}, {"wide"}, {"wide", "narrow"}, {"wide", "narrow"}]
    assert limits == {"wide": 4, "narrow": 1}


def test_dagster_takes_it_from_the_settings(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert isinstance(instance.run_launcher, WatchedRunLauncher)
        assert instance.run_launcher.supports_check_run_worker_health
    assert yaml.safe_load((ROOT / "dagster.yaml").read_text())["run_monitoring"]["enabled"]
