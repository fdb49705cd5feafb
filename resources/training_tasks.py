"""The tasks of the training process: JSON in, a stage of the engine, JSON out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from parlance.lake import Lake
from parlance.modelling.settings import FinetuningSettings, GenerationSettings, PretrainingSettings
from parlance.stages import models

Spec = dict[str, Any]


def pretrain(spec: Spec, progress: Any) -> Spec:
    return models.pretrain(
        Lake(root=spec["lake"]),
        spec["lanes"],
        tokenizer=Path(spec["tokenizer"]),
        folder=Path(spec["folder"]),
        checkpoints=Path(spec["checkpoints"]),
        settings=PretrainingSettings(**spec["settings"]),
        progress=progress,
    )


def finetune(spec: Spec, progress: Any) -> Spec:
    return models.finetune(
        Lake(root=spec["lake"]),
        base=spec["base"],
        folder=Path(spec["folder"]),
        checkpoints=Path(spec["checkpoints"]),
        settings=FinetuningSettings(**spec["settings"]),
        progress=progress,
    )


def evaluate(spec: Spec, progress: Any) -> Spec:
    settings = GenerationSettings(**spec["settings"])
    return models.evaluate(Lake(root=spec["lake"]), models=spec["models"], settings=settings)


def draft(spec: Spec, progress: Any) -> Spec:
    return models.draft(
        Lake(root=spec["lake"]),
        spec["lane"],
        spec["partitions"],
        model=spec["model"],
        model_version=spec["model_version"],
        settings=GenerationSettings(**spec["settings"]),
    )


TASKS: dict[str, Callable[[Spec, Any], Spec]] = {
    "pretrain": pretrain,
    "finetune": finetune,
    "evaluate": evaluate,
    "draft": draft,
}
