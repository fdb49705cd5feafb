"""Training as a Ray job, through Dagster Pipes. Needs the extra `ray`."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from parlance.errors import ConfigError
from resources.training import COMMAND, ENVIRONMENT, ROOT, Spec, TrainingProcess, outcome_of
from resources.training_elsewhere import environment, extras, is_here, require_shared

# What a task needs. Ray would send a whole folder, and in the project's may lie keys and data.
SENT = ("parlance", "resources")


class RayTraining(TrainingProcess):
    """Trains where the cluster at `address` finds room. What trains is this project's code, sent along."""

    address: str = Field(description="The cluster's dashboard, such as http://127.0.0.1:8265.")
    gpus: float = Field(default=0, ge=0, description="GPUs that the job asks for.")
    cpus: float = Field(default=1, ge=0, description="CPU cores that the job asks for.")

    def train(self, context: dg.AssetExecutionContext, task: str, spec: Spec) -> dict[str, Any]:
        """Raises ConfigError where the lake is a folder here and the cluster is not, and without the extra `ray`."""
        if not is_here(self.address):
            require_shared(spec["lake"], "ray")
        client = self._client()
        with code() as folder:
            job = {
                "entrypoint": " ".join(COMMAND),
                "entrypoint_num_cpus": self.cpus,
                "entrypoint_num_gpus": self.gpus,
                "runtime_env": {"working_dir": str(folder), "env_vars": {**ENVIRONMENT, **environment()}},
            }
            done = client.run(context=context, submit_job_params=job, extras=extras(task, spec))
        return outcome_of(done.get_custom_messages(), task)

    def _client(self) -> Any:
        # Nothing of what is computed here is told to Ray's makers.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            from dagster_ray import PipesRayJobClient
        except ImportError as error:
            raise ConfigError(
                f"PARLANCE_TRAINING is ray, but {error.name!r} is not installed: pip install 'parlance[ray]'"
            ) from error
        try:
            client = PipesRayJobClient(address=self.address)
            client.client.get_version()
        except (ConnectionError, RuntimeError) as error:
            raise ConfigError(
                f"PARLANCE_RAY_ADDRESS is {self.address!r}, where no Ray cluster answers: {error}"
            ) from error
        return client


@contextmanager
def code() -> Iterator[Path]:
    """A folder with the packages of `SENT` and nothing else."""
    with tempfile.TemporaryDirectory(prefix="parlance-code-") as folder:
        for package in SENT:
            shutil.copytree(ROOT / package, Path(folder, package), ignore=shutil.ignore_patterns("__pycache__"))
        yield Path(folder)
