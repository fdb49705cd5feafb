"""Months of days in few runs, resumed where they stopped, and what other code made again and nothing else."""

import argparse
import io
import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from rich.console import Console

from assets.lanes import Lane
from orchestration import backfilling, staleness
from orchestration.backfilling import backfill, between, needed, selected, selected_with_needed
from orchestration.catching_up import tables_of
from orchestration.lanes import lanes
from orchestration.main import phases, whole_graph
from orchestration.staleness import redecided, remake, stale, with_descendants
from parlance.errors import ConfigError
from parlance.lake import LANE_TABLES, Lake
from parlance.storage.tables import empty_frame
from tests.orchestration import desk
from tests.orchestration.failing_lane import Failing

OCTOBER = [f"2026-10-{day:02}" for day in range(1, 32)]


class Home:
    """The graph in a folder, and an instance that outlives its code."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.folder, self.instance = folder, instance
        self.lake = Lake(root=str(folder / "lake"))
        self.lane = Lane(
            name="tickets",
            title="the support desk",
            partitions=desk.DAYS,
            recipe="web",
            modules=(),
            source=Failing(folder=str(folder)),
            inputs=lambda: OCTOBER,
        )
        self.set()

    def set(self, *, bad: tuple[str, ...] = (), content: str = "1", **versions: str) -> None:
        said = {"versions": versions, "content": {"references": content, "model": "1"}, "bad": dict.fromkeys(bad, "")}
        (self.folder / "state.json").write_text(json.dumps(said))

    def backfill(self, days: list[str], *, again: bool = False, most: int = 100) -> backfilling.Done:
        return backfill(desk.launcher(self.instance, most=most), self.lane, days, again=again)

    def ran(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, days in desk.ran(self.folder):
            found[name] = [*found.get(name, []), *days]
        return found

    def stale(self) -> dict[str, list[str]]:
        graph = desk.launcher(self.instance).job.get_definition().asset_layer.asset_graph
        found = stale(graph, self.instance, self.lake, graph.materializable_asset_keys)
        return {key.to_user_string(): list(why) for key, why in with_descendants(graph, self.instance, found).items()}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("DESK", str(tmp_path))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Home(tmp_path, instance)


def test_a_month_is_one_run_of_each_phase_and_goes_on_where_it_stopped(home: Home) -> None:
    done = home.backfill(OCTOBER[:10])
    ran = home.ran()
    # `corpus/model` has no part in the lane's job; it is made because the lane reads it and it was never made.
    assert ran == {
        "references": [], "model": [], "duplicates": [],
        **dict.fromkeys(("raw", "documents", "signals", "kept", "utterances"), OCTOBER[:10]),
    }  # fmt: skip
    assert done.runs == 4
    assert done.failed == {}
    done = home.backfill(OCTOBER)
    ran = home.ran()
    assert ran == {
        "duplicates": [],
        **dict.fromkeys(("raw", "documents", "signals", "kept", "utterances"), OCTOBER[10:]),
    }
    assert home.backfill(OCTOBER).runs == 0
    assert home.ran() == {}
    assert home.backfill(OCTOBER[:2], again=True, most=1).runs == 5
    assert home.ran()["kept"] == OCTOBER[:2]


def test_a_bad_day_is_named_and_the_others_are_made(home: Home) -> None:
    home.set(bad=(OCTOBER[4],))
    done = home.backfill(OCTOBER[:8])
    assert list(done.failed) == [OCTOBER[4]]
    made = home.instance.get_materialized_partitions(dg.AssetKey(["tickets", "utterances"]))
    assert sorted(made) == [day for day in OCTOBER[:8] if day != OCTOBER[4]]
    said = io.StringIO()
    backfilling.show(done, home.lane, OCTOBER[:8], Console(file=said, width=200), seconds=1)
    assert "8 partitions: 7 made, 0 there before, 1 failed" in said.getvalue()
    assert f"{OCTOBER[4]}: tickets__raw: no such desk" in said.getvalue()
    assert f"python -m orchestration backfill tickets {OCTOBER[4]} {OCTOBER[4]}" in said.getvalue()
    home.set()
    home.ran()
    assert home.backfill(OCTOBER[:8]).failed == {}
    assert home.ran()["raw"] == [OCTOBER[4]]


def test_what_is_asked_for_must_exist(home: Home) -> None:
    assert between(home.lane, home.instance, OCTOBER[3], OCTOBER[5]) == OCTOBER[3:6]
    for first, last, said in (("yesterday", OCTOBER[0], "no partition"), (OCTOBER[5], OCTOBER[3], "comes after")):
        with pytest.raises(ConfigError, match=said):
            between(home.lane, home.instance, first, last)
    options = argparse.Namespace(lane="tickets", first="", last="", again=False, most=1, queue=False)
    with pytest.raises(ConfigError, match="unknown lane 'tickets'"):
        backfilling.main(options, Console(file=io.StringIO()))


def test_an_edited_rule_makes_its_descendants_stale_and_nothing_else(home: Home) -> None:
    home.backfill(OCTOBER[:3])
    home.ran()
    assert home.stale() == {}
    home.set(kept="2")
    assert home.stale() == dict.fromkeys(("tickets/kept", "tickets/utterances"), OCTOBER[:3])
    home.backfill([OCTOBER[3]])
    assert home.stale() == dict.fromkeys(("tickets/kept", "tickets/utterances"), OCTOBER[:3])
    home.ran()
    done = remake(desk.launcher(home.instance, most=2), home.lake, [home.lane])
    assert home.ran() == dict.fromkeys(("kept", "utterances"), OCTOBER[:3])
    assert done.runs == 2
    assert home.stale() == {}


def test_another_list_makes_what_read_it_stale_and_the_same_list_again_nothing(home: Home) -> None:
    home.backfill(OCTOBER[:2])
    home.ran()
    references = dg.AssetKey(["corpus", "references"])
    launcher, done = desk.launcher(home.instance), backfilling.Done()
    launcher.once([references], done)
    assert home.stale() == {}
    home.set(content="2")
    launcher.once([references], done)
    found = home.stale()
    assert found["tickets/signals"] == OCTOBER[:2]
    assert "tickets/documents" not in found
    home.ran()
    remake(desk.launcher(home.instance), home.lake, [home.lane])
    assert home.ran() == dict.fromkeys(("signals", "kept", "utterances"), OCTOBER[:2])


def test_a_day_is_redecided_where_its_duplicates_are_others(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path / "lake"))
    assert redecided(lake, "dump") == set()
    pairs = lake.table("corpus/duplicates")
    empty = empty_frame(pairs.schema)
    rows = pl.DataFrame(
        {
            "id": ["a", "b", "c", "d"],
            "document_partition": ["x", "y", "z", "z"],
            "source": ["dump", "dump", "dump", "web"],
            "keep": [False, False, True, False],
        }
    )
    found = pl.concat([empty, rows], how="diagonal_relaxed").select(empty.columns)
    nulls = {name: "" for name, kind in empty.schema.items() if kind == pl.String and name not in rows.columns}
    found = found.with_columns(pl.lit(value).alias(name) for name, value in nulls.items())
    pairs.replace(found.fill_null(0).cast(dict(empty.schema)).to_arrow().to_batches())
    assert redecided(lake, "dump") == {"x", "y"}
    assert redecided(lake, "web") == {"z"}


def test_a_backfill_for_the_daemon_holds_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the code location's own lane of dumps, which knows the sample's."""
    monkeypatch.setenv("PARLANCE_HOME", str(tmp_path))
    for name in ("PARLANCE_SLACK_EXPORT", "PARLANCE_SLACK_TOKEN", "PARLANCE_CRAWL", "PARLANCE_DUMPS"):
        monkeypatch.delenv(name, raising=False)
    from orchestration.lanes import dump

    lane = dump.lane()
    with dg.DagsterInstance.ephemeral() as instance:
        names = between(lane, instance, "pages.parquet", "web.jsonl.zst")
        for table in LANE_TABLES:
            instance.report_runless_asset_event(dg.AssetMaterialization(lane.key(table), partition="pages.parquet"))
        backfill_id = backfilling.queue(instance, lane, names, again=False)
        assert backfill_id is not None
        asked = instance.get_backfill(backfill_id)
        assert asked is not None
        assert asked.asset_backfill_data is not None
        subset = asked.asset_backfill_data.target_subset.get_partitions_subset(lane.key("kept"))
        assert sorted(subset.get_partition_keys()) == [name for name in sorted(names) if name != "pages.parquet"]
        target = asked.asset_backfill_data.target_subset
        assert {lane.key(table) for table in LANE_TABLES} < set(target.asset_keys)
        corpus = {"duplicates", "speech_act_model", "annotations", "annotations_rejected"}
        assert {dg.AssetKey(["corpus", name]) for name in corpus} < set(target.asset_keys)
        for name in names:
            for table in LANE_TABLES:
                instance.report_runless_asset_event(dg.AssetMaterialization(lane.key(table), partition=name))
        assert backfilling.queue(instance, lane, names, again=False) is None


