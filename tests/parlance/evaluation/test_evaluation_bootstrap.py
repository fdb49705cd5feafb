"""Intervals against figures by hand, and what makes them wide."""

import numpy as np
import polars as pl
import pytest
from sacrebleu import corpus_bleu

from parlance.errors import ConfigError
from parlance.evaluation import Difference, compare
from parlance.evaluation.overlap import overlap_scores

WORDS = ["the", "tide", "gate", "opens", "when", "water", "rises", "above", "four", "metres", "at", "night"]


def texts(seed: int, *, noise: float, rows: int = 40) -> tuple[list[str], list[str]]:
    """References, and answers of which each word is another with probability `noise`."""
    draw = np.random.default_rng(seed)
    references = [" ".join(draw.choice(WORDS, 9)) for _ in range(rows)]
    answers = [
        " ".join(str(draw.choice(WORDS)) if draw.random() < noise else word for word in text.split())
        for text in references
    ]
    return references, answers


def scores(nats: list[float], *, groups: list[str] | None = None, noise: float = 0.3, seed: int = 1) -> pl.DataFrame:
    ids = [f"{number:03}" for number in range(len(nats))]
    measured = pl.DataFrame(
        {"id": ids, "group": groups or ids, "nats": nats, "tokens": [9] * len(nats), "characters": [40] * len(nats)}
    )
    return pl.concat([measured, overlap_scores(*texts(seed, noise=noise, rows=len(nats)))], how="horizontal")


def bits(found: list[Difference]) -> Difference:
    return next(one for one in found if one.metric == "bits_per_character")


def test_a_model_does_not_differ_from_itself() -> None:
    one = scores(list(np.linspace(10, 30, 40)))
    for found in compare(one, one, draws=100):
        assert (found.better, found.low, found.high) == (0, 0, 0)


def test_a_constant_gain_is_certain_and_fewer_bits_are_better() -> None:
    nats = np.linspace(10, 30, 40)
    found = bits(compare(scores(list(nats - 4 * np.log(2))), scores(list(nats)), draws=200))
    assert (found.better, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert (found.share, found.examples) == (1.0, 40)
    worse = bits(compare(scores(list(nats)), scores(list(nats - 4 * np.log(2))), draws=200))
    assert worse.high == pytest.approx(-0.1)


def test_the_interval_is_that_of_the_mean() -> None:
    """Of equal lengths the figure is a mean, whose interval is 1.96 standard errors on either side."""
    gains = np.random.default_rng(3).normal(0.5, 2, 400)
    base = np.full(400, 30.0)
    found = bits(compare(scores(list(base - gains)), scores(list(base)), draws=2000))
    error = gains.std() / np.sqrt(400) / np.log(2) / 40
    assert found.better == pytest.approx(gains.mean() / np.log(2) / 40)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_examples_of_one_thread_are_one_piece_of_evidence() -> None:
    gains = np.repeat(np.random.default_rng(3).normal(0.5, 2, 20), 20)
    first, second = list(30.0 - gains), [30.0] * 400
    threads = [f"thread {number // 20}" for number in range(400)]
    alone, together = (
        bits(compare(scores(first, groups=groups), scores(second, groups=groups))) for groups in (None, threads)
    )
    assert together.better == alone.better
    assert together.high - together.low > 3 * (alone.high - alone.low)


@pytest.mark.parametrize(("groups", "sure"), [(1, False), (9, False), (10, True)])
def test_few_threads_make_nothing_sure_however_many_answers_they_have(groups: int, sure: bool) -> None:
    threads = [f"thread {number % groups}" for number in range(40)]
    for found in compare(scores([10.0] * 40, groups=threads), scores([20.0] * 40, groups=threads), draws=100):
        assert (found.examples, found.groups) == (40, groups)
        assert bool(np.isfinite([found.low, found.high]).all()) is sure
        assert not found.low > 0 or sure


def test_bleu_of_all_answers_is_sacrebleu_s() -> None:
    first, second = scores([20.0] * 40, noise=0.1), scores([20.0] * 40, noise=0.6)
    found = next(one for one in compare(first, second, draws=100) if one.metric == "bleu")
    for value, noise in ((found.first, 0.1), (found.second, 0.6)):
        references, answers = texts(1, noise=noise)
        assert value == pytest.approx(corpus_bleu(answers, [references]).score)
    assert found.low > 0


def test_only_what_both_were_scored_on_counts() -> None:
    first, second = scores([10.0] * 30), scores([20.0] * 40)
    assert bits(compare(first, second, draws=100)).examples == 30
    with pytest.raises(ConfigError, match="share no example: 0 and 40"):
        compare(first.clear(), second)


def test_figures_that_are_no_numbers_are_never_better() -> None:
    found = bits(compare(scores([float("nan")] * 10), scores([20.0] * 10), draws=100))
    assert found.low == -np.inf


@pytest.mark.parametrize(("draws", "confidence"), [(99, 0.95), (100, 1.0), (100, 0.4)])
def test_what_is_no_interval_is_refused(draws: int, confidence: float) -> None:
    with pytest.raises(ConfigError, match=r"allowed: 100 or more, 0\.5 to 0\.999"):
        compare(scores([1.0]), scores([1.0]), draws=draws, confidence=confidence)
