"""The main job: every asset of the graph, phase by phase."""

import time
from collections.abc import Callable, Mapping, Sequence, Set
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository

from assets.lanes import Lane
from assets.optional import NEEDS
from orchestration.causes import reason_of
from orchestration.lanes import lanes
from orchestration.settings import setting
from parlance.errors import ConfigError

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

REPORT = dg.AssetKey(["corpus", "report"])
STARTED_BY = "parlance/started_by"  # tag of a phase's run: the run of the job `everything`
QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}

Phase = tuple[dg.PartitionsDefinition | None, list[dg.AssetKey]]


def phases(graph: "AssetGraph", *, without: Set[dg.AssetKey] = frozenset()) -> list[Phase]:
    """The assets in few runs, each of one kind of partitions, every asset after all it depends on but `without`."""
    ordered = [key for level in graph.toposorted_asset_keys_by_level for key in sorted(level)]
    waiting = [key for key in ordered if key not in without]
    done: set[dg.AssetKey] = set(without)
    found: list[Phase] = []
    roots = _ready(graph, waiting, done, None)
    if roots:  # else every lane would wait for them in the middle
        found.append((None, roots))
        done.update(roots)
        waiting = [key for key in waiting if key not in done]
    while waiting:
        kinds = dict.fromkeys(graph.get(key).partitions_def for key in waiting)
        ready = [(kind, _ready(graph, waiting, done, kind)) for kind in kinds]
        found.append(max(ready, key=lambda phase: len(phase[1])))
        done.update(found[-1][1])
        waiting = [key for key in waiting if key not in done]
    return found


def not_asked_for(graph: "AssetGraph") -> dict[dg.AssetKey, str]:
    """The assets whose setting is empty, each with its name."""
    needed = {key: graph.get(key).tags.get(NEEDS, "") for key in graph.materializable_asset_keys}
    return {key: name for key, name in sorted(needed.items()) if name and not setting(name)}


def _ready(
    graph: "AssetGraph", waiting: Sequence[dg.AssetKey], done: set[dg.AssetKey], kind: dg.PartitionsDefinition | None
) -> list[dg.AssetKey]:
    """The waiting assets of one kind of partitions whose parents are done or come before them in the same phase."""
    chosen: list[dg.AssetKey] = []
    for key in waiting:
        node = graph.get(key)
        if node.partitions_def == kind and node.parent_keys <= done | set(chosen):
            chosen.append(key)
    return chosen


def whole_graph() -> ReconstructableJob:
    """Dagster's own job of all assets, from which each phase takes its own; the steps' processes load it by name."""
    root = str(Path(__file__).parent.parent)
    repository = ReconstructableRepository.for_module("orchestration.definitions", "defs", working_directory=root)
    return repository.get_reconstructable_job(IMPLICIT_ASSET_JOB_NAME)


def partition_ranges(instance: dg.DagsterInstance, lane: Lane) -> list[tuple[str, str]]:
    """First and last partition of each range that there is input for; none where there is no input.

    Raises ConfigError where the input is set but cannot be read.
    """
    keys = lane.inputs()
    if isinstance(lane.partitions, dg.DynamicPartitionsDefinition):
        return contiguous(instance.get_dynamic_partitions(lane.partitions.name or ""), set(keys))
    return [(keys[0], keys[-1])] if keys else []


def contiguous(keys: Sequence[str], wanted: Set[str]) -> list[tuple[str, str]]:
    """First and last key of each stretch of `keys` that is wanted without a gap.

    >>> contiguous(["a", "gone", "b", "c"], {"a", "b", "c"})
    [('a', 'a'), ('b', 'c')]
    """
    stretches = [list(group) for is_wanted, group in groupby(keys, wanted.__contains__) if is_wanted]
    return [(stretch[0], stretch[-1]) for stretch in stretches]


