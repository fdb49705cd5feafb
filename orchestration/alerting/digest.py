"""The daily digest: what came in and was kept, what is missing, new models, costs, checks that do not pass."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.lanes import Lane
from orchestration.alerting import wording
from orchestration.alerting.checks import failed_checks
from orchestration.alerting.problems import named
from orchestration.catching_up import UnreadableError, incomplete, wanted
from orchestration.main import whole_graph
from orchestration.settings import setting
from parlance.lake import Lake
from parlance.report import funnel
from parlance.sources.slack_archive import Archive
from resources.alerts import Alerts
from resources.lake import LakeResource

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

DAY = dt.timedelta(days=1)
GAP_DAYS = 7
MOST_LISTED = 8
# Numbers of materialisations that add up to what a day has cost.
COSTS = {"seconds": "{:,.0f} s of training and generation", "cost": "{:,.2f} for generated examples"}


def digest(
    instance: dg.DagsterInstance, graph: "BaseAssetGraph", lake: Lake, lanes: Sequence[Lane], *, now: dt.datetime
) -> list[str]:
    """The lines of the digest of the day before `now`."""
    lines = [line for lane in lanes if (line := _lane(instance, lake, lane, now=now))]
    lines += _gaps(lake, now=now) if any(lane.name == "slack" for lane in lanes) else []
    lines += _models(instance, graph, now=now)
    failed = failed_checks(instance, graph, all=True)
    lines += [f"Check: {problem.reason} ({named(problem)})" for problem in failed[:MOST_LISTED]]
    lines += [f"and {len(failed) - MOST_LISTED} more checks do not pass"] if len(failed) > MOST_LISTED else []
    return lines if failed else [*lines, "Every check that ran passed."]


def _lane(instance: dg.DagsterInstance, lake: Lake, lane: Lane, *, now: dt.datetime) -> str:
    """Rows of yesterday (of a lane without days: of what was made since), the newest day, the days that are missing."""
    try:
        due = wanted(lane, instance, now=now)
    except UnreadableError as error:  # one line of many
        return f"{lane.name}: cannot be read: {wording.one_line(str(error))}"
    yesterday = (now - DAY).date().isoformat()
    chosen = [yesterday] if lane.is_by_day else _made_since(instance, lane.key("kept"), now - DAY)
    made = instance.get_materialized_partitions(lane.key("raw"))
    if not made and not due:
        return ""
    rows = funnel.by_partition(lake, lane.name, lane.rules, chosen) if chosen else None
    sums = {name: 0 if rows is None else int(rows[name].sum()) for name in ("raw", "rejected", "kept", "dropped")}
    said = f"{lane.name}: {sums['raw'] + sums['rejected']:,} rows in, {sums['rejected']:,} rejected; "
    said += f"{sums['kept']:,} documents kept, {sums['dropped']:,} dropped"
    said += f"; newest day {max(made, default='none')}" if lane.is_by_day else f"; {len(chosen):,} new"
    missing = incomplete(lane, instance, due)
    return said + (f"; missing: {wording.partitions(missing)}" if missing else "")


def _made_since(instance: dg.DagsterInstance, key: dg.AssetKey, since: dt.datetime) -> list[str]:
    chosen = dg.AssetRecordsFilter(asset_key=key, after_timestamp=since.timestamp())
    records = instance.fetch_materializations(chosen, limit=1000).records
    return sorted({record.partition_key for record in records if record.partition_key})


def _gaps(lake: Lake, *, now: dt.datetime) -> list[str]:
    if not setting("PARLANCE_SLACK_TOKEN"):
        return []
    first, last = ((now - days * DAY).date().isoformat() for days in (GAP_DAYS, 1))
    gaps = Archive(lake.root).gaps(first, last)
    channels = sorted({gap.name for gap in gaps})
    named = ", ".join(channels[:MOST_LISTED])
    return [f"slack: {len(gaps):,} gaps in {len(channels):,} channels since {first}: {named}"] if gaps else []


def _models(instance: dg.DagsterInstance, graph: "BaseAssetGraph", *, now: dt.datetime) -> list[str]:
    """What was made of models in the last day, and what it cost."""
    lines, costs = [], dict.fromkeys(COSTS, 0.0)
    keys = sorted(key for key in graph.materializable_asset_keys if graph.get(key).group_name in ("models", "instruct"))
    for key in keys:
        chosen = dg.AssetRecordsFilter(asset_key=key, after_timestamp=(now - DAY).timestamp())
        for record in instance.fetch_materializations(chosen, limit=100).records:
            materialization = record.asset_materialization
            metadata = materialization.metadata if materialization else {}
            is_new = "trained_now" not in metadata or bool(metadata["trained_now"].value)
            if key.path[0] == "models" and "version" in metadata and is_new:
                lines.append(f"New: {key.to_user_string()} {metadata['version'].value}")
            for name in COSTS:
                costs[name] += _number(metadata, name) if is_new else 0.0
    spent = [text.format(costs[name]) for name, text in COSTS.items() if costs[name]]
    return [*dict.fromkeys(lines), *([f"Cost: {', '.join(spent)}"] if spent else [])]


def _number(metadata: Mapping[str, Any], name: str) -> float:
    value = metadata[name].value if name in metadata else None
    return float(value) if isinstance(value, (int, float)) else 0.0


def digest_job(lanes: Mapping[str, Lane]) -> dg.JobDefinition:
    """The job `daily_digest`."""

    @dg.op
    def post_digest(context: dg.OpExecutionContext, alerts: Alerts, lake: LakeResource) -> None:
        now = dt.datetime.now(dt.UTC)
        graph = whole_graph().get_definition().asset_layer.asset_graph
        lines = digest(context.instance, graph, lake.open(), list(lanes.values()), now=now)
        title = f"Parlance on {(now - DAY).date().isoformat()}"
        context.log.info("\n".join([title, *lines]))
        url = setting("PARLANCE_UI_URL")
        alerts.post(title, wording.blocks(title, lines, links={"Web UI": url, "Runs": f"{url.rstrip('/')}/runs"}))

    @dg.job(
        name="daily_digest",
        description="Tells what the day before brought: rows in, kept and dropped, gaps, models, costs, checks.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        post_digest()

    return job
