"""What the labelling functions say of the utterances of all lanes."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance import plots, schemas
from parlance.speech_acts.labelling.registry import TARGETS, Target
from parlance.stages import labelling as stages
from parlance.stages.speech_act_model import labelled_rows
from resources.labels import LabelledUtterances
from resources.lake import LakeResource

MOST_EXAMPLES = 60
PLOTTED = 40


def labelling_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """Weak supervision over `lanes`."""
    return [_labelling_functions(lanes)]


def _labelling_functions(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["corpus", "labelling_functions"],
        deps=[dg.AssetDep(lane.key("utterances"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes],
        group_name="insight",
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version("speech_acts.labelling", "stages.labelling"),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.WEAK_LABELS)},
    )
    @no_useless_retries
    def labelling_functions(lake: LakeResource, labelled_utterances: LabelledUtterances) -> dg.MaterializeResult:
        """Small rules that vote for the act of each utterance: how much each covers, and how often they differ.

        Their accuracy is that on the labelled utterances, on which the label model is fitted too. The table
        `corpus/weak_labels` has a label with its probability for every utterance on which a function votes.
        """
        labelled = labelled_rows(labelled_utterances.path)
        opened = lake.open()
        found = stages.write_weak_labels(opened, [lane.name for lane in lanes], labelled)
        table = opened.table(stages.TABLE)
        return dg.MaterializeResult(
            metadata=metadata.of_table(table, found.written)
            | {
                "dagster/row_count": found.written.rows,
                "functions": found.summaries["function"].height,
                "covered": sum(found.labelled.values()) / max(1, found.utterances),
                "conflicting": found.conflicts / max(1, found.utterances),
                "weak_labels": metadata.picture(
                    plots.bars(found.labelled, title="Utterances by weak label of their function")
                ),
            }
            | {name: value for target in TARGETS for name, value in _shown(found, target).items()}
            | {"conflicts": metadata.table_of(found.examples.head(MOST_EXAMPLES))}
        )

    return labelling_functions


def _shown(found: stages.WeakLabels, target: Target) -> dict[str, Any]:
    """The table of the functions that vote for `target`, those that vote most first, and a plot."""
    rows = found.summaries[target].sort("votes", "name", descending=[True, False])
    most = rows.filter(pl.col("votes") > 0).head(PLOTTED)
    shares = {name: most[name].to_list() for name in ("coverage", "overlap", "conflict")}
    picture = plots.grouped_bars(most["name"].to_list(), shares, title=f"Share of utterances, by {target}")
    accuracy = rows.filter(pl.col("with_gold") > 0).sort("accuracy", "name", descending=[True, False])
    right = plots.bars(
        dict(accuracy.select("name", "accuracy").iter_rows()), title=f"Accuracy on labelled utterances, by {target}"
    )
    return {
        f"functions_by_{target}": metadata.table_of(rows),
        f"coverage_by_{target}": metadata.picture(picture),
        f"accuracy_by_{target}": metadata.picture(right),
    }
