"""Figures on labelling functions, and the labels that are made of their votes."""

import random
import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import ConfigError
from parlance.speech_acts import LABELS
from parlance.speech_acts.labelling import ABSTAINS, fired, fit, summary, votes, weak_labels
from parlance.speech_acts.labelling.evidence import CONTEXT
from parlance.speech_acts.labelling.label_model import majority
from parlance.speech_acts.labelling.voting import tallied

Q, D = LABELS.index("question"), LABELS.index("directive")
FRAME = pl.DataFrame(
    {"a": [Q, Q, -1, -1], "b": [Q, -1, -1, Q], "c": [-1, D, -1, -1]}, schema=dict.fromkeys("abc", pl.Int8)
)


def test_summary_by_the_definitions_of_snorkel() -> None:
    gold = pl.Series(["question", "directive", "none", None])
    found = summary(FRAME, gold)
    assert found.rows() == [
        ("a", "question", 2, 0.5, 0.5, 0.25, 2, 0.5),
        ("b", "question", 2, 0.5, 0.25, 0.0, 1, 1.0),
        ("c", "directive", 1, 0.25, 0.25, 0.25, 1, 1.0),
    ]
    assert summary(FRAME)["accuracy"].to_list() == [None, None, None]


def test_summary_of_a_tally_is_that_of_its_rows() -> None:
    rng = random.Random(3)
    rows = pl.DataFrame({name: [rng.random() < 0.4 for _ in range(60)] for name in ("apology", "thanks")})
    tally = tallied([rows.head(20), rows.tail(40)])
    assert tally.equals(tallied([rows.reverse()]))
    assert tally["rows"].sum() == 60
    as_int = pl.all().cast(pl.Int8) - 1
    assert summary(tally.drop("rows").select(as_int), rows=tally["rows"]).equals(summary(rows.select(as_int)))
    assert tallied([]).is_empty()


def test_summary_of_nothing() -> None:
    assert summary(FRAME.clear())["coverage"].to_list() == [0.0, 0.0, 0.0]
    assert summary(FRAME.select(pl.col("a"))[2:])["act"].to_list() == [None]


@pytest.mark.parametrize(
    ("gold", "rows", "said"),
    [
        (pl.Series(["none"]), None, "1 gold labels for 4 rows"),
        (pl.Series(["none", "promise", None, None]), None, "unknown speech acts \\['promise'\\]"),
        (None, pl.Series([1]), "1 numbers of rows for 4"),
    ],
)
def test_series_that_do_not_fit_are_refused(gold: pl.Series | None, rows: pl.Series | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        summary(FRAME, gold, rows=rows)


def made(count: int, seed: int) -> tuple[pl.DataFrame, pl.Series]:
    """Votes of functions that are right as often as their names say, on utterances of three acts."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, count)
    columns = {}
    for act in range(3):
        for name, accuracy in (("95", 0.95), ("80", 0.8), ("55", 0.55)):
            coverage = 0.6
            right = coverage * accuracy
            wrong = coverage * (1 - accuracy) / 2
            on = rng.random(count) < np.where(truth == act, right, wrong)
            columns[f"{act}-{name}"] = pl.Series(np.where(on, act, ABSTAINS), dtype=pl.Int8)
    return pl.DataFrame(columns), pl.Series([LABELS[index] for index in truth])


def accuracy(found: pl.DataFrame, gold: pl.Series) -> float:
    voted = found["label"].is_not_null()
    return float((found["label"].filter(voted) == gold.filter(voted)).mean())  # type: ignore[arg-type]


@pytest.mark.parametrize("with_gold", [False, True])
def test_the_model_finds_who_is_right_and_beats_the_majority(with_gold: bool) -> None:
    frame, gold = made(4000, 1)
    model = fit(frame, gold if with_gold else None)
    for act in range(3):
        best, good, poor = (model.accuracies[f"{act}-{name}"] for name in ("95", "80", "55"))
        assert best > good > poor
        assert best == pytest.approx(0.95, abs=0.06)
    unseen, truth = made(2000, 2)
    labelled = weak_labels(unseen, model)
    assert accuracy(labelled, truth) > accuracy(majority(unseen), truth) + 0.02
    sure = labelled["probability"] > 0.9
    assert accuracy(labelled.filter(sure), truth.filter(sure)) > 0.9


def test_labels_do_not_depend_on_the_order_of_rows_or_columns() -> None:
    frame, gold = made(300, 4)
    half = pl.Series([label if i % 3 else None for i, label in enumerate(gold)])
    model = fit(frame, half)
    order = random.Random(1).sample(range(300), 300)
    shuffled = fit(frame[order].select(sorted(frame.columns, reverse=True)), half[order])
    assert shuffled == model
    assert weak_labels(frame, model).equals(weak_labels(frame.select(sorted(frame.columns, reverse=True)), model))


def test_rows_that_count_more_are_that_many_rows() -> None:
    frame, _ = made(200, 5)
    tally = frame.group_by(frame.columns, maintain_order=True).len()
    assert fit(tally.drop("len"), rows=tally["len"]) == fit(frame)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(*[st.integers(-1, 7)] * 3), max_size=12))
def test_labels_are_acts_with_probabilities_or_null(rows: list[tuple[int, int, int]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.Int8), orient="row")
    for found in (weak_labels(frame), majority(frame)):
        assert found.schema == {"label": pl.String, "probability": pl.Float32}
        for row, (label, probability) in zip(rows, found.iter_rows(), strict=True):
            if set(row) == {ABSTAINS}:
                assert label is None
                assert probability is None
            else:
                assert label in {LABELS[act] for act in row if act != ABSTAINS}
                assert 1 / len(LABELS) < probability <= 1


def test_an_act_that_no_function_knows_has_no_vote() -> None:
    nothing = pl.DataFrame({"a": [-1, -1]}, schema={"a": pl.Int8})
    assert weak_labels(nothing)["label"].to_list() == [None, None]


def test_the_whole_set_is_fast() -> None:
    texts = [
        f"{text} {number}" for number in range(3000) for text in ("Could you send it?", "I think it failed.", "ok")
    ]
    frame = pl.DataFrame(
        {
            "text": texts,
            "previous": [*texts[1:], None],
            "speaker_changed": True,
            "position": 1,
            "is_bot": False,
            "medium": "chat",
        }
    ).cast(CONTEXT)
    frame = pl.concat([frame] * 4)
    began = time.process_time()
    fired(frame)
    assert frame.height / (time.process_time() - began) > 10_000
    assert votes(frame.head(3)).height == 3
