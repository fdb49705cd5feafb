"""PARLANCE_TRAINING says where models are trained."""

import pytest

from orchestration.training import PLACES, training
from parlance.errors import ConfigError
from resources.training import TrainingProcess
from resources.training_endpoint import EndpointTraining
from resources.training_kubernetes import KubernetesTraining
from resources.training_ray import RayTraining

KINDS = {"local": TrainingProcess, "ray": RayTraining, "kubernetes": KubernetesTraining, "endpoint": EndpointTraining}


@pytest.mark.parametrize("place", PLACES)
def test_each_place_has_its_resource(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("PARLANCE_TRAINING", place)
    assert type(training()) is KINDS[place]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PARLANCE_TRAINING", "slurm", "PARLANCE_TRAINING is 'slurm'; allowed: local, ray, kubernetes, endpoint"),
        ("PARLANCE_RAY_GPUS", "one", "PARLANCE_RAY_GPUS is 'one'; it must be a whole number"),
    ],
)
def test_what_is_not_allowed_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv("PARLANCE_TRAINING", "ray")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=said):
        training()
