"""Verdicts that follow the duplicates: what a lane decided of other days is decided again where it changed."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.lanes import Lane
from orchestration.settings import lake_root
from parlance.lake import Lake
from parlance.stages.undecided import undecided

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

DUPLICATES = "corpus/duplicates"
DECIDED = ("kept", "dropped", "utterances", "embeddings", "pretokens")
MOST_REQUESTS = 25
GOING_ON = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def decision_job(lane: Lane) -> "UnresolvedAssetJobDefinition":
    """What is kept of a partition and what is made of it, without reading its text anew for signals."""
    selection = dg.AssetSelection.assets(*(lane.key(table) for table in DECIDED))
    selection |= dg.AssetSelection.groups(*lane.made_of_it)
    return dg.define_asset_job(
        job_name(lane), selection, description=f"What is kept of {lane.title}, by the duplicates as they are now."
    )


def job_name(lane: Lane) -> str:
    return f"{lane.name}_decisions"


def sensor(lanes: Mapping[str, Lane], jobs: Mapping[str, Any]) -> dg.SensorDefinition:
    """Asks for the partitions whose verdicts are older than the duplicates, once no lane is being made."""
    names = {lane.name: job_name(lane) for lane in lanes.values()}
    going_on = {f"{lane}_lane" for lane in lanes} | {"slack_threads", *names.values()}

    @dg.sensor(name="changed_duplicates", jobs=[jobs[name] for name in names.values()], minimum_interval_seconds=60)
    def changed_duplicates(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Decides again on partitions with documents that became duplicates, or that are duplicates no more.

        A page that was fetched again makes a duplicate of the capture of an earlier day, which was made long before.
        What is still undecided, since its run failed, is asked for again the next day.
        """
        lake = Lake(root=lake_root())
        table = lake.table(DUPLICATES)
        version = str(table.version()) if table.exists() else ""
        state = {"decided": "", "of": "", "asked": []} | json.loads(context.cursor or "{}")
        if version == state["decided"]:
            return dg.SkipReason("the duplicates have not changed")
        busy = {run.job_name for run in context.instance.get_runs(dg.RunsFilter(statuses=GOING_ON))} & going_on
        if busy:
            return dg.SkipReason(f"{', '.join(sorted(busy))} must end first")
        of = f"{version}/{dt.datetime.now(dt.UTC).date()}"
        asked = set(state["asked"]) if state["of"] == of else set()
        left = [(lane, key) for lane in lanes for key in undecided(lake, lane)]
        chosen = [(lane, key) for lane, key in left if f"{lane}:{key}" not in asked][:MOST_REQUESTS]
        requests = [
            dg.RunRequest(job_name=names[lane], partition_key=key, run_key=f"{lane}:{key}@{of}") for lane, key in chosen
        ]
        asked |= {f"{lane}:{key}" for lane, key in chosen}
        cursor = {"decided": state["decided"] if left else version, "of": of, "asked": sorted(asked)}
        return dg.SensorResult(run_requests=requests, cursor=json.dumps(cursor))

    return changed_duplicates
