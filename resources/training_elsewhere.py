"""What holds for training on other machines, whoever starts it there."""

import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from parlance.errors import ConfigError

# Where the lake is, in the words of AWS tools. Keys are not passed on: they would stand in what describes a job.
PASSED_ON: Final = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ALLOW_HTTP")
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def require_shared(lake: str, where: str) -> None:
    """Raises ConfigError where `lake` is a folder of this machine, which training at `where` cannot see."""
    if "://" not in lake:
        raise ConfigError(
            f"PARLANCE_TRAINING is {where}, but the lake {lake!r} is a folder of this machine, which is not there; "
            "PARLANCE_LAKE must be s3://bucket/prefix"
        )


def is_here(address: str) -> bool:
    """Whether `address` is of this machine."""
    return urlsplit(address).hostname in LOOPBACK


def extras(task: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What the process elsewhere is told: `task`, and `spec` with checkpoints that outlive its machine."""
    return {"task": task, "spec": {**spec, "mirrored": True}}


def environment() -> dict[str, str]:
    """What a process elsewhere is told of this one's environment."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}
