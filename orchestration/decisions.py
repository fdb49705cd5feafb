"""Verdicts that follow the duplicates: what a lane decided of other days is decided again where it changed."""

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
        """
        lake = Lake(root=lake_root())
        table = lake.table(DUPLICATES)
        version = str(table.version()) if table.exists() else ""
        if version == (context.cursor or ""):
            return dg.SkipReason("the duplicates have not changed")
        busy = {run.job_name for run in context.instance.get_runs(dg.RunsFilter(statuses=GOING_ON))} & going_on
        if busy:
            return dg.SkipReason(f"{', '.join(sorted(busy))} must end first")
        requests = [
            dg.RunRequest(job_name=names[lane], partition_key=key, run_key=f"{lane}:{key}@{version}")
            for lane in lanes
            for key in undecided(lake, lane)
        ]
        # What is left is still undecided at the next look, and has a version of its own then or the same key.
        cursor = version if len(requests) <= MOST_REQUESTS else context.cursor
        return dg.SensorResult(run_requests=requests[:MOST_REQUESTS], cursor=cursor)

    return changed_duplicates
