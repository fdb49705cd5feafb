"""Runs of commands that were killed or broke off: they hold places in pools, for which the next would wait for ever.

`python -m orchestration.lost_runs` ends them, as `make` does before each command. The daemon looks after its own
(`orchestration/launcher.py`).
"""

import os
import sys
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from dagster._core.storage.tags import GRPC_INFO_TAG

from orchestration.instance import DATABASE


def end_lost_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks as failed every run of a command of this machine whose process is gone; their ids.

    Frees the places of these and of all that ended: where the server that forks steps is killed a run fails, and keeps
    its places.
    """
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES)):
        named = pids(instance, run.run_id)
        if GRPC_INFO_TAG in run.tags or not named or any(map(is_python, named)):
            continue
        instance.report_run_failed(run, "Its process is gone: it was killed, or the machine went down.")
        ended.append(run.run_id)
    for run_id in _holders(instance):
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return ended


def _holders(instance: dg.DagsterInstance) -> set[str]:
    """Runs that hold a place in a pool, or wait for one."""
    pools = instance.event_log_storage
    found = [pools.get_concurrency_info(key) for key in pools.get_concurrency_keys()]
    return {one.run_id for pool in found for one in (*pool.claimed_slots, *pool.pending_steps)}


def pids(instance: dg.DagsterInstance, run_id: str) -> set[int]:
    """The processes that said that they were the run's."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
    events = [record.event_log_entry.dagster_event for record in records]
    found = [event.engine_event_data.metadata.get("pid") for event in events if event]
    return {int(value.value) for value in found if value and str(value.value).isdecimal()}


def is_python(pid: int) -> bool:
    """Whether `pid` is a process of Python on this machine; another's that has its number by now is taken for it."""
    try:
        return b"python" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def main() -> int:
    """Ends them in the instance of DAGSTER_HOME; not in a database, where other machines' runs stand too."""
    if not os.environ.get(DATABASE):
        with dg.DagsterInstance.get() as instance:
            for run_id in end_lost_runs(instance):
                print(f"run {run_id} was killed before; it is marked as failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
