"""Models: pre-training, fine-tuning, evaluation and drafts, each in a process of its own through Dagster Pipes."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.instruct import EXAMPLES
from assets.lanes import OWNERS, Lane
from assets.tokenizers import name_of
from parlance import plots, schemas
from parlance.lake import Lake
from parlance.modelling.settings import FinetuningSettings, GenerationSettings, PretrainingSettings
from parlance.stages import models as stages
from parlance.storage import Written
from parlance.versions import version
from resources.lake import LakeResource
from resources.training import TrainingProcess

TOKENIZER = "byte_level_bpe"
BASE, FINE_TUNED = "models/base_model", "models/fine_tuned_model"
RETRY = dg.RetryPolicy(max_retries=1, delay=2)

# Changed examples train and a changed model drafts, once every blocking check before them passed. What was made again
# with the same content changes nothing.
ON_CHANGE = (
    dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed()).since(
        dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
    )
    & dg.AutomationCondition.all_deps_blocking_checks_passed()
    & ~dg.AutomationCondition.any_deps_missing()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
)


class PretrainingConfig(dg.Config):
    """The small base model and its training; used where no base model is configured."""

    hidden_size: int = PretrainingSettings.hidden_size
    layers: int = PretrainingSettings.layers
    heads: int = PretrainingSettings.heads
    sequence_length: int = PretrainingSettings.sequence_length
    epochs: int = PretrainingSettings.epochs
    max_steps: int | None = Field(default=None, description="Number of steps in place of epochs.")
    batch_size: int = PretrainingSettings.batch_size
    learning_rate: float = PretrainingSettings.learning_rate
    seed: int = PretrainingSettings.seed
    save_steps: int = Field(
        default=PretrainingSettings.save_steps, description="Steps from one checkpoint to the next."
    )


class FinetuningConfig(dg.Config):
    """LoRA fine-tuning on the instruct examples, with loss on the responses alone."""

    rank: int = FinetuningSettings.rank
    alpha: int = FinetuningSettings.alpha
    train_embeddings: bool = Field(
        default=True, description="Train the token embeddings too; a base without chat needs it."
    )
    sequence_length: int = FinetuningSettings.sequence_length
    epochs: int = FinetuningSettings.epochs
    max_steps: int | None = Field(default=None, description="Number of steps in place of epochs.")
    batch_size: int = FinetuningSettings.batch_size
    gradient_accumulation: int = FinetuningSettings.gradient_accumulation
    learning_rate: float = FinetuningSettings.learning_rate
    seed: int = FinetuningSettings.seed
    save_steps: int = Field(default=FinetuningSettings.save_steps, description="Steps from one checkpoint to the next.")


class GenerationConfig(dg.Config):
    """How answers are written."""

    max_new_tokens: int = GenerationSettings.max_new_tokens
    temperature: float = Field(default=GenerationSettings.temperature, description="0: always the likeliest token.")
    repetition_penalty: float = GenerationSettings.repetition_penalty
    batch_size: int = GenerationSettings.batch_size
    seed: int = GenerationSettings.seed


def model_assets(lanes: Sequence[Lane], questions: Lane, *, base: str) -> list[dg.AssetsDefinition]:
    """Models over the corpus of `lanes`; drafts for the questions of one of them. `base`: see PARLANCE_BASE_MODEL."""
    return [_base_model(lanes, configured=base), fine_tuned_model, evaluation, _predictions(questions)]


def _asset(path: str, *modules: str, deps: Sequence[Any], **more: Any) -> Any:
    return dg.asset(
        key=path.split("/"),
        deps=deps,
        group_name="models",
        owners=OWNERS,
        kinds={"pytorch", "huggingface"},
        code_version=code_version("stages.models", *modules),
        retry_policy=RETRY,
        pool="accelerator",
        **more,
    )


def _base_model(lanes: Sequence[Lane], *, configured: str) -> dg.AssetsDefinition:
    names = [lane.name for lane in lanes]
    texts = [dg.AssetDep(lane.key("kept"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes]

    @_asset(BASE, "modelling.pretraining", "modelling.settings", deps=[*texts, EXAMPLES, name_of(TOKENIZER).split("/")])
    @no_useless_retries
    def base_model(
        context: dg.AssetExecutionContext, config: PretrainingConfig, lake: LakeResource, training: TrainingProcess
    ) -> dg.MaterializeResult:
        """The model to fine-tune: the one that PARLANCE_BASE_MODEL names, or a small one trained here from scratch.

        Threads held out for validation and test are not in its training text.
        """
        opened = lake.open()
        if configured:
            made = version("configured", configured)
            with opened.files.publish(BASE, made) as folder:
                stages.refer_to(configured, folder)
            return _model(opened, BASE, made, {"model": configured})
        settings = PretrainingSettings(**config.model_dump())
        tokenizer = opened.files.folder(name_of(TOKENIZER))
        made = version(settings, tokenizer.name, stages.corpus_version(opened, names), stages.examples_version(opened))
        spec = {"lanes": names, "tokenizer": str(tokenizer)}
        return _trained(context, opened, training, name=BASE, made=made, task="pretrain", spec=spec, settings=settings)

    return base_model


@_asset(
    FINE_TUNED,
    "modelling.finetuning",
    "modelling.settings",
    deps=[EXAMPLES, BASE.split("/")],
    automation_condition=ON_CHANGE,
)
@no_useless_retries
def fine_tuned_model(
    context: dg.AssetExecutionContext, config: FinetuningConfig, lake: LakeResource, training: TrainingProcess
) -> dg.MaterializeResult:
    """The base model fine-tuned with LoRA on the instruct examples. After a crash it goes on from its checkpoint."""
    opened = lake.open()
    settings = FinetuningSettings(**config.model_dump())
    base = stages.base_of(opened.files.folder(BASE))
    made = version(settings, opened.files.latest(BASE), stages.examples_version(opened))
    return _trained(
        context, opened, training, name=FINE_TUNED, made=made, task="finetune", spec={"base": base}, settings=settings
    )


def _trained(
    context: dg.AssetExecutionContext,
    lake: Lake,
    training: TrainingProcess,
    *,
    name: str,
    made: str,
    task: str,
    spec: dict[str, Any],
    settings: PretrainingSettings | FinetuningSettings,
) -> dg.MaterializeResult:
    """Trains version `made` of model `name`, unless the same inputs and settings made it before."""
    known = lake.files.has(name, made)
    checkpoints = Path(training.checkpoints, name, made)
    if known:
        context.log.info(f"{name} {made} exists: the same inputs and settings made it before")
    with lake.files.publish(name, made) as folder:
        if known:
            shutil.copytree(lake.files.folder(name, made), folder, dirs_exist_ok=True)
        else:
            paths = {"lake": lake.root, "folder": str(folder), "checkpoints": str(checkpoints)}
            training.run(context, task, {**spec, **paths, "settings": asdict(settings)})
        shutil.rmtree(checkpoints, ignore_errors=True)
    report = stages.report_of(lake.files.folder(name, made))
    curves = {"training": report["train_losses"], "validation": report["validation_losses"]}
    plot = plots.curves(curves, title="Loss", x="step", y="nats per token")
    figures = ("steps", "resumed_from", "tokens", "seconds", "device", "parameters", "trainable_parameters")
    shown = {figure: report[figure] for figure in figures} | {"loss": metadata.picture(plot), "trained_now": not known}
    return _model(lake, name, made, shown)


def _model(lake: Lake, name: str, made: str, shown: dict[str, Any]) -> dg.MaterializeResult:
    described = {"dagster/uri": lake.files.uri(name, made), "version": made}
    return dg.MaterializeResult(data_version=dg.DataVersion(made), metadata=described | shown)


@_asset("models/evaluation", "modelling.evaluation", deps=[EXAMPLES, BASE.split("/"), FINE_TUNED.split("/")])
@no_useless_retries
def evaluation(
    context: dg.AssetExecutionContext, config: GenerationConfig, lake: LakeResource, training: TrainingProcess
) -> dg.MaterializeResult:
    """The base and the fine-tuned model on the held-out test examples: perplexity, bits per character, ROUGE, BLEU."""
    opened = lake.open()
    models = {
        "base": stages.base_of(opened.files.folder(BASE)),
        "fine_tuned": str(opened.files.folder(FINE_TUNED)),
    }
    spec = {"lake": opened.root, "models": models, "settings": config.model_dump()}
    result = training.run(context, "evaluate", spec)
    figures = pl.DataFrame([{"model": name, **values} for name, values in result["figures"].items()])
    answers = pl.DataFrame(result["answers"]["fine_tuned"]).select("question", "reference", "answer")
    return dg.MaterializeResult(
        metadata={
            "figures": dg.MetadataValue.json(result["figures"]),
            "comparison": metadata.table_of(figures),
            "answers": metadata.table_of(answers),
            "perplexity": result["figures"]["fine_tuned"]["perplexity"],
            "bits_per_character": result["figures"]["fine_tuned"]["bits_per_character"],
        }
    )


def _predictions(lane: Lane) -> dg.AssetsDefinition:
    key = dg.AssetKey(["models", "predictions"])

    @_asset(
        "models/predictions",
        "modelling.generation",
        "instruct",
        deps=[lane.key("kept"), lane.key("utterances"), FINE_TUNED.split("/")],
        partitions_def=lane.partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        automation_condition=ON_CHANGE & dg.AutomationCondition.in_latest_time_window(),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.PREDICTIONS)},
    )
    @no_useless_retries
    def predictions(
        context: dg.AssetExecutionContext, config: GenerationConfig, lake: LakeResource, training: TrainingProcess
    ) -> dg.MaterializeResult:
        """A draft for each question of the day that nobody answered, with the model's version and its thread."""
        opened, keys = lake.open(), list(context.partition_keys)
        made = opened.files.latest(FINE_TUNED)
        spec = {
            "lake": opened.root,
            "lane": lane.name,
            "partitions": keys,
            "model": str(opened.files.folder(FINE_TUNED)),
            "model_version": made,
            "settings": config.model_dump(),
        }
        written = Written(**training.run(context, "draft", spec))
        metadata.by_partition(context, key, written.rows_by_partition)
        table = opened.table("models/predictions")
        shown = metadata.of_table(table, written, preview=["channel", "question", "draft"])
        return dg.MaterializeResult(metadata=shown | {"model_version": made})

    return predictions


def model_checks(lane: Lane) -> list[dg.AssetChecksDefinition]:
    """The checks of the models and of their drafts."""

    @dg.asset_check(asset=["models", "predictions"], name="one_draft_a_question", blocking=True)
    def one_draft_a_question(lake: LakeResource) -> dg.AssetCheckResult:
        """No message has two drafts."""
        drafts = lake.open().table("models/predictions").scan().group_by("message_id").len()
        repeated = drafts.filter(pl.col("len") > 1).sort("message_id").head(10).collect()
        return dg.AssetCheckResult(passed=repeated.is_empty(), metadata={"repeated": repeated["message_id"].to_list()})

    @dg.asset_check(asset=["models", "evaluation"], name="fine_tuning_helps", blocking=True)
    def fine_tuning_helps(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        """The fine-tuned model needs fewer bits per character than its base on the held-out answers."""
        event = context.instance.get_latest_materialization_event(dg.AssetKey(["models", "evaluation"]))
        figures = event.asset_materialization.metadata["figures"].value
        before, after = (figures[name]["bits_per_character"] for name in ("base", "fine_tuned"))
        return dg.AssetCheckResult(passed=after < before, metadata={"before": before, "after": after})

    return [one_draft_a_question, fine_tuning_helps]
