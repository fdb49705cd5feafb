"""Kept documents with an utterance a sentence, and their chunks."""

import re

import polars as pl

from parlance import schemas
from parlance.lake import Lake
from parlance.stages.embeddings import write_embeddings
from parlance.storage import record_batches

DAY = "2026-11-02"
TEXTS = {
    "trains": "The train to Lyon leaves at nine. Does it stop in Dijon?",
    "bread": "Knead the dough for ten minutes. Then let it rise.",
    "tax": "The council raised the tax.",
}


def keep(lake: Lake, texts: dict[str, str], *, channel: str = "travel", lane: str = "slack") -> None:
    """Makes `texts` the kept documents of the day, with an utterance a sentence and their chunks."""
    counts = {"masked": 0, "removed_lines": 0, "removed_characters": 0}
    rows = [
        {"id": name, "source": lane, "text": text, "raw_ids": [name], "partition": DAY, "channel": channel} | counts
        for name, text in texts.items()
    ]
    empty = dict.fromkeys(schemas.KEPT.names)
    kept = pl.DataFrame([empty | row for row in rows], schema=pl.DataFrame(schemas.KEPT.empty_table()).schema)
    lake.table(f"{lane}/kept").replace(record_batches(kept, schemas.KEPT), [DAY])
    said = [
        {"id": f"{name}#{place}", "source": lane, "document_id": name, "turn": 0, "is_bot": False, "partition": DAY}
        | {"start": text.index(sentence), "end": text.index(sentence) + len(sentence), "text": sentence}
        | {"function": "question" if sentence.endswith("?") else "representative", "form": "none"}
        | {"function_alone": "none", "abstained": False, "form_score": 1.0, "function_score": 1.0}
        for name, text in texts.items()
        for place, sentence in enumerate(re.split(r"(?<=[.?]) ", text))
    ]
    types = pl.DataFrame(schemas.UTTERANCES.empty_table()).schema
    nothing = dict.fromkeys(schemas.UTTERANCES.names)
    utterances = pl.DataFrame([nothing | row for row in said], schema=types)
    lake.table(f"{lane}/utterances").replace(record_batches(utterances, schemas.UTTERANCES), [DAY])
    write_embeddings(lake, lane, "minilm", [DAY])
