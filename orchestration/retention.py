"""Old runs are removed with their logs, which otherwise grow for ever; what the UI shows of every partition stays."""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import islice

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES

from orchestration.settings import whole_number
from parlance.errors import ConfigError

MOST_AT_ONCE = 2_000
IDS_AT_ONCE = 500


def removable(instance: dg.DagsterInstance, *, before: dt.datetime) -> list[str]:
    """Runs that ended before, none of whose materialisations is the last of its asset and partition.

    Evaluations of checks have a table of their own, from which Dagster removes nothing with a run.
    """
    if next(_ended(instance, before), None) is None:
        return []
    needed = {run_id for key in instance.all_asset_keys() for run_id in _last_runs(instance, key)}
    return list(islice((run_id for run_id in _ended(instance, before) if run_id not in needed), MOST_AT_ONCE))


def _ended(instance: dg.DagsterInstance, before: dt.datetime) -> Iterator[str]:
    """Runs that ended before, the oldest first."""
    finished, cursor = dg.RunsFilter(statuses=FINISHED_STATUSES, updated_before=before), None
    while page := instance.get_run_records(finished, limit=IDS_AT_ONCE, cursor=cursor, ascending=True):
        yield from (record.dagster_run.run_id for record in page)
        cursor = page[-1].dagster_run.run_id


def _last_runs(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[str]:
    """The runs that made the last materialisation of the asset, or of each partition of it."""
    yield from (record.run_id for record in instance.fetch_materializations(key, limit=1).records)
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    ids = sorted(instance.event_log_storage.get_latest_storage_id_by_partition(key, kind).values())
    for start in range(0, len(ids), IDS_AT_ONCE):
        some: Sequence[int] = ids[start : start + IDS_AT_ONCE]
        chosen = dg.AssetRecordsFilter(asset_key=key, storage_ids=some)
        yield from (record.run_id for record in instance.fetch_materializations(chosen, limit=len(some)).records)


def remove_old_runs(instance: dg.DagsterInstance, *, now: dt.datetime) -> int:
    """Removes them, and gives their number. Raises ConfigError where missing_days may still need them."""
    days, needed = whole_number("PARLANCE_KEEP_RUNS_DAYS"), whole_number("PARLANCE_CATCH_UP_DAYS") + 1
    if days <= needed:
        raise ConfigError(f"PARLANCE_KEEP_RUNS_DAYS is {days}; it must be above PARLANCE_CATCH_UP_DAYS + 1 = {needed}")
    found = removable(instance, before=now - dt.timedelta(days=days))
    for run_id in found:
        instance.delete_run(run_id)
    return len(found)


@dg.op
def remove(context: dg.OpExecutionContext) -> None:
    removed = remove_old_runs(context.instance, now=dt.datetime.now(dt.UTC))
    context.log.info(f"{removed:,} runs removed")


@dg.job(
    name="old_runs",
    description="Removes runs older than PARLANCE_KEEP_RUNS_DAYS, but those that made what is the last of a partition.",
    executor_def=dg.in_process_executor,
)
def old_runs_job() -> None:
    remove()
