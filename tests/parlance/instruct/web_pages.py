"""Pages and their utterances for tests, written as their text."""

import re
from datetime import UTC, datetime

import polars as pl

from parlance import schemas

KEPT = pl.Schema(schemas.KEPT)
UTTERANCES = pl.Schema(schemas.UTTERANCES)


def page(
    text: str, *, title: str | None = None, language: str = "en", name: str = "dump:p1", author: str | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """KEPT and UTTERANCES rows of a page: each sentence an utterance, a question where it ends so."""
    document = {
        "id": name,
        "source": name.partition(":")[0],
        "text": text,
        "title": title,
        "author": author,
        "created_at": datetime(2026, 10, 7, tzinfo=UTC),
        "turns": None,
        "raw_ids": [name],
        "language": language,
        "masked": 0,
        "removed_lines": 0,
        "removed_characters": 0,
        "partition": "p",
    }
    utterances = []
    for found in re.finditer(r"[^\s.?!][^\n.?!]*[.?!]?", text):
        act = "question" if found[0].endswith("?") else "representative"
        utterances.append(
            {
                "id": f"{name}#{found.start()}",
                "source": document["source"],
                "document_id": name,
                "is_bot": False,
                "turn": 0,
                "start": found.start(),
                "end": found.end(),
                "text": found[0],
                "form": act,
                "form_score": 1.0 if act == "question" else 0.9,
                "function": act,
                "function_score": 0.9,
                "function_alone": act,
                "abstained": False,
                "partition": "p",
            }
        )
    return pl.DataFrame([document], schema=KEPT), pl.DataFrame(utterances, schema=UTTERANCES)
