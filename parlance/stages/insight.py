"""Counts of speech acts over all lanes, from the utterances of the lake."""

from collections.abc import Iterator, Sequence

import polars as pl

from parlance import insight, schemas
from parlance.excerpts import CHARACTERS
from parlance.insight import counting
from parlance.lake import Lake
from parlance.stages.portions import whole_documents
from parlance.storage import Written, record_batches
from parlance.storage.tables import empty_frame

EXAMPLES_OF_A_CELL = 5


def write_speech_acts(lake: Lake, lanes: Sequence[str]) -> Written:
    """Counts, transitions and examples of the speech acts of `lanes`, in one pass without texts.

    In memory are the counts and a million utterances without their texts.
    """
    totals = empty_frame(schemas.SPEECH_ACTS)
    steps = empty_frame(schemas.SPEECH_ACT_TRANSITIONS)
    chosen: list[pl.DataFrame] = []
    for frame in _portions(lake, lanes):
        totals = _added(totals, insight.counted(frame), counting.COUNTED_BY)
        steps = _added(steps, insight.transitions(frame), counting.STEPPED_BY)
        some = insight.examples(frame.drop("channel", "day", "role"), each=EXAMPLES_OF_A_CELL)
        chosen = [insight.examples(pl.concat([*chosen, some]), each=EXAMPLES_OF_A_CELL)]
    written = lake.table("corpus/speech_acts").replace(
        record_batches(totals.sort(counting.COUNTED_BY), schemas.SPEECH_ACTS)
    )
    lake.table("corpus/speech_act_transitions").replace(
        record_batches(steps.sort(counting.STEPPED_BY), schemas.SPEECH_ACT_TRANSITIONS)
    )
    shown = _with_texts(lake, chosen[0]) if chosen else empty_frame(schemas.SPEECH_ACT_EXAMPLES)
    lake.table("corpus/speech_act_examples").replace(record_batches(shown, schemas.SPEECH_ACT_EXAMPLES))
    return written


def _portions(lake: Lake, lanes: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The utterances of some documents, with `channel`, `day` and `role`."""
    for lane in lanes:
        for partitions, frame in whole_documents(lake.table(f"{lane}/utterances"), counting.COLUMNS):
            documents = lake.table(f"{lane}/kept").scan(partitions).select("id", "channel", "created_at")
            known = documents.select(
                "channel", document_id="id", day=pl.col("created_at").dt.convert_time_zone("UTC").dt.date()
            ).collect()
            joined = frame.join(known, on="document_id", how="left", maintain_order="left")
            yield insight.with_roles(joined)


def _added(totals: pl.DataFrame, more: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    both = pl.concat([totals, more.select(totals.columns).cast(totals.schema)])
    return both.group_by(keys).agg(pl.exclude(keys).sum()).select(totals.columns)


def _with_texts(lake: Lake, chosen: pl.DataFrame) -> pl.DataFrame:
    """`chosen` with the beginnings of their texts, which were masked with their documents."""
    excerpt = pl.col("text").str.replace_all(r"\s+", " ").str.strip_chars().str.slice(0, CHARACTERS)
    texts = [
        lake.table(f"{source}/utterances").scan().filter(pl.col("id").is_in(part["id"].to_list())).select("id", excerpt)
        for (source,), part in chosen.group_by("source")
    ]
    found = pl.concat(texts).collect().rename({"text": "excerpt"})
    joined = chosen.join(found, on="id", how="inner", maintain_order="left")
    return joined.sort(*counting.CELL, "abstained", "id")
