"""Which answers become annotations, and why the others do not."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from parlance.annotation.answers import State
from parlance.speech_acts.labels import LABELS

KEY: Final = ("id", "annotator", "guide_version")
REASONS: Final = (
    "unreadable",
    "skipped",
    "missing_id",
    "unknown_id",
    "no_annotator",
    "text_changed",
    "unlabelled",
    "unknown_label",
    "two_forms",
    "two_functions",
    "no_form",
    "no_function",
)


def judge(answers: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """`answers` (columns as `answers.frame`) with `form`, `function`, `reason` and `detail`.

    `reason` is null for what becomes an annotation, else the first of `REASONS` that holds. `items` are the rows of the
    ANNOTATION_ITEMS table: nothing else was asked for. An answer without a version of the guide has that of its item.
    """
    given_out = items.sort("number", "id").group_by("id", maintain_order=True)
    known = given_out.agg(texts=pl.col("text").cast(pl.String).unique(), asked_by=pl.col("guide_version").last())
    joined = answers.join(known, on="id", how="left", maintain_order="left")
    labels = pl.concat_list("forms", "functions")
    unknown = pl.concat_list("other", labels.list.set_difference(pl.lit(list(LABELS))))
    joined = joined.with_columns(
        form=pl.col("forms").list.first(),
        function=pl.col("functions").list.first(),
        guide_version=pl.coalesce("guide_version", "asked_by"),
        unknown=unknown.list.unique(maintain_order=True),
    )
    forms, functions = pl.col("forms").list.n_unique(), pl.col("functions").list.n_unique()
    has_text = pl.col("texts").list.contains(pl.col("text")).fill_null(False)
    cases: dict[str, pl.Expr] = {
        "unreadable": pl.col("state") == State.UNREADABLE,
        "skipped": pl.col("state") == State.SKIPPED,
        "missing_id": pl.col("id").is_null(),
        "unknown_id": pl.col("texts").is_null(),
        "no_annotator": pl.col("annotator").is_null(),
        "text_changed": ~has_text,
        "unlabelled": (forms == 0) & (functions == 0) & (pl.col("unknown").list.len() == 0),
        "unknown_label": pl.col("unknown").list.len() > 0,
        "two_forms": forms > 1,
        "two_functions": functions > 1,
        "no_form": forms == 0,
        "no_function": functions == 0,
    }
    reason = pl.coalesce(pl.when(holds).then(pl.lit(name)) for name, holds in cases.items())
    judged = joined.with_columns(reason=reason)
    said = {"unknown_label": "unknown", "two_forms": "forms", "two_functions": "functions"}
    detail = pl.coalesce(
        pl.when(pl.col("reason") == name).then(pl.col(column).list.join(", ")) for name, column in said.items()
    )
    return judged.with_columns(detail=detail).drop("texts", "asked_by", "unknown")


def latest(annotations: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Of all rows with one `KEY` that which was annotated last; of equal times the one that stands last."""
    rows = pl.concat(annotations)
    return rows.sort("annotated_at", maintain_order=True).unique(KEY, keep="last", maintain_order=True).sort(KEY)
