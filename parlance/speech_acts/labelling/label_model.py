"""One label from many votes: a naive Bayes model of how often each function is right.

Measured on mapped corpora (`benchmarks/labelling.py`), the labels hardly differ from those of the majority; what the
model adds is the probability, and that is best where it was fitted on labelled utterances.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parlance.speech_acts.labelling.voting import ABSTAINS, gold_indices
from parlance.speech_acts.labels import LABELS

Floats = NDArray[np.float64]

# A function is taken to be right this often until as many votes as _STRENGTH have said otherwise.
_EXPECTED: Final = 0.8
_STRENGTH: Final = 10.0
_MOST, _LEAST = 0.99, 0.2
_ROUNDS: Final = 200
_CLOSE: Final = 1e-6


@dataclass(frozen=True, kw_only=True)
class LabelModel:
    """`accuracies`: how often the vote of each function is right, by its name."""

    accuracies: dict[str, float]

    def probabilities(self, votes: pl.DataFrame) -> Floats:
        """What each act has after the votes, (utterances, acts); equal shares where nobody votes."""
        accuracies: Floats = np.array([self.accuracies.get(name, _EXPECTED) for name in votes.columns])
        return _posterior(_matrix(votes), accuracies)


def fit(votes: pl.DataFrame, gold: pl.Series | None = None, *, rows: pl.Series | None = None) -> LabelModel:
    """The model of `votes`, by expectation maximisation (Dawid and Skene 1979, with one accuracy a function).

    Rows with a `gold` label count as what they are, the others as what the model takes them for; without gold it learns
    from agreement alone. `rows` says how often each row counts. The order of rows and columns does not matter.
    """
    names = sorted(votes.columns)
    truth = gold_indices(gold, votes.height)
    weights = np.ones(votes.height) if rows is None else rows.cast(pl.Float64).to_numpy()
    # Equal rows are one and stand in a fixed order, so that sums do not depend on the order either.
    both = np.column_stack([truth, _matrix(votes.select(names))])
    patterns, group = np.unique(both, axis=0, return_inverse=True)
    counts: Floats = np.bincount(group.ravel(), weights, minlength=len(patterns)).astype(np.float64)
    truth, matrix = patterns[:, 0], patterns[:, 1:].astype(np.int8)
    certain: Floats = np.eye(len(LABELS))[np.maximum(truth, 0)]
    accuracies: Floats = np.full(len(names), _EXPECTED)
    for _ in range(_ROUNDS):
        believed = np.where(truth[:, None] >= 0, certain, _posterior(matrix, accuracies))
        renewed = _accuracies(matrix, believed, counts)
        moved = float(np.abs(renewed - accuracies).max(initial=0.0))
        accuracies = renewed
        if moved < _CLOSE:
            break
    return LabelModel(accuracies=dict(zip(names, accuracies.tolist(), strict=True)))


def weak_labels(votes: pl.DataFrame, model: LabelModel | None = None) -> pl.DataFrame:
    """`label` and `probability` of each utterance, null where nobody votes; `model` None: fitted on these votes.

    >>> frame = pl.DataFrame({"a": [5, 5, -1], "b": [5, 2, -1], "c": [5, 5, -1]})
    >>> weak_labels(frame)["label"].to_list()
    ['question', 'question', None]
    """
    shares = (model or fit(votes)).probabilities(votes)
    return _labelled(shares, _matrix(votes))


def majority(votes: pl.DataFrame) -> pl.DataFrame:
    """As `weak_labels`, the label being the act with most votes and the probability its share of them."""
    matrix = _matrix(votes)
    counts = np.stack([(matrix == act).sum(axis=1) for act in range(len(LABELS))], axis=1)
    return _labelled(counts / np.maximum(1, counts.sum(axis=1, keepdims=True)), matrix)


def _labelled(shares: Floats, matrix: NDArray[np.int8]) -> pl.DataFrame:
    voted = pl.Series((matrix != ABSTAINS).any(axis=1))
    best = pl.Series(shares.argmax(axis=1) if len(shares) else [], dtype=pl.Int64)
    names = best.replace_strict(dict(enumerate(LABELS)), return_dtype=pl.String)
    frame = pl.DataFrame({"voted": voted, "label": names, "probability": shares.max(axis=1) if len(shares) else []})
    return frame.select(
        pl.when("voted").then(pl.col(name).cast(kind)).alias(name)
        for name, kind in (("label", pl.String), ("probability", pl.Float32))
    )


def _posterior(matrix: NDArray[np.int8], accuracies: Floats) -> Floats:
    """A vote for an act has the chance `accuracy` where it is the act, and an equal part of the rest elsewhere."""
    gain = np.log(accuracies) - np.log((1 - accuracies) / (len(LABELS) - 1))
    logs = np.stack([(matrix == act) @ gain for act in range(len(LABELS))], axis=1)
    shares = np.exp(logs - logs.max(axis=1, initial=0.0, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _accuracies(matrix: NDArray[np.int8], believed: Floats, weights: Floats) -> Floats:
    voting = matrix != ABSTAINS
    own = np.take_along_axis(believed, np.maximum(matrix, 0).astype(np.int64), axis=1)
    right = (own * voting * weights[:, None]).sum(axis=0)
    count = (voting * weights[:, None]).sum(axis=0)
    renewed: Floats = np.clip((right + _EXPECTED * _STRENGTH) / (count + _STRENGTH), _LEAST, _MOST)
    return renewed


def _matrix(votes: pl.DataFrame) -> NDArray[np.int8]:
    if not votes.width:
        return np.empty((votes.height, 0), np.int8)
    return np.asarray(votes.to_numpy(), np.int8)
