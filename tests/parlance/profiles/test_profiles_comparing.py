"""Shares beside what is wanted, their intervals, and the correction for confusion."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from profile_files import EVEN, profile

from parlance import schemas
from parlance.errors import SchemaError
from parlance.profiles import Comparison, Confusion, compare, read_confusion
from parlance.profiles.bootstrap import replicated_sums, weights
from parlance.profiles.comparing import COLUMNS, divergence
from parlance.profiles.correction import corrected, truths
from parlance.speech_acts import LABELS
from parlance.speech_acts.classifier import CONFUSION

SHARES = arrays.arrays(float, 8, elements=st.floats(0.001, 1)).map(lambda values: values / values.sum())


def corpus(documents: int, shares: dict[str, float], *, seed: int = 1) -> tuple[pl.Series, np.ndarray]:
    """Documents of ten utterances, each with the same form and function."""
    drawn = np.random.default_rng(seed).multinomial(10, [shares.get(act, 0) for act in LABELS], size=documents)
    return pl.Series([f"d{number}" for number in range(documents)]), np.hstack([drawn, drawn]).astype(float)


def compared(documents: int, there: dict[str, float], confusion: dict[str, Confusion], **wanted: object) -> Comparison:
    ids, counts = corpus(documents, there)
    again = replicated_sums(ids, counts, seed=1)
    return compare(
        profile(**wanted), counts.sum(axis=0), again, documents=documents, confusion=confusion, seed=1
    )  # fmt: skip


@given(SHARES, SHARES)
def test_divergence_is_a_symmetric_distance_from_zero_to_one(one: np.ndarray, other: np.ndarray) -> None:
    assert 0 <= divergence(one, other) <= 1
    assert divergence(one, one) == pytest.approx(0, abs=1e-12)
    assert divergence(one, other) == pytest.approx(divergence(other, one))


def test_weights_depend_on_the_id_alone() -> None:
    ids = pl.Series([f"d{number}" for number in range(5000)])
    drawn = weights(ids, seed=1, replicates=50)
    assert np.array_equal(weights(ids[3:4], seed=1, replicates=50)[0], drawn[3])
    assert not np.array_equal(weights(ids, seed=2, replicates=50), drawn)
    assert drawn.mean() == pytest.approx(1, abs=0.01)
    assert drawn.var() == pytest.approx(1, abs=0.02)


@given(st.integers(1, 40), st.integers(0, 40))
def test_replicates_are_the_same_in_any_batches(documents: int, cut: int) -> None:
    ids, counts = corpus(documents, EVEN)
    parts = [replicated_sums(ids[part], counts[part], seed=3) for part in (slice(0, cut), slice(cut, None))]
    assert np.array_equal(sum(parts), replicated_sums(ids, counts, seed=3))


def test_a_corpus_as_wanted_matches() -> None:
    found = compared(400, EVEN, {}, bound=0.02, targets=("form", "function"))
    assert found.fits["matches"].to_list() == [True, True]
    assert found.acts["inside"].all()
    assert found.acts["corrected"].null_count() == 16
    assert found.acts.schema == pl.Schema(schemas.PROFILE_ACTS)
    assert found.fits.schema == pl.Schema(schemas.PROFILE_FITS)
    assert (found.acts["found_low"] <= found.acts["found"]).all()
    assert (found.acts["found"] <= found.acts["found_high"]).all()
    assert found.fits["utterances"].to_list() == [4000, 4000]


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = []
    for seed in range(60):
        ids, counts = corpus(150, EVEN, seed=seed)
        found = compare(
            profile(), counts.sum(axis=0), replicated_sums(ids, counts, seed=seed), documents=150, confusion={}, seed=1
        )
        covered += ((found.acts["found_low"] <= 0.125) & (found.acts["found_high"] >= 0.125)).to_list()
    assert 0.9 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize(
    ("shares", "wanted", "outside"),
    [
        pytest.param({"question": 1.0}, {}, list(LABELS), id="one class only"),
        pytest.param(EVEN, {"bound": 0.0}, [], id="too far as a whole"),
        pytest.param(EVEN, {"least": 4001}, [], id="too few"),
    ],
)
def test_what_does_not_match_says_why(shares: dict[str, float], wanted: dict[str, object], outside: list[str]) -> None:
    fit = compared(400, shares, {}, **wanted).fits.row(0, named=True)
    assert not fit["matches"]
    assert fit["outside"] == outside


def test_nothing_matches_no_profile() -> None:
    none = np.zeros(len(COLUMNS))
    found = compare(profile(), none, np.zeros((10, len(COLUMNS))), documents=0, confusion={}, seed=1)
    assert found.fits.select("matches", "utterances").row(0) == (False, 0)
    assert found.acts["found"].to_list() == [0.0] * 8
    assert not found.acts["inside"].any()


def test_correction_decides_and_keeps_what_was_found() -> None:
    """A classifier that calls half of the questions directives, on as many of each act."""
    counts = np.eye(8) * 1000
    question, directive = LABELS.index("question"), LABELS.index("directive")
    counts[question, question] = counts[question, directive] = 500
    truth = {"question": 0.5, "directive": 0.5}
    wrong = {"question": 0.25, "directive": 0.75}
    plain = compared(300, wrong, {}, shares=truth)
    better = compared(300, wrong, {"function": Confusion(counts=counts)}, shares=truth)
    assert plain.fits["matches"].to_list() == [False]
    assert better.fits["matches"].to_list() == [True]
    row = better.acts.filter(act="question").row(0, named=True)
    assert row["found"] == plain.acts.filter(act="question")["found"].item()
    assert row["corrected"] == pytest.approx(0.5, abs=0.05)
    assert row["corrected_high"] - row["corrected_low"] > row["found_high"] - row["found_low"]


@given(SHARES, st.floats(0, 0.4))
def test_correction_comes_nearer_to_the_truth(truth: np.ndarray, error: float) -> None:
    rates = (1 - error) * np.eye(8) + error / 8
    found, confusion = truth @ rates, Confusion(counts=rates * 1e6)
    better = corrected(found, confusion)
    assert better.sum() == pytest.approx(1)
    assert np.abs(better - truth).sum() <= np.abs(found - truth).sum() + 0.02
    assert np.abs(corrected(found, confusion, steps=2000) - truth).max() < 0.01


@given(SHARES, st.floats(0, 0.4))
def test_much_gold_of_the_corpus_itself_gives_the_truth_whatever_the_confusion_says(
    truth: np.ndarray, error: float
) -> None:
    rates = (1 - error) * np.eye(8) + error / 8
    misleading = np.roll(np.eye(8), 1, axis=1) * 1e6
    own = truth[:, None] * rates * 1e6
    assert np.abs(corrected(truth @ rates, Confusion(counts=misleading, own=[own])) - truth).max() < 0.001


def test_little_gold_of_the_corpus_itself_moves_the_shares_a_little() -> None:
    """Five utterances that were found as questions weigh as much as the confusion, others are not moved."""
    question, directive = LABELS.index("question"), LABELS.index("directive")
    own = np.zeros((8, 8))
    own[directive, question] = 5
    found = np.full(8, 0.125)
    known = np.eye(8) * 1e9
    moved = corrected(found, Confusion(counts=known, own=[own])) - corrected(found, Confusion(counts=known))
    expected = np.zeros(8)
    expected[question], expected[directive] = -0.0625, 0.0625
    assert moved == pytest.approx(expected, abs=1e-3)


def test_gold_of_the_very_text_counts_more_than_that_of_the_rest() -> None:
    """Of the rest all questions are directives, of the text itself none is."""
    question, directive = LABELS.index("question"), LABELS.index("directive")
    rest, ours = np.zeros((8, 8)), np.zeros((8, 8))
    rest[directive, question] = ours[question, question] = 5
    found, known = np.full(8, 0.125), np.eye(8) * 1e9
    shares = corrected(found, Confusion(counts=known, own=[rest, ours]))
    assert shares[[question, directive]] == pytest.approx([0.125 * 0.75, 0.125 * 1.25], abs=1e-3)


@given(SHARES, st.floats(0, 0.4))
def test_much_gold_that_was_learned_from_gives_the_truth_by_itself(truth: np.ndarray, error: float) -> None:
    found = truth @ ((1 - error) * np.eye(8) + error / 8)
    shares = corrected(found, Confusion(counts=np.eye(8) * 1e6, learned=truth * 1e6))
    assert shares.sum() == pytest.approx(1)
    assert np.abs(shares - truth).max() < 0.001


def test_gold_that_was_learned_from_counts_beside_that_which_was_not() -> None:
    """40 utterances' worth of prior and 60 of exam say an eighth each, 100 that all are questions."""
    question, own = LABELS.index("question"), np.eye(8) * 7.5
    learned = np.zeros(8)
    learned[question] = 100
    shares = corrected(np.full(8, 0.125), Confusion(counts=np.eye(8) * 1e9, own=[own], learned=learned))
    assert shares[question] == pytest.approx((0.125 + 1) / 2, abs=1e-3)


