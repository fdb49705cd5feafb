"""What is held against the world at the end of the simulated month finds what is wrong, and nothing else."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from benchmarks import month_truth as truth
from benchmarks.month_world import Workspace, day_start
from parlance.lake import Lake
from parlance.rights import Rights
from parlance.schemas import RAW
from parlance.sources import slack
from parlance.sources.rows import batches
from parlance.stages.lanes import write_documents
from tests.servers.slack_export_files import write_export
from tests.servers.slack_workspace import day_of

DAYS = [day_of(f"{day_start(number)}") for number in range(3)]
RIGHTS = Rights(granted_by="Ada", granted_on=date(2026, 1, 1), statement="", uses=("training",))


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    workspace = Workspace(seed=3)
    for number in range(3):
        workspace.plan(number)
        workspace.live_until(day_start(number + 1) - 60)
    return workspace


@pytest.fixture
def lake(workspace: Workspace, tmp_path: Path) -> Lake:
    export = str(write_export(workspace, tmp_path / "export.zip"))
    lake = Lake(root=str(tmp_path / "lake"))
    rows = slack.rows(export, first=DAYS[0], last=DAYS[-1], rights=RIGHTS)
    lake.table("slack/raw").replace(batches(rows, RAW), DAYS)
    write_documents(lake, "slack", lambda found: slack.documents(found, pseudonyms=None), DAYS, grouped=True)
    return lake


def wrong(lake: Lake, workspace: Workspace) -> dict[str, int]:
    return {one.what: len(one.wrong) for one in truth.messages(lake, workspace, DAYS)}


def test_a_lake_that_holds_the_world_is_right(lake: Lake, workspace: Workspace) -> None:
    found = {one.what: one for one in truth.messages(lake, workspace, DAYS)}
    assert wrong(lake, workspace) == dict.fromkeys(found, 0)
    assert found["messages in exactly one table"].checked > 50


def test_what_happened_since_is_found(lake: Lake, workspace: Workspace) -> None:
    inside = set(lake.table("slack/documents").scan().select("raw_ids").explode("raw_ids").collect()["raw_ids"])
    first, second, third = sorted(key for key in workspace.alive() if f"T0TEAM/{key[0]}/{key[1]}" in inside)[:3]
    workspace.delete(*first)
    workspace.edit(*second, "something else")
    workspace.post(third[0], "one more", user="U0ADA1", after_s=0.0)
    assert wrong(lake, workspace) == {
        "direct messages in no document": 0,
        "messages in exactly one table": 1,
        "deleted messages in no document": 1,
        "edited messages as they are now": 1,
    }


def test_lakes_that_differ_are_told_apart_by_partition_and_id(lake: Lake, tmp_path: Path) -> None:
    other = Lake(root=str(tmp_path / "other"))
    documents = lake.table("slack/documents").scan().collect().sort("id")
    changed = documents.with_columns(
        text=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("x")).otherwise("text")
    ).slice(0, documents.height - 1)
    schema = lake.table("slack/documents").schema
    other.table("slack/documents").replace(changed.to_arrow().cast(schema).to_batches(), DAYS)
    keys = {"slack": DAYS, "crawl": [], "dump": []}
    found = next(one for one in truth.same(lake, other, keys) if one.what.startswith("slack/documents"))
    assert [name.partition(":")[0] for name in found.wrong] in (["differs", "too much"], ["too much", "differs"])
