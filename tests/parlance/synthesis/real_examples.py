"""Rows of EXAMPLES for tests of what is made from them."""

import polars as pl

from parlance import schemas

TOPICS = ("badge", "printer", "payslip", "parking", "projector", "kettle", "archive", "contract", "visitor", "bicycle")


def examples(number: int = 20) -> pl.DataFrame:
    """Questions with answers, each of its own words; of ten the ninth is validation and the tenth test."""
    rows = [_row(place) for place in range(number)]
    return pl.DataFrame(rows, schema=pl.Schema(schemas.EXAMPLES))


def _row(place: int) -> dict[str, object]:
    topic = f"{TOPICS[place % len(TOPICS)]} {place}"
    asked = f"Who looks after the {topic} when floor number {place} is being cleaned?"
    answer = f"Ask desk {place} for the {topic}; they keep a list of spare ones next to cupboard {place + 7}."
    return {
        "id": f"e{place:03}",
        "document_id": f"t{place:03}",
        "split": {8: "validation", 9: "test"}.get(place % 10, "train"),
        "instruction": asked,
        "input": "",
        "output": answer,
        "kind": "answer",
        "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}],
        "source": "slack",
        "quality": 1.0,
        "quality_reasons": [],
        "alternatives": [],
        "asks": [{"form": "question", "function": "question"}],
        "answers": ["representative"],
        "thanked": place % 2 == 0,
        "unsure": 0,
        "raw_ids": [f"m{place:03}-0", f"m{place:03}-1"],
        "language": "en",
    }
