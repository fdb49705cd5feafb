"""`python -m orchestration backfill LANE FIRST LAST`: a lane for many partitions; goes on where it stopped."""

import argparse
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.selector import (
    PartitionRangeSelector,
    PartitionsByAssetSelector,
    PartitionsSelector,
)
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.utils import make_new_backfill_id
from rich.console import Console

from assets.lanes import Lane
from orchestration.catching_up import in_chunks
from orchestration.chunks import Done, Launcher
from orchestration.jobs import OVER_ALL, steps
from orchestration.lanes import lanes
from orchestration.main import phases, whole_graph
from parlance.errors import ConfigError

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

MOST_A_RUN = 100


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", help=f"one of {', '.join(lanes())}")
    parser.add_argument("first", help="first partition, such as 2026-10-05")
    parser.add_argument("last", nargs="?", help="last partition; without it the first alone")
    parser.add_argument("--again", action="store_true", help="make what is there already, too")
    parser.add_argument("--most", type=int, default=MOST_A_RUN, help=f"partitions of one run, {MOST_A_RUN} if not said")
    parser.add_argument("--queue", action="store_true", help="leave it to the daemon, as a backfill that the UI shows")


def main(options: argparse.Namespace, console: Console) -> int:
    """Runs the backfill and says what came of it; 1 where a partition failed."""
    by_name = lanes()
    if options.lane not in by_name:
        raise ConfigError(f"unknown lane {options.lane!r}; known: {', '.join(by_name)}")
    if options.most < 1:
        raise ConfigError(f"--most is {options.most}; it must be at least 1")
    lane, started = by_name[options.lane], time.monotonic()
    with dg.DagsterInstance.get() as instance:
        names = between(lane, instance, options.first, options.last or options.first)
        if options.queue:
            backfill_id = queue(instance, lane, names, again=options.again)
            if backfill_id is None:
                console.print("Nothing to do: all of it is made. --again makes it once more.")
                return 0
            console.print(
                f"Backfill {backfill_id} waits for the daemon: make ui, then Runs, Backfills.", highlight=False
            )
            return 0
        log = lambda line: console.print(line, markup=False, soft_wrap=True)  # noqa: E731
        launcher = Launcher(job=whole_graph(), instance=instance, log=log, most=options.most)
        done = backfill(launcher, lane, names, again=options.again)
    show(done, lane, names, console, seconds=time.monotonic() - started)
    return 1 if done.failed else 0


def between(lane: Lane, instance: dg.DagsterInstance, first: str, last: str) -> list[str]:
    """The lane's partitions from `first` to `last`. Raises ConfigError where one of them is none."""
    if isinstance(lane.partitions, dg.DynamicPartitionsDefinition):
        instance.add_dynamic_partitions(lane.partitions.name or "", lane.inputs())
    known = list(lane.partitions.get_partition_keys(dynamic_partitions_store=instance))
    for name in (first, last):
        if name not in known:
            allowed = f"{known[0]} to {known[-1]}" if known else "there are none"
            raise ConfigError(f"lane {lane.name!r} has no partition {name!r}; it has {allowed}")
    if known.index(first) > known.index(last):
        raise ConfigError(f"the first partition {first} comes after the last, {last}")
    return known[known.index(first) : known.index(last) + 1]


def backfill(launcher: Launcher, lane: Lane, names: Sequence[str], *, again: bool) -> Done:
    """Makes every table of the lane for the partitions; first what it needs and was never made.

    What is over all lanes, the duplicates, is made between, once, so that months are decided by all of them. A
    partition that fails is left out of the later steps.
    """
    instance, done = launcher.instance, Done()
    graph = launcher.job.get_definition().asset_layer.asset_graph
    chosen = selected_with_needed(graph, instance, lane)
    known = list(lane.partitions.get_partition_keys(dynamic_partitions_store=instance))
    over_all = OVER_ALL.resolve(graph)
    for partitions, keys in phases(graph, without=graph.materializable_asset_keys - chosen):
        if partitions is None:
            wanted = [key for key in keys if (done.made and key in over_all) or not _is_made(instance, key)]
            if wanted and not (done.failed.keys() & {key.to_user_string() for key in keys}):
                launcher.once(wanted, done)
            continue
        missing = {key: set(names) - (set() if again else instance.get_materialized_partitions(key)) for key in keys}
        todo = set().union(*missing.values()) - done.failed.keys()
        done.skipped |= {(key, name) for key in keys for name in names if name not in todo | done.failed.keys()}
        launcher.ranges(keys, known, todo, done)
    return done