def test_every_table_of_a_lane_is_in_its_backfill() -> None:
    graph = whole_graph().get_definition().asset_layer.asset_graph
    with dg.DagsterInstance.ephemeral() as instance:
        for lane in lanes().values():
            partitioned = {key for key in selected(graph, lane) if graph.get(key).is_partitioned}
            features = {dg.AssetKey(["features", name]) for name in ("acts", "authors", "threads")}
            own = features if lane.name == "slack" else set()
            assert partitioned == {lane.key(table) for table in tables_of(lane)} | own
            assert dg.AssetKey(["corpus", "references"]) in needed(graph, instance, lane)


def test_the_first_thing_made_in_a_deployment_may_be_a_backfill() -> None:
    job = whole_graph().get_definition()
    graph = job.asset_layer.asset_graph
    with dg.DagsterInstance.ephemeral() as instance:
        for lane in lanes().values():
            chosen = selected_with_needed(graph, instance, lane)
            for _, keys in phases(graph, without=graph.materializable_asset_keys - chosen):
                job.get_subset(asset_selection=set(keys))  # raises for a part of what one step makes


def test_stale_lists_assets_and_reasons(home: Home) -> None:
    said = io.StringIO()
    staleness.show({dg.AssetKey(["tickets", "kept"]): dict.fromkeys(OCTOBER, "code")}, Console(file=said, width=120))
    assert "tickets/kept" in said.getvalue()
    assert "31" in said.getvalue()
