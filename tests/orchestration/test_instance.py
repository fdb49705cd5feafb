"""What `make` writes into DAGSTER_HOME."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from orchestration.instance import DATABASE, instance_yaml, write
from parlance.errors import ConfigError

ROOT = Path(__file__).parents[2]
ADDRESS = "postgresql+psycopg2://parlance:secret@db:5432/parlance"


@pytest.fixture
def own() -> str:
    return (ROOT / "dagster.yaml").read_text(encoding="utf-8")


def test_without_the_variable_it_is_the_projects_own(own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE, "")
    assert write(tmp_path / "dagster").read_text(encoding="utf-8") == own
    assert [path.name for path in (tmp_path / "dagster").iterdir()] == ["dagster.yaml"]


def test_with_it_runs_are_in_postgres_and_nothing_else_changes(own: str) -> None:
    pytest.importorskip("dagster_postgres", reason="needs pip install 'parlance[postgres]'")
    made = yaml.safe_load(instance_yaml(own, {DATABASE: ADDRESS}))
    assert made.pop("storage") == {"postgres": {"postgres_url": {"env": DATABASE}}}
    assert made == yaml.safe_load(own)
    assert "secret" not in instance_yaml(own, {DATABASE: ADDRESS})


def test_a_storage_of_ones_own_is_not_written_twice() -> None:
    pytest.importorskip("dagster_postgres", reason="needs pip install 'parlance[postgres]'")
    with pytest.raises(ConfigError, match="remove one of them"):
        instance_yaml("storage: {sqlite: {base_dir: x}}", {DATABASE: ADDRESS})


@pytest.mark.parametrize("address", ["postgresql://me:hidden@db/p", "postgres://me:hidden@db/p", "hidden", "mysql://x"])
def test_another_address_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(ConfigError, match=r"must be postgresql\+psycopg2://") as raised:
        instance_yaml("", {DATABASE: address})
    assert "hidden" not in str(raised.value)


def test_a_wrong_address_ends_the_command_before_anything_is_written(tmp_path: Path) -> None:
    environment = {"DAGSTER_HOME": str(tmp_path / "dagster"), DATABASE: "sqlite://"}
    command = [sys.executable, "-m", "orchestration.instance"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert DATABASE in done.stderr
    assert list(tmp_path.iterdir()) == []
