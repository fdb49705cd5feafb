"""Which correction for a classifier's confusion comes nearest to the true shares of acts, where the shares shift.

    python -m benchmarks.profile_correction [folder of labelled utterances]

Trains a light classifier on a part of one kind of text, takes its confusion on another part of that and estimates the
shares of texts, of the same kind and of others, that are drawn with shares of their own: those of chat, and those of a
Dirichlet law. Some corrections know gold of the text besides, drawn at random. Prints the mean absolute error of a
share, in points, and the mean Jensen-Shannon divergence from the truth, in bits.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parlance.profiles.comparing import divergence
from parlance.profiles.correction import LEAST, Confusion, corrected, counted
from parlance.speech_acts import LABELS, train
from parlance.speech_acts.calibration import CHAT_SHARES
from parlance.speech_acts.classifier import Classifier
from parlance.stages.speech_act_model import labelled_rows

LABELLED = Path("sample/speech_acts/labelled")
KINDS = {"mixed": ("mixed", "chat", "web", "talk"), "talk": ("talk", "chat", "web"), "web": ("web", "chat", "talk")}
TARGETS = ("form", "function")
DRAWS, UTTERANCES, GOLD = 60, 1500, (50, 100, 200)
STEPS, WEIGHTS = (3, 5, 10, 30, 500), (2.0, 5.0, 10.0, 20.0, 40.0)
Shares = NDArray[np.float64]


@dataclass
class Said:
    """True labels and those found, of one target."""

    gold: pl.Series
    found: pl.Series

    def drawn(self, wanted: Shares, generator: np.random.Generator) -> "Said":
        """A text with the shares `wanted`, of labels that there are."""
        rest = [np.flatnonzero((self.gold == label).to_numpy()) for label in LABELS]
        there = np.array([len(rows) > 0 for rows in rest])
        labels = generator.choice(len(LABELS), size=UTTERANCES, p=wanted * there / (wanted * there).sum())
        rows = [generator.choice(rest[label]) for label in labels]
        return Said(self.gold[rows], self.found[rows])

    def some(self, size: int, generator: np.random.Generator) -> "Said":
        rows = generator.choice(len(self.gold), size, replace=False)
        return Said(self.gold[rows], self.found[rows])

    def counts(self) -> Shares:
        return counted(self.gold, self.found)


def inverted(found: Shares, rates: Shares) -> Shares:
    """Least squares, what is below zero cut off: adjusted count, black box shift estimation."""
    cut = np.maximum(np.linalg.lstsq(rates.T, found, rcond=None)[0], 0)
    return np.asarray(cut / max(cut.sum(), LEAST))


def estimates(text: Said, held_out: Shares, generator: np.random.Generator) -> Iterator[tuple[str, Shares]]:
    """What each method says of a text."""
    found = text.counts().sum(axis=0) / UTTERANCES
    yield "as found", found
    yield "inverted, cut off", inverted(found, Confusion(counts=held_out).rates())
    for steps in STEPS:
        yield f"EM, {steps} steps", corrected(found, Confusion(counts=held_out), steps=steps)
    for size in GOLD:
        own = text.some(size, generator).counts()
        yield f"{size} of gold, alone", own.sum(axis=1) / size
        for weight in WEIGHTS:
            shares = corrected(found, Confusion(counts=held_out, own=[own]), prior=weight)
            yield f"{size} of gold, prior {weight:g}", shares
        learned = text.some(size, generator).counts().sum(axis=1)
        yield f"twice {size} of gold", corrected(found, Confusion(counts=held_out, own=[own], learned=learned))


def said(classifier: Classifier, rows: pl.DataFrame) -> dict[str, Said]:
    known = rows["form"].is_not_null() & rows["function"].is_not_null()
    acts = classifier.acts(rows, expected=CHAT_SHARES).filter(known)
    return {target: Said(rows.filter(known)[target], acts[target]) for target in TARGETS}


def texts(folder: Path) -> Iterator[tuple[str, Mapping[str, Said], Mapping[str, Said]]]:
    """Same kind or another, what was held out to know the confusion, and what texts are drawn from."""
    for kind, others in KINDS.items():
        rows = labelled_rows(str(folder / f"{kind}.jsonl")).sort("conversation", "position")
        part = rows["conversation"].hash(1) % 4
        with tempfile.TemporaryDirectory() as model:
            train(rows.filter(part < 2), model, seed=1, level="light")
            classifier = Classifier(model, level="light")
            held_out = said(classifier, rows.filter(part == 2))
            for other in others:
                is_same = other == kind
                read = labelled_rows(str(folder / f"{other}.jsonl")).sort("conversation", "position")
                yield (
                    "same kind" if is_same else "other kind",
                    held_out,
                    said(classifier, read.filter(part == 3) if is_same else read),
                )


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else LABELLED
    errors: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    chat = np.array([CHAT_SHARES[label] for label in LABELS])
    for kind, held_out, rest in texts(folder):
        for target in TARGETS:
            generator = np.random.default_rng(1)
            laws = {"chat": np.tile(chat, (DRAWS, 1)), "Dirichlet": generator.dirichlet(np.ones(len(LABELS)), DRAWS)}
            for law, drawn in laws.items():
                for wanted in drawn:
                    text = rest[target].drawn(wanted, generator)
                    truth = text.counts().sum(axis=1) / UTTERANCES
                    for name, shares in estimates(text, held_out[target].counts(), generator):
                        error = 100 * float(np.abs(shares - truth).mean()), float(divergence(shares, truth))
                        errors.setdefault((kind, law, name), []).append(error)
    print(f"{'':45}{'points':>8}{'bits':>8}")
    for (kind, law, name), values in errors.items():
        points, bits = np.mean(values, axis=0)
        print(f"{kind:11} {law:10}{name:23}{points:8.2f}{bits:8.4f}")


if __name__ == "__main__":
    main()
