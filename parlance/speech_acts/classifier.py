"""Training and applying the classifier of forms and functions."""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from parlance.errors import ConfigError, SchemaError
from parlance.schemas import LABELLED
from parlance.speech_acts import calibration, fasttext_model
from parlance.speech_acts.features import FEATURES_VERSION, form_line, function_line
from parlance.speech_acts.forms import certain_none, certain_question
from parlance.speech_acts.labels import LABELS, SpeechAct
from parlance.speech_acts.report import Report, report
from parlance.speech_acts.segmentation import utterances

ABSTAINED_BELOW: Final = 0.5
_TARGETS: Final = ("form", "function")
_UNCALIBRATED: Final = {"form": 1.0, "function": 1.0}
_FILES: Final = ("form.bin", "function.bin", "meta.json")
# Small sets are read until about this many updates are done, large ones at least a few times.
_UPDATES: Final = 100_000

_ANNOTATED: Final = {
    "row": pl.UInt32,
    "start": pl.Int32,
    "end": pl.Int32,
    "form": pl.String,
    "form_score": pl.Float32,
    "function": pl.String,
    "function_score": pl.Float32,
    "function_alone": pl.String,
    "abstained": pl.Boolean,
}


class _Act(NamedTuple):
    form: str
    form_score: float
    function: str
    function_score: float


class Classifier:
    """The two fastText models in the folder `path`, together with the written rules."""

    def __init__(self, path: str) -> None:
        folder = Path(path)
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise ConfigError(f"no speech-act model in {path!r}: {missing} not there; train writes {list(_FILES)}")
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        if meta["features"] != FEATURES_VERSION:
            raise ConfigError(
                f"the speech-act model in {path!r} reads features {meta['features']}, this version makes "
                f"{FEATURES_VERSION}: train it again"
            )
        self.shares: dict[str, dict[str, float]] = meta["shares"]
        self._temperatures: dict[str, float] = meta["temperatures"]
        self._models: dict[str, Any] = {target: fasttext_model.load(folder / f"{target}.bin") for target in _TARGETS}

    def acts(
        self, texts: Sequence[str], previous: Sequence[str | None], *, expected: Mapping[str, float] | None = None
    ) -> list[_Act]:
        """Form and function of each utterance, with scores in [0, 1]; what a rule decides has score 1.

        `expected` are the shares of acts in the text at hand; null: those of the utterances it learned from.
        """
        if not texts:
            return []
        found = []
        for target, raw in self.probabilities(texts, previous).items():
            learned = self.shares[target]
            temperature = self._temperatures[target]
            shares = calibration.adjusted(raw, temperature=temperature, learned=learned, expected=expected or learned)
            best = shares.argmax(axis=1)
            found += [[LABELS[index] for index in best], shares.max(axis=1).tolist()]
        return [_decided(text, _Act(*act)) for text, *act in zip(texts, *found, strict=True)]

    def probabilities(
        self, texts: Sequence[str], previous: Sequence[str | None]
    ) -> dict[str, calibration.Probabilities]:
        """What the models say themselves, by target, (texts, labels)."""
        forms = [form_line(text) for text in texts]
        functions = [function_line(line, before) for line, before in zip(forms, previous, strict=True)]
        lines = {"form": forms, "function": functions}
        return {
            target: fasttext_model.probabilities(self._models[target], lines[target], LABELS) for target in _TARGETS
        }


def annotate(texts: pl.Series, previous: pl.Series | None = None, *, model: str) -> pl.DataFrame:
    """The utterances of all `texts`, each with its form and function.

    The scores are probabilities for text in which the acts have the shares `calibration.CHAT_SHARES`.
    `previous` is the text before each text, null where there is none; inside a text it is the utterance
    before. `model` is the folder that `train` wrote. A null text has no utterances.

    Columns: `row` (position in `texts`), `start`, `end` (code points, half-open), `form`, `form_score`,
    `function`, `function_score`, `function_alone` (without what stands before), `abstained` (a score is below
    `ABSTAINED_BELOW`); in the order of the texts and of the utterances in them.
    """
    if previous is not None and len(previous) != len(texts):
        raise ConfigError(f"{len(previous)} previous texts for {len(texts)} texts; there must be as many")
    classifier = Classifier(model)
    spans: list[tuple[int, int, int]] = []
    parts: list[str] = []
    before: list[str | None] = []
    preceding = [None] * len(texts) if previous is None else previous.to_list()
    for row, (text, last) in enumerate(zip(texts.to_list(), preceding, strict=True)):
        for start, end in utterances(text or ""):
            spans.append((row, start, end))
            parts.append(text[start:end])
            before.append(last)
            last = parts[-1]  # noqa: PLW2901
    acts = classifier.acts(parts, before, expected=calibration.CHAT_SHARES)
    alone = classifier.acts(parts, [None] * len(parts), expected=calibration.CHAT_SHARES)
    rows = [
        (*span, *act, lonely.function, min(act.form_score, act.function_score) < ABSTAINED_BELOW)
        for span, act, lonely in zip(spans, acts, alone, strict=True)
    ]
    return pl.DataFrame(rows, schema=_ANNOTATED, orient="row")


