"""A lake with questions that nobody answered, and who may draft for them."""

from pathlib import Path

import polars as pl

from parlance import rights, schemas
from parlance.inference import InferenceSettings, Prompt
from parlance.inference.schema import AnswerSchema
from parlance.inference.writers import Target
from parlance.lake import Lake
from parlance.modelling import GenerationSettings
from parlance.rights import Rights
from parlance.stages.predictions import Asking
from parlance.storage import record_batches
from tests.parlance.instruct.slack_threads import corpus

DAYS = ("2026-10-07", "2026-10-08")
PLAIN = Prompt("{% block user %}{{ question }}{% endblock %}")


def write_questions(lake: Lake, *days: list[str], uses: tuple[str, ...] = ("drafts",)) -> None:
    """One day after another from the 7th on, each with its questions, and a thread that is no question."""
    from datetime import date

    statement = Rights(granted_by="Ada", granted_on=date(2026, 1, 1), statement="all", uses=uses)
    rights.publish(lake.files, "slack", statement)
    for number, texts in enumerate(days, start=7):
        threads = [[("ann", text, "question")] for text in texts]
        kept, said = corpus(*threads, [("eve", "Good morning.", "expressive")], day=number, name=f"d{number}-")
        for table, rows, schema in (("kept", kept, schemas.KEPT), ("utterances", said, schemas.UTTERANCES)):
            lake.table(f"slack/{table}").replace(record_batches(rows, schema), [f"2026-10-{number:02d}"])
        lake.table("slack/raw").replace(
            record_batches(_raw(kept, statement.id), schemas.RAW), [f"2026-10-{number:02d}"]
        )


def _raw(kept: pl.DataFrame, statement: str) -> pl.DataFrame:
    roots = kept.select(
        pl.col("turns").list.first().struct.field("message_id").alias("id"),
        pl.col("id").alias("document_id"),
        "partition",
    )
    rows = [
        {"source": "slack", "shard": "s", "position": 0, "media_type": "application/json", "rights": statement}
        | {"document_partition": row["partition"]}
        | row
        for row in roots.to_dicts()
    ]
    nothing = dict.fromkeys(schemas.RAW.names)
    return pl.DataFrame([nothing | row for row in rows], schema=pl.Schema(schemas.RAW))


def served(
    url: str,
    folder: Path,
    *,
    model: str = "tiny",
    prompt: Prompt = PLAIN,
    schema: AnswerSchema | None = None,
    **changed: object,
) -> Asking:
    """An endpoint that drafts, one request at a time unless `parallel` says otherwise."""
    values = {"parallel": 1, "keep_every": 1, "generation": GenerationSettings(max_new_tokens=9)} | changed
    target = Target(writer="endpoint", model=model, url=url, cache=str(folder / "cache"), pause_s=0.001)
    return Asking(target=target, model=model, prompt=prompt, schema=schema, settings=InferenceSettings(**values))
