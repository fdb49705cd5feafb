"""Repeated lines through Dagster: counted, shown, and removed where that is asked for, each one accounted for."""

from pathlib import Path

import dagster as dg
import polars as pl
import pyarrow as pa
import pytest

from assets.lanes import lane_assets
from assets.repeated import repeated_assets
from orchestration.lanes import lanes
from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.schemas import DOCUMENTS
from parlance.stages.duplicates import write_duplicates
from parlance.stages.lanes import write_kept, write_signals
from resources.lake import LakeResource

MENU = "Home | News | Contact us today"
NOTICE = "Write to office@example.org for more"
RULES = (Bound("words", at_least=1),)
KEYS = ["dump.jsonl"]


def document(name: str, text: str, url: str | None, **more: object) -> dict[str, object]:
    row = {"id": f"dump:{name}", "source": "dump", "text": text, "url": url, "raw_ids": [name], "partition": KEYS[0]}
    return row | more


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Eight pages of a site, one of which is its menu alone, one of another site, and one that has no address."""
    lake = Lake(root=str(tmp_path / "lake"))
    words = "amber basil cedar daisy elder fennel ginger hazel".split()  # noqa: SIM905
    rows = [
        document(f"page{i}", f"{MENU}\n{word} story told at length\n{NOTICE}", f"https://www.site.example/{i}")
        for i, word in enumerate(words[:7])
    ]
    rows += [
        document("bare", f"{MENU}\r\n{NOTICE}", "http://site.example/bare"),
        document("other", f"{MENU}\nother tale", "https://other.example/"),
        document("nowhere", f"{MENU}\nunplaced tale", None),
    ]
    lake.table("dump/documents").replace([pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS)], KEYS)
    write_signals(lake, "dump", KEYS)
    return lake


def materialized(lake: Lake, **config: object) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        repeated_assets(list(lanes().values())),
        resources={"lake": LakeResource(root=lake.root)},
        run_config={"ops": {"corpus__repeated_lines": {"config": config}}},
        raise_on_error=False,
    )


def kept(lake: Lake) -> pl.DataFrame:
    write_kept(lake, "dump", RULES, KEYS)
    return lake.table("dump/kept").scan().sort("id").collect()


def test_lines_are_shown_and_stay(lake: Lake) -> None:
    result = materialized(lake)
    assert result.success
    rows = lake.table("corpus/repeated_lines").scan().sort("excerpt").collect()
    assert rows.select("site", "documents", "documents_everywhere", "sites", "excerpt", "remove").rows() == [
        ("site.example", 8, 10, 2, MENU, False),
        ("site.example", 8, 8, 1, NOTICE, False),
    ]
    (event,) = result.asset_materializations_for_node("corpus__repeated_lines")
    assert "Home \\| News" in event.metadata["most_repeated"].value
    assert event.metadata["share_of_text"].value.startswith("![plot](data:image/svg")
    left = kept(lake)
    assert left.height == 10
    assert left["text"].str.contains("Home").all()
    assert left["removed_lines"].sum() == 0


def test_removed_lines_are_accounted_for(lake: Lake) -> None:
    assert materialized(lake, remove=True).success
    left = kept(lake)
    texts = dict(left.select("id", "text").iter_rows())
    assert texts["dump:page0"] == "amber story told at length\n"
    assert texts["dump:other"] == f"{MENU}\nother tale"
    assert texts["dump:nowhere"] == f"{MENU}\nunplaced tale"
    of_page = left.filter(id=pl.lit("dump:page0")).select("removed_lines", "removed_characters", "masked").row(0)
    assert of_page == (2, len(MENU) + 1 + len(NOTICE), 0)
    dropped = lake.table("dump/dropped").scan().collect()
    assert dropped.select("id", "reason", "rule", "value", "reasons").rows() == [
        ("dump:bare", "repeated_lines", "repeated_lines", 2.0, ["repeated_lines"])
    ]
    assert left.height + dropped.height == lake.table("dump/documents").scan().collect().height


def test_a_lower_bound_of_documents_is_obeyed(lake: Lake) -> None:
    assert materialized(lake, documents=8).success
    assert lake.table("corpus/repeated_lines").scan().collect().is_empty()


def test_captures_and_copies_of_a_page_repeat_nothing(lake: Lake) -> None:
    """Seven captures of one address, and seven copies that the duplicates list, have a line in common each."""
    captures = [
        document(f"day{i}", f"A line of day {i}\nOne story", "https://news.example/a?utm_source=x") for i in range(7)
    ]
    copies = [document(f"copy{i}", "Another story", f"https://copies.example/{i}") for i in range(7)]
    rows = pa.RecordBatch.from_pylist([*captures, *copies], schema=DOCUMENTS)
    lake.table("dump/documents").replace([rows], KEYS)
    assert materialized(lake).success
    lines = lake.table("corpus/repeated_lines").scan()
    assert lines.select("site", "excerpt").collect().rows() == [("copies.example", "Another story")]
    write_signals(lake, "dump", KEYS)
    write_duplicates(lake, {"dump": RULES}, threshold=0.8)
    assert materialized(lake).success
    assert lake.table("corpus/repeated_lines").scan().collect().is_empty()


def test_without_documents_there_are_no_lines(tmp_path: Path) -> None:
    empty = Lake(root=str(tmp_path / "lake"))
    assert materialized(empty, unit="paragraph", lanes=["slack", "dump"]).success
    assert empty.table("corpus/repeated_lines").scan().collect().is_empty()


def test_an_unknown_lane_is_refused(lake: Lake) -> None:
    result = materialized(lake, lanes=["dmup"])
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "unknown lanes ['dmup']; known: crawl, dump, slack" in str(failure.step_failure_data)


def test_kept_waits_for_the_lines() -> None:
    step = next(asset for asset in lane_assets(lanes()["dump"]) if dg.AssetKey(["dump", "kept"]) in asset.keys)
    assert dg.AssetKey(["corpus", "repeated_lines"]) in step.asset_deps[dg.AssetKey(["dump", "kept"])]