def materialize_everything(
    instance: dg.DagsterInstance,
    *,
    log: Callable[[str], None],
    config: Mapping[str, Any] | None = None,
    started_by: str = "",
) -> dict[str, dg.MetadataValue]:
    """Materialises every asset for all input there is, and gives the runs that it took.

    A second time the same input gives the same rows. `config` is run configuration by op, as the launchpad takes it
    under `ops`; a phase takes what is for its assets. `started_by` is the run that asks for it, which the phases' runs
    name by a tag.

    Raises dg.Failure that names the failed steps and has the runs as metadata; the report is written in any case.
    """
    job, by_name = whole_graph(), lanes()
    for lane in by_name.values():
        if isinstance(lane.partitions, dg.DynamicPartitionsDefinition):
            instance.add_dynamic_partitions(lane.partitions.name or "", lane.inputs())
        if ignored := lane.source.ignored():
            log(f"left alone in {lane.title}: {', '.join(ignored)}")
    graph = job.get_definition().asset_layer.asset_graph
    lane_of = {graph.get(lane.key("raw")).partitions_def: lane for lane in by_name.values()}
    without = not_asked_for(graph)
    for key, name in without.items():
        log(f"left out: {key.to_user_string()}, since {name} is not set")
    listed = phases(graph, without=without.keys())
    parent = {STARTED_BY: started_by} if started_by else {}
    runs: dict[str, dg.MetadataValue] = {}

    @cache  # midnight may come between the phases of a lane
    def ranges_of(partitions: dg.PartitionsDefinition) -> list[tuple[str, str]]:
        return partition_ranges(instance, lane_of[partitions])

    def run(keys: Sequence[dg.AssetKey], tags: Mapping[str, str], config: Mapping[str, Any]) -> list[str]:
        id, failed = run_assets(job, instance, keys, {**parent, **tags}, config)
        runs[f"run {len(runs) + 1}"] = dg.MetadataValue.dagster_run(id)
        return failed

    for number, (partitions, keys) in enumerate(listed, start=1):
        started = time.monotonic()
        log(f"[{number}/{len(listed)}] {', '.join(key.to_user_string() for key in keys)}")
        ranges = [range_tags(*bounds) for bounds in ranges_of(partitions)] if partitions else [{}]
        failed = [failure for tags in ranges for failure in run(keys, tags, config or {})]
        log(f"      {time.monotonic() - started:.0f} s" if ranges else "      no input, left out")
        if failed:
            run([REPORT], {}, {})
            raise dg.Failure(f"failed: {'; '.join(failed)}", metadata=runs)
    return runs


def read_config(path: Path) -> Mapping[str, Any]:
    """The `ops` of a run configuration file. Raises ConfigError where there is no such file, and as `check_ops`."""
    if not path.is_file():
        raise ConfigError(f"run configuration {str(path)!r} does not exist; those of the project are in recipes/")
    config: Mapping[str, Any] = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("ops", {})
    check_ops(config, place=str(path))
    return config


def check_ops(config: Mapping[str, Any], *, place: str) -> None:
    """Raises ConfigError, which names the place, where an op is unknown or does not take a value."""
    job = whole_graph().get_definition()
    known = {node.name for node in job.nodes}
    if unknown := sorted(set(config) - known):
        raise ConfigError(f"{place}: unknown ops {unknown}; known: {sorted(known)}")
    try:
        dg.validate_run_config(job, {"ops": dict(config)})
    except dg.DagsterInvalidConfigError as error:
        raise ConfigError(f"{place}: {error}") from error


def range_tags(first: str, last: str) -> dict[str, str]:
    """The tags by which a run is for a range of partitions."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def run_assets(
    job: ReconstructableJob,
    instance: dg.DagsterInstance,
    keys: Sequence[dg.AssetKey],
    tags: Mapping[str, str],
    config: Mapping[str, Any],
) -> tuple[str, list[str]]:
    """Runs the assets; gives the run's id and what failed and why, empty where nothing did."""
    ops = {"__".join(key.path) for key in keys}
    chosen = {name: values for name, values in config.items() if name in ops}
    with dg.execute_job(
        job,
        instance=instance,
        asset_selection=keys,
        tags=dict(tags),
        run_config={**QUIET, "ops": chosen},
        raise_on_error=False,
    ) as result:
        if result.success:
            return result.run_id, []
        steps = [event for event in result.all_events if event.is_step_failure]
        failed = [f"{event.step_key}: {reason_of(event.step_failure_data)}" for event in steps]
        return result.run_id, failed or [f"run {result.run_id} ended early; its log says why"]
