"""The registry on a real MLflow store: one version for a model, aliases, and nothing sent to anybody."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from parlance.errors import ConfigError, TransientError
from parlance.registry import CANDIDATE, CHAMPION, Record, Registered, Registry
from parlance.registry.client import client_of

ROOT = Path(__file__).parents[3]
RECORD = Record(
    fingerprint="abc",
    base="org/base",
    dataset_version="d1",
    settings={"rank": 8, "long": "x" * 7000},
    metrics={"loss": 1.5, "tokens": 100},
    libraries={"torch": "2.13.0"},
    curves={"train_loss": [(step, 4.0 / step) for step in range(1, 1200)]},
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(url=f"sqlite:///{tmp_path_factory.mktemp('home') / 'below' / 'mlflow.db'}")


def registered(registry: Registry, version: str) -> Registered:
    return registry.register(name="models/m", version=version, uri=f"/lake/{version}", record=RECORD)


def test_a_model_is_registered_once_with_what_it_was_made_from(registry: Registry) -> None:
    first, second, other = (registered(registry, version) for version in ("one", "one", "two"))
    assert first == second
    assert (first.version, first.tags["uri"], first.tags["name"]) == ("one", "/lake/one", "models/m")
    assert first.tags["dataset_version"] == "d1"
    assert first.tags["metric.loss"] == "1.5"
    assert first.tags["library.torch"] == "2.13.0"
    assert other.number != first.number
    client = client_of(registry.url)
    assert len(client.search_model_versions("name = 'parlance'")) == 2
    run = client.get_run(first.run)
    assert run.info.status == "FINISHED"
    assert run.data.params["rank"] == "8"
    assert run.data.metrics["final.loss"] == 1.5
    curve = client.get_metric_history(first.run, "train_loss")
    assert [(point.step, point.value) for point in curve] == RECORD.curves["train_loss"]


def test_a_registration_that_broke_off_is_gone_on_with(registry: Registry) -> None:
    """As after a crash between the run's figures and the version."""
    client = client_of(registry.url)
    run = registry._run(client, "broken", RECORD)
    client.update_run(run, status="RUNNING")
    made = registered(registry, "broken")
    assert made.run == run
    assert len(client.get_metric_history(run, "train_loss")) == len(RECORD.curves["train_loss"])


def test_an_alias_names_one_version(registry: Registry) -> None:
    one, two = registered(registry, "one"), registered(registry, "two")
    assert registry.named("nobody") is None
    registry.name(CANDIDATE, one)
    registry.name(CANDIDATE, two)
    registry.name(CHAMPION, one)
    registry.tag(one, {"reason": "it is better"})
    found = registry.named(CHAMPION)
    assert found is not None
    assert (found.number, found.tags["reason"]) == (one.number, "it is better")
    assert (registry.named(CANDIDATE) or one).version == "two"
    assert registry.find("nothing") is None


def test_an_unknown_kind_of_store_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be at 'ftp://there'; allowed: sqlite:///"):
        Registry(url="ftp://there").find("one")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """MLflow's own server on loopback."""
    client_of("sqlite:///" + str(tmp_path / "server.db"))  # makes the tables, and turns telemetry off
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", "sqlite:///" + str(tmp_path / "server.db"))
    monkeypatch.setenv("_MLFLOW_SERVER_REGISTRY_STORE", "sqlite:///" + str(tmp_path / "server.db"))
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(tmp_path / "artifacts"))
    from mlflow.server import app

    served = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()


# MLflow's server, not its client, loads what Starlette will drop.
@pytest.mark.filterwarnings("ignore:starlette.middleware.wsgi is deprecated")
def test_a_server_does_as_the_database_does(server: str) -> None:
    registry = Registry(url=server)
    assert registry.named(CHAMPION) is None
    one = registered(registry, "one")
    assert registered(registry, "one") == one
    registry.name(CHAMPION, one)
    assert registry.named("nobody") is None
    registry.log(one, {"evaluation.bits_per_character": 1.25})
    assert client_of(server).get_run(one.run).data.metrics["evaluation.bits_per_character"] == 1.25
    assert (registry.named(CHAMPION) or one).version == "one"


def test_a_server_that_is_down_may_answer_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TransientError, match="did not answer"):
        Registry(url="http://127.0.0.1:9").find("one")


WATCHED = """
import json, sys
asked = []
sys.addaudithook(lambda name, args: asked.append(name) if name in ("socket.connect", "socket.getaddrinfo") else None)
sys.path.insert(0, ".")
from parlance.registry import Record, Registry
assert "mlflow" not in sys.modules
registry = Registry(url="sqlite:///" + sys.argv[1])
made = registry.register(name="m", version="one", uri="/one", record=Record(metrics={"loss": 1.0}))
registry.name("champion", made)
import threading
print(json.dumps([asked, [thread.name for thread in threading.enumerate()]]))
"""


def test_nothing_is_sent_to_anybody(tmp_path: Path) -> None:
    """The interpreter's own audit sees each connection, also one whose failure a library swallows."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WATCHED, str(tmp_path / "mlflow.db")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[], ["MainThread"]]
    assert done.stderr == ""
