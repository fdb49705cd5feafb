"""A range in which some partitions cannot be made: the others are, and the step fails naming those that were not."""

from collections.abc import Callable, Iterator, Sequence

import dagster as dg
import pyarrow as pa

from assets.boundary import FAILED, IS_TRANSIENT, TRANSIENT, failure
from parlance.storage import Table, Written
from parlance.transience import is_transient

NAMED = 5

Batches = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


def replaced(context: dg.AssetExecutionContext, table: Table, batches: Batches, *, key: dg.AssetKey) -> Written:
    """Replaces the partitions of the run in one commit; where that fails, those that can be, in a commit each.

    What may be gone on another attempt is tried so first. Raises dg.Failure that names the partitions which
    failed, after the others were written and their materialisations logged.
    """
    keys = list(context.partition_keys)
    try:
        return table.replace(batches(keys), keys)
    except Exception as error:
        if len(keys) == 1 or (is_transient(error) and context.retry_number < TRANSIENT.max_retries):
            raise
        context.log.warning(f"{failure(error).description}: now each of {len(keys)} partitions by itself")
    failed = {name: error for name in keys if (error := _one(context, table, batches, key=key, name=name))}
    if not failed:  # it was gone
        return table.replace(batches(keys), keys)
    named = "; ".join(f"{name}: {error.description}" for name, error in list(failed.items())[:NAMED])
    more = "" if len(failed) <= NAMED else f"; and {len(failed) - NAMED} more"
    transient = all(error.metadata[IS_TRANSIENT].value for error in failed.values())
    raise dg.Failure(
        f"{len(failed)} of {len(keys)} partitions failed, the others were written: {named}{more}",
        metadata={FAILED: dg.MetadataValue.json(list(failed)), IS_TRANSIENT: transient},
        allow_retries=False,
    )


def _one(
    context: dg.AssetExecutionContext, table: Table, batches: Batches, *, key: dg.AssetKey, name: str
) -> dg.Failure | None:
    """Writes one partition and says so; gives its failure where it has one."""
    try:
        written = table.replace(batches([name]), [name])
    except Exception as error:  # noqa: BLE001 - it is raised, with those of the other partitions
        return failure(error)
    version = context.assets_def.code_versions_by_key[key]
    context.log_event(
        dg.AssetMaterialization(
            key,
            partition=name,
            metadata={"dagster/partition_row_count": written.rows, "table_version": written.version},
            tags={"dagster/code_version": version} if version else {},
        )
    )
    return None
