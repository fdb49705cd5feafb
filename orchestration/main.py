"""The main job: every asset of the graph, phase by phase."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository

from orchestration.settings import path_setting
from parlance.errors import ConfigError
from parlance.sources import slack
from resources.sources import Dumps

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

REPORT = dg.AssetKey(["corpus", "report"])
QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}

Phase = tuple[dg.PartitionsDefinition | None, list[dg.AssetKey]]


def phases(graph: "AssetGraph") -> list[Phase]:
    """The assets in few runs, each of one kind of partitions, every asset after all it depends on."""
    waiting = [key for level in graph.toposorted_asset_keys_by_level for key in sorted(level)]
    done: set[dg.AssetKey] = set()
    found: list[Phase] = []
    while waiting:
        kinds = dict.fromkeys(graph.get(key).partitions_def for key in waiting)
        ready = [(kind, _ready(graph, waiting, done, kind)) for kind in kinds]
        found.append(max(ready, key=lambda phase: len(phase[1])))
        done.update(found[-1][1])
        waiting = [key for key in waiting if key not in done]
    return found


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


def partition_range(partitions: dg.PartitionsDefinition | None) -> tuple[str, str] | None:
    """First and last partition that there is input for; null where the assets have no partitions.

    Raises ConfigError where there is no input.
    """
    if partitions is None:
        return None
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        path = path_setting("PARLANCE_SLACK_EXPORT")
        names = [day for day in slack.days(path) if day >= (partitions.get_first_partition_key() or "")]
        wanted = f"{path} has no day of messages since {partitions.get_first_partition_key()}"
    else:
        names = list(Dumps(folder=path_setting("PARLANCE_DUMPS")).names())
        wanted = f"{path_setting('PARLANCE_DUMPS')} has no dump that can be read"
    if not names:
        raise ConfigError(wanted)
    return names[0], names[-1]


def materialize_everything(
    instance: dg.DagsterInstance, *, log: Callable[[str], None], config: Mapping[str, Any] | None = None
) -> None:
    """Materialises every asset for all input there is. A second time the same input gives the same rows.

    `config` is run configuration by op, as the launchpad takes it under `ops`; a phase takes what is for its assets.

    Raises dg.Failure that names the failed steps; the report is written in any case.
    """
    job = whole_graph()
    dumps = Dumps(folder=path_setting("PARLANCE_DUMPS"))
    names = list(dumps.names())
    if ignored := dumps.ignored():
        log(f"not dumps, left alone: {', '.join(ignored)}")
    instance.add_dynamic_partitions("dumps", names)
    listed = phases(job.get_definition().asset_layer.asset_graph)
    for number, (partitions, keys) in enumerate(listed, start=1):
        started = time.monotonic()
        log(f"[{number}/{len(listed)}] {', '.join(key.to_user_string() for key in keys)}")
        failed = _run(job, instance, keys, _tags(partition_range(partitions)), config or {})
        log(f"      {time.monotonic() - started:.0f} s")
        if failed:
            _run(job, instance, [REPORT], {}, {})
            raise dg.Failure(f"failed: {'; '.join(failed)}")


def read_config(path: Path) -> Mapping[str, Any]:
    """The `ops` of a run configuration file. Raises ConfigError where there is no such file or an unknown op in it."""
    if not path.is_file():
        raise ConfigError(f"run configuration {str(path)!r} does not exist; those of the project are in recipes/")
    config: Mapping[str, Any] = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("ops", {})
    known = {node.name for node in whole_graph().get_definition().nodes}
    if unknown := sorted(set(config) - known):
        raise ConfigError(f"{path}: unknown ops {unknown}; known: {sorted(known)}")
    return config


def _tags(bounds: tuple[str, str] | None) -> Mapping[str, str]:
    if bounds is None:
        return {}
    return {"dagster/asset_partition_range_start": bounds[0], "dagster/asset_partition_range_end": bounds[1]}


def _run(
    job: ReconstructableJob,
    instance: dg.DagsterInstance,
    keys: Sequence[dg.AssetKey],
    tags: Mapping[str, str],
    config: Mapping[str, Any],
) -> list[str]:
    """Runs the assets; returns what failed and why, empty where nothing did."""
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
            return []
        steps = [event for event in result.all_events if event.is_step_failure]
        return [f"{event.step_key}: {_reason(event)}" for event in steps] or [f"run {result.run_id} did not start"]


def _reason(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    message = event.step_failure_data.user_failure_data
    if message is not None and message.description:
        return message.description
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip().splitlines()[0] if error is not None else "unknown"
