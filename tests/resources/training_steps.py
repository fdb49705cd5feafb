"""A step that trains, and what it raised."""

from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterPipesExecutionError

from parlance.errors import ParlanceError
from resources.training import TrainingProcess

# Fails in the engine before torch is loaded or the lake is touched: what comes back has gone the whole way.
WRONG: dict[str, Any] = {
    "lake": "s3://bucket/lake",
    "base": ["models/base_model", "base1"],
    "name": "models/fine_tuned_model",
    "version": "made1",
    "code_version": "code1",
    "checkpoints": "/tmp/nowhere",
    "settings": {"batch_size": 0},
}


def raised_by(training: TrainingProcess, task: str, spec: dict[str, Any]) -> BaseException | None:
    """What `task` raised inside a step; null where it ended well."""
    raised: list[BaseException] = []

    @dg.asset
    def step(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        try:
            training.run(context, task, spec)
        except (ParlanceError, DagsterPipesExecutionError, RuntimeError) as error:
            raised.append(error)
        return dg.MaterializeResult()

    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize([step], instance=instance).success
    return raised[0] if raised else None


def wrong(lake: Path) -> dict[str, Any]:
    """`WRONG` on a lake of this machine."""
    return {**WRONG, "lake": str(lake)}
