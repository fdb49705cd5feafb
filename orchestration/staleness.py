"""`python -m orchestration stale`: which partitions other code or other input made, and only those made again.

Dagster shows that for assets without partitions alone (its issue 22553).
"""

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from itertools import chain
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl
from rich.console import Console
from rich.table import Table

from assets.lanes import Lane
from orchestration.backfilling import MOST_A_RUN, selected
from orchestration.chunks import Done, Launcher
from orchestration.lanes import lanes
from orchestration.main import phases, whole_graph
from orchestration.settings import lake_root
from parlance.errors import ConfigError
from parlance.lake import Lake

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph, BaseAssetNode

MADE = dg.DagsterEventType.ASSET_MATERIALIZATION
CODE, DATA = "dagster/code_version", "dagster/data_version"
IS_OF_CONTENT, INPUT = "dagster/data_version_is_user_provided", "dagster/input_data_version/"
DUPLICATES = dg.AssetKey(["corpus", "duplicates"])
NAMED = 3
IDS_AT_ONCE = 200

# Why each partition is stale, by asset; of an asset without partitions the partition is empty.
Stale = dict[dg.AssetKey, dict[str, str]]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", action="store_true", help="make the stale partitions again, and nothing else")
    parser.add_argument("--lane", help="of one lane alone")
    parser.add_argument("--most", type=int, default=MOST_A_RUN, help=f"partitions of one run, {MOST_A_RUN} if not said")


def main(options: argparse.Namespace, console: Console) -> int:
    """Lists what is stale and, if asked, makes it again; 1 where that failed."""
    by_name = lanes()
    if options.lane and options.lane not in by_name:
        raise ConfigError(f"unknown lane {options.lane!r}; known: {', '.join(by_name)}")
    chosen = [lane for lane in by_name.values() if options.lane in (None, lane.name)]
    job, lake = whole_graph(), Lake(root=lake_root())
    graph = job.get_definition().asset_layer.asset_graph
    with dg.DagsterInstance.get() as instance:
        found = with_descendants(graph, instance, stale(graph, instance, lake, graph.materializable_asset_keys))
        show(found, console)
        if not options.run:
            console.print(
                "Next:    python -m orchestration stale --run" if found else "Nothing is stale.", highlight=False
            )
            return 0
        log = lambda line: console.print(line, markup=False, soft_wrap=True)  # noqa: E731
        done = remake(Launcher(job=job, instance=instance, log=log, most=options.most), lake, chosen)
    for name, reason in done.failed.items():
        console.print(f"{name}: {reason}", style="red", markup=False)
    console.print(f"{len(done.made):,} partitions of assets made in {done.runs} runs, {len(done.failed):,} failed")
    return 1 if done.failed else 0


def stale(graph: "BaseAssetGraph", instance: dg.DagsterInstance, lake: Lake, keys: Set[dg.AssetKey]) -> Stale:
    """The partitions of `keys` that were made by other code than today's, or of input that is another by now."""
    found: Stale = {}
    for key in sorted(keys):
        tags = _tags(instance, graph, key)
        reasons: dict[str, str] = {}
        for parent in sorted(graph.get(key).parent_keys):
            if (of := graph.get(key)).is_partitioned and parent == DUPLICATES:
                reasons |= dict.fromkeys(redecided(lake, key.path[0]) & tags.keys(), parent.to_user_string())
            else:
                reasons |= _newer(instance, of, graph.get(parent), tags)
        version = graph.get(key).code_version
        reasons |= {name: "code" for name, of in tags.items() if version and of.get(CODE, version) != version}
        if reasons:
            found[key] = {name: reasons[name] for name in sorted(reasons)}
    return found


def _tags(instance: dg.DagsterInstance, graph: "BaseAssetGraph", key: dg.AssetKey) -> Mapping[str, Mapping[str, str]]:
    """What the last materialisation of each partition says of its code and its input."""
    node = graph.get(key)
    if not node.is_partitioned:
        event = instance.get_latest_materialization_event(key)
        found = event.asset_materialization if event else None
        return {"": found.tags or {}} if found else {}
    ids = sorted(instance.event_log_storage.get_latest_storage_id_by_partition(key, MADE).values())
    tags = {}
    for start in range(0, len(ids), IDS_AT_ONCE):  # Dagster has an index of the data version alone
        chosen = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids[start : start + IDS_AT_ONCE])
        for record in instance.fetch_materializations(chosen, limit=IDS_AT_ONCE).records:
            materialization = record.asset_materialization
            tags[record.partition_key or ""] = (materialization.tags if materialization else None) or {}
    return tags


