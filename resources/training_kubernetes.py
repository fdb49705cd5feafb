"""Training in a pod of a Kubernetes cluster, through Dagster Pipes. Needs the extra `kubernetes`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from pydantic import Field

from parlance.errors import ConfigError
from resources.training import COMMAND, ENVIRONMENT, Spec, TrainingProcess, outcome_of
from resources.training_elsewhere import environment, extras, require_shared


class KubernetesTraining(TrainingProcess):
    """Trains in a pod of `image`, which holds this project and its extra `models`.

    Which cluster is said by the kubeconfig file (KUBECONFIG), or by the cluster that this runs in.
    """

    image: str = Field(description="The image, with the project as its working directory.")
    namespace: str = Field(default="default", description="Where pods are made.")
    pod: str = Field(default="", description="A YAML file with the spec of the pod: what it asks for, secrets, nodes.")
    poll_s: float = Field(default=10, gt=0, description="From one look at the pod to the next.")

    def train(self, context: dg.AssetExecutionContext, task: str, spec: Spec) -> dict[str, Any]:
        """Raises ConfigError where the lake is a folder, and without the extra `kubernetes`."""
        require_shared(spec["lake"], "kubernetes")
        if not self.image:
            raise ConfigError("PARLANCE_KUBERNETES_IMAGE is empty; it must name an image that holds this project")
        try:
            from dagster_k8s import PipesK8sClient
            from kubernetes.config import ConfigException
        except ImportError as error:
            raise ConfigError(
                f"PARLANCE_TRAINING is kubernetes, but {error.name!r} is not installed: "
                "pip install 'parlance[kubernetes]'"
            ) from error
        try:
            # Named, as the client remembers what the variable was when it was imported.
            client = PipesK8sClient(
                kubeconfig_file=os.environ.get("KUBECONFIG") or None, poll_interval=float(self.poll_s)
            )
            done = client.run(
                context=context,
                image=self.image,
                command=list(COMMAND),
                namespace=self.namespace,
                env={**ENVIRONMENT, **environment()},
                base_pod_spec=pod_spec(self.pod),
                extras=extras(task, spec),
                pod_wait_timeout=0,  # else a day, after which the pod is deleted
            )
        except ConfigException as error:
            raise ConfigError(f"PARLANCE_TRAINING is kubernetes, but no cluster is configured: {error}") from error
        return outcome_of(done.get_custom_messages(), task)


def pod_spec(path: str) -> dict[str, Any]:
    """The spec in the YAML file `path`, which never restarts: Dagster does. An empty path is an empty spec.

    The first container is the one that trains; image and command are ours. Raises ConfigError for another file.
    """
    found: Any = {}
    if path:
        try:
            found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"PARLANCE_KUBERNETES_POD {path!r} cannot be read: {error}") from error
    containers = found.get("containers", [{}]) if isinstance(found, Mapping) else None
    if not isinstance(containers, list) or not all(isinstance(one, Mapping) for one in containers) or not containers:
        raise ConfigError(
            f"PARLANCE_KUBERNETES_POD {path!r} is no spec of a pod; allowed: its fields, such as containers "
            "(the first trains), nodeSelector, tolerations, volumes, serviceAccountName"
        )
    return {**found, "containers": [dict(one) for one in containers], "restartPolicy": "Never"}
