"""Days that were missed, while the machine was off or a source did not answer, are asked for again by themselves."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from assets.lanes import Lane
from orchestration.causes import causes_of
from orchestration.main import contiguous, range_tags
from orchestration.settings import whole_number
from parlance.lake import LANE_TABLES, TABLES
from parlance.sources.slack import is_day
from resources.crawler import Crawler

if TYPE_CHECKING:
    from dagster._core.storage.dagster_run import RunRecord

MOST_REQUESTS = 5
MOST_DAYS_A_RUN = 31
# The night's own schedule goes first.
GRACE = dt.timedelta(hours=6)
FIRST_WAIT, LONGEST_WAIT = dt.timedelta(minutes=15), dt.timedelta(hours=6)
PARTITION, FIRST, LAST = (
    "dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end",
)  # fmt: skip


class UnreadableError(Exception):
    """The input of a lane cannot be listed; says why in one line."""


def missing_days(lanes: Mapping[str, Lane], jobs: Mapping[str, Any]) -> dg.SensorDefinition:
    """The sensor `missing_days`."""

    @dg.sensor(name="missing_days", jobs=[jobs[f"{name}_lane"] for name in lanes], minimum_interval_seconds=300)
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Runs each lane for days with input that were not made whole, PARLANCE_CATCH_UP_DAYS back.

        Days that were never tried go together; one that failed for a reason that may be gone is tried again by itself,
        after a quarter of an hour at first and six hours at last. A day that failed for another reason waits until the
        input is another or a person runs it, and one whose run somebody ended for a person. Nothing is asked for while
        a run of it waits or goes on. A lane whose input cannot be read is named, and the others go on.
        """
        requests, waiting, said = [], [], []
        for lane in lanes.values():
            try:
                asked, left = requests_of(lane, context.instance, now=dt.datetime.now(dt.UTC))
            except UnreadableError as error:  # the others go on
                said.append(f"{lane.name} cannot be read: {error}")
                context.log.error(said[-1])
                continue
            requests += asked
            waiting += left
        if requests:
            return dg.SensorResult(run_requests=requests[:MOST_REQUESTS])
        said += [f"left to a person: {', '.join(waiting[:10])}"] if waiting else []
        return dg.SkipReason("; ".join(said) or "no day is missing")

    return sensor


def requests_of(lane: Lane, instance: dg.DagsterInstance, *, now: dt.datetime) -> tuple[list[dg.RunRequest], list[str]]:
    """What to run of a lane now, and which partitions are left to a person, each with the reason."""
    missing = incomplete(lane, instance, wanted(lane, instance, now=now))
    if not missing:
        return [], []
    going_on = busy(lane, instance)  # first: a run that ends meanwhile is then in both, not in neither
    finished = _finished(lane, instance, now=now)
    fresh, again, left = [], [], []
    for key in (key for key in missing if key not in going_on):
        tried = finished.get(key, [])
        if not tried or _was_spared(instance, key, tried[0]):
            fresh.append(key)
        elif (reason := _obstacle(lane, instance, tried)) is not None:
            left.append(f"{lane.name} {key} ({reason})")
        elif now - _ended(tried[0]) >= _wait(len(tried)):
            again.append(key)
    ranges = [(key, key) for key in again] + ranges_of(lane, instance, fresh)
    count = {key: len(tried) for key, tried in finished.items()}
    return [_request(lane, first, last, attempt=count.get(first, 0) + 1) for first, last in ranges], left


def wanted(lane: Lane, instance: dg.DagsterInstance, *, now: dt.datetime) -> list[str]:
    """The partitions within the look-back window that have input and whose night is over.

    Raises UnreadableError where the input cannot be listed.
    """
    having = _having_input(lane)
    if not lane.is_by_day:
        registered = instance.get_dynamic_partitions(getattr(lane.partitions, "name", None) or "")
        return [key for key in registered if key in having]
    earliest = now - dt.timedelta(days=whole_number("PARLANCE_CATCH_UP_DAYS"))
    found = []
    for key in sorted(having):
        due = lane.partitions.time_window_for_partition_key(key).end - dt.timedelta(days=lane.partitions.end_offset)
        if earliest <= due <= now - GRACE:
            found.append(key)
    return found


def _having_input(lane: Lane) -> set[str]:
    try:
        return set(lane.inputs()) | _crawled(lane)
    except Exception as error:  # of S3 and other stores each has errors of its own
        raise UnreadableError(" ".join(str(error).split()) or type(error).__name__) from error


def _crawled(lane: Lane) -> set[str]:
    """Days whose crawl began: what is on disk can be read again, though the day is past."""
    folder = Path(lane.source.folder) if isinstance(lane.source, Crawler) else None
    return {one.name for one in folder.iterdir() if is_day(one.name)} if folder and folder.is_dir() else set()


def incomplete(lane: Lane, instance: dg.DagsterInstance, keys: Sequence[str]) -> list[str]:
    """Those of `keys` that lack a materialisation of any table of the lane."""
    made = [instance.get_materialized_partitions(lane.key(table)) for table in (tables_of(lane) if keys else [])]
    return [key for key in keys if not all(key in one for one in made)]


def tables_of(lane: Lane) -> list[str]:
    """The tables that belong to the lane's partitions."""
    return [*LANE_TABLES, *(["messages"] if f"{lane.name}/messages" in TABLES else [])]


