"""Steps of a lane made one at a time: no message is lost between them, and none goes by what was of another text."""

import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.schemas import DOCUMENTS
from parlance.sources import slack
from parlance.stages.lanes import write_documents, write_kept, write_signals

DAY, LATER = "2026-10-05", "2026-10-09"
TEXT = "Please write to ada@example.org about the leave day"
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


def write_texts(lake: Lake, **texts: str) -> None:
    rows = [{"id": id, "source": "dump", "text": text, "raw_ids": [id], "partition": "p"} for id, text in texts.items()]
    lake.table("dump/documents").replace([pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS)], ["p"])


@pytest.mark.parametrize(
    "later",
    [
        {"a": "An edited line. Please write to ada@example.org about it."},
        {"a": "Please write to bob@example.org about the days off!"},
        {"a": TEXT, "new": "Please write to ada@example.org"},
    ],
    ids=["longer", "as long", "one more document"],
)
def test_signals_of_another_text_are_refused(later: dict[str, str], tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    write_texts(lake, a=TEXT)
    write_signals(lake, "dump", ["p"])
    write_kept(lake, "dump", (), ["p"])
    write_texts(lake, **later)
    with pytest.raises(ConfigError, match=r"signals of 'p' are of another text of '(a|new)': materialise dump/signals"):
        write_kept(lake, "dump", (), ["p"])
    assert lake.table("dump/kept").scan().collect()["text"].to_list() == [TEXT.replace("ada@example.org", "<EMAIL>")]
    write_signals(lake, "dump", ["p"])
    write_kept(lake, "dump", (), ["p"])
    assert "example.org" not in str(lake.table("dump/kept").scan().collect()["text"].to_list())
