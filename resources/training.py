"""Training, evaluation and generation in a process of their own, through Dagster Pipes.

A crash there is a failed step and nothing more. The asset calls `TrainingProcess.run`; the process is this
module's `__main__`, which calls one task of the engine and reports its progress.
"""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterPipesExecutionError
from dagster_pipes import PipesContext, open_dagster_pipes
from pydantic import Field

from parlance.errors import ConfigError, SchemaError

# Threads of OpenMP that spin while they wait cost a factor of six and more where cores are shared.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}
ERROR, RESULT = "error.json", "result.json"


class TrainingProcess(dg.ConfigurableResource):
    """Starts `python -m resources.training` for one task and returns what the task returned."""

    checkpoints: str = Field(description="A local folder for checkpoints of runs that are not finished.")

    def run(self, context: dg.AssetExecutionContext, task: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Runs `task` with the arguments `spec` (JSON); its log lines appear in the run as they come.

        Raises ConfigError or SchemaError where the process did; a crash raises what Pipes raises.
        """
        with tempfile.TemporaryDirectory(prefix="parlance-task-") as folder:
            extras = {"task": task, "spec": dict(spec), "folder": folder}
            try:
                dg.PipesSubprocessClient(env={**os.environ, **ENVIRONMENT}, cwd=str(Path(__file__).parent.parent)).run(
                    context=context, command=[sys.executable, "-m", "resources.training"], extras=extras
                )
            except DagsterPipesExecutionError:
                if (reported := Path(folder, ERROR)).exists():
                    error = json.loads(reported.read_text(encoding="utf-8"))
                    raise {"SchemaError": SchemaError}.get(error["kind"], ConfigError)(error["message"]) from None
                raise
            result: dict[str, Any] = json.loads(Path(folder, RESULT).read_text(encoding="utf-8"))
            return result


def main() -> None:
    """The process: one task, its result or its error written where the asset looks for it."""
    from resources import training_tasks

    with open_dagster_pipes() as pipes:
        folder = Path(pipes.get_extra("folder"))
        try:
            result = training_tasks.TASKS[pipes.get_extra("task")](pipes.get_extra("spec"), progress(pipes))
        except (ConfigError, SchemaError) as error:
            kind = {"kind": type(error).__name__, "message": str(error)}
            (folder / ERROR).write_text(json.dumps(kind), encoding="utf-8")
            raise
        (folder / RESULT).write_text(json.dumps(result), encoding="utf-8")


def progress(pipes: PipesContext) -> Any:
    """A call for the engine that logs where the work stands."""

    def report(state: Any) -> None:
        figures = asdict(state)
        loss = "" if figures["loss"] is None else f", loss {figures['loss']:.3f}"
        validation = "" if figures["validation_loss"] is None else f", validation loss {figures['validation_loss']:.3f}"
        speed = f", {figures['tokens_per_second']:,.0f} tokens/s"
        pipes.log.info(f"step {figures['step']} of {figures['steps']}{loss}{validation}{speed}")

    return report


if __name__ == "__main__":
    main()
