"""Duplicates in a lake that changes: additions, backfills and deletions end where a comparison of everything ends."""

import random
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa

from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.schemas import DOCUMENTS
from parlance.stages.duplicates import write_duplicates
from parlance.stages.lanes import write_signals

RULES = (Bound("words", at_least=3),)
LANES = {"crawl": RULES, "dump": RULES}
WORDS = [f"word{i}" for i in range(60)]


def put(lake: Lake, lane: str, partition: str, texts: dict[str, str]) -> None:
    rows = [
        {"id": f"{lane}:{id}", "source": lane, "text": text, "raw_ids": [id], "partition": partition}
        for id, text in texts.items()
    ]
    lake.table(f"{lane}/documents").replace([pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS)], [partition])
    write_signals(lake, lane, [partition])


def duplicates(lake: Lake) -> pl.DataFrame:
    return lake.table("corpus/duplicates").scan().sort("cluster", "id").collect()


def variant(chance: random.Random) -> str:
    words = list(WORDS) if chance.random() < 0.5 else list(reversed(WORDS))
    for _ in range(chance.randrange(3)):
        words[chance.randrange(len(words))] = "other"
    return " ".join(words)


def test_a_lake_that_changes_has_the_duplicates_of_one_made_at_once(tmp_path: object) -> None:
    lake, chance, most = Lake(root=f"{tmp_path}/lake"), random.Random(4), 0
    for step in range(6):
        lane, partition = chance.choice(list(LANES)), chance.choice("pq")
        put(lake, lane, partition, {f"{partition}{i}": variant(chance) for i in range(chance.randrange(2, 8))})
        counts = write_duplicates(lake, LANES, threshold=0.8).counts
        found = duplicates(lake)
        version = lake.table("corpus/duplicate_index").version()
        assert write_duplicates(lake, LANES, threshold=0.8).counts["new"] == 0
        assert lake.table("corpus/duplicate_index").version() == version
        anew = write_duplicates(lake, LANES, threshold=0.8, anew=True).counts
        assert duplicates(lake).equals(found)
        assert anew["new"] >= counts["new"], step
        most = max(most, found.height)
    assert most > 6


def test_a_deleted_document_revives_what_it_shadowed(tmp_path: object) -> None:
    lake = Lake(root=f"{tmp_path}/lake")
    put(lake, "crawl", "p", {"first": " ".join(WORDS)})
    put(lake, "dump", "q", {"copy": " ".join(WORDS).upper(), "alone": " ".join(reversed(WORDS))})
    write_duplicates(lake, LANES, threshold=0.8)
    rows = duplicates(lake).select("id", "keep", "matched_id").rows()
    assert rows == [("crawl:first", True, None), ("dump:copy", False, "crawl:first")]
    put(lake, "crawl", "p", {})
    done = write_duplicates(lake, LANES, threshold=0.8)
    assert done.counts["gone"] == 1
    assert duplicates(lake).is_empty()
    left = lake.table("corpus/duplicate_index").scan().collect()
    assert sorted(left["id"]) == ["dump:alone", "dump:copy"]


def test_another_threshold_or_method_compares_all_again(tmp_path: object) -> None:
    lake = Lake(root=f"{tmp_path}/lake")
    near = " ".join([*WORDS[:-2], "quite", "different"])
    put(lake, "crawl", "p", {"first": " ".join(WORDS), "near": near})
    for threshold, method, members in [(0.8, "a", 2), (0.99, "a", 0), (0.8, "b", 2)]:
        assert write_duplicates(lake, LANES, threshold=threshold, method=method).counts["new"] == 2
        assert duplicates(lake).height == members


def test_a_changed_rule_moves_the_survivor_and_compares_nothing(tmp_path: object) -> None:
    lake = Lake(root=f"{tmp_path}/lake")
    put(lake, "crawl", "p", {"a": " ".join(WORDS), "b": " ".join([*WORDS, "more"])})
    write_duplicates(lake, LANES, threshold=0.8)
    assert duplicates(lake).filter("keep")["id"].to_list() == ["crawl:a"]
    longer = {"crawl": (Bound("words", at_least=61),), "dump": RULES}
    assert write_duplicates(lake, longer, threshold=0.8).counts == {
        "new": 0,
        "gone": 0,
        "compared": 0,
        "read": 0,
        "cut_short": 0,
    }
    assert duplicates(lake).filter("keep")["id"].to_list() == ["crawl:b"]


def test_an_empty_lake_has_no_duplicates(tmp_path: object) -> None:
    lake = Lake(root=f"{tmp_path}/lake")
    assert write_duplicates(lake, LANES, threshold=0.8).written.rows == 0


def fetch(lake: Lake, partition: str, pages: dict[str, tuple[str, str, int]]) -> None:
    """Pages of the crawl lane: by id their URL, text and day."""
    rows = [
        {
            "id": id,
            "source": "crawl",
            "text": text,
            "url": url,
            "created_at": datetime(2026, 11, day, tzinfo=UTC),
            "raw_ids": [id],
            "partition": partition,
        }
        for id, (url, text, day) in pages.items()
    ]
    lake.table("crawl/documents").replace([pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS)], [partition])
    write_signals(lake, "crawl", [partition])


def rows(lake: Lake, **settings: bool) -> list[tuple[object, ...]]:
    write_duplicates(lake, LANES, threshold=0.8, **settings)
    return duplicates(lake).sort("id").select("id", "keep", "kind", "matched_id").rows()


def test_of_the_captures_of_a_url_the_newest_stays(tmp_path: object) -> None:
    lake = Lake(root=f"{tmp_path}/lake")
    fetch(lake, "p", {"old": ("http://a.example/x", "some old news", 1), "other": ("http://b.example/", "b c d", 1)})
    fetch(lake, "q", {"new": ("https://www.a.example/x/?utm_source=y", "what is new today", 2)})
    assert rows(lake) == [("old", False, "url", "new")]
    assert rows(lake, captures=False) == []


def test_a_newer_capture_that_breaks_a_rule_does_not_stand_for_an_older_one(tmp_path: object) -> None:
    lake = Lake(root=f"{tmp_path}/lake")
    fetch(lake, "p", {"old": ("http://a.example/x", "some old news", 1), "new": ("http://a.example/x", "gone", 2)})
    assert rows(lake) == [("new", False, "url", "old")]


def test_an_older_capture_stands_for_no_copy(tmp_path: object) -> None:
    lake, text = Lake(root=f"{tmp_path}/lake"), " ".join(WORDS)
    first = {"old": ("http://a.example/x", text, 1), "copy": ("http://b.example/y", text.upper(), 3)}
    fetch(lake, "p", first | {"new": ("http://a.example/x", "what is new today", 2)})
    assert rows(lake) == [("copy", True, "exact", None), ("old", False, "exact", "copy")]
    # Where the newest is itself a copy, what it repeats stands for both.
    fetch(
        lake,
        "p",
        first
        | {"copy": ("http://b.example/y", "what is new today", 1)}
        | {
            "new": ("http://a.example/x", "What is  new today", 2),
        },
    )
    assert rows(lake) == [("copy", True, "exact", None), ("new", False, "exact", "copy"), ("old", False, "url", "new")]
    assert duplicates(lake)["cluster"].unique().to_list() == ["copy"]
