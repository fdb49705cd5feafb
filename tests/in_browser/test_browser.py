"""The web UI as people use it, in a browser: the graph, pictures, a backfill, and the main job from the launchpad."""

import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg
import polars as pl
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from playwright.sync_api import Page, expect

from orchestration.main import STARTED_BY, not_asked_for, whole_graph
from tests.in_browser import web_pages
from tests.in_browser.web_ui import WebUI
from tests.orchestration.conftest import ROOT, Workspace
from tests.orchestration.test_main_job import assert_same_rows, run_again

pytestmark = pytest.mark.slow
FIRST, LAST = "2026-10-07", "2026-10-08"
DAYS = {FIRST, LAST}
# Vectors stay, since those of a text differ in the last digits with the texts beside it.
DELETED = ("raw", "documents", "signals", "kept", "dropped", "utterances")
MOST_S = 25 * 60


@pytest.fixture(scope="module")
def graph() -> AssetGraph:
    return whole_graph().get_definition().asset_layer.asset_graph


def materialized_since(workspace: Workspace, started: datetime) -> dict[dg.AssetKey, set[str | None]]:
    """The assets that were materialised since, each with its partitions."""
    found: dict[dg.AssetKey, set[str | None]] = {}
    with dg.DagsterInstance.from_config(str(workspace.home / "dagster")) as instance:
        for key in instance.all_asset_keys():
            since = dg.AssetRecordsFilter(asset_key=key, after_timestamp=started.timestamp())
            records = instance.fetch_materializations(since, limit=1000).records
            found |= {key: {record.partition_key for record in records}} if records else {}
    return found


def assert_same_tables(found: Workspace, wanted: Mapping[str, pl.DataFrame]) -> None:
    tables = found.tables()
    for name, frame in wanted.items():
        assert_same_rows(tables[name], frame)


def test_every_group_is_a_node_and_a_lane_unfolds_into_its_assets(page: Page, graph: AssetGraph) -> None:
    groups = {graph.get(key).group_name for key in graph.materializable_asset_keys}
    page.goto("/asset-groups")
    for group in groups:
        expect(web_pages.node(page, group)).to_be_visible()
    expect(web_pages.group_nodes(page)).to_have_count(len(groups))
    web_pages.no_error_is_shown(page)
    web_pages.unfold(page, "slack")
    keys = graph.materializable_asset_keys
    web_pages.zoom_out_to(page, [key.path[-1] for key in keys if graph.get(key).group_name == "slack"])
    web_pages.no_error_is_shown(page)


@pytest.mark.parametrize(
    ("asset", "drawn"),
    [
        ("corpus/profiles", {"cashier", "code_review", "hr_helpdesk", "workplace_chat"}),
        ("corpus/speech_acts", {"over_time", "by_channel", "form_by_function", "transitions"}),
        ("search/map", {"by_source", "by_speech_act"}),
        ("tokenizers/comparison", {"pictures"}),
    ],
)
def test_plots_are_pictures_and_tables_have_rows(page: Page, asset: str, drawn: set[str]) -> None:
    page.goto(f"/assets/{asset}")
    pictures = web_pages.pictures(page)
    assert drawn <= {title for title, widths in pictures.items() if widths}
    assert all(width > 0 for widths in pictures.values() for width in widths), pictures
    rows = web_pages.rows_of_metadata(page)
    assert 0 not in rows
    assert rows or asset == "search/map"


def test_a_backfill_brings_two_deleted_days_back_and_touches_no_other(
    page: Page, ui: WebUI, sample: Workspace, graph: AssetGraph
) -> None:
    for name in DELETED:
        ui.workspace.lake.table(f"slack/{name}").replace([], [FIRST, LAST])
    started = datetime.now(UTC)
    page.goto(f"{web_pages.JOBS}/slack_lane")
    web_pages.launch_backfill(page, f"[{FIRST}...{LAST}]")
    web_pages.backfill_completes(page, limit_s=MOST_S)
    made = materialized_since(ui.workspace, started)
    assert {key for key in graph.materializable_asset_keys if key.path[0] == "slack"} <= made.keys()
    assert all(days == DAYS for key, days in made.items() if key.path[0] == "slack"), made
    assert_same_tables(ui.workspace, sample.tables())
    for name in (*DELETED, "embeddings"):
        assert ui.workspace.rows(f"slack/{name}")["id"].is_unique().all()


def test_the_main_job_from_the_launchpad_makes_what_the_command_makes(
    page: Page, ui: WebUI, sample: Workspace, graph: AssetGraph
) -> None:
    recipe = (ROOT / "recipes" / "quick.yaml").read_text(encoding="utf-8")
    started = datetime.now(UTC)
    page.goto(f"{web_pages.JOBS}/everything")
    page.get_by_role("tab", name="Launchpad").click()
    web_pages.write_config(page, "ops:\n  run_phases:\n    config:\n" + textwrap.indent(recipe, " " * 6))
    run_id = web_pages.launch(page)
    web_pages.run_succeeds(page, "everything", run_id, limit_s=MOST_S)
    made = materialized_since(ui.workspace, started)
    assert graph.materializable_asset_keys - not_asked_for(graph).keys() <= made.keys()
    wanted = sample.tables()
    if ui.workspace.crawled() != sample.crawled():  # midnight came between the two, and crawls of two days differ
        wanted = ui.workspace.tables()
        run_again(ui.workspace)
    assert_same_tables(ui.workspace, wanted)
    assert phases_of(ui.workspace, run_id) == runs_that_it_shows(ui.workspace, run_id)


def phases_of(workspace: Workspace, run_id: str) -> set[str]:
    """The runs that a run of the main job started, by their tag."""
    with dg.DagsterInstance.from_config(str(workspace.home / "dagster")) as instance:
        return {run.run_id for run in instance.get_runs(dg.RunsFilter(tags={STARTED_BY: run_id}))}


def runs_that_it_shows(workspace: Workspace, run_id: str) -> set[str]:
    """Those that its own page links to."""
    with dg.DagsterInstance.from_config(str(workspace.home / "dagster")) as instance:
        (entry,) = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_OUTPUT)
    assert entry.dagster_event is not None
    return {str(value.value) for value in entry.dagster_event.step_output_data.metadata.values()}
