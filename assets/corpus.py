"""What is made of all lanes together: the duplicates and the speech-act classifier."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, REFERENCES, Lane
from parlance import plots, schemas
from parlance.errors import ConfigError
from parlance.filters.recipes import RECIPES, recipe
from parlance.stages import corpus as stages
from parlance.versions import content_version
from resources.labels import LabelledUtterances
from resources.lake import LakeResource
from resources.references import NamedReferences


class DuplicatesConfig(dg.Config):
    """When two documents count as near duplicates."""

    threshold: float = Field(default=0.8, ge=0.5, le=1.0, description="Least Jaccard similarity of word 5-grams.")


def corpus_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """Assets over all `lanes`."""
    return [_duplicates(lanes), _recipe_comparison(lanes), references, speech_act_model]


def _duplicates(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["corpus", "duplicates"],
        deps=[dg.AssetDep(lane.key("signals"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes],
        group_name="corpus",
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version("dedup", "filters.recipes", "stages.corpus"),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.DUPLICATES)},
    )
    @no_useless_retries
    def duplicates(config: DuplicatesConfig, lake: LakeResource) -> dg.MaterializeResult:
        """Clusters of exact and near duplicates over all lanes, and which member of each is kept.

        Content hashes, bands and signatures give candidates, whose texts decide by their exact Jaccard. A cluster keeps
        the earliest member that breaks no rule. `python -m orchestration.why ID` shows a document beside its survivor.
        """
        opened = lake.open()
        written = stages.write_duplicates(opened, {lane.name: lane.rules for lane in lanes}, threshold=config.threshold)
        table = opened.table("corpus/duplicates")
        rows = table.scan().collect()
        kinds = rows.filter(~pl.col("keep")).group_by("source", "kind").len().sort("source", "kind")
        shown = metadata.of_table(
            table, written, preview=["id", "kind", "matched_id", "jaccard"], where=~pl.col("keep")
        )
        clusters = {"clusters": rows["cluster"].n_unique(), "documents_to_drop": metadata.table_of(kinds)}
        return dg.MaterializeResult(metadata=shown | {"dagster/row_count": written.rows} | clusters)

    return duplicates


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


REFERENCE_MODULES = ("references", "speech_acts.fasttext_model", "dedup.characters", "dedup.tokens")
BINS = 20


@dg.asset(
    key=REFERENCES,
    group_name="corpus",
    kinds={"polars", "fasttext"},
    owners=OWNERS,
    code_version=code_version(*REFERENCE_MODULES),
)
@no_useless_retries
def references(lake: LakeResource, references: NamedReferences) -> dg.MaterializeResult:
    """What documents are compared with: blocked hosts and words, evaluation sets, and a classifier of quality.

    Made of the files that the setting PARLANCE_REFERENCES names. Nothing is made again where none of them changed.
    """
    named = references.named()
    version = content_version([named.version, code_version(*REFERENCE_MODULES)])
    opened = lake.open()
    report = stages.compile_references(opened, named, version)
    shown = {
        "dagster/uri": opened.files.uri("corpus/references", version),
        "blocked_hosts": report.hosts,
        "blocked_words": report.words,
        "evaluation_sets": metadata.table_of(pl.DataFrame(report.sets)),
    }
    if report.lines_without_host:
        shown |= {"lines_without_host": report.lines_without_host, "such_as": ", ".join(report.examples)}
    return dg.MaterializeResult(data_version=dg.DataVersion(version), metadata=shown | _of_quality(report.quality))


def _of_quality(quality: Mapping[str, Any] | None) -> dict[str, Any]:
    """The figures of the classifier, and how its scores are spread over held-out texts."""
    if quality is None:
        return {}
    figures = {f"quality_{name}": value for name, value in quality.items() if name != "scores"}
    spread = {f"{name} ({len(scores)} texts)": _spread(scores) for name, scores in quality["scores"].items()}
    plot = plots.curves(spread, title="Quality of held-out texts", x="score", y="share of the class")
    return {**figures, "quality_scores": metadata.picture(plot)}


def _spread(scores: Sequence[float]) -> list[tuple[float, float]]:
    """The share of `scores` in each of the bins between 0 and 1, by their middles."""
    places = [min(int(score * BINS), BINS - 1) for score in scores]
    return [((place + 0.5) / BINS, places.count(place) / max(len(places), 1)) for place in range(BINS)]


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
