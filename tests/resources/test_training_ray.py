"""Training as a Ray job. What needs Ray starts a cluster of its own on loopback, where Ray is installed."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from parlance.errors import ConfigError
from resources.training_ray import RayTraining, code
from tests.resources.training_steps import WRONG, raised_by, wrong

has_ray = all(importlib.util.find_spec(name) for name in ("ray", "dagster_ray"))
needs_ray = pytest.mark.skipif(
    not has_ray, reason="NOT TESTED: training on Ray; pip install 'parlance[ray]' to test it"
)


def test_a_lake_of_this_machine_is_refused_for_a_cluster_elsewhere(tmp_path: Path) -> None:
    training = RayTraining(checkpoints="/tmp/checkpoints", address="http://ray.example.org:8265")
    error = raised_by(training, "finetune", wrong(tmp_path))
    assert isinstance(error, ConfigError)
    assert "PARLANCE_TRAINING is ray" in str(error)
    assert str(tmp_path) in str(error)
    assert "PARLANCE_LAKE must be s3://bucket/prefix" in str(error)


@pytest.mark.skipif(has_ray, reason="Ray is installed")
def test_without_ray_the_extra_is_named() -> None:
    error = raised_by(RayTraining(checkpoints="/tmp", address="http://127.0.0.1:8265"), "finetune", WRONG)
    assert isinstance(error, ConfigError)
    assert "pip install 'parlance[ray]'" in str(error)


def test_code_is_sent_and_nothing_else() -> None:
    with code() as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["parlance", "resources"]
        assert (folder / "resources" / "training.py").exists()
        assert not list(folder.rglob("__pycache__"))
    assert not folder.exists()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard of a Ray cluster of one CPU."""
    port, dashboard = free_port(), free_port()
    folder = tmp_path_factory.mktemp("ray")
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=1"]
    command += ["--node-ip-address=127.0.0.1", f"--port={port}", f"--dashboard-port={dashboard}"]
    command += ["--dashboard-host=127.0.0.1", "--object-store-memory=100000000", "--disable-usage-stats"]
    binaries = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "PATH": binaries, "RAY_TMPDIR": "/tmp"}
        )
    address = f"http://127.0.0.1:{dashboard}"
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            with suppress(httpx2.TransportError):
                if httpx2.get(f"{address}/api/version").is_success:
                    break
            time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


@needs_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_a_job_raises_comes_back(cluster: str, tmp_path: Path) -> None:
    training = RayTraining(checkpoints=str(tmp_path), address=cluster)
    error = raised_by(training, "finetune", wrong(tmp_path / "lake"))
    assert isinstance(error, ConfigError)
    assert "batch_size 0" in str(error)


@needs_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_where_no_cluster_answers_is_said(tmp_path: Path) -> None:
    training = RayTraining(checkpoints=str(tmp_path), address=f"http://127.0.0.1:{free_port()}")
    error = raised_by(training, "finetune", wrong(tmp_path / "lake"))
    assert isinstance(error, ConfigError)
    assert "where no Ray cluster answers" in str(error)
