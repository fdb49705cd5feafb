"""Weak labels of the utterances of all lanes, and what the labelling functions did there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa

from parlance import schemas
from parlance.lake import Lake
from parlance.speech_acts import labelling
from parlance.speech_acts.labelling.registry import TARGETS, Target
from parlance.speech_acts.labelling.voting import tallied
from parlance.speech_acts.labels import LABELS
from parlance.storage import Written, record_batches

TABLE = "corpus/weak_labels"
# A hundred patterns are compiled anew for each batch, which takes as long as some 10,000 utterances do.
BATCH_UTTERANCES = 65_536
# Examples of each pair of acts that are voted for together.
MOST_EXAMPLES = 3
EXCERPT_CHARACTERS = 160
_READ = ("id", "source", "document_id", "message_id", "author", "is_bot", "turn", "text", "partition")


@dataclass(frozen=True, kw_only=True)
class WeakLabels:
    """What was written, and figures by target: see `labelling.summary` for their columns.

    `accuracy` and `with_gold` there are of the labelled utterances, everything else is of the corpus. `examples`
    has `acts`, `text`, `previous`, `votes` of utterances on which functions differ. `labelled` counts the utterances
    with a label for their function.
    """

    written: Written
    utterances: int
    labelled: dict[str, int]
    conflicts: int
    summaries: dict[Target, pl.DataFrame]
    examples: pl.DataFrame


@dataclass
class _Seen:
    """What is kept of one pass beside the table."""

    tally: pl.DataFrame | None = None
    labelled: dict[str, int] = field(default_factory=dict)
    conflicts: int = 0
    examples: pl.DataFrame | None = None

    def take(self, rows: pl.DataFrame, fired: pl.DataFrame) -> None:
        self.tally = tallied([fired], self.tally)
        for act, count in rows.drop_nulls("function").group_by("function").len().iter_rows():
            self.labelled[act] = self.labelled.get(act, 0) + count
        differing = rows.filter("conflict")
        self.conflicts += differing.height
        shown = differing.select("acts", "text", "previous", pl.col("votes").list.join(", "))
        found = shown if self.examples is None else pl.concat([self.examples, shown])
        self.examples = (
            found.unique(["acts", "text"], maintain_order=True)
            .group_by("acts", maintain_order=True)
            .head(MOST_EXAMPLES)
        )


def write_weak_labels(lake: Lake, lanes: Sequence[str], labelled: pl.DataFrame) -> WeakLabels:
    """The weak labels of every utterance of `lanes`, by a label model that is fitted on `labelled`.

    `labelled` are rows of the LABELLED table; without labels among them every function is taken to be as good as
    another. The corpus is read once, as it lies there, and held a batch at a time: utterances of a document stand
    together.
    """
    known = labelling.in_conversations(labelled)
    known_fired = labelling.fired(known)
    models = {}
    for target in TARGETS:
        has = known[target].is_not_null()
        gold = labelling.as_votes(known_fired.filter(has), target=target)
        models[target] = labelling.fit(gold, known[target].filter(has))
    seen = _Seen()
    batches = (batch for lane in lanes for batch in _labelled(lake, lane, models, seen))
    written = lake.table(TABLE).replace(batches)
    tally = tallied([known_fired.clear()]) if seen.tally is None else seen.tally
    return WeakLabels(
        written=written,
        utterances=written.rows,
        labelled={act: seen.labelled.get(act, 0) for act in LABELS},
        conflicts=seen.conflicts,
        summaries={target: _summary(tally, known, known_fired, target) for target in TARGETS},
        examples=_examples(seen.examples),
    )


def in_documents(lake: Lake, lane: str) -> Iterator[pl.DataFrame]:
    """The utterances of a lane as they lie there, with the columns of `labelling.evidence.CONTEXT` beside their own."""
    last: pl.DataFrame | None = None
    for frame in lake.table(f"{lane}/utterances").batches(rows=BATCH_UTTERANCES):
        rows = frame.select(_READ).with_columns(position=pl.int_range(pl.len(), dtype=pl.Int32).over("document_id"))
        if last is not None:
            rows = pl.concat([last, rows])
        same = pl.col("document_id").eq(pl.col("document_id").shift(1)).fill_null(False)
        author = pl.col("author").eq_missing(pl.col("author").shift(1)) & pl.col("author").is_not_null()
        rows = rows.with_columns(
            previous=pl.when(same).then(pl.col("text").shift(1)),
            speaker_changed=pl.when(same).then((pl.col("turn") != pl.col("turn").shift(1)) & ~author),
            medium=pl.when(pl.col("message_id").is_not_null()).then(pl.lit("chat")).otherwise(pl.lit("web")),
        )
        if last is not None:
            before = last.row(0, named=True)
            going_on = pl.col("document_id") == before["document_id"]
            rows = rows[1:].with_columns(
                position=pl.when(going_on).then(pl.col("position") + before["position"] + 1).otherwise("position")
            )
        last = rows[-1:].select(*_READ, "position")
        yield rows


def _labelled(
    lake: Lake, lane: str, models: dict[Target, labelling.LabelModel], seen: _Seen
) -> Iterator[pa.RecordBatch]:
    for rows in in_documents(lake, lane):
        fired = labelling.fired(rows)
        votes = {target: labelling.as_votes(fired, target=target) for target in TARGETS}
        columns: dict[str, pl.Series] = {}
        for target, model in models.items():
            found = labelling.weak_labels(votes[target], model)
            columns |= {target: found["label"], f"{target}_probability": found["probability"]}
        acts = _acts(votes["function"])
        frame = rows.with_columns(**columns, votes=_names(fired), acts=acts, conflict=acts.str.contains("/"))
        frame = frame.rename({"partition": "utterance_partition"})
        seen.take(frame, fired)
        yield from record_batches(frame, schemas.WEAK_LABELS)


def _names(fired: pl.DataFrame) -> pl.Series:
    """The names of the functions that vote on each row."""
    matrix = fired.to_numpy()
    offsets = np.concatenate([[0], np.cumsum(matrix.sum(axis=1))]).astype(np.int32)
    names = pa.array(fired.columns).take(pa.array(np.nonzero(matrix)[1]))
    return pl.Series("votes", pl.from_arrow(pa.ListArray.from_arrays(pa.array(offsets), names)))


def _acts(votes: pl.DataFrame) -> pl.Series:
    """The acts that are voted for in each row, in the order of LABELS, with a slash between."""
    parts = [
        pl.when(pl.any_horizontal(pl.col(name) == index for name in votes.columns)).then(pl.lit(act))
        for index, act in enumerate(LABELS)
    ]
    return votes.select(pl.concat_str(parts, separator="/", ignore_nulls=True).alias("acts")).to_series()


def _summary(tally: pl.DataFrame, known: pl.DataFrame, known_fired: pl.DataFrame, target: Target) -> pl.DataFrame:
    of_corpus = labelling.summary(labelling.as_votes(tally.drop("rows"), target=target), rows=tally["rows"])
    of_gold = labelling.summary(labelling.as_votes(known_fired, target=target), known[target])
    acts = {one.name: one.act(target) for one in labelling.functions()}
    return (
        of_corpus.drop("with_gold", "accuracy")
        .join(of_gold.select("name", "with_gold", "accuracy"), on="name", maintain_order="left")
        .with_columns(act=pl.col("name").replace_strict(acts, return_dtype=pl.String))
    )


def _examples(found: pl.DataFrame | None) -> pl.DataFrame:
    columns = ("acts", "text", "previous", "votes")
    if found is None:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    heads = [pl.col(name).str.slice(0, EXCERPT_CHARACTERS) for name in ("text", "previous")]
    return found.sort("acts", maintain_order=True).with_columns(heads).select(columns)
