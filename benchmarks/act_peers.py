"""What else could label utterances: rules of which the first match wins, TF-IDF with a linear model, and fastText."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.acts_judged import Judged
from parlance.speech_acts.forms import CUES, certain_form
from parlance.speech_acts.light import previous

# In this order; what none of them matches is representative.
RULES: Final = (
    ("thanks", "expressive"),
    ("greeting", "expressive"),
    ("performative", "declaration"),
    ("question_word", "question"),
    ("inverted", "question"),
    ("request", "directive"),
    ("commitment", "commissive"),
    ("imperative", "directive"),
    ("feeling", "expressive"),
    ("judgement", "verdictive"),
)

Peer = Callable[[pl.DataFrame, str], Judged]


def first_match(rows: pl.DataFrame, target: str) -> NDArray[np.str_]:
    """The act of the first rule that matches; `target` makes no difference to it."""
    return np.array([_first(text) for text in rows["text"].to_list()])


def _first(text: str) -> str:
    if certain_form(text) == "none":
        return "none"
    if text.rstrip().endswith("?"):
        return "question"
    return next((act for cue, act in RULES if CUES[cue].search(text.lower())), "representative")


def tfidf(rows: pl.DataFrame) -> Peer:
    """Words, pairs of words and characters of the utterance, and words of the one before; one model for each target."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    kinds: list[tuple[Any, str]] = [
        (TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]", sublinear_tf=True), "text"),
        (TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True), "text"),
        (TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]", sublinear_tf=True), "previous"),
    ]

    def matrix(frame: pl.DataFrame, *, fit: bool) -> Any:
        columns = {"text": frame["text"].to_list(), "previous": [text or "" for text in previous(frame)]}
        return hstack([
            (kind.fit_transform if fit else kind.transform)(columns[column]) for kind, column in kinds
        ]).tocsr()  # fmt: skip

    features = matrix(rows, fit=True)
    models = {}
    for target in ("form", "function"):
        known = np.flatnonzero(rows[target].is_not_null().to_numpy())
        models[target] = LogisticRegression(C=5, max_iter=300).fit(features[known], rows[target].drop_nulls().to_list())

    def judge(frame: pl.DataFrame, target: str) -> Judged:
        found = models[target].predict_proba(matrix(frame, fit=False))
        return Judged(models[target].classes_[found.argmax(axis=1)], found.max(axis=1))

    return judge


def plain_fasttext(rows: pl.DataFrame) -> Peer:
    """fastText on the lower-case words of the utterance, with pairs of words and subwords."""
    from parlance.speech_acts import fasttext_model

    labels = {target: sorted(rows[target].drop_nulls().unique()) for target in ("form", "function")}
    models = {}
    with tempfile.TemporaryDirectory() as folder:
        for target, names in labels.items():
            known = rows.filter(pl.col(target).is_not_null()).sample(fraction=1.0, shuffle=True, seed=1)
            lines = zip((names.index(label) for label in known[target]), map(_line, known["text"]), strict=True)
            path = Path(folder, f"{target}.bin")
            epochs = max(5, min(25, 300_000 // known.height))
            fasttext_model.fit(
                [(str(label), line) for label, line in lines], path, seed=1, epochs=epochs, dim=50, buckets=200_000,
                learning_rate=0.5,
            )  # fmt: skip
            models[target] = fasttext_model.load(path)

    def judge(frame: pl.DataFrame, target: str) -> Judged:
        names = labels[target]
        lines = [_line(text) for text in frame["text"].to_list()]
        found = fasttext_model.probabilities(models[target], lines, [str(label) for label in range(len(names))])
        return Judged(np.array(names)[found.argmax(axis=1)], found.max(axis=1))

    return judge


def _line(text: str) -> str:
    return " ".join(text.lower().split()) or "<nothing>"


PEERS: Final[dict[str, Callable[[pl.DataFrame], Peer]]] = {
    "TF-IDF + logistic regression, with previous": tfidf,
    "fastText": plain_fasttext,
}
