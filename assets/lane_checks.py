"""The checks of a lane: what goes into a step comes out of it, kept or listed with its reason. All of them block."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from assets.lanes import Lane
from parlance.stages.lanes import raw_of_documents
from resources.lake import LakeResource


def lane_checks(lane: Lane) -> list[dg.AssetChecksDefinition]:
    """The checks of every step of `lane`."""
    return [_raw_rows(lane), _ids(lane), _measured(lane), _documents(lane)]


def _raw_rows(lane: Lane) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=lane.key("documents"),
        name="every_raw_row_is_accounted_for",
        additional_deps=[lane.key("rejected"), lane.key("raw")],
        blocking=True,
    )
    def check(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        """Raw rows equal the raw rows in documents plus those in `rejected`."""
        opened, keys = lake.open(), _keys(context)
        rows_in = _rows(raw_of_documents(opened, lane.name, keys))
        kept = (
            opened.table(f"{lane.name}/documents")
            .scan(keys)
            .select(pl.col("raw_ids").list.len().sum())
            .collect()
            .item()
        )
        return _balance(rows_in, kept, _rows(opened.table(f"{lane.name}/rejected").scan(keys)))

    return check


def _ids(lane: Lane) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=lane.key("documents"), name="ids_are_unique", blocking=True)
    def check(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        """No two documents of the partitions have the same id."""
        ids = lake.open().table(f"{lane.name}/documents").scan(_keys(context)).group_by("id").len()
        repeated = ids.filter(pl.col("len") > 1).sort("id").head(10).collect()
        return dg.AssetCheckResult(passed=repeated.is_empty(), metadata={"repeated": repeated["id"].to_list()})

    return check


def _measured(lane: Lane) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=lane.key("signals"),
        name="every_document_is_measured",
        additional_deps=[lane.key("documents")],
        blocking=True,
    )
    def check(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        """Documents equal rows of signals."""
        opened, keys = lake.open(), _keys(context)
        documents = _rows(opened.table(f"{lane.name}/documents").scan(keys))
        return _balance(documents, _rows(opened.table(f"{lane.name}/signals").scan(keys)), 0)

    return check


def _documents(lane: Lane) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=lane.key("kept"),
        name="every_document_is_accounted_for",
        additional_deps=[lane.key("dropped"), lane.key("documents")],
        blocking=True,
    )
    def check(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        """Documents equal documents kept plus documents dropped."""
        opened, keys = lake.open(), _keys(context)
        documents = _rows(opened.table(f"{lane.name}/documents").scan(keys))
        return _balance(
            documents, *(_rows(opened.table(f"{lane.name}/{table}").scan(keys)) for table in ("kept", "dropped"))
        )

    return check


def _keys(context: dg.AssetCheckExecutionContext) -> Sequence[str]:
    return context.op_execution_context.partition_keys


def _rows(frame: pl.LazyFrame) -> int:
    return int(frame.select(pl.len()).collect().item())


def _balance(rows_in: int, kept: int, dropped: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=rows_in == kept + dropped,
        description=f"{rows_in:,} in = {kept:,} kept + {dropped:,} dropped"
        if rows_in == kept + dropped
        else f"{rows_in:,} in, but {kept:,} kept + {dropped:,} dropped",
        metadata={"rows_in": rows_in, "rows_kept": kept, "rows_dropped": dropped},
    )
