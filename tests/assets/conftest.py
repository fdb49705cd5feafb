"""A lake with every step of three days of tickets."""

import json
from pathlib import Path

import pytest

from parlance.lake import Lake
from resources.lake import LakeResource
from tests.assets.tickets import DAYS, lane, run


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tickets, and a lake with every step of three days, each of which has rows kept, dropped and rejected."""
    home = tmp_path_factory.mktemp("home")
    for day in DAYS:
        texts = ["The probe reads zero.", "It reads zero again today.", "ok", "no"]
        rows = [json.dumps({"id": f"{day}/{number}", "text": text}) for number, text in enumerate(texts)]
        (home / f"{day}.jsonl").write_text("\n".join([*rows, "not JSON", "nor this"]), encoding="utf-8")
    for table in ("raw", "documents", "signals", "kept"):
        result = run(lane(home), table, LakeResource(root=str(home / "lake")))
        assert result.success
        assert result.asset_materializations_for_node("after")
        assert all(evaluation.passed for evaluation in result.get_asset_check_evaluations())
    lake = Lake(root=str(home / "lake"))
    counts = [lake.table(f"tickets/{table}").scan().collect().height for table in ("rejected", "kept", "dropped")]
    assert counts == [6, 6, 6]
    return home
