"""Registered versions in MLflow: one run and one version for each model, however often it is registered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from parlance.registry.client import ABSENT, client_of, failing
from parlance.registry.records import Record

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CANDIDATE: Final = "candidate"
CHAMPION: Final = "champion"
EXPERIMENT: Final = "parlance"
VERSION: Final = "parlance.version"
MOST_METRICS = 1000  # that MLflow takes in one request
MOST_CHARACTERS = 5000  # of the value of a parameter or a tag


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A registered version: `number` is the registry's, `version` the model's own, `run` that of its training."""

    number: str
    version: str
    run: str
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The versions of one `model` in the store at `url`; see `client_of`.

    Raises ConfigError where the store refuses a request and TransientError where it does not answer.
    """

    url: str
    model: str = "parlance"

    def register(self, *, name: str, version: str, uri: str, record: Record) -> Registered:
        """The registered version of version `version` of the model `name`, at `uri`; the same whenever it is called."""
        client = client_of(self.url)
        with failing(self.url):
            if known := self.find(version):
                return known
            self._make_model(client)
            run = self._run(client, version, record)
            tags = {VERSION: version, "name": name, "uri": uri, **_described(record)}
            # A server refuses paths of its clients' machines; where the model lies is in the tag `uri`.
            source = uri if "://" in uri else f"parlance://{name}/{version}"
            made = client.create_model_version(self.model, source=source, run_id=run, tags=tags)
            return _registered(made)

    def find(self, version: str) -> Registered | None:
        """The registered version of the model `version`; null where it was never registered."""
        with failing(self.url):
            wanted = f"name = '{self.model}' and tags.`{VERSION}` = '{version}'"
            found = client_of(self.url).search_model_versions(wanted, max_results=1)
            return _registered(found[0]) if found else None

    def named(self, alias: str) -> Registered | None:
        """The version that `alias` names; null where it names none."""
        from mlflow.exceptions import MlflowException

        client = client_of(self.url)
        try:
            return _registered(client.get_model_version_by_alias(self.model, alias))
        except MlflowException as error:
            # MLflow has no code of its own for an alias that is not there.
            if error.error_code == ABSENT or f"alias {alias} not found" in error.message:
                return None
            with failing(self.url):
                raise

    def name(self, alias: str, registered: Registered) -> None:
        """Makes `alias` the name of a registered version, and of no other."""
        with failing(self.url):
            client_of(self.url).set_registered_model_alias(self.model, alias, registered.number)

    def tag(self, registered: Registered, tags: Mapping[str, str]) -> None:
        """Sets tags of a registered version."""
        with failing(self.url):
            for name, value in tags.items():
                client_of(self.url).set_model_version_tag(self.model, registered.number, name, value[:MOST_CHARACTERS])

    def log(self, registered: Registered, metrics: Mapping[str, float]) -> None:
        """Adds figures to the run of a registered version; the last value of a name counts."""
        client = client_of(self.url)
        with failing(self.url):
            at = client.get_run(registered.run).info.start_time
            _log_metrics(client, registered.run, [(name, value, 0, at) for name, value in metrics.items()])

    def _make_model(self, client: "MlflowClient") -> None:
        from mlflow.exceptions import MlflowException

        try:
            client.create_registered_model(self.model, description="Language models made by Parlance.")
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _run(self, client: "MlflowClient", version: str, record: Record) -> str:
        """The run of a model's training; one that a crash left behind is gone on with."""
        experiment = client.get_experiment_by_name(EXPERIMENT)
        id = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT)
        begun = client.search_runs([id], f"tags.`{VERSION}` = '{version}' and tags.model = '{self.model}'")
        tags = {VERSION: version, "model": self.model, **_described(record)}
        run = begun[0] if begun else client.create_run(id, run_name=version, tags=tags)
        name, at = run.info.run_id, run.info.start_time
        if run.info.status != "FINISHED":
            from mlflow.entities import Param

            values = [Param(key, value[:MOST_CHARACTERS]) for key, value in flat(record.settings)]
            client.log_batch(name, params=values)
            curves = [
                (curve, loss, step, at + step) for curve, points in record.curves.items() for step, loss in points
            ]
            finals = [(f"final.{key}", value, 0, at) for key, value in record.metrics.items()]
            _log_metrics(client, name, [*curves, *finals])
            client.set_terminated(name)
        return str(name)


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Settings as names and texts, those of a mapping behind its own name.

    >>> list(flat({"rank": 8, "base": {"layers": 2}}))
    [('rank', '8'), ('base.layers', '2')]
    """
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)


def _described(record: Record) -> dict[str, str]:
    """What a model was made from, as tags."""
    figures = {f"metric.{name}": f"{value:g}" for name, value in record.metrics.items()}
    made = {
        "fingerprint": record.fingerprint,
        "base": record.base,
        "base_version": record.base_version,
        "dataset": record.dataset,
        "dataset_version": record.dataset_version,
        "tokenizer_version": record.tokenizer_version,
        "code_version": record.code_version,
    }
    libraries = {f"library.{name}": version for name, version in record.libraries.items()}
    return {name: value for name, value in (made | figures | libraries).items() if value}


def _log_metrics(client: "MlflowClient", run: str, points: Sequence[tuple[str, float, int, int]]) -> None:
    """Logs (name, value, step, milliseconds). A point that is there already is not there twice."""
    from mlflow.entities import Metric

    left = iter(points)
    while batch := [Metric(name, value, at, step) for name, value, step, at in islice(left, MOST_METRICS)]:
        client.log_batch(run, metrics=batch)


def _registered(version: "ModelVersion") -> Registered:
    tags = dict(version.tags)
    return Registered(number=str(version.version), version=tags.get(VERSION, ""), run=version.run_id or "", tags=tags)
