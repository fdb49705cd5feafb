"""Models: pre-training and fine-tuning, each in a process of its own through Dagster Pipes."""

import inspect
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.instruct import EXAMPLES
from assets.lanes import OWNERS, Lane
from assets.tokenizers import name_of
from assets.training_settings import FinetuningConfig, PretrainingConfig
from parlance import plots
from parlance.lake import Lake
from parlance.modelling.fingerprints import identity
from parlance.modelling.rules_of_thumb import RULES, Finding, Report
from parlance.modelling.settings import FinetuningSettings, PretrainingSettings
from parlance.stages import models as stages
from parlance.versions import version
from resources.lake import LakeResource
from resources.training import TrainingProcess

TOKENIZER = "byte_level_bpe"
BASE, FINE_TUNED = "models/base_model", "models/fine_tuned_model"
ENDPOINT = "endpoint"

# Changed examples train and a changed model drafts, once every blocking check before them passed. What was made again
# with the same content changes nothing.
CHANGED = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())


def once_for(changed: Any) -> Any:
    """Once for what `changed`, when nothing that it is made of is missing, held back or being made."""
    return (
        changed.since(dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated())
        & dg.AutomationCondition.all_deps_blocking_checks_passed()
        & ~dg.AutomationCondition.any_deps_missing()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
    )


ON_CHANGE = once_for(CHANGED)


def model_assets(lanes: Sequence[Lane], *, base: str, training: str = "local") -> list[dg.AssetsDefinition]:
    """Models over the corpus of `lanes`. `base`: see PARLANCE_BASE_MODEL; `training`: see PARLANCE_TRAINING."""
    tuned = fine_tuned_model
    if training == ENDPOINT:  # what costs money at each change is never asked for by a change
        (tuned,) = dg.map_asset_specs(lambda spec: spec.replace_attributes(automation_condition=None), [tuned])
    return [_base_model(lanes, configured=base), tuned]


def model_checks() -> list[dg.AssetChecksDefinition]:
    """The rules of thumb, held against the training of each model. They warn, and block nothing."""
    return [_rule_check(asset, rule) for asset in (BASE, FINE_TUNED) for rule in RULES]


def _rule_check(asset: str, rule: Callable[[Report], Finding]) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=asset.split("/"), name=rule.__name__, description=inspect.getdoc(rule).partition("\n\n")[0])
    def check(lake: LakeResource) -> dg.AssetCheckResult:
        report = stages.report_of(lake.open().files.folder(asset))
        # A model from elsewhere, or one that a provider trained, has no losses to look at.
        trained = "train_losses" in report
        found = rule(report) if trained else Finding(holds=True, said="this model was not trained here", numbers={})
        told = f"{found.said}: {found.advice}" if found.advice else found.said
        return dg.AssetCheckResult(
            passed=found.holds,
            severity=dg.AssetCheckSeverity.WARN,
            description=told,
            metadata={**found.numbers, **({"what_to_do": found.advice} if found.advice else {})},
        )

    return check


def model_asset(path: str, *modules: str, deps: Sequence[Any], **more: Any) -> Any:
    """An asset of the models: engine `modules` make its code version, one at a time holds the accelerator."""
    return dg.asset(
        key=path.split("/"),
        deps=deps,
        group_name="models",
        owners=OWNERS,
        kinds={"pytorch", "huggingface"},
        code_version=code_version(*modules),
        pool="accelerator",
        **more,
    )


