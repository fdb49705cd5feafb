"""The README says what is true: its settings, its commands, its files, its Python."""

import re
from pathlib import Path

import polars as pl
import pytest

from orchestration.definitions import defs
from orchestration.settings import SETTINGS
from parlance import dedup, pii

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
    assert {"slack_daily", "dump_daily", "dumps_inbox", "late_replies", "automation"} == names
    assert [name for name in names if f"`{name}`" not in README] == []


def test_its_python_runs() -> None:
    texts = ["the cat sat on the mat today", "The cat sat on the mat today!", "something else entirely here"]
    assert all(f'"{text}"' in README for text in texts)
    assert dedup.near_duplicates(pl.Series(texts))["keep"].to_list() == [True, False, True]
    (spans,) = pii.find(pl.Series(["write to ada@example.org"])).to_list()
    assert [span["kind"] for span in spans] == ["email"]


@pytest.mark.parametrize("left", ["@@", "TODO"])
def test_nothing_is_left_to_fill_in(left: str) -> None:
    assert left not in README
