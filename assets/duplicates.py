"""Which documents repeat others, over all lanes."""

from collections.abc import Sequence

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance import schemas
from parlance.stages import duplicates as stages
from resources.lake import LakeResource

# A sketch and its bands, and as much again while they are read.
BYTES_PER_DOCUMENT = 1_500


class DuplicatesConfig(dg.Config):
    """When two documents count as near duplicates."""

    threshold: float = Field(default=0.8, ge=0.5, le=1.0, description="Least Jaccard similarity of word 5-grams.")
    captures: bool = Field(default=True, description="Of several captures of a URL the newest alone is kept.")
    memory_mb: int = Field(
        default=400,
        ge=1,
        description="Memory for the sketches of the documents that are compared at once, 1.5 kB each.",
    )
    anew: bool = Field(default=False, description="Compare all documents again, as if none had been compared before.")


def duplicate_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """The duplicates of all `lanes`."""

    @dg.asset(
        key=["corpus", "duplicates"],
        deps=[dg.AssetDep(lane.key("signals"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes],
        group_name="deduplication",
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version("dedup", "filters.recipes", "stages.duplicates"),
        metadata={
            "dagster/column_schema": metadata.column_schema(schemas.DUPLICATES),
            "duplicate_index_columns": metadata.column_schema(schemas.DUPLICATE_INDEX),
        },
        pool="memory",
    )
    @no_useless_retries
    def duplicates(config: DuplicatesConfig, lake: LakeResource) -> dg.MaterializeResult:
        """Clusters of exact and near duplicates and of captures of one URL, over all lanes; which member is kept.

        Content hashes, bands and signatures give candidates, whose texts decide by their exact Jaccard. A cluster keeps
        the earliest member that breaks no rule. New documents are compared with all that came before, and where one
        was deleted the rest of its cluster is compared anew: the result is that of a comparison of everything.
        `python -m orchestration.why ID` shows a document beside its survivor.
        """
        opened = lake.open()
        done = stages.write_duplicates(
            opened,
            {lane.name: lane.rules for lane in lanes},
            threshold=config.threshold,
            captures=config.captures,
            method=code_version("dedup"),
            anew=config.anew,
            block_rows=config.memory_mb * 1_000_000 // BYTES_PER_DOCUMENT,
        )
        table = opened.table("corpus/duplicates")
        rows = table.scan().collect()
        kinds = rows.filter(~pl.col("keep")).group_by("source", "kind").agg(documents=pl.len()).sort("source", "kind")
        shown = metadata.of_table(
            table, done.written, preview=["kind", "jaccard", "id", "matched_id"], where=~pl.col("keep")
        )
        counts = {
            "dagster/row_count": done.written.rows,
            "clusters": rows["cluster"].n_unique(),
            "documents_to_drop": metadata.table_of(kinds),
            "new_documents": done.counts["new"],
            "deleted_documents": done.counts["gone"],
            "older_documents_compared": done.counts["compared"],
            "texts_read": done.counts["read"],
            "comparisons_cut_short": done.counts["cut_short"],  # in crowds of near-alike texts
        }
        return dg.MaterializeResult(metadata=shown | counts)

    return [duplicates]
