"""Fine-tuning by a provider, over its OpenAI-compatible API."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.modelling.settings import FinetuningSettings
from parlance.stages import models
from resources.training import Spec, TrainingProcess


class EndpointTraining(TrainingProcess):
    """Sends the examples to the API at `url`, which trains and keeps the model.

    The key is read from the environment when it is needed, so that no page shows it.
    """

    url: str = Field(default="", description="The address with its version, such as https://host/v1.")
    key_variable: str = Field(default="PARLANCE_TRAINING_KEY", description="The environment variable with the key.")
    timeout_s: float = Field(default=120, gt=0, description="How long one answer may take.")
    pause_s: float = Field(default=1, ge=0, description="The first pause before a request is tried again.")
    poll_s: float = Field(default=10, gt=0, description="From one look at the job to the next.")

    def identity(self) -> Sequence[str]:
        return ("endpoint", self.url)

    def train(self, context: dg.AssetExecutionContext, task: str, spec: Spec) -> dict[str, Any]:
        """Raises ConfigError for pretraining, which no provider does."""
        if task != "finetune":
            raise ConfigError(
                "PARLANCE_TRAINING is endpoint, which trains no model from scratch; "
                "PARLANCE_BASE_MODEL must name the model to fine-tune there"
            )
        from parlance.modelling.provider import Provider

        key = os.environ.get(self.key_variable, "")
        provider = Provider(self.url, key=key, timeout_s=self.timeout_s, pause_s=self.pause_s, poll_s=self.poll_s)
        try:
            return models.finetune_at(
                Lake(root=spec["lake"]),
                base=tuple(spec["base"]),
                target=models.Target(
                    name=spec["name"],
                    version=spec["version"],
                    code_version=spec["code_version"],
                    checkpoints=Path(spec["checkpoints"]),
                ),
                settings=FinetuningSettings(**spec["settings"]),
                provider=provider,
                say=context.log.info,
            )
        finally:
            provider.close()
