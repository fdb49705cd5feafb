"""A classifier of quality: how much a text is like the good ones that a user names, and not like the bad ones.

fastText on words and pairs of words, as for the data of GPT-3 (Brown et al. 2020, appendix A, with other features) and
DCLM (Li et al. 2024, section 4.4).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from parlance.draws import position
from parlance.errors import ConfigError
from parlance.speech_acts import fasttext_model

POSITIVE, NEGATIVE = "positive", "negative"
HELD_OUT = 0.1
SEED = 1
DIM = 16
BUCKETS = 1 << 18
# Small sets are read until about this many updates are done, large ones at least a few times.
UPDATES = 100_000
AT_ONCE = 4096

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class QualityReport:
    """How many texts the classifier learned from, and how it does on those that it did not see.

    `in_both` texts stood in both classes and taught nothing. `roc_auc` is the chance that a good text scores above a
    bad one; `scores` are those of the held-out texts by class.
    """

    positive: int
    negative: int
    held_out: int
    in_both: int
    accuracy: float
    roc_auc: float
    scores: dict[str, list[float]]


def line(texts: pl.Series) -> pl.Series:
    """Each text as fastText reads it: one line in lower case, punctuation apart; empty for a null."""
    lower = texts.fill_null("").str.to_lowercase().str.replace_all("__label__", " label ", literal=True)
    apart = lower.str.replace_all(r"([^\w\s\x00])", " $1 ")
    return apart.str.replace_all(r"[\s\x00]{2,}|[^\S ]|\x00", " ").str.strip_chars(" ")


def train(positive: pl.Series, negative: pl.Series, path: Path, *, seed: int = SEED) -> QualityReport:
    """Trains on good and bad texts, saves the model as the file `path`, and measures it on a tenth of the texts.

    Which tenth depends on the texts alone, so that copies of one stand on one side; so does the order of training.
    Raises ConfigError where a class has too few texts for both.
    """
    classes = {POSITIVE: _different(positive), NEGATIVE: _different(negative)}
    in_both = classes[POSITIVE].filter(classes[POSITIVE].is_in(classes[NEGATIVE].implode()))
    rows = [
        (position(seed, "order", text), label, text)
        for label, texts in classes.items()
        for text in texts.filter(~texts.is_in(in_both.implode()))
    ]
    rows.sort()  # fastText does not shuffle
    is_held_out = [position(seed, text) < HELD_OUT for _, _, text in rows]
    taught = [(label, text) for (_, label, text), out in zip(rows, is_held_out, strict=True) if not out]
    held_out = [(label, text) for (_, label, text), out in zip(rows, is_held_out, strict=True) if out]
    counts = {label: (_count(taught, label), _count(held_out, label)) for label in classes}
    if few := [label for label, both in counts.items() if not all(both)]:
        raise ConfigError(
            f"quality: {few[0]} has {len(classes[few[0]])} different texts, of which {counts[few[0]][0]} teach and "
            f"{counts[few[0]][1]} measure; allowed: enough for at least one of each, best thousands"
        )
    epochs = min(50, max(3, UPDATES // len(taught)))
    fasttext_model.fit(
        taught,
        path,
        seed=seed,
        epochs=epochs,
        dim=DIM,
        buckets=BUCKETS,
        least_subword=0,
        most_subword=0,
        learning_rate=0.5,
    )
    scores = Classifier(path).of_lines([text for _, text in held_out])
    is_good = np.array([label == POSITIVE for label, _ in held_out])
    return QualityReport(
        positive=counts[POSITIVE][0],
        negative=counts[NEGATIVE][0],
        held_out=len(held_out),
        in_both=len(in_both),
        accuracy=float(((scores >= 0.5) == is_good).mean()),
        roc_auc=roc_auc(scores, is_good),
        scores={POSITIVE: scores[is_good].round(4).tolist(), NEGATIVE: scores[~is_good].round(4).tolist()},
    )


def _different(texts: pl.Series) -> pl.Series:
    lines = line(texts)
    return lines.filter(lines != "").unique().sort()


def _count(rows: Iterable[tuple[str, str]], label: str) -> int:
    return sum(one == label for one, _ in rows)


def roc_auc(scores: Floats, is_good: npt.NDArray[np.bool_]) -> float:
    """The chance that a good one has a higher score than a bad one; an equal score counts half.

    >>> roc_auc(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]))
    0.875
    """
    ranks = pl.Series(scores).rank("average").to_numpy()
    good, bad = int(is_good.sum()), int((~is_good).sum())
    return float((ranks[is_good].sum() - good * (good + 1) / 2) / (good * bad))


class Classifier:
    """The model in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._model: Any = fasttext_model.load(path)

    def of_lines(self, lines: list[str]) -> Floats:
        found = fasttext_model.probabilities(self._model, lines, (POSITIVE, NEGATIVE))[:, 0] if lines else np.zeros(0)
        return np.clip(found, 0.0, 1.0)  # fastText's softmax can exceed 1 by a rounding error

    def scores(self, texts: pl.Series) -> pl.Series:
        """The probability that each text is a good one; null where it is blank."""
        lines = line(texts)
        has_words = lines != ""
        some = lines.filter(has_words)
        parts = [self.of_lines(some[start : start + AT_ONCE].to_list()) for start in range(0, len(some), AT_ONCE)]
        known = pl.Series(np.concatenate(parts) if parts else np.zeros(0), dtype=pl.Float64)
        everything = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(texts))
        return everything.scatter(has_words.arg_true(), known)
