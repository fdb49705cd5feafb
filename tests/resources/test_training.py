"""The training process: its errors come back as what they are."""

from pathlib import Path
from typing import Any

import pytest
from dagster._core.errors import DagsterPipesExecutionError

from parlance.errors import ConfigError
from resources.training import TrainingProcess
from tests.resources.training_steps import raised_by

SETTINGS = {"max_new_tokens": 4}


def run(tmp_path: Path, task: str, settings: dict[str, Any]) -> BaseException | None:
    """Runs a task in its process inside a step and returns what it raised there."""
    spec = {"lake": str(tmp_path / "lake"), "models": {}, "settings": settings}
    return raised_by(TrainingProcess(checkpoints=str(tmp_path)), task, spec)


@pytest.mark.slow
def test_a_wrong_setting_is_a_config_error_here_too(tmp_path: Path) -> None:
    error = run(tmp_path, "evaluate", {"batch_size": 0})
    assert isinstance(error, ConfigError)
    assert "batch_size 0" in str(error)


@pytest.mark.slow
def test_a_process_that_breaks_is_a_failed_step_that_may_be_retried(tmp_path: Path) -> None:
    error = run(tmp_path, "no such task", SETTINGS)
    assert isinstance(error, DagsterPipesExecutionError)
