"""From kept threads to question-and-answer examples, and the files that trainers load."""

from pathlib import Path

import polars as pl

from parlance import instruct, schemas
from parlance.lake import Lake
from parlance.storage import Written, record_batches

SPLITS = ("train", "validation", "test")


def write_examples(lake: Lake, lane: str) -> tuple[Written, Written]:
    """Examples of every kept thread of `lane`; `passed_over` lists the threads that gave none, with the reason."""
    threads = lake.table(f"{lane}/kept").scan().collect()
    utterances = lake.table(f"{lane}/utterances").scan().collect()
    examples = instruct.build(threads, utterances)
    passed_over = instruct.reasons(threads, utterances).rename({"id": "document_id"}, strict=False)
    written = lake.table("instruct/examples").replace(record_batches(examples, schemas.EXAMPLES))
    return written, lake.table("instruct/passed_over").replace(record_batches(passed_over, schemas.PASSED_OVER))


def export_examples(lake: Lake, folder: Path) -> dict[str, int]:
    """Writes `<format>/<split>.jsonl` for every format and split; returns rows by file."""
    examples = lake.table("instruct/examples").scan().sort("id").collect()
    rows = {}
    for name in instruct.formats():
        for split in SPLITS:
            path = folder / name / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            chosen = examples.filter(pl.col("split") == split)
            with path.open("w", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in instruct.export(chosen, name))
            rows[f"{name}/{split}.jsonl"] = chosen.height
    return rows
