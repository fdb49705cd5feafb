"""The checks of a lane: what goes into a step comes out of it, kept or listed with its reason. All of them block."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from assets import metadata
from assets.lanes import Lane
from parlance.lake import Lake
from parlance.stages.balance import Balance, balance
from parlance.stages.lanes import raw_of_documents
from resources.lake import LakeResource

SHOWN = 3


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
        """In each partition raw rows are the raw rows in documents and those in `rejected`, each once."""
        opened, keys = lake.open(), _keys(context)
        rows_in = raw_of_documents(opened, lane.name, keys).select("id", partition="document_partition")
        documents = opened.table(f"{lane.name}/documents").scan(keys)
        in_documents = documents.select("partition", id="raw_ids").explode("id").drop_nulls()
        return _result(balance(rows_in, in_documents, _ids_of(opened, lane, "rejected", keys)))

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
        """In each partition every document has one row of signals."""
        opened, keys = lake.open(), _keys(context)
        documents, signals = (_ids_of(opened, lane, table, keys) for table in ("documents", "signals"))
        return _result(balance(documents, signals, signals.clear()))

    return check


def _documents(lane: Lane) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=lane.key("kept"),
        name="every_document_is_accounted_for",
        additional_deps=[lane.key("dropped"), lane.key("documents")],
        blocking=True,
    )
    def check(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        """In each partition documents are those kept and those dropped, each once."""
        opened, keys = lake.open(), _keys(context)
        return _result(balance(*(_ids_of(opened, lane, table, keys) for table in ("documents", "kept", "dropped"))))

    return check


def _keys(context: dg.AssetCheckExecutionContext) -> Sequence[str]:
    return context.op_execution_context.partition_keys


def _ids_of(lake: Lake, lane: Lane, table: str, partitions: Sequence[str]) -> pl.LazyFrame:
    return lake.table(f"{lane.name}/{table}").scan(partitions).select("id", "partition")


def _result(found: Balance) -> dg.AssetCheckResult:
    sums = f"{found.rows_in:,} in = {found.kept:,} kept + {found.dropped:,} dropped"
    shown = {"rows_in": found.rows_in, "rows_kept": found.kept, "rows_dropped": found.dropped}
    if found.holds:
        return dg.AssetCheckResult(passed=True, description=f"{sums}, in each partition", metadata=shown)
    named = "; ".join(_named(row) for row in found.wrong.head(SHOWN).iter_rows(named=True))
    more = " ..." if found.wrong_partitions > SHOWN else ""
    return dg.AssetCheckResult(
        passed=False,
        description=f"{found.wrong_partitions:,} of {found.partitions:,} partitions do not balance: {named}{more}",
        metadata=shown | {"wrong_partitions": metadata.table_of(found.wrong)},
    )


def _named(row: dict[str, object]) -> str:
    return (
        f"{row['partition']} has {row['in']} in, {row['kept']} kept and {row['dropped']} dropped"
        f" ({row['lost']} lost, {row['added']} added)"
    )
