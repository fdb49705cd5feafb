"""Midnight, UTC, between two steps of one thing: the day that a crawl was asked for stays its day."""

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration import main
from orchestration.lanes import crawl

NIGHT = dt.date(2026, 11, 22)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a crawl, and the crawl list of the sample."""
    monkeypatch.setenv("PARLANCE_HOME", str(tmp_path))
    for name in ("PARLANCE_CRAWL", "PARLANCE_CRAWL_START"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_process_that_starts_after_midnight_knows_the_day_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl, "today", lambda: NIGHT)
    (asked,) = crawl.lane().inputs()
    monkeypatch.setattr(crawl, "today", lambda: NIGHT + dt.timedelta(days=1))
    assert asked in crawl.lane().partitions.get_partition_keys(current_time=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))


def test_the_first_crawl_is_the_first_day(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl, "today", lambda: NIGHT)
    assert crawl.first_day() == "2026-11-21"
    (home / "crawls" / "2026-11-22").mkdir(parents=True)
    assert crawl.first_day() == "2026-11-22"
    monkeypatch.setenv("PARLANCE_CRAWL_START", "2026-11-01")
    assert crawl.first_day() == "2026-11-01"


def test_the_main_job_makes_one_day_of_the_crawl(monkeypatch: pytest.MonkeyPatch) -> None:
    days = count()
    monkeypatch.setattr(crawl, "today", lambda: NIGHT + dt.timedelta(days=next(days)))
    asked: list[Mapping[str, str]] = []

    def run_assets(
        job: object, instance: object, keys: Sequence[dg.AssetKey], tags: Mapping[str, str], config: Mapping[str, Any]
    ) -> tuple[str, list[str]]:
        asked.extend(tags for key in keys if key.path[0] == "crawl")
        return "", []

    monkeypatch.setattr(main, "run_assets", run_assets)
    with dg.DagsterInstance.ephemeral() as instance:
        main.materialize_everything(instance, log=lambda _: None)
    assert len(asked) > len({"raw", "documents", "signals", "kept"})
    assert all(tags == asked[0] for tags in asked), asked
