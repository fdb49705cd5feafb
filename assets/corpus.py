"""What is made of all lanes together: the duplicates and the speech-act classifier."""

from collections.abc import Sequence

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance import plots, schemas
from parlance.stages import corpus as stages
from parlance.versions import content_version
from resources.labels import LabelledUtterances
from resources.lake import LakeResource


class DuplicatesConfig(dg.Config):
    """When two documents count as near duplicates."""

    threshold: float = Field(default=0.8, ge=0.5, le=1.0, description="Least Jaccard similarity of word 5-grams.")


def corpus_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """Assets over all `lanes`."""
    return [_duplicates(lanes), speech_act_model]


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
