"""Dialogue-act corpora in their conversations, with their own labels and with those that they are mapped to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl


class Layout(NamedTuple):
    """Where a corpus lies, which part of its own label is meant, how often the network reads it, and what it labels.

    `turns`: one label stands for a whole turn, however many sentences it has. `learned`: the splits to train on.
    """

    file: str
    label: pl.Expr
    epochs: int
    turns: bool = False
    learned: tuple[str, ...] = ("train",)


CORPORA: Final = {
    "SwDA": Layout("noncommercial/swda.jsonl.gz", pl.col("orig"), 1),
    "MRDA": Layout("mrda.jsonl.gz", pl.col("orig").str.split("/").list.first(), 2),
    # The file holds a tenth of the training split, so the validation split is learned too.
    "DailyDialog": Layout(
        "noncommercial/dailydialog.jsonl.gz", pl.col("orig"), 5, turns=True, learned=("train", "val")
    ),
}


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Training and test split: columns conversation, author, text, label (its own) and function (mapped, or null).

    `acts` are those that its labels map to.
    """

    train: pl.DataFrame
    test: pl.DataFrame
    epochs: int
    turns: bool
    acts: frozenset[str]


def read_corpus(folder: Path, name: str) -> Corpus | None:
    """The corpus, or None where it is not in `folder`."""
    layout = CORPORA[name]
    path = folder / layout.file
    if not path.is_file():
        return None
    rows = pl.read_ndjson(path, infer_schema_length=None).select(
        "split",
        conversation=pl.format("{}/{}", "split", "dialogue_id"),
        author=pl.col("speaker").cast(pl.String),
        text=pl.col("text").fill_null(""),
        label=layout.label,
        function=pl.col("label").replace({"": None}),
    )
    splits = {"train": layout.learned, "test": ("test",)}
    parts = {part: rows.filter(pl.col("split").is_in(names)).drop("split") for part, names in splits.items()}
    acts = frozenset(rows["function"].drop_nulls())
    return Corpus(**parts, epochs=layout.epochs, turns=layout.turns, acts=acts)
