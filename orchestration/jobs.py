"""Jobs: one lane, training, drafts, and the whole graph in the order that the data needs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from assets import freshness
from assets.boundary import failure
from assets.lanes import Lane
from orchestration.alerting.digest import digest_job
from orchestration.decisions import decision_job
from orchestration.main import check_ops, materialize_everything
from orchestration.retention import old_runs_job
from parlance.errors import ConfigError

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

# What leaves the project, or costs, is materialised where somebody asks for it by name.
ASKED_FOR = dg.AssetSelection.assets(["instruct", "synthetic"], ["instruct", "hub_dataset"])
TRAINING = (dg.AssetSelection.groups("instruct", "tokenizers", "search") - ASKED_FOR) | dg.AssetSelection.assets(
    ["corpus", "speech_act_model"],
    ["corpus", "profiles"],
    ["models", "base_model"],
    ["models", "fine_tuned_model"],
    ["models", "candidate"],
    ["models", "evaluation"],
    ["models", "champion"],
)
# What a lane needs that belongs to none: what its documents are compared with, and the duplicates.
OVER_ALL = dg.AssetSelection.assets(["corpus", "references"], ["corpus", "duplicates"])
# What is made of all lanes together and trains no model and no tokenizer.
CORPUS = (dg.AssetSelection.groups("instruct", "search") - ASKED_FOR) | dg.AssetSelection.assets(
    ["corpus", "drift"],
    ["corpus", "profiles"],
    ["corpus", "repeated_lines"],
    ["corpus", "report"],
    ["corpus", "speech_acts"],
)
CORPUS_JOB = dg.define_asset_job(
    "corpus", CORPUS, description="Instruct examples and exports, search index, speech acts, drift, the report."
)
TRAINING_JOB = dg.define_asset_job(
    "training",
    TRAINING,
    description="Instruct examples, tokenizers, search index, base model, fine-tuning, evaluation, promotion.",
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
PROMOTION_JOB = dg.define_asset_job(
    "promotion",
    dg.AssetSelection.assets(["models", "candidate"], ["models", "evaluation"], ["models", "champion"]),
    description="The fine-tuned model registered, evaluated and, where no rule forbids it, taken into use.",
)
ROLLBACK_JOB = dg.define_asset_job(
    "rollback",
    dg.AssetSelection.assets(["models", "champion"]),
    config={"ops": {"models__champion": {"config": {"version": "previous", "promoted_by": "", "reason": ""}}}},
    description="The model in use before, or the one that `version` names; say who you are and why.",
)


def steps(lane: Lane) -> dg.AssetSelection:
    """What the lane's job makes: every table of its partitions, and the duplicates over all lanes."""
    return dg.AssetSelection.groups(*lane.groups) | OVER_ALL


def lane_job(lane: Lane) -> "UnresolvedAssetJobDefinition":
    """All steps of one lane for a partition or a range, the duplicates over all lanes included."""
    return dg.define_asset_job(
        f"{lane.name}_lane",
        steps(lane),
        description=f"Every step of {lane.title}, from raw rows to embeddings.",
        executor_def=_executor(lane),
    )


def thread_job(lane: Lane) -> "UnresolvedAssetJobDefinition":
    """The lane without its raw rows: for days whose threads got replies that are in the lake already."""
    return dg.define_asset_job(
        f"{lane.name}_threads",
        steps(lane) - dg.AssetSelection.assets(lane.key("raw")),
        description=f"Every step of {lane.title} after the raw rows.",
        executor_def=_executor(lane),
    )


def _executor(lane: Lane) -> dg.ExecutorDefinition | None:
    """A day is little, and processes for its steps would take most of the time; a dump may be large."""
    return dg.in_process_executor if lane.is_by_day else None


def freshness_job(lanes: Mapping[str, Lane]) -> "UnresolvedAssetJobDefinition":
    """The checks that ask whether something new came; they make nothing."""
    return dg.define_asset_job(
        "source_freshness",
        dg.AssetSelection.checks(*freshness.check_keys([*lanes.values()])),
        description="Whether every source goes on: when the newest that is in the lake was said, fetched or annotated.",
        executor_def=dg.in_process_executor,  # runs every hour, and reads a few numbers
    )


def jobs(lanes: Mapping[str, Lane]) -> "dict[str, UnresolvedAssetJobDefinition | dg.JobDefinition]":
    """Every job by name; the whole graph is `everything`."""
    selected = [*(lane_job(lane) for lane in lanes.values()), thread_job(lanes["slack"]), TRAINING_JOB, DRAFTS_JOB]
    selected += [CORPUS_JOB, ANNOTATIONS_JOB, RETRAINING_JOB, PROMOTION_JOB, ROLLBACK_JOB, freshness_job(lanes)]
    selected += [decision_job(lane) for lane in lanes.values()]
    own = [everything, digest_job(lanes), old_runs_job]
    return {job.name: job for job in selected} | {job.name: job for job in own}


class RunConfiguration(dg.Config):
    """What a file in recipes/ says."""

    ops: dict[str, Any] = Field(default={}, description="By op, as in the files in recipes/; empty: the defaults.")


@dg.op
def run_phases(context: dg.OpExecutionContext, config: RunConfiguration) -> dg.Output[None]:
    """Materialises every asset: one run for each phase, so that each partitioned step sees a whole range."""
    try:
        check_ops(config.ops, place="run_phases")
    except ConfigError as error:
        raise failure(error) from error
    runs = materialize_everything(context.instance, log=context.log.info, config=config.ops, started_by=context.run_id)
    return dg.Output(None, metadata=runs)


@dg.job(
    description=(
        "The whole graph: every day of the export and every dump in the inbox, through to the fine-tuned model and its "
        "drafts. Lanes have different partitions, so this job starts one run for each phase; `make run` runs the same."
    ),
    executor_def=dg.in_process_executor,
)
def everything() -> None:
    run_phases()
