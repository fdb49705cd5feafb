"""Training, evaluation and generation in a process of their own, through Dagster Pipes.

A crash there is a failed step and nothing more. The asset calls `TrainingProcess.run`; the process is this
module's `__main__`, which calls one task of the engine and reports its progress. Where a training task runs is a
setting: here, or as a Ray job or a pod (`training_ray.py`, `training_kubernetes.py`), where it is the same process; or
somebody else trains (`training_endpoint.py`).
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import dagster as dg
from dagster._core.errors import DagsterPipesExecutionError
from dagster_pipes import PipesContext, open_dagster_pipes
from pydantic import Field

from parlance.errors import ConfigError, SchemaError, TransientError

# Threads of OpenMP that spin while they wait cost a factor of six and more where cores are shared.
ENVIRONMENT: Final = {"OMP_WAIT_POLICY": "PASSIVE"}
# What trains a model, and may do so elsewhere; the other tasks run models and stay on this machine.
TRAINING: Final = ("pretrain", "finetune")
COMMAND: Final = ("python", "-m", "resources.training")
ROOT: Final = Path(__file__).parent.parent
Spec = Mapping[str, Any]


class TrainingProcess(dg.ConfigurableResource):
    """Starts `python -m resources.training` for one task and returns what the task returned."""

    checkpoints: str = Field(description="A folder for checkpoints of runs that are not finished, where training runs.")

    def run(self, context: dg.AssetExecutionContext, task: str, spec: Spec) -> dict[str, Any]:
        """Runs `task` with the arguments `spec` (JSON); its log lines appear in the run as they come.

        Raises ConfigError, SchemaError or TransientError where the process did; a crash raises what Pipes raises.
        """
        return self.train(context, task, spec) if task in TRAINING else here(context, task, spec)

    def train(self, context: dg.AssetExecutionContext, task: str, spec: Spec) -> dict[str, Any]:
        """As `run`, for a task that trains."""
        return here(context, task, spec)

    def identity(self) -> Sequence[str]:
        """What of where it is trained makes another model of equal data and settings; nothing where we train."""
        return ()

    def checkpoints_of(self, name: str, version: str) -> Path:
        return Path(self.checkpoints, name, version)


def here(context: dg.AssetExecutionContext, task: str, spec: Spec) -> dict[str, Any]:
    """Runs `task` in a process on this machine."""
    client = dg.PipesSubprocessClient(env={**os.environ, **ENVIRONMENT}, cwd=str(ROOT))
    command = [sys.executable, *COMMAND[1:]]
    done = client.run(context=context, command=command, extras={"task": task, "spec": dict(spec)})
    return outcome_of(done.get_custom_messages(), task)


def outcome_of(messages: Sequence[Any], task: str) -> dict[str, Any]:
    """The result among the messages of a process that ended well; what it raised is raised here."""
    said = [message for message in messages if isinstance(message, dict) and {"result", "error"} & set(message)]
    if not said:
        raise DagsterPipesExecutionError(f"task {task} ended without a result")
    if "error" in said[-1]:
        kinds = {"SchemaError": SchemaError, "TransientError": TransientError}
        raise kinds.get(said[-1]["error"], ConfigError)(said[-1]["message"])
    result: dict[str, Any] = said[-1]["result"]
    return result


def main() -> None:
    """The process: one task, and its result or what was wrong as its last message.

    An error of ours is an answer, so that it comes back whole from wherever this runs; any other ends the process.
    """
    from resources import training_tasks

    with open_dagster_pipes() as pipes:
        try:
            result = training_tasks.TASKS[pipes.get_extra("task")](pipes.get_extra("spec"), progress(pipes))
        except (ConfigError, SchemaError, TransientError) as error:
            kind = next(one for one in (SchemaError, TransientError, ConfigError) if isinstance(error, one))
            pipes.report_custom_message({"error": kind.__name__, "message": str(error)})
        else:
            pipes.report_custom_message({"result": result})


def progress(pipes: PipesContext) -> Any:
    """A call for the engine that logs where the work stands."""

    def report(state: Any) -> None:
        if isinstance(state, str):
            pipes.log.info(state)
            return
        figures = asdict(state)
        loss = "" if figures["loss"] is None else f", loss {figures['loss']:.3f}"
        validation = "" if figures["validation_loss"] is None else f", validation loss {figures['validation_loss']:.3f}"
        speed = f", {figures['tokens_per_second']:,.0f} tokens/s"
        pipes.log.info(f"step {figures['step']} of {figures['steps']}{loss}{validation}{speed}")

    return report


if __name__ == "__main__":
    main()
