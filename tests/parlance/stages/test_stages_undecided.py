"""Partitions that must be decided again: where duplicates came or went since, and nowhere else."""

from datetime import UTC, datetime

import pyarrow as pa

from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.schemas import DOCUMENTS
from parlance.stages.duplicates import write_duplicates
from parlance.stages.lanes import write_kept, write_signals
from parlance.stages.undecided import undecided

RULES = (Bound("words", at_least=3),)
PAGE = "http://a.example/x"


def fetch(lake: Lake, partition: str, pages: dict[str, tuple[str, str, int]]) -> None:
    """Pages of the crawl lane: by id their URL, text and day; what is kept is decided for this partition alone."""
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
    write_duplicates(lake, {"crawl": RULES}, threshold=0.8)
    write_kept(lake, "crawl", RULES, [partition])


def test_a_day_whose_page_was_fetched_again_is_decided_again(tmp_path: object) -> None:
    lake = Lake(root=f"{tmp_path}/lake")
    assert undecided(lake, "crawl") == []
    fetch(lake, "1", {"old": (PAGE, "some old news", 1), "other": ("http://b.example/", "b c d", 1)})
    fetch(lake, "2", {"third": ("http://c.example/", "nothing to do with it", 2)})
    assert undecided(lake, "crawl") == []
    fetch(lake, "3", {"new": (PAGE, "what is new today", 3)})
    assert undecided(lake, "crawl") == ["1"]
    write_kept(lake, "crawl", RULES, ["1"])
    assert undecided(lake, "crawl") == []
    kept = lake.table("crawl/kept").scan().select("id").collect()["id"].to_list()
    assert sorted(kept) == ["new", "other", "third"]


def test_a_copy_whose_survivor_changed_is_decided_again(tmp_path: object) -> None:
    lake = Lake(root=f"{tmp_path}/lake")
    fetch(lake, "1", {"first": ("http://a.example/", "the very same text", 1)})
    fetch(lake, "2", {"copy": ("http://b.example/", "the very same text", 2), "short": ("http://c.example/", "no", 2)})
    assert undecided(lake, "crawl") == []
    fetch(lake, "1", {"first": ("http://a.example/", "another text by now", 1)})
    assert undecided(lake, "crawl") == ["2"]
    write_kept(lake, "crawl", RULES, ["2"])
    assert undecided(lake, "crawl") == []
