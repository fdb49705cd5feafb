"""Training and applying the classifier of forms and functions."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import polars as pl

from parlance.draws import position
from parlance.errors import ConfigError, SchemaError
from parlance.schemas import LABELLED
from parlance.speech_acts import calibration, light
from parlance.speech_acts.calibration import Probabilities
from parlance.speech_acts.features import FEATURES_VERSION
from parlance.speech_acts.forms import certain_form
from parlance.speech_acts.labels import LABELS, SpeechAct
from parlance.speech_acts.light import TARGETS
from parlance.speech_acts.report import Report, report
from parlance.speech_acts.segmentation import utterances

Level = Literal["light", "full"]
NETWORK: Final = "network.safetensors"
_META: Final = "meta.json"
# The weight of the network's word beside fastText's, in a mean of logarithms; see benchmarks/speech_acts.py.
NETWORK_WEIGHT: Final = 0.8
# A classifier abstains where its score is below the bound at which this share of held-out labels was right.
RIGHT: Final = 0.9
_BOUNDS: Final = (0.3, 0.9)
_HELD_OUT: Final = 800
# Only what a rule decides has score 1, also after rounding to 32 bits.
_SUREST: Final = 0.9999
# A false declaration does more harm than a missed one. It is made only from the probability on at which this share of
# the declarations among the held-out labels was right; below it the next likely act is taken.
_DECLARED_RIGHT: Final = 0.95
_DECLARED: Final = (0.0, 0.95)
_UNFITTED: Final = {
    name: dict.fromkeys(TARGETS, value) for name, value in (("temperatures", 1.0), ("bounds", 0.0), ("declared", 0.0))
}
# Counts of true and found labels, as `annotate` labels utterances that were not learned; none from fewer than these.
CONFUSION: Final = "confusion.json"
_LEAST_CONFUSED: Final = 100
_HEADS: Final = {target: list(LABELS) for target in TARGETS}

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


class Classifier:
    """What `train` wrote into the folder `path`, together with the written rules.

    `level` "light" leaves out the network, if there is one.
    """

    def __init__(self, path: str, *, level: Level = "full") -> None:
        folder = Path(path)
        missing = [name for name in (*light.FILES, _META) if not (folder / name).is_file()]
        if missing:
            raise ConfigError(f"no speech-act model in {path!r}: {missing} not there; train writes them")
        meta = json.loads((folder / _META).read_text(encoding="utf-8"))
        if meta["features"] != FEATURES_VERSION:
            raise ConfigError(
                f"the speech-act model in {path!r} reads features {meta['features']}, this version makes "
                f"{FEATURES_VERSION}: train it again"
            )
        self._models = light.load(folder)
        self._network = None
        if level == "full" and (folder / NETWORK).is_file():
            from parlance.speech_acts import network

            self._network = network.load(folder / NETWORK, _HEADS)
        self.shares: dict[str, dict[str, float]] = meta["shares"]
        fitted = meta["levels"]["full" if self._network else "light"]
        self.temperatures: dict[str, float] = fitted["temperatures"]
        self.bounds: dict[str, float] = fitted["bounds"]
        self.declared: dict[str, float] = fitted["declared"]

    def annotate(
        self,
        texts: pl.Series,
        previous: pl.Series | None = None,
        *,
        conversations: pl.Series | None = None,
        authors: pl.Series | None = None,
        expected: Mapping[str, float] | None = calibration.CHAT_SHARES,
    ) -> pl.DataFrame:
        """The utterances of all `texts`, each with its form and function.

        Texts of equal `conversations` that stand together are one conversation, by `authors`; without, each text is
        one of its own. `previous` is what was said before each text, null where there is nothing; of a conversation
        only the first counts. The scores are probabilities for text in which the acts have the shares `expected`
        (null: those of the labelled utterances). A null text has no utterances.

        Columns: `row` (position in `texts`), `start`, `end` (code points, half-open), `form`, `form_score`,
        `function`, `function_score`, `function_alone` (without what stands around it), `abstained` (a score is
        below the classifier's bound); in the order of the texts and of the utterances in them.
        """
        for name, column in (("previous", previous), ("conversations", conversations), ("authors", authors)):
            if column is not None and len(column) != len(texts):
                raise ConfigError(f"{len(column)} {name} texts for {len(texts)} texts; there must be as many")
        rows = _cut(texts, previous, conversations, authors)
        found = pl.concat([rows, self.acts(rows, expected=expected)], how="horizontal")
        found = found.filter(pl.col("row").is_not_null())
        return found.select(pl.col(name).cast(kind) for name, kind in _ANNOTATED.items())

    def acts(self, rows: pl.DataFrame, *, expected: Mapping[str, float] | None = None) -> pl.DataFrame:
        """Columns form, form_score, function, function_score, function_alone and abstained for each of `rows`.

        `rows` have the columns conversation, author and text; those of a conversation stand together, in their order.
        `expected` are the shares of acts in the text at hand; null: those of the utterances it learned from. What a
        rule decides has score 1.
        """
        there, alone = self.probabilities(rows)
        judged = self.calibrated(there, expected)
        labels = np.array(LABELS)
        columns: dict[str, Any] = {}
        for target in TARGETS:
            best = self.chosen(judged[target], target)
            columns[target] = labels[best]
            columns[f"{target}_score"] = np.minimum(judged[target][np.arange(rows.height), best], _SUREST)
        without = self.calibrated({"function": alone}, expected)["function"]
        columns["function_alone"] = labels[self.chosen(without, "function")]
        return self._decided(pl.DataFrame(columns, schema_overrides=_schema(columns)), rows["text"])

    def chosen(self, probabilities: Probabilities, target: str) -> np.typing.NDArray[np.int64]:
        """The likeliest label of each row, as a position in LABELS; a declaration only where it is likely enough."""
        declaration = LABELS.index(SpeechAct.DECLARATION)
        unlikely = probabilities[:, declaration] < self.declared[target]
        others = probabilities.copy()
        others[unlikely, declaration] = 0.0
        return np.asarray(others.argmax(axis=1), dtype=np.int64)

    def calibrated(
        self, found: Mapping[str, Probabilities], expected: Mapping[str, float] | None
    ) -> dict[str, Probabilities]:
        """Probabilities by target for text with the `expected` shares."""
        return {
            target: calibration.adjusted(
                raw,
                temperature=self.temperatures[target],
                learned=self.shares[target],
                expected=expected or self.shares[target],
            )
            for target, raw in found.items()
        }

    def probabilities(self, rows: pl.DataFrame) -> tuple[dict[str, Probabilities], Probabilities]:
        """What the models say themselves, (rows, labels): by target, and of the function of each standing alone."""
        texts = rows["text"].to_list()
        there, alone = light.probabilities(self._models, texts, light.previous(rows), LABELS)
        if self._network is None or not texts:
            return there, alone
        read, by_itself = self._network.probabilities(rows)
        return {target: mixed(there[target], read[target]) for target in TARGETS}, mixed(alone, by_itself["function"])

    def _decided(self, acts: pl.DataFrame, texts: pl.Series) -> pl.DataFrame:
        known = pl.Series([certain_form(text) for text in texts.to_list()], dtype=pl.String)
        acts = acts.with_columns(
            form=pl.coalesce(known, "form"),
            form_score=pl.when(known.is_not_null()).then(1.0).otherwise("form_score").cast(pl.Float32),
        )
        unsure = [pl.col(f"{target}_score") < self.bounds[target] for target in TARGETS]
        return acts.with_columns(abstained=pl.any_horizontal(unsure))


def annotate(texts: pl.Series, previous: pl.Series | None = None, *, model: str, level: Level = "full") -> pl.DataFrame:
    """The utterances of all `texts`, each with its form and function, by the classifier in the folder `model`.

    `previous` is what was said before each text, null where there is nothing. See `Classifier.annotate`.
    """
    return Classifier(model, level=level).annotate(texts, previous)


def _cut(
    texts: pl.Series, previous: pl.Series | None, conversations: pl.Series | None, authors: pl.Series | None
) -> pl.DataFrame:
    """One row for each utterance, and one without `row` for what was said before a conversation."""
    own = (pl.Series(range(len(texts))) if conversations is None else conversations).rle_id().to_list()
    before = [None] * len(texts) if previous is None else previous.to_list()
    names = [None] * len(texts) if authors is None else authors.to_list()
    rows: list[tuple[int | None, int, int, int, str | None, str]] = []
    for row, text in enumerate(texts.to_list()):
        last = before[row]
        if last and (row == 0 or own[row] != own[row - 1]):
            # Whoever said it, it was somebody else.
            rows.append((None, 0, 0, own[row], "\x1f", _last(last)))
        rows += [(row, start, end, own[row], names[row], text[start:end]) for start, end in utterances(text or "")]
    schema = {"row": pl.UInt32, "start": pl.Int32, "end": pl.Int32, "conversation": pl.UInt32}
    return pl.DataFrame(rows, schema=schema | {"author": pl.String, "text": pl.String}, orient="row")


def _last(text: str) -> str:
    spans = utterances(text)
    return text[slice(*spans[-1])] if spans else text


def train(
    labelled: pl.DataFrame,
    path: str,
    *,
    seed: int = 1,
    held_out: float | None = None,
    level: Level = "full",
    epochs: int | None = None,
    dim: int = 16,
    buckets: int = 32_768,
    log: Callable[[str], None] | None = None,
) -> Report:
    """Train on `labelled` (rows of the LABELLED table) and save the models in the folder `path`.

    The share `held_out` of the conversations is not learned: on it the scores are made honest, and the report
    measures; None: some 800 utterances, at most a fifth. `level` "light" trains no network. `epochs` None means as many
    as the number of rows asks for. `log` gets a line now and then while the network learns. The result depends on the
    rows and the settings, not on the order of the rows.
    """
    if level not in get_args(Level):
        raise ConfigError(f"unknown level {level!r}; known: {', '.join(get_args(Level))}")
    if held_out is None:
        held_out = min(0.2, _HELD_OUT / max(labelled.height, 1))
    if not 0 < held_out < 1:
        raise ConfigError(f"held_out is {held_out}; it must lie between 0 and 1, both excluded")
    rows = _checked(labelled, seed)
    is_rest = pl.col("place") < held_out
    kept, rest = rows.filter(~is_rest), rows.filter(is_rest)
    counts = [part["form"].count() for part in (kept, rest)]
    if not all(counts):
        raise ConfigError(
            f"{sum(counts)} labelled rows leave {counts[0]} to train and {counts[1]} to measure; label more"
        )
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        made = Path(temporary)
        light.fit(kept, made, seed=seed, epochs=epochs, dim=dim, buckets=buckets)
        meta: dict[str, Any] = {
            "features": FEATURES_VERSION,
            "seed": seed,
            "rows": counts[0],
            "shares": {target: _shares(kept[target]) for target in TARGETS},
            "levels": {"light": _UNFITTED},
        }
        _save_meta(made, meta)
        _fit_scores(made, rest, meta, "light")
        if level == "full":
            from parlance.speech_acts import network

            network.fit(kept, _HEADS, seed=seed, epochs=epochs, log=log).save(made / NETWORK)
            _fit_scores(made, rest, meta, "full")
        measured = _measured(made, rest, sum(counts))
        meta["held_out"] = measured.figures()
        _save_meta(made, meta)
        for name in (NETWORK, CONFUSION):
            (folder / name).unlink(missing_ok=True)
        for file in sorted(made.iterdir()):
            os.replace(file, folder / file.name)
    return measured


def _fit_scores(folder: Path, rest: pl.DataFrame, meta: dict[str, Any], level: Level) -> None:
    """Temperatures, and the bounds below which to abstain, of one level, by what is right of the held-out rows."""
    meta["levels"][level] = _UNFITTED
    _save_meta(folder, meta)
    classifier = Classifier(str(folder), level=level)
    labelled = rest["form"].is_not_null().to_numpy()
    raw = {target: found[labelled] for target, found in classifier.probabilities(rest)[0].items()}
    gold = {target: _codes(rest[target].drop_nulls()) for target in TARGETS}
    classifier.temperatures = {target: calibration.fitted_temperature(raw[target], gold[target]) for target in TARGETS}
    honest = classifier.calibrated(raw, None)
    declaration = LABELS.index(SpeechAct.DECLARATION)
    meta["levels"][level] = {
        "temperatures": classifier.temperatures,
        "bounds": {
            target: calibration.bound(honest[target], gold[target], right=RIGHT, within=_BOUNDS) for target in TARGETS
        },
        "declared": {
            target: calibration.precise(
                honest[target], gold[target], label=declaration, right=_DECLARED_RIGHT, within=_DECLARED
            )
            for target in TARGETS
        },
    }
    _save_meta(folder, meta)


def _measured(folder: Path, rest: pl.DataFrame, rows: int) -> Report:
    """What the classifier in `folder` says of the rows that it did not learn; writes how it errs beside it."""
    classifier = Classifier(str(folder))
    labelled = rest["form"].is_not_null()
    gold = rest.filter(labelled)
    said = classifier.acts(rest).filter(labelled)
    if gold.height >= _LEAST_CONFUSED:
        chat = classifier.acts(rest, expected=calibration.CHAT_SHARES).filter(labelled)
        pairs = [
            pl.DataFrame({"target": target, "gold": gold[target], "predicted": chat[target]}) for target in TARGETS
        ]
        names = ["target", "gold", "predicted"]
        counted = pl.concat(pairs).group_by(names).agg(count=pl.len()).sort(names)
        counted.write_json(folder / CONFUSION)
    return report(
        rows,
        {target: gold[target].to_list() for target in TARGETS},
        {target: said[target].to_list() for target in TARGETS},
    )


def mixed(light_says: Probabilities, network_says: np.typing.NDArray[np.float32]) -> Probabilities:
    """The mean of the logarithms of what both say, (rows, labels), the network's by NETWORK_WEIGHT; rows sum to one."""
    logs = [np.log(np.maximum(each, calibration.LEAST)) for each in (light_says, network_says.astype(np.float64))]
    powered = np.exp((1 - NETWORK_WEIGHT) * logs[0] + NETWORK_WEIGHT * logs[1])
    return np.asarray(powered / powered.sum(axis=1, keepdims=True), dtype=np.float64)


def _checked(labelled: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The rows by conversation, these in an order that is random and yet always the same, with their `place` in it."""
    missing = [name for name in LABELLED.names if name not in labelled.columns]
    if missing:
        raise SchemaError(f"labelled utterances lack the columns {missing}; needed: {LABELLED.names}")
    rows = labelled.select(LABELLED.names)
    unknown = sorted({*rows["form"].drop_nulls(), *rows["function"].drop_nulls()} - set(LABELS))
    if unknown:
        raise ConfigError(f"unknown speech acts {unknown}; known: {list(LABELS)}")
    halves = rows.filter(pl.col("form").is_null() != pl.col("function").is_null())
    if halves.height:
        raise ConfigError(f"labelled utterance {halves['id'][0]!r} has one label; it must have both or none")
    names = rows["conversation"].unique().to_list()
    places = pl.DataFrame(
        {"conversation": names, "place": [position(seed, name) for name in names]},
        schema={"conversation": pl.String, "place": pl.Float64},
    )
    return rows.join(places, on="conversation").sort("place", "conversation", "position", "id")


def _shares(labels: pl.Series) -> dict[str, float]:
    counted = dict(labels.drop_nulls().value_counts(normalize=True).iter_rows())
    return {label: counted.get(label, 0.0) for label in LABELS}


def _codes(labels: pl.Series) -> np.typing.NDArray[np.int64]:
    return labels.replace_strict(list(LABELS), range(len(LABELS)), return_dtype=pl.Int64).to_numpy()


def _schema(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: pl.Float32 if name.endswith("_score") else pl.String for name in columns}


def _save_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    (folder / _META).write_text(json.dumps(meta, indent=2, sort_keys=True) + "\n", encoding="utf-8")
