"""What is made of all lanes together: comparisons of recipes, and the speech-act classifier."""

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
from parlance.filters.recipes import RECIPES, recipe
from parlance.stages import corpus as stages
from parlance.versions import content_version
from resources.labels import LabelledUtterances
from resources.lake import LakeResource


def corpus_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """Assets over all `lanes`."""
    return [_recipe_comparison(lanes), speech_act_model]


class ComparisonConfig(dg.Config):
    """Which recipes to compare, and where."""

    one: str = Field(default="web", description=f"A recipe: {', '.join(sorted(RECIPES))}.")
    other: str = Field(default="fineweb", description="The recipe beside it.")
    lanes: list[str] = Field(default=[], description="Lanes to compare in; none: those whose recipe is `one`.")


def _recipe_comparison(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["corpus", "recipe_comparison"],
        deps=[dg.AssetDep(lane.key("signals"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes],
        group_name="corpus",
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
        written = stages.write_comparison(opened, names, recipe(config.one), recipe(config.other))
        table = opened.table("corpus/recipe_comparison")
        rows = table.scan().collect()
        sides = rows.with_columns(
            change=pl.when(pl.col("one").is_null())
            .then(pl.lit("kept -> dropped"))
            .otherwise(pl.lit("dropped -> kept")),
            rule=pl.coalesce("one", "other").str.extract(r"^(\w+)"),
        )
        counts = sides.group_by("source", "change", "rule").len().sort("len", "rule", descending=[True, False])
        samples = (
            sides.group_by("change", "rule", maintain_order=True).head(2).select("change", "rule", "id", "excerpt")
        )
        return dg.MaterializeResult(
            metadata=metadata.of_table(table, written)
            | {
                "dagster/row_count": written.rows,
                "recipes": f"{config.one} -> {config.other}",
                "lanes": ", ".join(names),
                "changes": metadata.table_of(counts),
                "samples": metadata.table_of(samples.head(20)),
            }
        )

    return recipe_comparison


@dg.asset(
    key=["corpus", "speech_act_model"],
    group_name="corpus",
    kinds={"fasttext"},
    owners=OWNERS,
    code_version=code_version("speech_acts"),
)
@no_useless_retries
def speech_act_model(lake: LakeResource, labelled_utterances: LabelledUtterances) -> dg.MaterializeResult:
    """The classifier of speech acts, by form and by function, trained from the labelled utterances."""
    version = content_version([labelled_utterances.read_text(), code_version("speech_acts")])
    opened = lake.open()
    with opened.files.publish("corpus/speech_act_model", version) as folder:
        report = stages.train_speech_acts(labelled_utterances.path, folder)
    labels = report.labels.filter(pl.col("target") == "function").sort("support", descending=True)
    scores = {"f1": labels["f1"].to_list()}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/uri": opened.files.uri("corpus/speech_act_model", version),
            "held_out_accuracy_form": report.accuracy["form"],
            "held_out_accuracy_function": report.accuracy["function"],
            "held_out_macro_f1_function": report.macro_f1["function"],
            "labels": metadata.table_of(report.labels),
            "f1": metadata.picture(
                plots.grouped_bars(labels["label"].to_list(), scores, title="Held-out F1 by function")
            ),
        },
    )