def _base_model(lanes: Sequence[Lane], *, configured: str) -> dg.AssetsDefinition:
    names = [lane.name for lane in lanes]
    texts = [dg.AssetDep(lane.key("kept"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes]

    @model_asset(
        BASE,
        "stages.models",
        "modelling.pretraining",
        "modelling.settings",
        "modelling.stopping",
        "modelling.training",
        deps=[*texts, EXAMPLES, name_of(TOKENIZER).split("/")],
    )
    @no_useless_retries
    def base_model(
        context: dg.AssetExecutionContext, config: PretrainingConfig, lake: LakeResource, training: TrainingProcess
    ) -> dg.MaterializeResult:
        """The model to fine-tune: the one that PARLANCE_BASE_MODEL names, or a small one trained here from scratch.

        Threads held out for validation and test are not in its training text.
        """
        opened = lake.open()
        if configured:
            # A folder may be given other weights under the same name.
            held = [identity(configured)] if Path(configured).is_dir() else []
            made = version("configured", configured, *held)
            with opened.files.publish(BASE, made) as folder:
                stages.refer_to(configured, folder)
            return _model(opened, BASE, made, {"model": configured})
        settings = PretrainingSettings(**config.model_dump())
        tokenizer = name_of(TOKENIZER), opened.files.folder(name_of(TOKENIZER)).name
        made = version(settings, tokenizer[1], stages.corpus_version(opened, names), stages.examples_version(opened))
        spec = {"lanes": names, "tokenizer": tokenizer}
        return _trained(context, opened, training, name=BASE, made=made, task="pretrain", spec=spec, settings=settings)

    return base_model


@model_asset(
    FINE_TUNED,
    "stages.models",
    "modelling.finetuning",
    "modelling.packing",
    "modelling.provider",
    "modelling.settings",
    "modelling.stopping",
    "modelling.training",
    deps=[EXAMPLES, BASE.split("/")],
    automation_condition=ON_CHANGE,
)
@no_useless_retries
def fine_tuned_model(
    context: dg.AssetExecutionContext, config: FinetuningConfig, lake: LakeResource, training: TrainingProcess
) -> dg.MaterializeResult:
    """The base model fine-tuned on the instruct examples. After a crash it goes on from its checkpoint."""
    opened = lake.open()
    settings = FinetuningSettings(**config.model_dump())
    base = BASE, opened.files.folder(BASE).name
    made = version(settings, base[1], stages.examples_version(opened), *training.identity())
    spec = {"base": base}
    return _trained(
        context, opened, training, name=FINE_TUNED, made=made, task="finetune", spec=spec, settings=settings
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
    if known:
        context.log.info(f"{name} {made} exists: the same inputs and settings made it before")
        lake.files.make_latest(name, made)
        shutil.rmtree(training.checkpoints_of(name, made), ignore_errors=True)  # of a crash just after it was published
    else:
        of = {"name": name, "version": made, "code_version": _code_of(context)}
        where = {"lake": lake.root, "checkpoints": str(training.checkpoints_of(name, made))}
        training.run(context, task, {**spec, **of, **where, "settings": asdict(settings)})
    report = stages.report_of(lake.files.folder(name, made))
    return _model(lake, name, made, {**_shown(report), "trained_now": not known})


def _code_of(context: dg.AssetExecutionContext) -> str:
    return context.assets_def.code_versions_by_key[context.asset_key] or ""


def _shown(report: dict[str, Any]) -> dict[str, Any]:
    """The figures of a report, and its losses as a picture; of a model at a provider what is known of it."""
    if "train_losses" not in report:
        return {name: value for name, value in report.items() if value is not None}
    curves = {"training": report["train_losses"], "validation": report["validation_losses"]}
    plot = plots.curves(curves, title="Loss", x="step", y="nats per token")
    figures = ("method", "steps", "best_step", "stopped_early", "resumed_from", "tokens", "dataset_tokens", "seconds")
    more = ("device", "parameters", "trainable_parameters")
    return {figure: report[figure] for figure in (*figures, *more)} | {"loss": metadata.picture(plot)}


def _model(lake: Lake, name: str, made: str, shown: dict[str, Any]) -> dg.MaterializeResult:
    described = {"dagster/uri": lake.files.uri(name, made), "version": made}
    return dg.MaterializeResult(data_version=dg.DataVersion(made), metadata=described | shown)