def is_of_lane(run: dg.DagsterRun, lane: Lane) -> bool:
    """Whether a run makes tables of the lane."""
    if run.asset_selection:
        return any(key.path[0] == lane.name for key in run.asset_selection)
    return run.job_name.startswith(f"{lane.name}_")


def partitions_of(run: dg.DagsterRun, known: Sequence[str]) -> list[str]:
    """The partitions that a run is for, by its tags; those that are not `known` any more are left out."""
    first = last = run.tags.get(PARTITION)
    if first is None:
        first, last = run.tags.get(FIRST), run.tags.get(LAST)
    if first not in known or last not in known:
        return []
    return list(known[known.index(first) : known.index(last) + 1])


def _known(lane: Lane, instance: dg.DagsterInstance) -> Sequence[str]:
    return lane.partitions.get_partition_keys(dynamic_partitions_store=instance)


def busy(lane: Lane, instance: dg.DagsterInstance) -> set[str]:
    """Partitions of the lane with a run or a backfill that waits or goes on."""
    going_on = instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))
    of_lane = [run for run in going_on if is_of_lane(run, lane)]
    known = _known(lane, instance) if of_lane else ()
    return _of_backfills(lane, instance).union(*(partitions_of(run, known) for run in of_lane))


def _finished(lane: Lane, instance: dg.DagsterInstance, *, now: dt.datetime) -> "dict[str, list[RunRecord]]":
    """Finished runs of the window by partition, newest first."""
    since = now - dt.timedelta(days=whole_number("PARLANCE_CATCH_UP_DAYS") + 1)
    finished: defaultdict[str, list[RunRecord]] = defaultdict(list)
    known = _known(lane, instance)
    for record in instance.get_run_records(dg.RunsFilter(updated_after=since), limit=5000):
        run = record.dagster_run
        if is_of_lane(run, lane) and run.is_finished and run.tags.get("dagster/will_retry") != "true":
            for key in partitions_of(run, known):
                finished[key].append(record)
    return {key: sorted(found, key=_ended, reverse=True) for key, found in finished.items()}


def _of_backfills(lane: Lane, instance: dg.DagsterInstance) -> set[str]:
    """Partitions that a backfill which is going on has still to make."""
    going = instance.get_backfills(filters=BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]))
    found: set[str] = set()
    for data in (backfill.asset_backfill_data for backfill in going):
        if data is not None and lane.key("raw") in data.target_subset.asset_keys:
            found |= set(data.target_subset.get_partitions_subset(lane.key("raw")).get_partition_keys())
    return found


def _obstacle(lane: Lane, instance: dg.DagsterInstance, tried: "Sequence[RunRecord]") -> str | None:
    """Why the last attempt is not to be repeated; null where it is."""
    run = tried[0].dagster_run
    if run.status == dg.DagsterRunStatus.CANCELED:
        return "its run was ended by hand"
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return "its run succeeded without making all" if run.job_name == f"{lane.name}_lane" else None
    lasting = [cause for cause in causes_of(instance, run.run_id) if not cause.is_transient]
    if not lasting:
        return None
    changed = lane.source.changed_at()
    return None if changed is not None and changed > _ended(tried[0]) else lasting[0].reason


def _was_spared(instance: dg.DagsterInstance, key: str, last: "RunRecord") -> bool:
    """Whether other partitions of its run failed and this one did not."""
    failed = [cause.partitions for cause in causes_of(instance, last.dagster_run.run_id)]
    return bool(failed) and all(partitions and key not in partitions for partitions in failed)


def _ended(record: "RunRecord") -> dt.datetime:
    return dt.datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), dt.UTC)


def _wait(attempts: int) -> dt.timedelta:
    return min(FIRST_WAIT * 2 ** min(attempts - 1, 10), LONGEST_WAIT)


def ranges_of(lane: Lane, instance: dg.DagsterInstance, keys: Iterable[str]) -> list[tuple[str, str]]:
    """First and last partition of stretches without a gap, each for one run."""
    return in_chunks(_known(lane, instance), set(keys), most=MOST_DAYS_A_RUN)


def in_chunks(known: Sequence[str], chosen: set[str], *, most: int) -> list[tuple[str, str]]:
    """First and last key of stretches without a gap, of `most` partitions at most.

    >>> in_chunks(["a", "b", "c", "d"], {"a", "b", "c"}, most=2)
    [('a', 'b'), ('c', 'c')]
    """
    found = []
    for first, last in contiguous(known, chosen):
        start, end = known.index(first), known.index(last)
        found += [(known[at], known[min(at + most - 1, end)]) for at in range(start, end + 1, most)]
    return found


def _request(lane: Lane, first: str, last: str, *, attempt: int) -> dg.RunRequest:
    return request_of(f"{lane.name}_lane", first, last, key=f"missing:{lane.name}:{first}..{last}@{attempt}")


def request_of(job: str, first: str, last: str, *, key: str) -> dg.RunRequest:
    """One run of a job for a partition or a range of them."""
    if first == last:
        return dg.RunRequest(run_key=key, job_name=job, partition_key=first)
    return dg.RunRequest(run_key=key, job_name=job, tags=range_tags(first, last))