def train(
    labelled: pl.DataFrame,
    path: str,
    *,
    seed: int = 1,
    held_out: float = 0.2,
    epochs: int | None = None,
    dim: int = 16,
    buckets: int = 32_768,
) -> Report:
    """Train on `labelled` (rows of the LABELLED table) and save the models in the folder `path`.

    The report measures models that did not see the share `held_out` of the ids; the models that are saved
    saw every row. `epochs` None means as many as the number of rows asks for. The result depends
    on the rows and the settings, not on the order of the rows.
    """
    if not 0 < held_out < 1:
        raise ConfigError(f"held_out is {held_out}; it must lie between 0 and 1, both excluded")
    rows = _checked(labelled, seed)
    kept = [row for row in rows if fasttext_model.position(seed, row["id"]) >= held_out]
    rest = [row for row in rows if fasttext_model.position(seed, row["id"]) < held_out]
    if not kept or not rest:
        raise ConfigError(
            f"{len(rows)} labelled rows leave {len(kept)} to train and {len(rest)} to measure; label more"
        )
    settings = {
        "seed": seed,
        "epochs": epochs or min(100, max(5, _UPDATES // len(rows))),
        "dim": dim,
        "buckets": buckets,
    }
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        _write(kept, Path(temporary), settings, _UNCALIBRATED, {})
        classifier = Classifier(temporary)
        held_texts = [row["text"] for row in rest], [row["previous"] for row in rest]
        temperatures = {
            target: calibration.fitted_temperature(raw, np.array([LABELS.index(row[target]) for row in rest]))
            for target, raw in classifier.probabilities(*held_texts).items()
        }
        acts = classifier.acts(*held_texts)
        measured = report(
            len(rows),
            {target: [row[target] for row in rest] for target in _TARGETS},
            {target: [getattr(act, target) for act in acts] for target in _TARGETS},
        )
        _write(rows, Path(temporary), settings, temperatures, measured.figures())
        for name in _FILES:
            os.replace(Path(temporary, name), folder / name)
    return measured


def _decided(text: str, act: _Act) -> _Act:
    if certain_none(text):
        return _Act(SpeechAct.NONE, 1.0, SpeechAct.NONE, 1.0)
    if certain_question(text):
        return act._replace(form=SpeechAct.QUESTION, form_score=1.0)
    return act


def _checked(labelled: pl.DataFrame, seed: int) -> list[dict[str, Any]]:
    """The rows in an order that is random and yet always the same."""
    missing = [name for name in LABELLED.names if name not in labelled.columns]
    if missing:
        raise SchemaError(f"labelled utterances lack the columns {missing}; needed: {LABELLED.names}")
    ordered = labelled.select(LABELLED.names).sort("conversation", "position")
    ordered = ordered.with_columns(previous=pl.col("text").shift(1).over("conversation"))
    ordered = ordered.filter(pl.col("form").is_not_null() & pl.col("function").is_not_null())
    unknown = sorted({*ordered["form"].to_list(), *ordered["function"].to_list()} - set(LABELS))
    if unknown:
        raise ConfigError(f"unknown speech acts {unknown}; known: {list(LABELS)}")
    rows = ordered.to_dicts()
    return sorted(
        rows, key=lambda row: (fasttext_model.position(seed, f"order\x1f{row['id']}"), row["id"], row["text"])
    )


def _write(
    rows: list[dict[str, Any]],
    folder: Path,
    settings: dict[str, int],
    temperatures: dict[str, float],
    figures: dict[str, float],
) -> None:
    forms = [(row["form"], form_line(row["text"])) for row in rows]
    functions = [(row["function"], function_line(form_line(row["text"]), row["previous"])) for row in rows]
    fasttext_model.fit(forms, folder / "form.bin", **settings)
    fasttext_model.fit(functions, folder / "function.bin", **settings)
    counts = {target: Counter(row[target] for row in rows) for target in _TARGETS}
    meta = {
        "features": FEATURES_VERSION,
        "rows": len(rows),
        **settings,
        "shares": {target: {label: count[label] / len(rows) for label in LABELS} for target, count in counts.items()},
        "temperatures": temperatures,
        "held_out": figures,
    }
    (folder / "meta.json").write_text(json.dumps(meta, indent=2, sort_keys=True) + "\n", encoding="utf-8")
