"""The code location: it loads without a secret and without heavy libraries, and what it shows is complete."""

import json
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import defs
from orchestration.main import phases
from parlance.lake import LANE_TABLES, TABLES, Lake

ROOT = Path(__file__).parent.parent
HEAVY = (
    "torch",
    "transformers",
    "ray",
    "scrapy",
    "numba",
    "fasttext",
    "peft",
    "lancedb",
    "trafilatura",
    "matplotlib",
    "datasets",
    "mlflow",
)


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


def bare_environment() -> dict[str, str]:
    """The environment without a setting of ours and without a secret."""
    secret = ("PARLANCE", "SLACK", "AWS", "OPENAI", "HF_", "DAGSTER")
    return {name: value for name, value in os.environ.items() if not name.startswith(secret)}


def test_loading_imports_nothing_heavy() -> None:
    code = (
        "import json, sys, resource\n"
        "from orchestration.definitions import defs\n"
        "defs().resolve_asset_graph()\n"
        "usage = resource.getrusage(resource.RUSAGE_SELF)\n"
        f"print(json.dumps([[m for m in {HEAVY!r} if m in sys.modules], usage.ru_utime + usage.ru_stime]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    heavy, _ = json.loads(done.stdout)
    assert heavy == []


def test_validate_passes_with_warnings_as_errors(tmp_path: Path) -> None:
    """Two warnings are let through: what Dagster says of its own command and of its own reading of schedules."""
    theirs = (
        "Function `definitions_validate_command` is superseded",
        "Property `ScheduleDefinition.environment_vars` is",
    )
    warnings = ",".join(["error", *(f"ignore:{message}" for message in theirs)])
    environment = bare_environment() | {"DAGSTER_HOME": str(tmp_path), "PYTHONWARNINGS": warnings}
    command = [sys.executable, "-m", "dagster", "definitions", "validate"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_asset_is_described(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    lacking = {}
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        has = {
            "description": node.description,
            "group": node.group_name != "default" and node.group_name,
            "kinds": node.kinds,
            "owners": node.owners,
            "code version": node.code_version,
        }
        lacking[key.to_user_string()] = [name for name, value in has.items() if not value]
    assert not {key: names for key, names in lacking.items() if names}


def test_asset_graph(definitions: dg.Definitions) -> None:
    """Every asset with its parents: a changed edge is a decision, not an accident."""
    graph = definitions.resolve_asset_graph()
    found = {
        key.to_user_string(): sorted(parent.to_user_string() for parent in graph.get(key).parent_keys)
        for key in sorted(graph.materializable_asset_keys)
    }
    path = Path(__file__).parent / "golden" / "asset_graph.json"
    assert found == json.loads(path.read_text(encoding="utf-8"))


def test_no_two_groups_depend_on_each_other(definitions: dg.Definitions) -> None:
    """Else the graph of groups, the first that a person sees, is a tangle."""
    graph = definitions.resolve_asset_graph()
    parents: dict[str, set[str]] = {}
    for key in graph.materializable_asset_keys:
        group = graph.get(key).group_name
        others = {graph.get(parent).group_name for parent in graph.get(key).parent_keys}
        parents.setdefault(group, set()).update(others - {group})
    ordered = list(TopologicalSorter(parents).static_order())
    assert ordered.index("slack_ingest") < ordered.index("slack") < ordered.index("models")


def test_phases_put_every_asset_after_its_parents(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    done: set[dg.AssetKey] = set()
    for partitions, keys in phases(graph):
        for key in keys:
            assert graph.get(key).partitions_def == partitions
            assert graph.get(key).parent_keys <= done | set(keys[: keys.index(key)])
        done.update(keys)
    assert done == set(graph.materializable_asset_keys)


def test_range_policy_is_the_same_for_a_whole_lane(definitions: dg.Definitions) -> None:
    """Mixed policies in one job would make a range a run for each day."""
    graph = definitions.resolve_asset_graph()
    policies = {
        graph.get(key).backfill_policy for key in graph.materializable_asset_keys if graph.get(key).is_partitioned
    }
    assert policies == {dg.BackfillPolicy.single_run()}


def test_steps_with_two_outputs_have_one_way_to_their_days(definitions: dg.Definitions) -> None:
    """With two partitioned parents a backfill of a whole lane is refused: Dagster finds the outputs' days unequal."""
    graph = definitions.resolve_asset_graph()
    several = [key for key in graph.materializable_asset_keys if len(graph.get(key).execution_set_asset_keys) > 1]
    together = [key for key in several if graph.get(key).is_partitioned]
    assert together
    for key in together:
        partitioned = [parent for parent in graph.get(key).parent_keys if graph.get(parent).is_partitioned]
        assert len(partitioned) == 1, key


def test_every_column_of_every_table_is_described(definitions: dg.Definitions) -> None:
    """Those of rules too; a table without an asset of its own stands at the one that it is written beside."""
    graph = definitions.resolve_asset_graph()
    shown = [value for key in graph.materializable_asset_keys for value in graph.get(key).metadata.values()]
    tables = [value for value in shown if isinstance(value, dg.TableSchema)]
    assert {column.name for table in tables for column in table.columns if not column.description} == set()
    lanes = {key.path[0] for key in graph.materializable_asset_keys if key.path[-1] == "raw"}
    lake = Lake(root="/nowhere")
    stored = [*TABLES, *(f"{lane}/{table}" for lane in lanes for table in LANE_TABLES)]
    known = {tuple(column.name for column in table.columns) for table in tables}
    assert [name for name in stored if tuple(lake.table(name).schema.names) not in known] == []
    signals = graph.get(dg.AssetKey(["slack", "signals"])).metadata["dagster/column_schema"]
    assert {column.name: column.description for column in signals.columns}["gopher_words"] == "Number of words"
