"""Jobs: one lane, training, drafts, and the whole graph in the order that the data needs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

from assets.lanes import Lane
from orchestration.main import materialize_everything

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

# What leaves the project, or costs, is materialised where somebody asks for it by name.
ASKED_FOR = dg.AssetSelection.assets(["instruct", "synthetic"], ["instruct", "hub_dataset"])
TRAINING = (dg.AssetSelection.groups("instruct", "tokenizers", "search") - ASKED_FOR) | dg.AssetSelection.assets(
    ["corpus", "speech_act_model"],
    ["corpus", "profiles"],
    ["models", "base_model"],
    ["models", "fine_tuned_model"],
    ["models", "evaluation"],
)
# What a lane needs that belongs to none: what its documents are compared with, and the duplicates.
OVER_ALL = dg.AssetSelection.assets(["corpus", "references"], ["corpus", "duplicates"])
TRAINING_JOB = dg.define_asset_job(
    "training",
    TRAINING,
    description="Instruct examples, tokenizers, search index, base model, fine-tuning, evaluation.",
)
DRAFTS_JOB = dg.define_asset_job(
    "drafts",
    dg.AssetSelection.assets(["models", "predictions"]),
    description="Drafts for the questions of a day that nobody answered.",
)
ANNOTATIONS_JOB = dg.define_asset_job(
    "annotations",
    dg.AssetSelection.assets(
        ["corpus", "annotations"],
        ["corpus", "annotations_rejected"],
        ["corpus", "agreement"],
        ["corpus", "gold"],
        ["corpus", "adjudication_batch"],
    ),
    description="Finished annotations, how far annotators agree, gold, and what is left to an adjudicator.",
)
RETRAINING_JOB = dg.define_asset_job(
    "retraining",
    dg.AssetSelection.assets(["corpus", "speech_act_model"]),
    description="The classifier of speech acts, trained again; it goes live only where it is better.",
)


def lane_job(lane: Lane) -> "UnresolvedAssetJobDefinition":
    """All steps of one lane for a partition or a range, the duplicates over all lanes included."""
    selection = dg.AssetSelection.groups(lane.name) | OVER_ALL
    return dg.define_asset_job(
        f"{lane.name}_lane", selection, description=f"Every step of {lane.title}, from raw rows to embeddings."
    )


def thread_job(lane: Lane) -> "UnresolvedAssetJobDefinition":
    """The lane without its raw rows: for days whose threads got replies that are in the lake already."""
    selection = dg.AssetSelection.groups(lane.name) - dg.AssetSelection.assets(lane.key("raw"))
    return dg.define_asset_job(
        f"{lane.name}_threads",
        selection | OVER_ALL,
        description=f"Every step of {lane.title} after the raw rows.",
    )


def jobs(lanes: Mapping[str, Lane]) -> "dict[str, UnresolvedAssetJobDefinition | dg.JobDefinition]":
    """Every job by name; the whole graph is `everything`."""
    selected = [*(lane_job(lane) for lane in lanes.values()), thread_job(lanes["slack"]), TRAINING_JOB, DRAFTS_JOB]
    selected += [ANNOTATIONS_JOB, RETRAINING_JOB]
    return {job.name: job for job in selected} | {everything.name: everything}


@dg.op
def run_phases(context: dg.OpExecutionContext) -> None:
    """Materialises every asset: one run for each phase, so that each partitioned step sees a whole range."""
    materialize_everything(context.instance, log=context.log.info)


@dg.job(
    description=(
        "The whole graph: every day of the export and every dump in the inbox, through to the fine-tuned model and its "
        "drafts. Lanes have different partitions, so this job starts one run for each phase; `make run` runs the same."
    ),
    executor_def=dg.in_process_executor,
)
def everything() -> None:
    run_phases()
