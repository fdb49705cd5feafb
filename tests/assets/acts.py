"""A lake with utterances whose acts are known, written straight into the tables of a lane."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from parlance import schemas
from parlance.lake import Lake
from parlance.references import Named
from parlance.stages.corpus import compile_references

# Author (one that ends in "bot" is one), then the acts of the turn, each "form/function/alone" or fewer for the same.
Turn = tuple[str, str]


def write(lake: Lake, lane: str, threads: Sequence[Sequence[Turn]], *, channel: str = "hr-help", day: int = 1) -> None:
    """Replaces the partition of the day by `threads`; "~" before an act: the classifier abstained."""
    where = {"source": lane, "partition": f"2026-10-{day:02d}"}
    kept, utterances = [], []
    for number, turns in enumerate(threads):
        said, spans = [], []
        name = f"{lane}:{channel}/{day}/{number}"
        for index, (author, acts) in enumerate(turns):
            turn = {"message_id": f"{name}-{index}", "author": author, "is_bot": author.endswith("bot")}
            begin = sum(len(one["text"]) for one in said)
            for act in acts.split():
                said.append(turn | {"turn": index} | _act(act))
            spans.append(turn | {"created_at": None, "start": begin, "end": sum(len(one["text"]) for one in said)})
        start = 0
        for one in said:
            place = {"id": f"{name}#{start}", "document_id": name, "start": start, "end": start + len(one["text"])}
            utterances.append(where | one | place)
            start += len(one["text"])
        text = "".join(one["text"] for one in said)
        kept.append(where | {"id": name, "text": text, "channel": channel, "turns": spans} | _rest(day))
    for table, rows, schema in (("kept", kept, schemas.KEPT), ("utterances", utterances, schemas.UTTERANCES)):
        batch = pa.RecordBatch.from_pylist(rows, schema=schema)
        lake.table(f"{lane}/{table}").replace([batch], [where["partition"]])


def _act(written: str) -> dict[str, Any]:
    """An utterance of which the act says all: its text, too."""
    parts = written.lstrip("~").split("/")
    form, function, alone = [*parts, parts[-1], parts[-1]][:3]
    return {
        "text": f"word of {form} as {function}.",
        "form": form,
        "form_score": 0.9,
        "function": function,
        "function_score": 0.9,
        "function_alone": alone,
        "abstained": written.startswith("~"),
    }


def _rest(day: int) -> dict[str, Any]:
    """What a kept document has besides."""
    return {
        "author": None,
        "created_at": datetime(2026, 10, day, 23, 30, tzinfo=UTC),
        "raw_ids": [],
        "masked": 0,
        "removed_lines": 0,
        "removed_characters": 0,
    }


def opened(folder: Path) -> Lake:
    """An empty lake, and nothing to compare documents with."""
    lake = Lake(root=str(folder / "lake"))
    compile_references(lake, Named(), Named().version)
    return lake
