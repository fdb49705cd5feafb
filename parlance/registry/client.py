"""MLflow's client, made to speak to nobody but the store that it is given."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from parlance.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from mlflow import MlflowClient

SQLITE: Final = "sqlite:///"
SCHEMES: Final = (SQLITE, "postgresql", "mysql", "http://", "https://")
# Read by MLflow when it is imported: no telemetry, no hint on stdout, no search for git.
SILENT: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
# By default a server that is down is asked for two minutes.
PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
ABSENT: Final = "RESOURCE_DOES_NOT_EXIST"


@cache
def client_of(url: str) -> "MlflowClient":
    """The client of the store at `url`: a database such as sqlite:////folder/mlflow.db, or a server.

    An SQLite file is made with its tables where it is absent. Raises ConfigError for another kind of URL.
    """
    if not url.startswith(SCHEMES):
        raise ConfigError(f"a model registry cannot be at {url!r}; allowed: {', '.join(SCHEMES)} and what follows")
    os.environ.update(SILENT)
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    if url.startswith(SQLITE):
        Path(url.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # MLflow 3.17 asks SQLAlchemy 2.1 for a way of loading that it will drop.
        warnings.filterwarnings("ignore", "The ``noload`` loader strategy is deprecated")
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        with failing(url):
            return MlflowClient(tracking_uri=url, registry_uri=url)


@contextmanager
def failing(url: str) -> Iterator[None]:
    """MLflow's errors as ours: a store that does not answer may answer later, a request that it refuses is wrong."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"):
            raise TransientError(f"the model registry at {url} did not answer: {error.message}") from error
        raise ConfigError(f"the model registry at {url} refused a request: {error.message}") from error
