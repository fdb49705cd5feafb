"""The task of drafting in the training process: JSON in, the stage, JSON out."""

import os
from collections.abc import Callable
from typing import Any

from parlance.inference import InferenceSettings, prompts, schema
from parlance.inference.writers import Target, chosen
from parlance.lake import Lake
from parlance.modelling.settings import GenerationSettings
from parlance.stages import predictions
from parlance.stages.predictions import Asking

Spec = dict[str, Any]


def draft(spec: Spec, log: Callable[[str], None]) -> Spec:
    """`inference` is what the resource `Inference` says, `model` the folder of the model, if one here drafts."""
    lake = Lake(root=spec["lake"])
    return predictions.draft(lake, spec["lane"], spec["partitions"], asking(spec), log=log)


def asking(spec: Spec) -> Asking:
    said = spec["inference"]
    writer = chosen(said["writer"])
    is_served = writer == "endpoint"
    settings = dict(spec["settings"])
    generation = GenerationSettings(**settings.pop("generation"))
    target = Target(
        writer=writer,
        model=said["model"] if is_served else spec["model"],
        url=said["url"],
        key=os.environ.get(said["key_variable"], ""),
        cache=said["cache"],
        timeout_s=said["timeout_s"],
        pause_s=said["pause_s"],
    )
    return Asking(
        target=target,
        model=said["model"] if is_served else spec["model_version"],
        prompt=prompts.read(said["prompt"]),
        schema=schema.read(said["answer_schema"]) if said["answer_schema"] else None,
        settings=InferenceSettings(generation=generation, **settings),
    )
