"""From what a classifier says to probabilities: it is too sure of itself, and it learned from other shares of acts.

The labelled utterances hold every act about equally often, chat does not. Probabilities are moved from the one to the
other by Bayes' rule (Saerens, Latinne and Decaestecker 2002, equation 2.4), after a temperature that was fitted on
held-out rows has made them honest (Guo et al. 2017, section 4.2).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from parlance.speech_acts.labels import LABELS

Probabilities = NDArray[np.float64]

# Shares of acts expected in workplace chat. Between the counts of tagged meetings and conversations, where assertions
# are most and declarations next to none, and a help channel, which asks and thanks more.
CHAT_SHARES: Mapping[str, float] = {
    "representative": 0.42,
    "question": 0.14,
    "directive": 0.11,
    "expressive": 0.12,
    "commissive": 0.05,
    "verdictive": 0.06,
    "declaration": 0.005,
    "none": 0.095,
}
TEMPERATURES = np.geomspace(0.5, 20.0, 75)
LEAST = 1e-9


def fitted_temperature(probabilities: Probabilities, gold: NDArray[np.int64]) -> float:
    """The temperature with the least log loss; `probabilities` is (rows, labels), `gold` (rows,) positions in it."""
    losses = [-np.log(_cooled(probabilities, each)[np.arange(len(gold)), gold]).mean() for each in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def bound(probabilities: Probabilities, gold: NDArray[np.int64], *, right: float, within: tuple[float, float]) -> float:
    """The least score above which the share `right` of the likeliest labels is correct, kept `within` two bounds."""
    scores = probabilities.max(axis=1)
    order = np.argsort(-scores, kind="stable")
    correct = (probabilities.argmax(axis=1) == gold)[order]
    shares = correct.cumsum() / np.arange(1, len(correct) + 1)
    enough = np.flatnonzero(shares >= right)
    found = float(scores[order][enough[-1]]) if len(enough) else within[1]
    return min(max(found, within[0]), within[1])


def precise(
    probabilities: Probabilities, gold: NDArray[np.int64], *, label: int, right: float, within: tuple[float, float]
) -> float:
    """The least probability from which on the share `right` of the rows with the likeliest `label` has it."""
    said = probabilities.argmax(axis=1) == label
    likely = probabilities[said][:, [label]]
    # As `bound` has it, with the label against all others.
    found = np.concatenate([likely, np.zeros_like(likely)], axis=1)
    return bound(found, np.where(gold[said] == label, 0, 1), right=right, within=within) if said.any() else within[0]


def adjusted(
    probabilities: Probabilities, *, temperature: float, learned: Mapping[str, float], expected: Mapping[str, float]
) -> Probabilities:
    """`probabilities` (rows, labels) at `temperature`, for text with the `expected` shares; each row sums to one.

    A label that has no share among the `learned` stays impossible.
    """
    ratio = np.array([expected[label] / learned[label] if learned.get(label) else 0.0 for label in LABELS])
    moved = _cooled(probabilities, temperature) * ratio
    return np.asarray(moved / moved.sum(axis=1, keepdims=True), dtype=np.float64)


def _cooled(probabilities: Probabilities, temperature: float) -> Probabilities:
    powered = np.maximum(probabilities, LEAST) ** (1.0 / temperature)
    return np.asarray(powered / powered.sum(axis=1, keepdims=True), dtype=np.float64)
