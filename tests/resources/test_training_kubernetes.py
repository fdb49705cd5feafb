"""Training in a pod: what the pod is asked to be, and that what it raises comes back."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from parlance.errors import ConfigError
from resources.training import ROOT
from resources.training_kubernetes import KubernetesTraining, pod_spec
from tests.resources.training_steps import WRONG, raised_by, wrong
from tests.servers.kubernetes_pods import Cluster, kubeconfig, served

has_kubernetes = all(importlib.util.find_spec(name) for name in ("kubernetes", "dagster_k8s"))
needs_kubernetes = pytest.mark.skipif(
    not has_kubernetes, reason="NOT TESTED: training on Kubernetes; pip install 'parlance[kubernetes]' to test it"
)

POD = """\
nodeSelector: {accelerator: h100}
containers:
  - resources: {limits: {nvidia.com/gpu: 1}}
    envFrom: [{secretRef: {name: lake-keys}}]
"""


def training(**more: object) -> KubernetesTraining:
    return KubernetesTraining(checkpoints="/tmp/checkpoints", image="registry/parlance:1", poll_s=0.05, **more)


def test_a_lake_of_this_machine_is_refused(tmp_path: Path) -> None:
    error = raised_by(training(), "finetune", wrong(tmp_path))
    assert isinstance(error, ConfigError)
    assert f"PARLANCE_TRAINING is kubernetes, but the lake {str(tmp_path)!r} is a folder" in str(error)
    assert "PARLANCE_LAKE must be s3://bucket/prefix" in str(error)


def test_no_image_is_refused() -> None:
    error = raised_by(KubernetesTraining(checkpoints="/tmp", image=""), "finetune", WRONG)
    assert isinstance(error, ConfigError)
    assert "PARLANCE_KUBERNETES_IMAGE is empty" in str(error)


@pytest.mark.skipif(has_kubernetes, reason="the client is installed")
def test_without_the_client_the_extra_is_named() -> None:
    error = raised_by(training(), "finetune", WRONG)
    assert isinstance(error, ConfigError)
    assert "pip install 'parlance[kubernetes]'" in str(error)


def test_the_pod_is_what_the_file_says_and_is_not_restarted(tmp_path: Path) -> None:
    assert pod_spec("") == {"containers": [{}], "restartPolicy": "Never"}
    (tmp_path / "pod.yaml").write_text(POD)
    assert pod_spec(str(tmp_path / "pod.yaml")) == {
        "nodeSelector": {"accelerator": "h100"},
        "containers": [
            {"resources": {"limits": {"nvidia.com/gpu": 1}}, "envFrom": [{"secretRef": {"name": "lake-keys"}}]}
        ],
        "restartPolicy": "Never",
    }


@pytest.mark.parametrize("text", ["- a", "containers: []", "containers: {a: 1}", "a: [", "3"])
def test_a_file_that_is_no_pod_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pod.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"PARLANCE_KUBERNETES_POD .*pod\.yaml"):
        pod_spec(str(tmp_path / "pod.yaml"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.yaml.* cannot be read"):
        pod_spec(str(tmp_path / "nothing.yaml"))


@needs_kubernetes
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_a_pod_raises_comes_back_and_the_pod_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binaries = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    (tmp_path / "pod.yaml").write_text(POD)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    with served(Cluster(folder=ROOT, path=binaries)) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(cluster, tmp_path / "kubeconfig")))
        error = raised_by(training(namespace="models", pod=str(tmp_path / "pod.yaml")), "finetune", WRONG)
    assert isinstance(error, ConfigError)
    assert "batch_size 0" in str(error)

    method, path, body = cluster.log[0]
    assert (method, path) == ("POST", "/api/v1/namespaces/models/pods")
    assert body is not None
    (container,) = body["spec"]["containers"]
    assert (container["image"], container["command"]) == ("registry/parlance:1", ["python", "-m", "resources.training"])
    assert container["resources"] == {"limits": {"nvidia.com/gpu": "1"}}
    assert (body["spec"]["restartPolicy"], body["spec"]["nodeSelector"]) == ("Never", {"accelerator": "h100"})
    told = {one["name"]: one["value"] for one in container["env"]}
    assert told["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9000"
    assert "AWS_SECRET_ACCESS_KEY" not in told
    assert cluster.log[-1][0] == "DELETE"
    assert not cluster.pods


@needs_kubernetes
@pytest.mark.filterwarnings("ignore")
def test_no_cluster_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    error = raised_by(training(), "finetune", WRONG)
    assert isinstance(error, ConfigError)
    assert "no cluster is configured" in str(error)
