"""What is wrong now: runs that failed, sources that cannot be read or bring nothing."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from assets.lanes import Lane
from orchestration.alerting import wording
from orchestration.catching_up import FIRST, LAST, PARTITION, UnreadableError, incomplete, wanted
from orchestration.causes import Cause, causes_of
from parlance.sources.slack import is_day
from parlance.transience import is_transient

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
    from dagster._core.storage.dagster_run import RunRecord

MOST_TARGETS = 100
DAYS = "<days>"
AGAIN = " --again"
# The job of everything has a run of its own for each phase, which says why.
ABOUT_OTHERS = frozenset({"everything"})
STALE_AFTER = dt.timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A cause with all it concerns. `targets` are assets with their partitions (empty: without); `event`: the last.

    In `advice` DAYS stands for the first and the last of the partitions, which become more.
    """

    key: str
    what: str
    reason: str
    advice: str
    targets: tuple[tuple[str, str], ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    event: int = 0


def failures(
    instance: dg.DagsterInstance, graph: "BaseAssetGraph", lanes: Sequence[Lane], records: "Iterable[RunRecord]"
) -> list[Problem]:
    """A problem for each cause of the failed runs: what failed for one reason is one problem."""
    found: dict[str, Problem] = {}
    by_name = {lane.name: lane for lane in lanes}
    for run in (record.dagster_run for record in records):
        if run.job_name in ABOUT_OTHERS or run.tags.get("dagster/will_retry") == "true":
            continue
        for cause in causes_of(instance, run.run_id):
            if not cause.is_gate:  # the check says it
                problem = _failure(instance, run, cause, graph, by_name)
                earlier = found.get(problem.key)
                found[problem.key] = problem if earlier is None else merged(earlier, problem)
    return list(found.values())


def _failure(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    cause: Cause,
    graph: "BaseAssetGraph",
    lanes: Mapping[str, Lane],
) -> Problem:
    reason = wording.one_line(cause.reason)
    key = dg.AssetKey(cause.step.split("__")) if cause.step else None
    asset = key.to_user_string() if key and graph.has(key) else cause.step or run.job_name
    has_days = not cause.step or (key is not None and graph.has(key) and graph.get(key).is_partitioned)
    partitions = (cause.partitions or _partitions(run)) if has_days else ()
    lane = lanes.get(key.path[0] if key is not None else run.job_name.removesuffix("_lane"))
    mend = "Wait, or mend it" if cause.is_transient else "Mend it"
    if lane is not None and partitions:
        # What was made before, such as a dump that has changed, neither missing_days nor a backfill makes once more.
        is_made = len(incomplete(lane, instance, partitions)) < len(partitions)
        command = f"{mend}, then: python -m orchestration backfill {lane.name} {DAYS}{AGAIN if is_made else ''}"
        advice = "missing_days asks for it again by itself." if cause.is_transient and not is_made else command
    else:
        advice = f"{mend}, then materialise {asset} again."
    return Problem(
        key=f"failure:{wording.same_cause(reason)}",
        what="failed",
        reason=reason,
        advice=advice,
        targets=tuple((asset, partition) for partition in partitions[:MOST_TARGETS] or ("",)),
        links=wording.run_link(run.run_id),
        event=cause.event,
    )


def _partitions(run: dg.DagsterRun) -> tuple[str, ...]:
    """The partitions of a run by its tags; of a range of names the first and the last."""
    first, last = run.tags.get(FIRST), run.tags.get(LAST)
    if first is None or last is None:
        return (run.tags[PARTITION],) if PARTITION in run.tags else ()
    if not (is_day(first) and is_day(last)):
        return tuple(dict.fromkeys((first, last)))
    start, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    return tuple((start + dt.timedelta(days=day)).isoformat() for day in range((end - start).days + 1))


def merged(earlier: Problem, later: Problem) -> Problem:
    """One problem of two with the same key."""
    targets = tuple(dict.fromkeys([*earlier.targets, *later.targets]))[:MOST_TARGETS]
    return Problem(
        key=later.key,
        what=later.what,
        reason=later.reason,
        advice=earlier.advice if AGAIN in earlier.advice else later.advice,
        targets=targets,
        links=later.links,
        event=max(earlier.event, later.event),
    )


def named(problem: Problem) -> str:
    """What it concerns, in few words."""
    assets = list(dict.fromkeys(asset for asset, _ in problem.targets))
    names = ", ".join(assets[:3]) + (f" and {len(assets) - 3} more" if len(assets) > 3 else "")
    partitions = sorted({partition for _, partition in problem.targets if partition})
    return f"{names} ({wording.partitions(partitions)})" if partitions else names


def sources(instance: dg.DagsterInstance, lanes: Sequence[Lane], *, now: dt.datetime) -> list[Problem]:
    """Lanes whose input cannot be listed, and lanes by day that are behind it."""
    found = []
    for lane in lanes:
        try:
            due = wanted(lane, instance, now=now)
        except UnreadableError as error:  # told, and the others are looked at
            found.append(_unreadable(lane, error))
            continue
        made = instance.get_materialized_partitions(lane.key("raw")) if lane.is_by_day and due else set()
        if made and due[-1] > max(made):
            found += _stale(lane, newest=max(made), due=due[-1])
    return found


def _unreadable(lane: Lane, error: UnreadableError) -> Problem:
    place = f"what {lane.setting} names" if lane.setting else f"the input of {lane.title}"
    return Problem(
        key=f"unreadable:{lane.name}",
        what="cannot be read",
        reason=wording.one_line(str(error)),
        advice=f"{'Wait, or mend' if is_transient(error) else 'Mend'} {place}.",
        targets=((lane.name, ""),),
        links=wording.asset_link(lane.key("raw").to_user_string()),
    )


def _stale(lane: Lane, *, newest: str, due: str) -> list[Problem]:
    """One where the newest day that was made is two days and more behind the newest with input."""
    behind = dt.date.fromisoformat(due) - dt.date.fromisoformat(newest)
    path = lane.key("raw").to_user_string()
    problem = Problem(
        key=f"stale:{lane.name}",
        what="has no new data",
        reason=f"nothing since {newest}, {behind.days} days behind",
        advice=f"Turn on {lane.name}_daily and missing_days, or: "
        f"python -m orchestration backfill {lane.name} {newest} {due}",
        targets=((path, ""),),
        links=wording.asset_link(path),
    )
    return [problem] if behind >= STALE_AFTER else []


def is_made_since(
    instance: dg.DagsterInstance, graph: "BaseAssetGraph", targets: Sequence[tuple[str, str]], event: int
) -> bool:
    """Whether every asset among the targets was materialised after the event; of what is no asset nothing is known."""
    by_asset: dict[dg.AssetKey, set[str]] = {}
    for path, partition in targets:
        if graph.has(key := dg.AssetKey(path.split("/"))):
            by_asset.setdefault(key, set()).add(partition)
    return bool(by_asset) and all(_last_made(instance, key, partitions) > event for key, partitions in by_asset.items())


def _last_made(instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Set[str]) -> int:
    """The event by which the one of `partitions` was made that was made first; 0 where one never was."""
    if not any(partitions):
        records = instance.fetch_materializations(key, limit=1).records
        return records[0].storage_id if records else 0
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(key, kind, set(partitions))
    return min(latest.get(partition, 0) for partition in partitions)
