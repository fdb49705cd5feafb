"""The crawler as a resource: its process through Pipes, its progress in the log, its figures as metadata."""

import datetime as dt
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml

from assets.lane_checks import lane_checks
from assets.lanes import Lane, lane_assets
from parlance.lake import Lake
from resources.crawler import Crawler
from resources.lake import LakeResource
from tests.servers.sites import World, page, served

DAY = "2026-11-20"
SITE = {"/": page("/a", "/gone", text="First page"), "/a": page(text="Second page")}


def crawler(tmp_path: Path, world: World, **settings: object) -> Crawler:
    listed = {
        "seeds": ["http://one.example/"],
        "contact": "a@team.example",
        "delay_s": 0,
        "connect_to": world.connect_to,
    }
    path = tmp_path / "crawl.yaml"
    path.write_text(yaml.safe_dump(listed | {"connect_to": world.connect_to} | settings), encoding="utf-8")
    return Crawler(list_path=str(path), folder=str(tmp_path / "crawls"))


def lane(source: Crawler, first: str) -> Lane:
    days = dg.DailyPartitionsDefinition(start_date=first, end_offset=1)
    return Lane(name="crawl", title="the list", partitions=days, recipe="web", modules=(), source=source, inputs=list)


def materialized(source: Crawler, tmp_path: Path, day: str) -> dg.ExecuteInProcessResult:
    made = lane(source, day)
    assets = [asset for asset in lane_assets(made) if {made.key("raw"), made.key("documents")} & asset.keys]
    return dg.materialize(
        [*assets, *lane_checks(made)],
        selection=dg.AssetSelection.assets(*(key for asset in assets for key in asset.keys)),
        partition_key=day,
        resources={"lake": LakeResource(root=str(tmp_path / "lake")), "crawl": source},
        raise_on_error=False,
    )


def today() -> str:
    return dt.datetime.now(dt.UTC).date().isoformat()


def test_a_crawl_becomes_documents_and_a_ledger(tmp_path: Path) -> None:
    with served({"one.example": SITE}) as world:
        result = materialized(crawler(tmp_path, world), tmp_path, today())
    assert result.success
    lake = Lake(root=str(tmp_path / "lake"))
    texts = lake.table("crawl/documents").scan().sort("url").collect()["text"].to_list()
    assert [text.split("\n")[0] for text in texts] == ["First page", "Second page"]
    rejected = lake.table("crawl/rejected").scan().sort("id").select("rule", "detail").collect()
    assert dict(rejected.group_by("rule").len().iter_rows()) == {"failed": 1, "refused": 2}
    (event,) = result.asset_materializations_for_node("crawl__raw")
    assert event.metadata["urls_done"].value == 4
    assert rejected.filter(rule="failed")["detail"].to_list() == ["failed: http status 404"]


def test_a_second_run_of_the_day_asks_for_nothing(tmp_path: Path) -> None:
    with served({"one.example": SITE}) as world:
        source, day = crawler(tmp_path, world), today()
        assert materialized(source, tmp_path, day).success
        asked = len(world.log)
        before = Lake(root=str(tmp_path / "lake")).table("crawl/raw").scan().sort("id").collect()
        assert materialized(source, tmp_path, day).success
    assert len(world.log) == asked
    assert Lake(root=str(tmp_path / "lake")).table("crawl/raw").scan().sort("id").collect().equals(before)


def test_a_past_day_is_not_crawled(tmp_path: Path) -> None:
    with served({"one.example": SITE}) as world:
        assert materialized(crawler(tmp_path, world), tmp_path, "2026-01-05").success
        assert world.log == []
    assert Lake(root=str(tmp_path / "lake")).table("crawl/raw").scan().select(pl.len()).collect().item() == 0


@pytest.mark.parametrize("settings", [{"contact": "nobody"}, {"depth": -1}])
def test_a_wrong_list_fails_once_and_says_why(tmp_path: Path, settings: dict[str, object]) -> None:
    with served({"one.example": SITE}) as world:
        result = materialized(crawler(tmp_path, world, **settings), tmp_path, today())
    assert not result.success
    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert next(iter(settings)) in str(event.step_failure_data.user_failure_data.description)
    assert not [event for event in result.all_events if event.is_step_up_for_retry]


def test_no_list_names_the_setting(tmp_path: Path) -> None:
    result = materialized(Crawler(list_path="", folder=str(tmp_path)), tmp_path, today())
    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert "PARLANCE_CRAWL" in str(event.step_failure_data.user_failure_data.description)
