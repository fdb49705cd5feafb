"""Features of threads and authors by day, and the acts of every version of a message, from which they are made."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance import schemas
from parlance.stages import features as stages
from resources.lake import LakeResource

GROUP = "features"
ACTS = dg.AssetKey([GROUP, "acts"])


def feature_assets(lane: Lane) -> list[dg.AssetsDefinition]:
    """The features of the chat of `lane`."""
    return [_acts(lane), _features(lane)]


def _common(lane: Lane) -> dict[str, Any]:
    return {"partitions_def": lane.partitions, "backfill_policy": dg.BackfillPolicy.single_run()}


def _acts(lane: Lane) -> dg.AssetsDefinition:
    @dg.asset(
        key=ACTS,
        deps=[lane.key("utterances")],
        group_name=GROUP,
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version("stages.features"),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.ACT_VERSIONS)},
        **_common(lane),
    )
    @no_useless_retries
    def acts(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        """The speech acts of each version of a message, from when it was said or edited until the next.

        Versions that were seen once stay, so that what an edit changed is known as it was before the edit.
        """
        opened, keys = lake.open(), list(context.partition_keys)
        written = stages.write_act_versions(opened, keys)
        metadata.by_partition(context, ACTS, written.rows_by_partition)
        return dg.MaterializeResult(metadata=metadata.of_table(opened.table("features/acts"), written))

    return acts


TABLES: dict[str, tuple[pa.Schema, str]] = {
    "threads": (
        schemas.THREAD_FEATURES,
        "Threads of the last 7 days as they were known at the end of the day: turns, participants, minutes since the "
        "last message, questions asked and open, the last act.",
    ),
    "authors": (
        schemas.AUTHOR_FEATURES,
        "Authors of the last 30 days as they were known at the end of the day: messages, shares of acts, answers that "
        "were accepted.",
    ),
}


def _features(lane: Lane) -> dg.AssetsDefinition:
    specs = [
        dg.AssetSpec(
            [GROUP, kind],
            deps=[ACTS],
            description=description,
            group_name=GROUP,
            kinds={"deltalake", "polars"},
            owners=OWNERS,
            code_version=code_version("features", "stages.features"),
            metadata={"dagster/column_schema": metadata.column_schema(schema)},
        )
        for kind, (schema, description) in TABLES.items()
    ]

    @dg.multi_asset(specs=specs, name="features__by_day", **_common(lane))
    @no_useless_retries
    def by_day(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult]:
        opened, keys = lake.open(), list(context.partition_keys)
        for kind in TABLES:
            written = stages.write_features(opened, kind, keys)
            metadata.by_partition(context, dg.AssetKey([GROUP, kind]), written.rows_by_partition)
            table = opened.table(f"features/{kind}")
            yield dg.MaterializeResult(
                asset_key=dg.AssetKey([GROUP, kind]),
                metadata=metadata.of_table(table, written, preview=table.schema.names[:6]),
            )

    return by_day
