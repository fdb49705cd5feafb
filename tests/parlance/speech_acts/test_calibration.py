"""Temperature and expected shares."""

import numpy as np
import pytest

from parlance.speech_acts.calibration import CHAT_SHARES, adjusted, bound, fitted_temperature, precise
from parlance.speech_acts.labels import LABELS

EVEN = dict.fromkeys(LABELS, 1 / len(LABELS))


def sure(label: str, probability: float) -> np.ndarray:
    rest = (1 - probability) / (len(LABELS) - 1)
    return np.array([[probability if name == label else rest for name in LABELS]])


def test_shares_cover_every_label_and_sum_to_one() -> None:
    assert set(CHAT_SHARES) == set(LABELS)
    assert sum(CHAT_SHARES.values()) == pytest.approx(1.0)


def test_equal_shares_change_nothing() -> None:
    raw = sure("question", 0.6)
    assert adjusted(raw, temperature=1.0, learned=EVEN, expected=EVEN) == pytest.approx(raw)


def test_expected_shares_move_by_bayes_rule() -> None:
    expected = EVEN | {"declaration": EVEN["declaration"] / 10}
    raw = sure("declaration", 0.6)
    moved = adjusted(raw, temperature=1.0, learned=EVEN, expected=expected)
    assert moved[0, LABELS.index("declaration")] == pytest.approx(0.06 / (0.06 + 0.4))


def test_a_label_that_was_never_learned_stays_impossible() -> None:
    learned = EVEN | {"verdictive": 0.0}
    moved = adjusted(sure("question", 0.6), temperature=3.0, learned=learned, expected=CHAT_SHARES)
    assert moved[0, LABELS.index("verdictive")] == 0
    assert moved.sum() == pytest.approx(1.0)


def test_temperature_of_a_classifier_that_is_too_sure_is_above_one() -> None:
    raw = np.repeat(sure("question", 0.99), 10, axis=0)
    gold = np.array([LABELS.index("question")] * 6 + [LABELS.index("directive")] * 4)
    assert fitted_temperature(raw, gold) > 1.5
    assert fitted_temperature(np.repeat(sure("question", 0.6), 10, axis=0), gold) == pytest.approx(1.0, abs=0.35)


def test_bound_is_the_least_score_from_which_on_enough_is_right() -> None:
    raw = np.concatenate([sure("question", score) for score in (0.9, 0.8, 0.7, 0.6, 0.5)])
    question, other = LABELS.index("question"), LABELS.index("none")
    gold = np.array([question, question, other, question, other])
    assert bound(raw, gold, right=1.0, within=(0.1, 0.95)) == pytest.approx(0.8)
    assert bound(raw, gold, right=0.75, within=(0.1, 0.95)) == pytest.approx(0.6)
    assert bound(raw, gold, right=0.1, within=(0.55, 0.95)) == pytest.approx(0.55)
    assert bound(raw, np.full(5, other), right=0.5, within=(0.1, 0.95)) == 0.95


def test_a_label_is_precise_from_a_probability_on() -> None:
    raw = np.concatenate([sure("declaration", score) for score in (0.9, 0.8, 0.7, 0.6)] + [sure("none", 0.9)])
    declaration, other = LABELS.index("declaration"), LABELS.index("none")
    gold = np.array([declaration, declaration, other, declaration, declaration])
    within = (0.0, 0.95)
    assert precise(raw, gold, label=declaration, right=1.0, within=within) == pytest.approx(0.8)
    assert precise(raw, gold, label=declaration, right=0.7, within=within) == pytest.approx(0.6)
    assert precise(raw, gold, label=LABELS.index("question"), right=1.0, within=within) == 0.0
