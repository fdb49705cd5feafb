"""The Slack lane on the Web API, through Dagster: late replies, edits, deletions, gaps, and both inputs at once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.lane_checks import lane_checks
from assets.lanes import lane_assets
from assets.slack import slack_assets, slack_checks
from orchestration.lanes import slack as slack_lane
from parlance.lake import Lake
from resources.lake import LakeResource
from resources.slack import Slack
from tests.servers.slack_export_files import write_export
from tests.servers.slack_web_api import Api, serve
from tests.servers.slack_workspace import DAY, START, World

RIGHTS = Path(__file__).parents[2] / "sample" / "slack" / "rights.yaml"


def day(number: int) -> str:
    return datetime.fromtimestamp(START + number * DAY, UTC).date().isoformat()


@pytest.fixture
def server() -> Iterator[Api]:
    with serve(Api(World(seed=3))) as found:
        yield found


def workspace(server: Api, tmp_path: Path, *, export: str = "") -> Slack:
    key_file = str(tmp_path / "pseudonym.key")
    return Slack(export=export, rights=str(RIGHTS), key_file=key_file, token="xoxb-1", api_url=server.base_url)


def materialized(source: Slack, tmp_path: Path, days: tuple[str, str]) -> dg.ExecuteInProcessResult:
    lane = slack_lane.lane_from(day(0))
    wanted = {lane.key(name) for name in ("raw", "documents", "messages")}
    steps = [step for step in (*lane_assets(lane), *slack_assets(lane)) if wanted & step.keys]
    checks = [check for check in slack_checks(lane) if {key.asset_key for key in check.check_keys} == {lane.key("raw")}]
    return dg.materialize(
        [*steps, *lane_checks(lane), *checks],
        selection=dg.AssetSelection.assets(*(key for step in steps for key in step.keys)),
        tags={"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[1]},
        resources={"lake": LakeResource(root=str(tmp_path / "lake")), "slack": source},
    )


def texts(tmp_path: Path) -> list[str]:
    lake = Lake(root=str(tmp_path / "lake"))
    return sorted(lake.table("slack/documents").scan().collect()["text"].to_list())


def test_a_lane_of_live_messages_ends_as_the_workspace_is(server: Api, tmp_path: Path) -> None:
    world, source = server.world, workspace(server, tmp_path)
    root = world.post("C1", "Does leave carry over?")
    typo = world.post("C1", "Five dyas")
    gone = world.post("C1", "never mind")
    world.now = START + DAY
    assert materialized(source, tmp_path, (day(0), day(0))).success
    assert texts(tmp_path) == ["Does leave carry over?", "Five dyas", "never mind"]
    world.now += DAY
    world.reply("C1", root, "Five days do.")
    world.edit("C1", typo, "Five days")
    world.delete("C1", gone)
    world.now += DAY
    result = materialized(source, tmp_path, (day(0), day(2)))
    assert texts(tmp_path) == ["Does leave carry over?\n\nFive days do.", "Five days"]
    lake = Lake(root=str(tmp_path / "lake"))
    assert lake.table("slack/rejected").scan().collect()["rule"].to_list() == ["deleted"]
    kept = lake.table("slack/messages").scan().collect()
    assert kept.filter(pl.col("ts") == typo)["versions"].item() == 2
    assert kept.filter(pl.col("ts") == gone)["deleted_at"].item() is not None
    (check,) = [found for found in result.get_asset_check_evaluations() if found.check_name == "history_has_no_gap"]
    assert check.passed


def test_a_channel_that_cannot_be_read_is_a_gap_that_is_shown(server: Api, tmp_path: Path) -> None:
    server.world.post("C1", "hello")
    server.world.forbidden.add("G1")
    server.world.now = START + 2 * DAY
    result = materialized(workspace(server, tmp_path), tmp_path, (day(0), day(1)))
    assert result.success
    (check,) = [found for found in result.get_asset_check_evaluations() if found.check_name == "history_has_no_gap"]
    assert not check.passed
    assert "secret" in str(check.metadata["gaps"].value)


def test_an_export_and_the_api_together_count_each_message_once(server: Api, tmp_path: Path) -> None:
    world = server.world
    world.post("C1", "in both")
    typo = world.post("C1", "before the edit")
    export = str(write_export(world, tmp_path / "export.zip"))
    world.edit("C1", typo, "after the edit")
    world.now = START + DAY
    assert materialized(workspace(server, tmp_path, export=export), tmp_path, (day(0), day(0))).success
    assert texts(tmp_path) == ["after the edit", "in both"]


def test_direct_messages_are_not_asked_for(server: Api, tmp_path: Path) -> None:
    server.world.post("D1", "between us")
    server.world.post("C1", "for all")
    server.world.now = START + DAY
    assert materialized(workspace(server, tmp_path), tmp_path, (day(0), day(0))).success
    assert texts(tmp_path) == ["for all"]
    assert "D1" not in str(server.log)
