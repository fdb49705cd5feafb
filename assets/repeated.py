"""Lines and paragraphs that a site repeats on many of its pages."""

from collections.abc import Sequence
from typing import Literal

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance import plots, schemas
from parlance.errors import ConfigError
from parlance.stages import repeated as stages
from resources.lake import LakeResource

CONVERSATION = "slack"  # the recipe of lanes in which a short answer given often is an answer
SHOWN = 15


class RepeatedLinesConfig(dg.Config):
    """What counts as repeated, where, and whether it leaves the kept documents."""

    unit: Literal["line", "paragraph"] = Field(
        default="line", description="Lines, as text extraction writes paragraphs, or what blank lines set apart."
    )
    documents: int = Field(
        default=6,
        ge=1,
        description="In how many documents of one site the same line may stand; in more it is repeated.",
    )
    lanes: list[str] = Field(default=[], description="Lanes to look at; none: all but those of conversation.")
    remove: bool = Field(default=False, description="Whether kept documents are to be without repeated lines.")


def repeated_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """The repeated lines of `lanes`."""
    return [_repeated_lines(lanes)]


def _repeated_lines(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    documents = [dg.AssetDep(lane.key("documents"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes]

    @dg.asset(
        key=["corpus", "repeated_lines"],
        pool="memory",
        deps=[*documents, dg.AssetKey(["corpus", "duplicates"])],
        group_name="deduplication",
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version(
            "dedup.line_hashing", "dedup.lines", "dedup.repeating", "dedup.urls", "stages.repeated"
        ),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.REPEATED_LINES)},
    )
    @no_useless_retries
    def repeated_lines(config: RepeatedLinesConfig, lake: LakeResource) -> dg.MaterializeResult:
        """Lines that stand in more than six documents of one site: menus, notices, teasers; counted, removed if asked.

        Six is what Llama 3 lets stand in thirty million documents; here it is counted by site (the host, or the
        channel), so that a phrase that many sites have once stays; copies and older captures of a page do not count.
        Nothing is removed unless `remove` is set: extraction has taken most boilerplate already, and FineWeb found
        models worse, not better, for removing repeated lines after near duplicates (Penedo et al. 2024, 3.4). Look at
        the shares and the excerpts first; then materialise this with `remove` and `kept` again, which then counts in
        `removed_lines` and `removed_characters` what each document lost, and drops those of which nothing is left.
        """
        known = [lane.name for lane in lanes]
        if unknown := sorted({*config.lanes} - {*known}):
            raise ConfigError(f"unknown lanes {unknown}; known: {', '.join(known)}")
        names = config.lanes or [lane.name for lane in lanes if lane.recipe != CONVERSATION]
        opened = lake.open()
        written, shares = stages.write_repeated_lines(
            opened, names, unit=config.unit, more_than=config.documents, remove=config.remove
        )
        table = opened.table("corpus/repeated_lines")
        most = table.scan().sort("documents", "hash", descending=[True, False]).head(SHOWN)
        shown = shares.with_columns(percent=100 * pl.col("bytes") / pl.col("all_bytes"))
        percents = dict(shown.filter(pl.col("percent").is_finite()).select("source", "percent").iter_rows())
        return dg.MaterializeResult(
            metadata=metadata.of_table(table, written)
            | {
                "dagster/row_count": written.rows,
                "lanes": ", ".join(names),
                "removed_from_kept": config.remove,
                "most_repeated": metadata.table_of(most.select("site", "documents", "sites", "excerpt").collect()),
                "shares": metadata.table_of(shown),
                "share_of_text": metadata.picture(
                    plots.bars(percents, title=f"Text in repeated {config.unit}s", unit="%")
                ),
            }
        )

    return repeated_lines