def selected(graph: "BaseAssetGraph", lane: Lane) -> set[dg.AssetKey]:
    """What the lane's job makes."""
    return set(steps(lane).resolve(graph))


def needed(graph: "BaseAssetGraph", instance: dg.DagsterInstance, lane: Lane) -> set[dg.AssetKey]:
    """What the lane's steps read that has no partitions and was never made, such as the classifier.

    With it what is made in the same step, which cannot be left out.
    """
    ancestors = steps(lane).upstream().resolve(graph)
    lone = [key for key in ancestors if not graph.get(key).is_partitioned and graph.get(key).is_materializable]
    never_made = [key for key in lone if not _is_made(instance, key)]
    return {each for key in never_made for each in graph.get(key).execution_set_asset_keys}


def selected_with_needed(graph: "BaseAssetGraph", instance: dg.DagsterInstance, lane: Lane) -> set[dg.AssetKey]:
    """What a backfill of the lane makes."""
    return selected(graph, lane) | needed(graph, instance, lane)


def _is_made(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    return instance.get_latest_materialization_event(key) is not None


def queue(instance: dg.DagsterInstance, lane: Lane, names: Sequence[str], *, again: bool) -> str | None:
    """Leaves the partitions that are not whole (`again`: all) to the daemon; gives the backfill's id, null for none.

    With them what they need and was never made.
    """
    graph = whole_graph().get_definition().asset_layer.asset_graph
    keys = sorted(selected_with_needed(graph, instance, lane))
    partitioned = [key for key in keys if graph.get(key).is_partitioned]
    made = [set() if again else instance.get_materialized_partitions(key) for key in partitioned]
    todo = [name for name in names if not all(name in one for one in made)]
    if not todo:
        return None
    known = list(lane.partitions.get_partition_keys(dynamic_partitions_store=instance))
    ranges = in_chunks(known, set(todo), most=len(known))
    chosen = PartitionsSelector(ranges=[PartitionRangeSelector(start=first, end=last) for first, last in ranges])
    with partition_loading_context(dynamic_partitions_store=instance):
        asked = PartitionBackfill.from_partitions_by_assets(
            backfill_id=make_new_backfill_id(),
            asset_graph=graph,
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=instance,
            partitions_by_assets=[
                PartitionsByAssetSelector(asset_key=key, partitions=chosen if key in partitioned else None)
                for key in keys
            ],
            title=f"{lane.name} {todo[0]} to {todo[-1]}",
            description="python -m orchestration backfill",
            run_config=None,
        )
    instance.add_backfill(asked)
    return asked.backfill_id


def show(done: Done, lane: Lane, names: Sequence[str], console: Console, *, seconds: float) -> None:
    """Partitions made, skipped and failed, each failure once, and what to do next."""
    made = {name for _, name in done.made if name} - done.failed.keys()
    skipped = {name for _, name in done.skipped} - made - done.failed.keys()
    failed = [name for name in names if name in done.failed]
    counts = f"{len(made):,} made, {len(skipped):,} there before, {len(failed):,} failed"
    console.print(
        f"{lane.name}: {len(names):,} partitions: {counts}; {done.runs} runs, {seconds:.0f} s", highlight=False
    )
    for reason in dict.fromkeys(done.failed.values()):
        where = [name for name, said in done.failed.items() if said == reason]
        console.print(
            f"  {', '.join(where[:5])}{' ...' if len(where) > 5 else ''}: {reason}", style="red", markup=False
        )
    if done.failed:
        again = f"{min(failed)} {max(failed)}" if failed else f"{names[0]} {names[-1]}"
        console.print(f"Next:    mend it, then python -m orchestration backfill {lane.name} {again}")
    elif done.made:
        console.print("Next:    make ui shows them; the job `training` takes them up")
    else:
        console.print("Next:    --again makes what is there once more")
