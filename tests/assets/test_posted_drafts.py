"""Drafts back into Slack through Dagster: off by default, in a review channel where a setting says so."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.posting import posting_assets, posting_checks
from orchestration.definitions import defs
from orchestration.main import not_asked_for
from parlance import schemas
from parlance.lake import Lake
from parlance.stages import posting
from parlance.storage import record_batches
from resources.lake import LakeResource
from resources.slack_posting import SlackPosting
from tests.servers.slack_web_api import APP, Api, serve
from tests.servers.slack_workspace import TEAM, World, day_of

RIGHTS = Path(__file__).parents[2] / "sample" / "slack" / "rights.yaml"


@pytest.fixture
def server() -> Iterator[Api]:
    with serve(Api(World(seed=1, now=datetime.now(UTC).timestamp() - 3600))) as found:
        yield found


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(root=str(tmp_path / "lake"))


def materialized(lake: Lake, slack_posting: SlackPosting) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [*posting_assets(on=True), *posting_checks],
        resources={"lake": LakeResource(root=lake.root), "slack_posting": slack_posting},
        raise_on_error=False,
    )


def review(server: Api, **changed: str) -> SlackPosting:
    values = {"mode": "review", "channel": "G1", "reviewers": "U3, U4", "rights": str(RIGHTS)}
    return SlackPosting(api_url=server.base_url, **values | changed)


def shown(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node("models__posted_drafts")
    return {name: value.value for name, value in event.metadata.items()}


def test_the_main_job_leaves_it_out_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLANCE_SLACK_POST", raising=False)
    graph = defs().resolve_asset_graph()
    key = dg.AssetKey(["models", "posted_drafts"])
    assert not_asked_for(graph)[key] == "PARLANCE_SLACK_POST"
    monkeypatch.setenv("PARLANCE_SLACK_POST", "review")
    assert key not in not_asked_for(graph)


def test_automation_looks_every_quarter_of_an_hour_where_it_is_on() -> None:
    for on in (True, False):
        resources = {"lake": LakeResource(root="nowhere"), "slack_posting": SlackPosting()}
        automated = dg.Definitions(posting_assets(on=on), resources=resources)
        with dg.DagsterInstance.ephemeral() as instance:
            asked, cursor = [], None
            for minute in (1, 10, 16, 20, 31):
                found = dg.evaluate_automation_conditions(
                    automated, instance, cursor=cursor, evaluation_time=datetime(2026, 11, 2, 9, minute, tzinfo=UTC)
                )
                asked.append(found.total_requested)
                cursor = found.cursor
        assert asked == ([0, 0, 1, 0, 1] if on else [0, 0, 0, 0, 0])


@pytest.mark.parametrize("mode", ["", "off"])
def test_off_says_nothing_to_slack(lake: Lake, server: Api, mode: str) -> None:
    result = materialized(lake, review(server, mode=mode))
    assert result.success
    assert shown(result) == {"posting": "off"}
    assert server.log == []


def test_review_approval_and_post(lake: Lake, server: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLANCE_SLACK_POST_TOKEN", "xoxb-1")
    monkeypatch.delenv("PARLANCE_SLACK_TOKEN", raising=False)
    world = server.world
    ts = world.post("C1", "Where is the key?", user="U1")
    numbers = {name: 0 for name, kind in pl.Schema(schemas.PREDICTIONS).items() if kind.is_numeric()}
    row = {name: "x" for name, kind in pl.Schema(schemas.PREDICTIONS).items() if kind == pl.String} | numbers
    row |= {"message_id": f"{TEAM}/C1/{ts}", "id": "d", "draft": "Here.", "status": "drafted", "partition": day_of(ts)}
    row |= {"prompt_was_cut": False, "answered_at": datetime.now(UTC)}
    frame = pl.DataFrame([row], schema=pl.Schema(schemas.PREDICTIONS))
    lake.table("models/predictions").replace(record_batches(frame, schemas.PREDICTIONS), [day_of(ts)])
    first = shown(materialized(lake, review(server)))
    assert (first["shown_now"], first["posted_now"]) == (1, 0)
    (asked,) = world.shown("G1").values()
    world.react("G1", asked["ts"], "white_check_mark", "U4")
    result = materialized(lake, review(server))
    assert (shown(result)["shown_now"], shown(result)["posted_now"]) == (0, 1)
    (reply,) = [one for one in world.shown("C1").values() if one.get("bot_id") == APP["bot_id"]]
    assert reply["thread_ts"] == ts
    assert all(check.passed for check in result.get_asset_check_evaluations())
    assert "xoxb-1" not in str(result.all_events)


def test_a_second_post_fails_the_check(lake: Lake, server: Api) -> None:
    row = dict.fromkeys(schemas.POSTED_DRAFTS.names) | {"message_id": "T/C1/1.0", "step": "posted", "run": "r"}
    rows = [row | {"draft_id": draft, "ts": draft, "at": datetime.now(UTC)} for draft in ("1.5", "1.6")]
    frame = pl.DataFrame(rows, schema=pl.Schema(schemas.POSTED_DRAFTS))
    lake.table(posting.TABLE).append(record_batches(frame, schemas.POSTED_DRAFTS))
    (check,) = materialized(lake, review(server, mode="off")).get_asset_check_evaluations()
    assert not check.passed
    assert check.metadata["messages"].value == ["T/C1/1.0"]


@pytest.mark.parametrize(
    ("changed", "token", "says"),
    [
        ({"mode": "always"}, "xoxb-1", "PARLANCE_SLACK_POST is 'always'; allowed: off, review"),
        ({}, "", "PARLANCE_SLACK_POST_TOKEN is not set"),
        ({}, "xoxp-1", "must begin with xoxb-"),
        ({"reviewers": " , "}, "xoxb-1", "PARLANCE_SLACK_REVIEWERS"),
        ({"rights": ""}, "xoxb-1", "PARLANCE_SLACK_RIGHTS is not set"),
    ],
)
def test_a_wrong_setting_says_so(  # noqa: PLR0917
    lake: Lake, server: Api, changed: dict[str, str], token: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLANCE_SLACK_POST_TOKEN", token)
    result = materialized(lake, review(server, **changed))
    (failure,) = [event for event in result.all_node_events if event.is_step_failure]
    assert says in str(failure.step_failure_data.user_failure_data.description)
    assert server.log == []