def test_gold_of_the_corpus_itself_is_drawn_again_for_the_interval() -> None:
    counts, own = np.eye(8) * 1000, np.eye(8) * 4
    own[0, 1] = own[1, 0] = 2
    alone = compared(300, EVEN, {"function": Confusion(counts=counts)}).acts
    both = compared(300, EVEN, {"function": Confusion(counts=counts, own=[own])}).acts
    width = pl.col("corrected_high") - pl.col("corrected_low")
    assert both.select(width)[0].item() > 2 * alone.select(width)[0].item()


def test_a_label_that_was_never_held_out_is_taken_for_right() -> None:
    assert np.array_equal(Confusion(counts=np.zeros((8, 8))).rates(), np.eye(8))
    assert truths({"form": Confusion(counts=np.zeros((8, 8)))}, {"form": np.full(8, 0.125)})["form"] == pytest.approx(
        np.eye(8)
    )


def test_truths_are_shares_of_what_was_found() -> None:
    counts = np.random.default_rng(1).integers(0, 50, (8, 8)).astype(float)
    found = truths({"function": Confusion(counts=counts)}, {"function": np.full(8, 0.125), "form": np.full(8, 0.125)})
    assert set(found) == {"function"}
    assert found["function"].sum(axis=1) == pytest.approx(np.ones(8))
    assert (found["function"] >= 0).all()


def test_confusion_is_read_as_it_is_written(tmp_path: Path) -> None:
    assert read_confusion(tmp_path) == {}
    rows = [{"target": "form", "gold": "question", "predicted": "directive", "count": 3}]
    (tmp_path / CONFUSION).write_text(json.dumps(rows), encoding="utf-8")
    (counts,) = (one.counts for one in read_confusion(tmp_path).values())
    assert counts.sum() == counts[LABELS.index("question"), LABELS.index("directive")] == 3
    (tmp_path / CONFUSION).write_text(json.dumps([{"target": "form"}]), encoding="utf-8")
    with pytest.raises(SchemaError, match="lacks"):
        read_confusion(tmp_path)
