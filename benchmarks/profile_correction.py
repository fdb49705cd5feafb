"""Which correction for a classifier's confusion comes nearest to the true shares of acts, where the shares shift.

    python -m benchmarks.profile_correction [labelled.jsonl]

Trains the classifier on half of the labelled utterances, takes its confusion on a quarter and estimates the shares of
texts drawn from the last quarter with shares of their own: those of chat, and those of a Dirichlet law. Prints the
mean absolute error of a share, in points, and the mean Jensen-Shannon divergence from the truth, in bits.
"""

import sys
import tempfile
from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parlance.profiles.comparing import divergence
from parlance.profiles.correction import LEAST, Confusion, corrected
from parlance.speech_acts import LABELS, annotate, train
from parlance.speech_acts.calibration import CHAT_SHARES

SAMPLE = "sample/speech_acts/labelled/mixed.jsonl"
DRAWS, UTTERANCES = 200, 1000
Shares = NDArray[np.float64]


def inverted(found: Shares, rates: Shares) -> Shares:
    """Least squares, what is below zero cut off: adjusted count, black box shift estimation."""
    cut = np.maximum(np.linalg.lstsq(rates.T, found, rcond=None)[0], 0)
    return np.asarray(cut / max(cut.sum(), LEAST))


METHODS: dict[str, Callable[[Shares, Shares], Shares]] = {
    "as found": lambda found, _: found,
    "inverted, cut off": inverted,
    **{
        f"EM, {steps} steps": lambda found, rates, steps=steps: corrected(found, rates, steps=steps)
        for steps in (3, 5, 10, 30, 500)
    },
}


def predicted(path: str, seed: int) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """True labels, labels found and a part (0 or 1) of the utterances that were not trained on, by target."""
    rows = pl.read_ndjson(path).sort("conversation", "position")
    rows = rows.with_columns(previous=pl.col("text").shift(1).over("conversation"))
    part = rows["conversation"].hash(seed) % 4
    with tempfile.TemporaryDirectory() as folder:
        train(rows.drop("previous").filter(part < 2), folder, seed=seed, level="light")
        held = rows.with_columns(part=part).filter(part >= 2, pl.col("form").is_not_null())
        acts = annotate(held["text"], held["previous"], model=folder).unique("row", keep="first", maintain_order=True)
    held = held[acts["row"].to_list()]
    place = {label: number for number, label in enumerate(LABELS)}
    return {
        target: (
            held[target].replace_strict(place).to_numpy(),
            acts[target].replace_strict(place).to_numpy(),
            (held["part"] - 2).to_numpy(),
        )
        for target in ("form", "function")
    }


def main() -> None:
    path = sys.argv[1] if len(sys.argv) > 1 else SAMPLE
    errors: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for seed in range(4):
        for target, (gold, found, part) in predicted(path, seed).items():
            generator = np.random.default_rng(seed)
            counts = np.zeros((len(LABELS), len(LABELS)))
            np.add.at(counts, (gold[part == 0], found[part == 0]), 1)
            rates = Confusion(counts=counts).rates()
            chat = np.array([CHAT_SHARES[label] for label in LABELS])
            laws = {"chat": np.tile(chat, (DRAWS, 1)), "Dirichlet": generator.dirichlet(np.ones(len(LABELS)), DRAWS)}
            for law, drawn in laws.items():
                for wanted in drawn:
                    rest = [np.flatnonzero((part == 1) & (gold == label)) for label in range(len(LABELS))]
                    labels = generator.choice(len(LABELS), size=UTTERANCES, p=wanted / wanted.sum())
                    rows = np.array([generator.choice(rest[label]) for label in labels if len(rest[label])])
                    truth = np.bincount(gold[rows], minlength=len(LABELS)) / len(rows)
                    raw = np.bincount(found[rows], minlength=len(LABELS)) / len(rows)
                    for name, method in METHODS.items():
                        estimate = method(raw, rates)
                        error = 100 * float(np.abs(estimate - truth).mean()), float(divergence(estimate, truth))
                        errors.setdefault((target, law, name), []).append(error)
    print(f"{'':30}{'points':>8}{'bits':>8}")
    for (target, law, name), values in sorted(errors.items()):
        points, bits = np.mean(values, axis=0)
        print(f"{target:9} {law:10}{name:18}{points:8.2f}{bits:8.4f}")


if __name__ == "__main__":
    main()
