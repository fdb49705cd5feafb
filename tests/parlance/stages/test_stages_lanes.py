"""Steps of a lane made one at a time: no message is lost between them, and none goes by what was of another text."""

import json
from pathlib import Path

import polars as pl
import pytest

from parlance.lake import Lake
from parlance.sources import slack
from parlance.stages.lanes import write_documents

DAY, LATER = "2026-10-05", "2026-10-09"
NOON, LATER_NOON = 1_791_201_600, 1_791_201_600 + 4 * 86_400


def said(seconds: int, text: str, **more: str) -> dict[str, str]:
    return {"type": "message", "user": "U1", "ts": f"{seconds}.000100", "text": text, **more}


@pytest.mark.parametrize("days", [[DAY, LATER], [LATER, DAY]], ids=["first", "last"])
@pytest.mark.parametrize(
    "stray",
    [said(LATER_NOON, "in the file of another day"), said(NOON, "before its thread", thread_ts=f"{LATER_NOON}.000000")],
    ids=["message", "thread"],
)
def test_days_made_one_at_a_time_have_every_message(days: list[str], stray: dict[str, str], tmp_path: Path) -> None:
    export = tmp_path / "export"
    files = {DAY: [said(NOON + 1, "on its day"), stray], LATER: [said(LATER_NOON + 1, "on the later day")]}
    (export / "general").mkdir(parents=True)
    (export / "channels.json").write_text(json.dumps([{"id": "C1", "name": "general"}]), encoding="utf-8")
    for day, messages in files.items():
        (export / "general" / f"{day}.json").write_text(json.dumps(messages), encoding="utf-8")
    lake = Lake(root=str(tmp_path / "lake"))
    for day in days:
        lake.table("slack/raw").replace(slack.raw(str(export), first=day, last=day), [day])
    for day in days:
        write_documents(lake, "slack", slack.documents, [day], grouped=True)
    sent, documents, rejected = (
        lake.table(f"slack/{name}").scan().collect() for name in ("raw", "documents", "rejected")
    )
    assert sorted(sent["id"]) == sorted([*documents["raw_ids"].explode(), *rejected["id"]])
    assert rejected.select("rule", "detail", "partition").rows() == [
        ("unreadable", "the thread begins after the message's day", DAY)
    ]
    assert sent.filter(pl.col("document_partition") > pl.col("partition")).is_empty()
