"""Duplicates, comparisons and explanations, asked of a small lake that the steps themselves have made."""

import io

import polars as pl
import pyarrow as pa
import pytest
from rich.console import Console

from orchestration.why import show
from parlance.errors import ConfigError
from parlance.excerpts import excerpts
from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.schemas import DOCUMENTS
from parlance.stages.corpus import write_comparison
from parlance.stages.duplicates import write_duplicates
from parlance.stages.lanes import write_kept, write_signals
from parlance.stages.why import why

WORDS = [f"word{i}" for i in range(60)]
TEXTS = {
    "first": " ".join(WORDS),
    "copy": " ".join(WORDS).upper(),
    "near": " ".join([*WORDS[:-2], "quite", "different"]),
    "short": "too short",
    "alone": " ".join(reversed(WORDS)),
}
RULES = (Bound("words", at_least=3),)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(root=str(tmp_path_factory.mktemp("lake")))
    for lane, names in {"crawl": ["first", "short", "alone"], "dump": ["copy", "near"]}.items():
        rows = [
            {"id": f"{lane}:{name}", "source": lane, "text": TEXTS[name], "raw_ids": [name], "partition": "p"}
            for name in names
        ]
        lake.table(f"{lane}/documents").replace([pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS)], ["p"])
        write_signals(lake, lane, ["p"])
    write_duplicates(lake, {"crawl": RULES, "dump": RULES}, threshold=0.8)
    for lane in ("crawl", "dump"):
        write_kept(lake, lane, RULES, ["p"])
    return lake


def asked(lake: Lake, id: str) -> str:
    printed = io.StringIO()
    show(why(lake, ["crawl", "dump"], id), Console(file=printed, width=100))
    return printed.getvalue()


def test_a_near_duplicate_stands_beside_its_survivor(lake: Lake) -> None:
    found = why(lake, ["crawl", "dump"], "dump:near")
    assert found.dropped is not None
    assert found.dropped["reason"] == "near_duplicate"
    assert (found.survivor, found.survivor_text) == ("crawl:first", TEXTS["first"])
    members = {row["id"]: round(row["jaccard"], 3) for row in found.cluster.iter_rows(named=True)}
    assert members == {"crawl:first": round(54 / 58, 3), "dump:copy": round(54 / 58, 3), "dump:near": 1.0}
    assert found.common is not None
    assert found.common.left == [(0, TEXTS["near"].index(" quite"))]
    shown = asked(lake, "dump:near")
    assert "Dropped: near_duplicate" in shown
    assert "0.931" in shown


def test_the_survivor_and_what_has_no_duplicate_are_kept(lake: Lake) -> None:
    assert "stands for its cluster" in asked(lake, "crawl:first")
    alone = why(lake, ["crawl", "dump"], "crawl:alone")
    assert (alone.dropped, alone.cluster.height, alone.common) == (None, 0, None)
    assert "Kept." in asked(lake, "crawl:alone")


def test_a_broken_rule_is_named(lake: Lake) -> None:
    assert "words<3.0" in asked(lake, "crawl:short")


def test_recipes_are_compared_over_lanes(lake: Lake) -> None:
    written = write_comparison(lake, ["crawl", "dump"], RULES, (Bound("words", at_least=60),))
    assert written.rows == 0
    write_comparison(lake, ["crawl", "dump"], RULES, (Bound("words", at_least=2, at_most=59),))
    rows = (
        lake.table("corpus/recipe_comparison")
        .scan()
        .sort("id")
        .select("id", "one", "other", "excerpt")
        .collect()
        .rows()
    )
    kept_before = [
        ("crawl:alone", None, "words>59.0", excerpts(pl.Series([TEXTS["alone"]])).item()),
        ("crawl:first", None, "words>59.0", excerpts(pl.Series([TEXTS["first"]])).item()),
    ]
    assert rows[:2] == kept_before
    assert ("crawl:short", "words<3.0", None, "too short") in rows
    assert len(rows) == 5


def test_the_ledger_shows_how_a_dropped_document_begins(lake: Lake) -> None:
    rows = lake.table("dump/dropped").scan().sort("id").select("id", "excerpt").collect().rows()
    assert rows == [(f"dump:{name}", TEXTS[name][:200].strip()) for name in ("copy", "near")]


def test_an_unknown_document_is_refused(lake: Lake) -> None:
    with pytest.raises(ConfigError, match="no document 'x' in the lanes crawl, dump"):
        why(lake, ["crawl", "dump"], "x")
