"""The run configurations in recipes/ fit the assets that they configure."""

from pathlib import Path

import dagster as dg
import pytest

from orchestration.jobs import everything
from orchestration.main import read_config, whole_graph

RECIPES = Path(__file__).parent.parent.parent / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_value_is_allowed(path: Path) -> None:
    config = read_config(path)
    chosen = [dg.AssetKey(name.split("__")) for name in config]
    job = whole_graph().get_definition().get_subset(asset_selection=set(chosen))
    assert dg.validate_run_config(job, {"ops": dict(config)})
    assert f"`{path.name}`" in (RECIPES / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("ops", "said"),
    [
        ({"models__fine_tuned": {}}, r"unknown ops \['models__fine_tuned'\]; known: .*'models__fine_tuned_model'"),
        ({"models__fine_tuned_model": {"config": {"steps": 8}}}, r'unexpected config entry "steps".*max_steps\?'),
    ],
    ids=["op", "value"],
)
def test_the_launchpad_refuses_what_is_unknown_before_anything_runs(ops: dict[str, object], said: str) -> None:
    config = {"ops": {"run_phases": {"config": {"ops": ops}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(dg.Failure, match=said):
            everything.execute_in_process(run_config=config, instance=instance)
        assert [run.job_name for run in instance.get_runs()] == ["everything"]
