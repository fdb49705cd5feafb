"""The light classifier: two fastText models, one of forms and one of functions, that know the utterance before."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from parlance.draws import position
from parlance.speech_acts import fasttext_model
from parlance.speech_acts.calibration import Probabilities
from parlance.speech_acts.features import form_line, function_line

TARGETS: Final = ("form", "function")
FILES: Final = tuple(f"{target}.bin" for target in TARGETS)
# Small sets are read until about this many updates are done, large ones at least a few times.
_UPDATES: Final = 100_000


def fit(rows: pl.DataFrame, folder: Path, *, seed: int, epochs: int | None, dim: int, buckets: int) -> None:
    """Trains on `rows` (columns as in `probabilities`, and form and function) and saves the models in `folder`."""
    forms = [form_line(text) for text in rows["text"].to_list()]
    lines = {"form": forms, "function": _function_lines(forms, previous(rows))}
    labelled = rows["form"].is_not_null().to_list()
    order = sorted(range(rows.height), key=lambda row: position(seed, "order", row))
    for target in TARGETS:
        labels = rows[target].to_list()
        fasttext_model.fit(
            [(labels[row], lines[target][row]) for row in order if labelled[row]],
            folder / f"{target}.bin",
            seed=seed,
            epochs=epochs or min(100, max(5, _UPDATES // max(sum(labelled), 1))),
            dim=dim,
            buckets=buckets,
        )


def load(folder: Path) -> dict[str, Any]:
    """The models by target."""
    return {target: fasttext_model.load(folder / f"{target}.bin") for target in TARGETS}


def probabilities(
    models: Mapping[str, Any], texts: Sequence[str], before: Sequence[str | None], labels: Sequence[str]
) -> tuple[dict[str, Probabilities], Probabilities]:
    """What the models say, (texts, labels): by target with what stands before each, and of the function without it."""
    forms = [form_line(text) for text in texts]
    in_place, alone = (_function_lines(forms, previous) for previous in (before, [None] * len(forms)))
    form, there, without = (
        fasttext_model.probabilities(models[target], lines, labels)
        for target, lines in (("form", forms), ("function", in_place), ("function", alone))
    )
    return {"form": form, "function": there}, without


def previous(rows: pl.DataFrame) -> list[str | None]:
    """The text before each of `rows` (columns conversation and text, in order); null where a conversation opens."""
    return rows.select(pl.col("text").shift(1).over("conversation"))["text"].to_list()


def _function_lines(forms: Sequence[str], before: Sequence[str | None]) -> list[str]:
    return [function_line(line, last) for line, last in zip(forms, before, strict=True)]
