"""What is made of all lanes together: duplicates, comparisons of recipes, references."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.duplicates import duplicate_assets
from assets.lanes import OWNERS, Lane
from assets.references import references
from parlance import plots, schemas
from parlance.errors import ConfigError
from parlance.excerpts import CHARACTERS, excerpts
from parlance.filters.recipes import RECIPES, recipe
from parlance.report import comparing
from parlance.stages import corpus as stages
from resources.lake import LakeResource

MOST_SAMPLES = 40


def corpus_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """Assets over all `lanes`."""
    return [*duplicate_assets(lanes), _recipe_comparison(lanes), references]


class ComparisonConfig(dg.Config):
    """Which recipes to compare, and where."""

    one: str = Field(default="web", description=f"A recipe: {', '.join(sorted(RECIPES))}.")
    other: str = Field(default="fineweb", description="The recipe beside it.")
    lanes: list[str] = Field(default=[], description="Lanes to compare in; none: those whose recipe is `one`.")


def _recipe_comparison(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["corpus", "recipe_comparison"],
        deps=[dg.AssetDep(lane.key("signals"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes],
        group_name="deduplication",
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version("filters.recipes", "filters.deciding", "stages.corpus"),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.COMPARISON)},
    )
    @no_useless_retries
    def recipe_comparison(config: ComparisonConfig, lake: LakeResource) -> dg.MaterializeResult:
        """What changes side when another recipe decides: every such document with its reason, and samples of each.

        Nothing is kept or dropped by it. Materialise it from the launchpad with the recipes to compare.
        """
        names = config.lanes or [lane.name for lane in lanes if lane.recipe == config.one]
        if unknown := sorted({*names} - {lane.name for lane in lanes}):
            raise ConfigError(f"unknown lanes {unknown}; known: {', '.join(lane.name for lane in lanes)}")
        opened = lake.open()
        first, second = recipe(config.one), recipe(config.other)
        written = stages.write_comparison(opened, names, first, second)
        table = opened.table("corpus/recipe_comparison")
        sides = comparing.sides(opened, names, first, second)
        return dg.MaterializeResult(
            metadata=_comparison(config, sides, comparing.changes(table.scan().collect()))
            | metadata.of_table(table, written)
            | {
                "dagster/row_count": written.rows,
                "recipes": f"{config.one} and {config.other}",
                "lanes": ", ".join(names),
                "documents": int(sides["documents"].sum()),
                "kept_by_first": int((sides["both"] + sides["first_only"]).sum()),
                "kept_by_second": int((sides["both"] + sides["second_only"]).sum()),
            }
        )

    return recipe_comparison


def _comparison(config: ComparisonConfig, sides: pl.DataFrame, changes: pl.DataFrame) -> dict[str, Any]:
    """Who keeps how many documents, which rules make the difference, and samples of each."""
    named = {"both": "both", "first_only": f"{config.one} only", "second_only": f"{config.other} only"}
    sides = sides.rename(named | {"neither": "neither"})
    series = {name: sides[name].to_list() for name in (*named.values(), "neither")}
    picture = plots.grouped_bars(
        sides["lane"].to_list(), series, title=f"Documents by who keeps them: {config.one}, {config.other}"
    )
    who = pl.col("change").replace_strict(
        {comparing.KEPT_BY_ONE: f"{config.one} only", comparing.KEPT_BY_OTHER: f"{config.other} only"}
    )
    changes = changes.with_columns(who.alias("kept by"), pl.col("rule").alias("dropped by"))
    groups = ["kept by", "dropped by"]
    counts = changes.group_by("source", *groups).agg(documents=pl.len())
    counts = counts.sort("documents", "source", *groups, descending=[True, False, False, False])
    samples = changes.group_by(groups, maintain_order=True).head(comparing.SAMPLES).sort(groups, maintain_order=True)
    shown = samples.select(*groups, "id", reason=pl.coalesce("one", "other"), excerpt=excerpts(samples["excerpt"]))
    parts = [
        metadata.image(picture),
        metadata.markdown(counts),
        metadata.markdown(shown.head(MOST_SAMPLES), cell=CHARACTERS - 1),
    ]
    return {
        "kept_by": metadata.table_of(sides),
        "rules": metadata.shortened(counts.rename({"source": "lane"}), more="samples"),
        "samples": dg.MetadataValue.md("\n\n".join(parts)),
    }
