"""The tasks of the training process: JSON in, a stage of the engine, JSON out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from parlance.evaluation import PromotionRules, Prompt
from parlance.lake import Lake
from parlance.modelling.settings import FinetuningSettings, GenerationSettings, PretrainingSettings
from parlance.stages import evaluation, models
from resources.inference_tasks import draft as draft_answers

Spec = dict[str, Any]


def pretrain(spec: Spec, progress: Any) -> Spec:
    models.pretrain(
        Lake(root=spec["lake"]),
        spec["lanes"],
        tokenizer=tuple(spec["tokenizer"]),
        target=target(spec),
        settings=PretrainingSettings(**spec["settings"]),
        progress=progress,
    )
    return {}


def finetune(spec: Spec, progress: Any) -> Spec:
    models.finetune(
        Lake(root=spec["lake"]),
        base=tuple(spec["base"]),
        target=target(spec),
        settings=FinetuningSettings(**spec["settings"]),
        progress=progress,
    )
    return {}


def target(spec: Spec) -> models.Target:
    """What is trained. Its report lies beside it in the lake: a log line, which messages may be, has no room for it."""
    return models.Target(
        name=spec["name"],
        version=spec["version"],
        code_version=spec["code_version"],
        checkpoints=Path(spec["checkpoints"]),
        mirrored=spec.get("mirrored", False),
    )


def evaluate(spec: Spec, progress: Any) -> Spec:
    settings = evaluation.EvaluationSettings(
        generation=GenerationSettings(**spec["settings"]),
        rules=PromotionRules(**spec["rules"]),
        prompts=[Prompt.of(one) for one in spec["prompts"]],
        **spec["comparing"],
    )
    models = [evaluation.Compared(**one) for one in spec["models"]]
    evaluation.evaluate(Lake(root=spec["lake"]), models=models, made=spec["made"], key=spec["key"], settings=settings)
    return {}


def draft(spec: Spec, progress: Any) -> Spec:
    return draft_answers(spec, progress)


TASKS: dict[str, Callable[[Spec, Any], Spec]] = {
    "pretrain": pretrain,
    "finetune": finetune,
    "evaluate": evaluate,
    "draft": draft,
}
