"""What an annotator gets to see of a picked utterance, and who gets which."""

import re
from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from parlance.annotation.drawing import positions
from parlance.errors import ConfigError

BEFORE: Final = 3  # utterances
_NAME = re.compile(r"[\w@+-][\w.@+-]*", re.ASCII)


def with_before(picked: pl.DataFrame, utterances: pl.DataFrame) -> pl.DataFrame:
    """`picked` with the column `before`: up to three utterances that stand before each in its document, in order.

    `utterances` are all of the documents of `picked`, with id, document_id, start, author and text.
    """
    ordered = utterances.sort("document_id", "start", "id")
    said = pl.struct("author", pl.col("text").cast(pl.String))
    earlier = [said.shift(back).over("document_id") for back in range(BEFORE, 0, -1)]
    # A struct that was shifted in is null in every field, its text too.
    before = pl.concat_list(earlier).list.eval(pl.element().filter(pl.element().struct.field("text").is_not_null()))
    return picked.join(ordered.select("id", before=before), on="id", how="left", maintain_order="left")


def assigned(picked: pl.DataFrame, annotators: Sequence[str], *, seed: int) -> pl.DataFrame:
    """`picked` with the column `annotators`: all for what is shared, for the rest each in turn.

    Raises ConfigError where no annotator is named, or one twice, or one that cannot be the name of a file.
    """
    if not annotators or len(set(annotators)) != len(annotators):
        raise ConfigError(f"annotators are {list(annotators)}; at least one is needed, and each once")
    if bad := [name for name in annotators if not _NAME.fullmatch(name)]:
        raise ConfigError(f"annotators {bad} cannot name a file: letters, digits and .@+-_ are allowed")
    place = positions(picked["id"], seed=seed, use="assigned")
    picked = picked.with_columns(place=place).sort("place", "id")
    turn = (pl.int_range(pl.len()).over("shared", "exported") % len(annotators)).replace_strict(
        dict(enumerate(annotators)), return_dtype=pl.String
    )
    everybody, nobody = pl.lit(list(annotators)), pl.lit([], dtype=pl.List(pl.String))
    return picked.with_columns(
        annotators=pl.when(~pl.col("exported"))
        .then(nobody)
        .when("shared")
        .then(everybody)
        .otherwise(pl.concat_list(turn))
    ).drop("place")


def shown(items: pl.DataFrame, annotator: str) -> list[dict[str, Any]]:
    """The items of one annotator as every tool shows them, each with the same keys.

    Neither the reason nor what the classifier thinks is among them: it would sway people. `labels_so_far` is empty
    unless `items` has such a column, for an adjudicator.
    """
    mine = items.filter(pl.col("annotators").list.contains(annotator))
    so_far = pl.col("labels_so_far") if "labels_so_far" in items.columns else pl.lit("")
    rows = mine.select("id", "text", "author", "before", "batch", "guide_version", so_far=so_far)
    return [
        {
            "text": row["text"],
            "utterance_id": row["id"],
            "before": "\n".join(_line(turn["author"], turn["text"]) for turn in row["before"]),
            "speaker": row["author"] or "",
            "labels_so_far": row["so_far"],
            "annotator": annotator,
            "batch": row["batch"],
            "guide_version": row["guide_version"],
        }
        for row in rows.iter_rows(named=True)
    ]


def _line(author: str | None, text: str) -> str:
    return f"{author}: {text}" if author else text