def _newer(
    instance: dg.DagsterInstance, of: "BaseAssetNode", on: "BaseAssetNode", tags: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """The partitions of an asset that were made before what they read of another."""
    reason = on.key.to_user_string()
    if of.is_partitioned and on.is_partitioned and of.partitions_def == on.partitions_def:
        storage = instance.event_log_storage
        ours, theirs = (storage.get_latest_storage_id_by_partition(one.key, MADE) for one in (of, on))
        return {name: reason for name, event in ours.items() if theirs.get(name, 0) > event}
    if on.is_partitioned:
        return {}  # what reads all partitions Dagster shows itself
    event = instance.get_latest_materialization_event(on.key)
    last = event.asset_materialization if event else None
    if last is None or (last.tags or {}).get(IS_OF_CONTENT) != "true":
        return {}  # made again is not changed
    version, name = (last.tags or {})[DATA], f"{INPUT}{reason}"
    return {partition: reason for partition, known in tags.items() if known.get(name, version) != version}


def redecided(lake: Lake, lane: str) -> set[str]:
    """The partitions whose kept documents are no longer those that `corpus/duplicates` says."""
    said = lake.table("corpus/duplicates").scan().filter(pl.col("source") == lane, ~pl.col("keep"))
    now = said.select("id", partition="document_partition")
    ledger = lake.table(f"{lane}/dropped").scan()
    is_duplicate = pl.col("reasons").list.eval(pl.element().str.ends_with("_duplicate")).list.any()
    then = ledger.filter(is_duplicate).select("id", "partition")
    both = pl.concat(
        [now.join(then, on=["id", "partition"], how="anti"), then.join(now, on=["id", "partition"], how="anti")]
    )
    return set(both.select(pl.col("partition").unique()).collect()["partition"])


def with_descendants(graph: "BaseAssetGraph", instance: dg.DagsterInstance, found: Stale) -> Stale:
    """What is stale, and what was made of it: the same partition, or all where one of the two has none."""
    whole: defaultdict[dg.AssetKey, dict[str, str]] = defaultdict(dict, {key: dict(why) for key, why in found.items()})
    for key in chain.from_iterable(sorted(level) for level in graph.toposorted_asset_keys_by_level):
        if key not in graph.materializable_asset_keys:
            continue
        node = graph.get(key)
        made = instance.get_materialized_partitions(key) if node.is_partitioned else {""}
        if not node.is_partitioned and instance.get_latest_materialization_event(key) is None:
            continue
        for parent in sorted(node.parent_keys & whole.keys()):
            same = node.is_partitioned and graph.get(parent).partitions_def == node.partitions_def
            for name in made & whole[parent].keys() if same else (made if whole[parent] else set()):
                whole[key].setdefault(name, f"follows {parent.to_user_string()}")
    return {key: dict(sorted(why.items())) for key, why in sorted(whole.items()) if why}


def remake(launcher: Launcher, lake: Lake, chosen: Sequence[Lane]) -> Done:
    """Makes the stale partitions of lanes again, step by step: what turns out the same makes nothing after it stale."""
    done, instance = Done(), launcher.instance
    graph = launcher.job.get_definition().asset_layer.asset_graph
    keys = set().union(*(selected(graph, lane) for lane in chosen))
    lane_of = {lane.partitions: lane for lane in chosen}
    for partitions, phase in phases(graph, without=graph.materializable_asset_keys - keys):
        found = stale(graph, instance, lake, set(phase))
        if partitions is None:
            if made := [key for key in phase if key in found]:
                launcher.once(made, done)
        elif partitions in lane_of:
            known = list(partitions.get_partition_keys(dynamic_partitions_store=instance))
            for steps, names in together(graph, phase, found).items():
                launcher.ranges(steps, known, names - done.failed.keys(), done)
    return done


def together(
    graph: "BaseAssetGraph", phase: Sequence[dg.AssetKey], found: Stale
) -> dict[tuple[dg.AssetKey, ...], set[str]]:
    """Partitions by the steps that they need of a phase: what is stale, and what comes after it in the phase."""
    steps: defaultdict[str, list[dg.AssetKey]] = defaultdict(list)
    for key in phase:
        node = graph.get(key)
        whole = set(chain.from_iterable(found.get(one, {}) for one in node.execution_set_asset_keys | {key}))
        after = {name for name, chosen in steps.items() if node.parent_keys & set(chosen)}
        for name in sorted(whole | after):
            steps[name] += [one for one in sorted(node.execution_set_asset_keys or {key}) if one not in steps[name]]
    groups: defaultdict[tuple[dg.AssetKey, ...], set[str]] = defaultdict(set)
    for name, chosen in steps.items():
        groups[tuple(chosen)].add(name)
    return dict(groups)


def show(found: Stale, console: Console) -> None:
    """A row for each asset and reason."""
    if not found:
        return
    grid = Table("asset", "stale", "because of", "such as", title="Stale", title_justify="left")
    for key, why in found.items():
        for reason in dict.fromkeys(why.values()):
            names = [name for name, said in why.items() if said == reason]
            grid.add_row(key.to_user_string(), f"{len(names):,}", reason, ", ".join(filter(None, names[:NAMED])))
    console.print(grid)
