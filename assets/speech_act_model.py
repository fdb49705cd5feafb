"""The classifier of speech acts: trained from labelled utterances and gold, in use where it passed the exam."""

from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import CLASSIFIER, OWNERS
from parlance import plots
from parlance.stages import speech_act_model as training
from resources.labels import LabelledUtterances
from resources.lake import LakeResource

GROUP = "annotation"
GOLD = dg.AssetKey(["corpus", "gold"])
MODEL = dg.AssetKey(["corpus", "speech_act_model"])
_COUNTS = {"rows": "labelled_utterances", "held_out": "held_out_utterances"}


class TrainingConfig(dg.Config):
    """When a new classifier takes the place of the one in use."""

    least_exam: int = Field(default=20, ge=1, description="Items that the exam must have to count.")
    sure: float = Field(
        default=0.5, ge=0, le=1, description="Least share of resamples of the exam in which it must be better."
    )


@dg.asset(
    key=MODEL,
    deps=[GOLD],
    group_name=GROUP,
    kinds={"fasttext", "pytorch"},
    owners=OWNERS,
    code_version=code_version(*CLASSIFIER, "annotation.exam", "stages.speech_act_model"),
)
@no_useless_retries
def speech_act_model(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    lake: LakeResource,
    labelled_utterances: LabelledUtterances,
) -> dg.MaterializeResult:
    """The classifier of speech acts, by form and by function, trained from the labelled utterances and from gold.

    Half of the gold that was drawn at random, chosen by hashes of the ids, is the exam: it is never trained on. A new
    classifier goes live only where its macro-F1 of the function on the exam is strictly higher than that of the one
    in use, and is so in at least half of 1,000 paired bootstrap resamples; equal is not better. It goes live unexamined
    where the exam has fewer than 20 items, or where there is none in use that can be read; the metadata says so.
    """
    opened = lake.open()
    done = training.train(
        opened,
        labelled_utterances.path,
        code=code_version(*CLASSIFIER),
        level=labelled_utterances.level,
        least_exam=config.least_exam,
        sure=config.sure,
        log=context.log.info,
    )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(done.live),
        metadata={"dagster/uri": opened.files.uri(training.MODEL, done.live)} | _of_exam(done) | _of_training(done),
    )


def _of_training(done: training.Trained) -> dict[str, Any]:
    labels = done.labels.filter(pl.col("target") == "function").sort("support", "label", descending=[True, False])
    scores = {"f1": labels["f1"].fill_null(float("nan")).to_list()}
    return {
        "live_version": done.live,
        "candidate_version": done.candidate,
        "gold_labels": done.gold,
        "gold_trained_on": done.trained_on,
        **{_COUNTS.get(name, f"held_out_{name}"): value for name, value in done.figures.items()},
        "labels": metadata.table_of(done.labels),
        "f1": metadata.picture(plots.grouped_bars(labels["label"].to_list(), scores, title="Held-out F1 by function")),
    }


def _of_exam(done: training.Trained) -> dict[str, Any]:
    """The decision, and where there was an exam both scores with a picture."""
    verdict = done.verdict
    said = {"decision": verdict.why, "goes_live": verdict.goes_live, "exam_items": verdict.items}
    if verdict.sure is None:
        return said
    by_label = verdict.labels.filter(pl.col("live").is_not_null())
    series = {name: by_label[name].to_list() for name in ("live", "candidate")}
    function = verdict.scores.filter(target="function")
    return said | {
        "exam_scores": metadata.table_of(verdict.scores),
        "better_in_share_of_resamples": verdict.sure,
        **{
            f"exam_macro_f1_{name}": function.filter(classifier=name)["macro_f1"].item()
            for name in ("live", "candidate")
        },
        "exam_f1": metadata.picture(
            plots.grouped_bars(
                by_label["label"].to_list(), series, title=f"F1 by function on {verdict.items} items of the exam"
            )
        ),
    }
