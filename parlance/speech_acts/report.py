"""How well a classifier labels utterances that it was not trained on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from parlance.speech_acts.labels import LABELS

_LABEL_COLUMNS = {
    "target": pl.String,
    "label": pl.String,
    "precision": pl.Float64,
    "recall": pl.Float64,
    "f1": pl.Float64,
    "support": pl.Int64,
}
_CONFUSION_COLUMNS = {"target": pl.String, "gold": pl.String, "predicted": pl.String, "count": pl.Int64}


@dataclass(frozen=True, kw_only=True)
class Report:
    """Held-out figures of the two targets, form and function.

    `accuracy` and `macro_f1` are by target; the second is the mean F1 of the labels that occur. `labels` has one row
    for each target and label: `precision` is null where the label was never predicted, `recall` and
    `f1` where it never occurs. `confusion` counts gold against predicted labels, zeros left out.
    """

    rows: int
    held_out: int
    accuracy: dict[str, float]
    macro_f1: dict[str, float]
    labels: pl.DataFrame
    confusion: pl.DataFrame

    def figures(self) -> dict[str, float]:
        """Rows, accuracy and macro-F1, each by its name."""
        figures: dict[str, float] = {"rows": self.rows, "held_out": self.held_out}
        for target in self.accuracy:
            figures[f"{target}_accuracy"] = self.accuracy[target]
            figures[f"{target}_macro_f1"] = self.macro_f1[target]
        return figures


def report(rows: int, gold: dict[str, Sequence[str]], predicted: dict[str, Sequence[str]]) -> Report:
    """The report on `rows` labelled utterances, of which those in `gold` were held out; targets are the keys."""
    counts = {target: Counter(zip(gold[target], predicted[target], strict=True)) for target in gold}
    labels = [_label(target, label, counted) for target, counted in counts.items() for label in LABELS]
    confusion = [
        (target, *pair, count) for target, counted in counts.items() for pair, count in sorted(counted.items())
    ]
    f1 = {target: [row[4] for row in labels if row[0] == target and row[4] is not None] for target in counts}
    return Report(
        rows=rows,
        held_out=len(next(iter(gold.values()))),
        accuracy={target: _right(counted) / counted.total() for target, counted in counts.items()},
        macro_f1={target: sum(scores) / len(scores) for target, scores in f1.items()},
        labels=pl.DataFrame(labels, schema=_LABEL_COLUMNS, orient="row"),
        confusion=pl.DataFrame(confusion, schema=_CONFUSION_COLUMNS, orient="row"),
    )


def _right(counts: Counter[tuple[str, str]]) -> int:
    return sum(count for (gold, guess), count in counts.items() if gold == guess)


def _label(
    target: str, label: str, counts: Counter[tuple[str, str]]
) -> tuple[str, str, float | None, float | None, float | None, int]:
    right = counts[label, label]
    support = sum(count for (gold, _), count in counts.items() if gold == label)
    predicted = sum(count for (_, guess), count in counts.items() if guess == label)
    precision = right / predicted if predicted else None
    if not support:
        return target, label, precision, None, None, 0
    return target, label, precision, right / support, 2 * right / (support + predicted), support
