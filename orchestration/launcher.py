"""The launcher of runs on one machine, which notices when a run's process is gone."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

from orchestration.lost_runs import pids

GRACE_S = 60.0  # the code server may be about to answer again


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's own launcher, but a run whose process died with its code server is seen to have failed.

    Dagster's leaves such a run as started for ever, in the way of others, and it is never retried: after a power cut,
    or when the code server was killed. Here the daemon looks after it. A run that no process of this machine works on,
    and that its code server does not know for `grace_s` seconds, has failed, and `run_retries` starts it again.
    """

    def __init__(self, grace_s: float = GRACE_S, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._grace_s = grace_s
        self._missed_since: dict[str, float] = {}

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        return {"grace_s": dg.Field(float, default_value=GRACE_S, description="Seconds before a run is given up.")}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> "WatchedRunLauncher":
        return cls(grace_s=config_value["grace_s"], inst_data=inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launches it when its pools exist: of two runs that make one at the same moment PostgreSQL breaks one off."""
        pools, needed = self._instance.event_log_storage, context.dagster_run.run_op_concurrency
        for name in set((needed and needed.all_pools) or ()) - pools.get_concurrency_keys():
            pools.initialize_concurrency_limit_to_default(name)
        super().launch_run(context)

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process lives. Runs of a command have no code server and are left alone."""
        client = self._get_grpc_client_for_termination(run.run_id)
        if client is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "started by a command")
        # A code server that was told to load the code anew no longer knows the runs that it started before.
        if any(map(is_a_worker, pids(self._instance, run.run_id))) or _knows(client, run.run_id):
            self._missed_since.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        since = self._missed_since.setdefault(run.run_id, time.monotonic())
        if time.monotonic() - since < self._grace_s:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "its code server does not know it")
        self._missed_since.pop(run.run_id)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "its process is gone, and its code server does not know it")


def _knows(client: DagsterGrpcClient, run_id: str) -> bool:
    """Whether the server runs it; one that cannot be reached runs nothing that could be stopped."""
    try:
        answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id))
    except DagsterUserCodeUnreachableError:
        return False
    return bool(deserialize_value(answer, CanCancelExecutionResult).can_cancel)


def is_a_worker(pid: int) -> bool:
    """Whether `pid` is a process of this machine that a code server started: the number may be another's by now."""
    try:
        return b"multiprocessing" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
