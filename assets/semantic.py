"""Kept documents that say the same in other words."""

from collections.abc import Sequence

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance import plots, schemas
from parlance.errors import ConfigError
from parlance.stages import semantic as stages
from resources.lake import LakeResource


class SemanticDuplicatesConfig(dg.Config):
    """When two documents count as saying the same, and where."""

    threshold: float = Field(default=0.95, ge=0.5, le=1.0, description="Least cosine of two documents' vectors.")
    clusters: int = Field(
        default=0, ge=0, description="k of k-means; 0: none up to 16,384 documents, then the root of their number."
    )
    seed: int = Field(default=1, description="Of k-means.")
    lanes: list[str] = Field(default=[], description="Lanes to look at; none: all.")


def semantic_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """The semantic duplicates over `lanes`."""
    return [_semantic_duplicates(lanes)]


def _semantic_duplicates(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["corpus", "semantic_duplicates"],
        deps=[dg.AssetDep(lane.key("embeddings"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes],
        group_name="search",
        kinds={"deltalake", "pytorch"},
        owners=OWNERS,
        code_version=code_version("dedup.semantic", "dedup.linking", "stages.semantic"),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.SEMANTIC_DUPLICATES)},
        pool="accelerator",
    )
    @no_useless_retries
    def semantic_duplicates(config: SemanticDuplicatesConfig, lake: LakeResource) -> dg.MaterializeResult:
        """Clusters of kept documents whose embeddings point the same way (SemDeDup), with pairs side by side.

        A document stands for the mean of its chunks. Nothing is dropped by it: it comes after `embeddings`, and so
        after `kept`. Whoever makes a data set joins it by `id` and `source` and leaves out the rows without `keep`.
        At 0.95 pairs say the same in mostly the same words; look at those of least cosine before lowering it.
        """
        known = [lane.name for lane in lanes]
        if unknown := sorted({*config.lanes} - {*known}):
            raise ConfigError(f"unknown lanes {unknown}; known: {', '.join(known)}")
        names = config.lanes or known
        opened = lake.open()
        written = stages.write_semantic_duplicates(
            opened, names, threshold=config.threshold, clusters=config.clusters or None, seed=config.seed
        )
        table = opened.table("corpus/semantic_duplicates")
        rows = table.scan().collect()
        others = rows.filter(~pl.col("keep"))
        by_lane = dict(others.group_by("source").len().sort("source").iter_rows())
        return dg.MaterializeResult(
            metadata=metadata.of_table(table, written)
            | {
                "dagster/row_count": written.rows,
                "lanes": ", ".join(names),
                "clusters": rows["cluster"].n_unique(),
                "documents_beside_a_survivor": others.height,
                "pairs": metadata.table_of(stages.pairs_side_by_side(opened, names)),
                "by_lane": metadata.picture(plots.bars(by_lane, title="Documents that say what another says")),
            }
        )

    return semantic_duplicates
