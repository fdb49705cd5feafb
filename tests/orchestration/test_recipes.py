"""The run configurations in recipes/ fit the assets that they configure."""

from pathlib import Path

import dagster as dg
import pytest

from orchestration.main import read_config, whole_graph

RECIPES = Path(__file__).parent.parent.parent / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_value_is_allowed(path: Path) -> None:
    config = read_config(path)
    chosen = [dg.AssetKey(name.split("__")) for name in config]
    job = whole_graph().get_definition().get_subset(asset_selection=set(chosen))
    assert dg.validate_run_config(job, {"ops": dict(config)})
    assert f"`{path.name}`" in (RECIPES / "README.md").read_text(encoding="utf-8")
