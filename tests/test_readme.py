"""The README says what is true: its settings, its commands, its files, its Python."""

import re
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.lane_checks import lane_checks
from assets.lanes import lane_assets
from orchestration import lanes as lanes_package
from orchestration.definitions import defs
from orchestration.settings import SETTINGS
from parlance import dedup, pii
from parlance.lake import Lake
from resources.lake import LakeResource

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_listed_with_its_default() -> None:
    for name, (default, meaning) in SETTINGS.items():
        shown = f"`{default}`" if default else ""
        assert f"| `{name}` | {shown} | {meaning} |" in README


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"make (run|test|ui|check|sample|validate)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_schedule_and_sensor_that_it_names_exists() -> None:
    definitions = defs()
    names = {schedule.name for schedule in definitions.schedules or []} | {
        sensor.name for sensor in definitions.sensors or []
    }
    schedules, sensors = (
        {"crawl_daily", "slack_daily", "dump_daily", "freshness_hourly"},
        {"dumps_inbox", "slack_changes", "late_replies"},
    )
    sensors |= {"finished_annotations", "enough_gold"}
    schedules |= {"corpus_daily", "daily_digest", "old_runs"}
    sensors |= {"missing_days", "alerts", "changed_duplicates"}
    assert schedules | sensors | {"automation"} == names
    assert [name for name in names if f"`{name}`" not in README] == []


def test_its_python_runs() -> None:
    texts = ["the cat sat on the mat today", "The cat sat on the mat today!", "something else entirely here"]
    assert all(f'"{text}"' in README for text in texts)
    assert dedup.near_duplicates(pl.Series(texts))["keep"].to_list() == [True, False, True]
    (spans,) = pii.find(pl.Series(["write to ada@example.org"])).to_list()
    assert [span["kind"] for span in spans] == ["email"]


def test_its_lane_is_found_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = [block for block in re.findall(r"```python[^\n]*\n(.*?)```", README, re.DOTALL) if "def lane()" in block]
    (tmp_path / "tickets.py").write_text(code, encoding="utf-8")
    (tmp_path / "tickets").mkdir()
    day = "2026-11-02"
    (tmp_path / "tickets" / f"{day}.jsonl").write_text('{"id": "1", "text": "The probe reads zero."}\nnot JSON\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lanes_package, "__path__", [*lanes_package.__path__, str(tmp_path)])
    lane = lanes_package.lanes()["tickets"]
    assert lane.inputs() == [day]
    lake = Lake(root=str(tmp_path / "lake"))
    steps = [asset for asset in lane_assets(lane) if {lane.key("raw"), lane.key("documents")} & asset.keys]
    result = dg.materialize(
        [*steps, *lane_checks(lane)],
        selection=dg.AssetSelection.assets(*(key for step in steps for key in step.keys)),
        partition_key=day,
        resources={"lake": LakeResource(root=lake.root), "tickets": lane.source},
    )
    assert result.success
    assert lake.table("tickets/documents").scan().collect()["text"].to_list() == ["The probe reads zero."]
    assert lake.table("tickets/rejected").scan().collect()["rule"].to_list() == ["unreadable"]


@pytest.mark.parametrize("left", ["@@", "TODO"])
def test_nothing_is_left_to_fill_in(left: str) -> None:
    assert left not in README
