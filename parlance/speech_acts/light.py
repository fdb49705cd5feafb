"""The light classifier: two fastText models, one of forms and one of functions, that know the utterance before."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from parlance.speech_acts import fasttext_model
from parlance.speech_acts.calibration import Probabilities
from parlance.speech_acts.features import form_line, function_line

TARGETS: Final = ("form", "function")
FILES: Final = tuple(f"{target}.bin" for target in TARGETS)
# Small sets are read until about this many updates are done, large ones at least a few times.
_UPDATES: Final = 100_000


def fit(rows: pl.DataFrame, folder: Path, *, seed: int, epochs: int | None, dim: int, buckets: int) -> None:
    """Trains on `rows` (columns as in `probabilities`, and form and function) and saves the models in `folder`."""
    lines = _lines(rows["text"].to_list(), previous(rows))
    labelled = rows["form"].is_not_null().to_list()
    order = sorted(range(rows.height), key=lambda row: fasttext_model.position(seed, f"order\x1f{row}"))
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
) -> dict[str, Probabilities]:
    """What the models say of `texts` with what stands before each, (texts, labels) by target."""
    lines = _lines(texts, before)
    return {target: fasttext_model.probabilities(model, lines[target], labels) for target, model in models.items()}


def previous(rows: pl.DataFrame) -> list[str | None]:
    """The text before each of `rows` (columns conversation and text, in order); null where a conversation opens."""
    return rows.select(pl.col("text").shift(1).over("conversation"))["text"].to_list()


def _lines(texts: Sequence[str], before: Sequence[str | None]) -> dict[str, list[str]]:
    forms = [form_line(text) for text in texts]
    return {"form": forms, "function": [function_line(line, last) for line, last in zip(forms, before, strict=True)]}
