"""Where models are trained, from the settings."""

from orchestration.settings import path_setting, ray_gpus, setting
from parlance.errors import ConfigError
from resources.training import TrainingProcess
from resources.training_endpoint import EndpointTraining
from resources.training_kubernetes import KubernetesTraining
from resources.training_ray import RayTraining

# Of a machine elsewhere, as long as a job or a pod lives there.
ELSEWHERE = "/tmp/parlance-checkpoints"
PLACES = ("local", "ray", "kubernetes", "endpoint")


def training() -> TrainingProcess:
    """The resource that PARLANCE_TRAINING names. Raises ConfigError for an unknown one."""
    where = setting("PARLANCE_TRAINING")
    here = f"{path_setting('PARLANCE_HOME')}/checkpoints"
    if where == "local":
        return TrainingProcess(checkpoints=here)
    if where == "ray":
        return RayTraining(checkpoints=ELSEWHERE, address=setting("PARLANCE_RAY_ADDRESS"), gpus=ray_gpus())
    if where == "kubernetes":
        return KubernetesTraining(
            checkpoints=ELSEWHERE,
            image=setting("PARLANCE_KUBERNETES_IMAGE"),
            namespace=setting("PARLANCE_KUBERNETES_NAMESPACE"),
            pod=path_setting("PARLANCE_KUBERNETES_POD") if setting("PARLANCE_KUBERNETES_POD") else "",
        )
    if where == "endpoint":
        return EndpointTraining(checkpoints=here, url=setting("PARLANCE_TRAINING_URL"))
    raise ConfigError(f"PARLANCE_TRAINING is {where!r}; allowed: {', '.join(PLACES)}")
