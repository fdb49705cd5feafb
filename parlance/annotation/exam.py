"""The exam that a new classifier sits beside the one in use, on gold that neither was trained on."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parlance.annotation.answers import FUNCTION, TARGETS
from parlance.annotation.drawing import reserved
from parlance.annotation.picking import RANDOM
from parlance.speech_acts.labels import LABELS

RESAMPLES: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the candidate goes live and `why`, and the scores on the `items` of the exam.

    `scores` has a row for each target and classifier (`live`, `candidate`) with accuracy and macro_f1; `labels` the F1
    of each label of the function, null where it does not occur. `sure` is the share of resamples of the exam in which
    the candidate is better. Both are empty and `sure` is null where there was nothing to compare.
    """

    goes_live: bool
    why: str
    items: int
    scores: pl.DataFrame
    labels: pl.DataFrame
    sure: float | None


def split(gold: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What of the gold may be trained on, and the exam: the random ones of which the hash of the id says so.

    What was picked is never of the exam's kind; were it so by a draw with another bound, it would be in neither.
    """
    kept = gold.with_columns(reserved=reserved(gold["id"]))
    train = kept.filter(~pl.col("reserved")).drop("reserved")
    return train, kept.filter(pl.col("reserved") & (pl.col("sample") == RANDOM)).drop("reserved")


def judged(gold: pl.DataFrame, live: pl.DataFrame, candidate: pl.DataFrame, *, sure: float, seed: int = 1) -> Verdict:
    """The verdict on `candidate`, three frames with id, form and function of the same utterances.

    It goes live only where its macro-F1 of the function is strictly higher than that of `live`, and is so in at least
    the share `sure` of 1,000 paired bootstrap resamples of the exam (Efron and Tibshirani 1993, chapter 16; items are
    drawn with replacement, the same for both).
    """
    ordered = gold.sort("id")
    said = {name: ordered.select("id").join(frame, on="id", how="left", maintain_order="left")
            for name, frame in (("live", live), ("candidate", candidate))}  # fmt: skip
    truth = {target: _codes(ordered[target]) for target in TARGETS}
    codes = {name: {target: _codes(frame[target]) for target in TARGETS} for name, frame in said.items()}
    once = np.ones((1, ordered.height))
    rows = [
        (target, name, float((truth[target] == codes[name][target]).mean()), float(_macro(found)[0]))
        for target in TARGETS
        for name in codes
        if (found := f1(truth[target], codes[name][target], once)) is not None
    ]
    scores = pl.DataFrame(rows, schema=["target", "classifier", "accuracy", "macro_f1"], orient="row")
    by_label = {name: f1(truth[FUNCTION], codes[name][FUNCTION], once)[0] for name in codes}
    labels = pl.DataFrame({"label": LABELS, **by_label}).with_columns(pl.col("live", "candidate").fill_nan(None))
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(ordered.height, np.full(ordered.height, 1 / ordered.height), size=RESAMPLES)
    resampled = {name: _macro(f1(truth[FUNCTION], codes[name][FUNCTION], weights)) for name in codes}
    share = float((resampled["candidate"] > resampled["live"]).mean())
    before, after = (
        scores.filter(target=FUNCTION, classifier=name)["macro_f1"].item() for name in ("live", "candidate")
    )
    goes_live = after > before and share >= sure
    why = f"macro-F1 of the function {after:.3f}, in use {before:.3f}; better in {share:.0%} of resamples"
    if not goes_live:
        why += " (needed: strictly higher)" if after <= before else f" (needed: {sure:.0%})"
    return Verdict(goes_live=goes_live, why=why, items=ordered.height, scores=scores, labels=labels, sure=share)


def unopposed(why: str, *, items: int) -> Verdict:
    """The verdict where there is nothing to compare: the candidate goes live."""
    scores = pl.DataFrame(schema={"target": pl.String, "classifier": pl.String, "accuracy": pl.Float64})
    labels = pl.DataFrame(schema={"label": pl.String, "live": pl.Float64, "candidate": pl.Float64})
    return Verdict(goes_live=True, why=why, items=items, scores=scores, labels=labels, sure=None)


def f1(gold: NDArray[np.int64], said: NDArray[np.int64], weights: NDArray[np.generic]) -> NDArray[np.float64]:
    """F1 of each label, (resamples, labels), with items counted by `weights` (resamples, items).

    NaN for labels that do not occur in the gold of a resample.
    """
    kinds = np.arange(len(LABELS))
    is_gold, is_said = gold[:, None] == kinds, said[:, None] == kinds
    right, support, predicted = (weights @ each.astype(np.float64) for each in (is_gold & is_said, is_gold, is_said))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(support > 0, 2 * right / (support + predicted), np.nan))


def _macro(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.nanmean(scores, axis=1))


def _codes(labels: pl.Series) -> NDArray[np.int64]:
    return labels.replace_strict(list(LABELS), range(len(LABELS)), return_dtype=pl.Int64).to_numpy()
