"""How far annotators agree beyond chance, on nominal labels.

Labels come as a matrix (items, annotators) of numbers from 0, -1 where an annotator did not label an item. A measure
is null where chance leaves nothing to agree on: no item with two labels, or all labels the same.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parlance.annotation.answers import TARGETS
from parlance.speech_acts.labels import LABELS

Matrix = NDArray[np.int64]
MISSING: Final = -1

OBSERVED, COHEN, FLEISS, KRIPPENDORFF = "observed", "cohen_kappa", "fleiss_kappa", "krippendorff_alpha"
_COLUMNS: Final = {
    "target": pl.String,
    "label": pl.String,
    "measure": pl.String,
    "one": pl.String,
    "other": pl.String,
    "value": pl.Float64,
    "items": pl.Int64,
}


def observed(labels: Matrix) -> float | None:
    """The share of pairs of labels of one item that are equal; each item counts by its pairs.

    >>> observed(np.array([[0, 0], [0, 1], [1, -1]]))
    0.5
    """
    counts = _counts(labels)
    pairs = _pairs(counts.sum(axis=1)).sum()
    return float(_pairs(counts).sum() / pairs) if pairs else None


def cohen(labels: Matrix) -> float | None:
    """Cohen's kappa (1960, equation 1) of two annotators, over what both labelled; `labels` has two columns.

    >>> round(cohen(np.array([[0, 0]] * 20 + [[0, 1]] * 5 + [[1, 0]] * 10 + [[1, 1]] * 15)), 3)
    0.4
    """
    both = labels[(labels != MISSING).all(axis=1)]
    if not len(both):
        return None
    kinds = int(both.max()) + 1
    one, other = (np.bincount(column, minlength=kinds) / len(both) for column in both.T)
    return _beyond_chance(float((both[:, 0] == both[:, 1]).mean()), float((one * other).sum()))


def fleiss(labels: Matrix) -> float | None:
    """Fleiss' kappa (1971, equation 7), over the items with as many labels as most items have that have two or more."""
    counts = _counts(labels)
    many = counts.sum(axis=1)
    wanted = _usual(many)
    if wanted is None:
        return None
    counts = counts[many == wanted]
    agreed = _pairs(counts).sum(axis=1) / (wanted * (wanted - 1))
    shares = counts.sum(axis=0) / counts.sum()
    return _beyond_chance(float(agreed.mean()), float((shares**2).sum()))


def krippendorff(labels: Matrix) -> float | None:
    """Krippendorff's alpha for nominal data (2011, section C), over all items with two labels or more."""
    counts = _counts(labels)
    counts = counts[counts.sum(axis=1) > 1]
    if not len(counts):
        return None
    each = counts.sum(axis=1)
    agreed = (_pairs(counts).sum(axis=1) / (each - 1)).sum()
    totals = counts.sum(axis=0)
    values = totals.sum()
    return _beyond_chance(float(agreed / values), float(_pairs(totals).sum() / (values * (values - 1))))


def table(annotations: pl.DataFrame) -> pl.DataFrame:
    """Every measure (columns of the AGREEMENT table) of rows of the ANNOTATIONS table, by version of the guide an item.

    For form and function, over all labels and for each label against the rest: Cohen's kappa and the observed
    agreement of each pair of annotators, Fleiss' kappa, Krippendorff's alpha and the observed agreement of all.
    """
    rows: list[tuple[str, str | None, str, str | None, str | None, float | None, int]] = []
    for target in TARGETS:
        names, labels = matrix(annotations, target)
        for label in (None, *LABELS):
            seen = labels if label is None else _against_rest(labels, LABELS.index(label))
            for one, other in combinations(range(len(names)), 2):
                pair = seen[:, [one, other]]
                items = int((pair != MISSING).all(axis=1).sum())
                if items:
                    of_both = (names[one], names[other])
                    rows += [(target, label, COHEN, *of_both, cohen(pair), items)]
                    rows += [(target, label, OBSERVED, *of_both, observed(pair), items)]
            many = (seen != MISSING).sum(axis=1)
            if (many > 1).any():
                usual = int((many == _usual(many)).sum())
                rows += [(target, label, FLEISS, None, None, fleiss(seen), usual)]
                rows += [(target, label, KRIPPENDORFF, None, None, krippendorff(seen), int((many > 1).sum()))]
                rows += [(target, label, OBSERVED, None, None, observed(seen), int((many > 1).sum()))]
    return pl.DataFrame(rows, schema=_COLUMNS, orient="row")


def matrix(annotations: pl.DataFrame, target: str) -> tuple[list[str], Matrix]:
    """The annotators by name, and their labels (items, annotators) as positions in `LABELS`."""
    names = annotations["annotator"].unique().sort().to_list()
    if annotations.is_empty():
        return names, np.full((0, 0), MISSING)
    codes = pl.col(target).replace_strict(list(LABELS), range(len(LABELS)), return_dtype=pl.Int64)
    coded = annotations.select("id", "guide_version", "annotator", code=codes)
    wide = coded.pivot("annotator", index=["id", "guide_version"], values="code").select(names)
    return names, wide.fill_null(MISSING).to_numpy().astype(np.int64)


def confusion(annotations: pl.DataFrame, target: str) -> NDArray[np.int64]:
    """How often two annotators of one item said which two labels, (labels, labels), each pair counted once.

    The lower triangle is empty: who said which does not matter.
    """
    names, labels = matrix(annotations, target)
    counted = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    for one, other in combinations(range(len(names)), 2):
        both = labels[:, [one, other]]
        both = np.sort(both[(both != MISSING).all(axis=1)], axis=1)
        np.add.at(counted, (both[:, 0], both[:, 1]), 1)
    return counted


def in_words(alpha: float | None) -> str:
    """What Krippendorff (2004, page 241) says may be concluded from labels with this alpha."""
    if alpha is None:
        return "not known yet"
    if alpha >= 0.8:
        return "reliable (alpha of 0.8 or more)"
    return "for tentative conclusions (alpha from 0.667 to 0.8)" if alpha >= 0.667 else "not reliable (below 0.667)"


def _counts(labels: Matrix) -> NDArray[np.int64]:
    """Labels by item and kind, (items, kinds)."""
    kinds = np.arange(max(int(labels.max(initial=0)) + 1, 1))
    return np.asarray((labels[:, :, None] == kinds).sum(axis=1), dtype=np.int64)


def _pairs(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return counts * (counts - 1)


def _usual(many: Sequence[int] | NDArray[np.int64]) -> int | None:
    """The number of labels that most items have, of those with two or more; of equals the larger."""
    numbers = np.bincount(np.asarray(many, dtype=np.int64), minlength=2)
    numbers[:2] = 0
    return len(numbers) - 1 - int(np.argmax(numbers[::-1])) if numbers.any() else None


def _against_rest(labels: Matrix, label: int) -> Matrix:
    return np.where(labels == MISSING, MISSING, (labels == label).astype(np.int64))


def _beyond_chance(agreed: float, expected: float) -> float | None:
    return (agreed - expected) / (1 - expected) if expected < 1 else None
