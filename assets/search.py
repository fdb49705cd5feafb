"""The vector index over the embeddings of every lane."""

from collections.abc import Sequence

import dagster as dg

from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance.stages import corpus as stages
from resources.lake import LakeResource


def search_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """The index of all embeddings of `lanes`."""

    @dg.asset(
        key=["search", "vector_index"],
        deps=[dg.AssetDep(lane.key("embeddings"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes],
        group_name="search",
        kinds={"lancedb"},
        owners=OWNERS,
        code_version=code_version("search"),
    )
    @no_useless_retries
    def vector_index(lake: LakeResource) -> dg.MaterializeResult:
        """A LanceDB index of every chunk: `python -m parlance.search <uri> "a question"` finds the nearest."""
        opened = lake.open()
        chunks = stages.build_vectors(opened, [lane.name for lane in lanes])
        command = f'`python -m parlance.search {opened.vectors} "how many days of leave carry over?"`'
        return dg.MaterializeResult(
            metadata={"dagster/uri": opened.vectors, "dagster/row_count": chunks, "try": dg.MetadataValue.md(command)}
        )

    return [vector_index]
