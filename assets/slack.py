"""What the slack lane has beside the steps of every lane: messages as columns, checks of rights and coverage."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from assets import metadata
from assets.boundary import no_useless_retries
from assets.instruct import EXAMPLES
from assets.lanes import Lane
from parlance import plots, schemas
from parlance.lake import Lake
from parlance.rights import published
from parlance.sources.slack_archive import Archive
from parlance.stages import lanes as stages
from resources.lake import LakeResource


def slack_assets(lane: Lane) -> list[dg.AssetsDefinition]:
    """The assets of the slack lane alone."""
    return [_messages(lane)]


def slack_checks(lane: Lane) -> list[dg.AssetChecksDefinition]:
    """The checks of the slack lane alone."""
    return [_rights(lane), _coverage(lane)]


def _messages(lane: Lane) -> dg.AssetsDefinition:
    @dg.asset(
        key=lane.key("messages"),
        deps=[lane.key("raw")],
        description="Every message that can be read, with each field that Slack documents as a column.",
        metadata={"dagster/column_schema": metadata.column_schema(schemas.SLACK_MESSAGES)},
        required_resource_keys={"lake", lane.name},
        partitions_def=lane.partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        **lane.common("messages", "sources.slack_columns", "pseudonyms"),
    )
    @no_useless_retries
    def messages(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        opened, keys = context.resources.lake.open(), list(context.partition_keys)
        pseudonyms = getattr(context.resources, lane.name).pseudonyms()
        written = stages.write_messages(opened, lane.name, keys, pseudonyms=pseudonyms)
        table = opened.table(f"{lane.name}/messages")
        metadata.by_partition(context, lane.key("messages"), written.rows_by_partition)
        shown = metadata.of_table(table, written, preview=["channel_name", "ts", "user", "text", "reply_count"])
        counted = table.scan(keys).group_by("channel_name").len().sort("len", descending=True).head(20).collect()
        by_channel = {name or "unknown": rows for name, rows in counted.iter_rows()}
        picture = metadata.picture(plots.bars(by_channel, title="Messages by channel"))
        return dg.MaterializeResult(metadata=shown | {"channels": picture})

    return messages


def _rights(lane: Lane) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=EXAMPLES, name="rights_allow_training", additional_deps=[lane.key("raw")], blocking=True)
    def check(lake: LakeResource) -> dg.AssetCheckResult:
        """Every message was taken under a statement that names training among its uses."""
        opened = lake.open()
        found = opened.table(f"{lane.name}/raw").scan().filter(pl.col("error").is_null()).select("rights").unique()
        ids = found.sort("rights").collect()["rights"].to_list()
        lacking = [id or "no statement" for id in ids if "training" not in uses(opened, id)]
        return dg.AssetCheckResult(passed=not lacking, metadata={"statements": ids, "without_training": lacking})

    return check


def _coverage(lane: Lane) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=lane.key("raw"), name="history_has_no_gap")
    def check(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        """Every channel's history of the days was read, where the Web API is read at all. A backfill fills a gap."""
        keys = context.op_execution_context.partition_keys
        gaps = Archive(lake.open().root).gaps(keys[0], keys[-1])
        rows = [(gap.name, str(gap.oldest), str(gap.latest), gap.reason or "not read yet") for gap in gaps[:50]]
        frame = pl.DataFrame(rows, schema=["channel", "from", "to", "reason"], orient="row")
        return dg.AssetCheckResult(
            passed=not gaps,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{len(gaps):,} gaps in {len({gap.channel for gap in gaps}):,} channels",
            metadata={"gaps": metadata.table_of(frame)},
        )

    return check


def uses(lake: Lake, rights: str | None) -> Sequence[str]:
    """The uses that a statement of rights names; none where there is no statement."""
    if rights is None:
        return ()
    found: list[str] = published(lake.files, "slack", rights)["uses"]
    return found
