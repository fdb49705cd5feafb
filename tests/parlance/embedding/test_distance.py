import numpy as np
import pytest

from parlance.embedding.distance import distance
from parlance.errors import ConfigError, SchemaError


def cloud(rows: int, *, seed: int, shift: float = 0.0, spread: float = 1.0) -> np.ndarray:
    """Unit vectors around one direction, `shift` away from it in another."""
    points = np.random.default_rng(seed).normal(scale=0.2 * spread, size=(rows, 32))
    points[:, 0] += 1
    points[:, 1] += shift
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_two_samples_of_one_corpus_are_near() -> None:
    p_values = []
    for seed in range(10):
        found = distance(cloud(300, seed=2 * seed), cloud(200, seed=2 * seed + 1), seed=seed)
        assert abs(found.mmd2) < 0.01
        assert 0.35 < found.auc < 0.65
        assert found.cosine > 0.98
        assert found.sizes == (300, 200)
        p_values.append(found.p_value)
    assert 0.2 < np.mean(p_values) < 0.8


def test_a_shift_is_found_and_grows() -> None:
    reference = cloud(300, seed=1)
    found = [distance(reference, cloud(300, seed=2, shift=shift)) for shift in (0.0, 0.1, 0.3, 1.0)]
    assert [one.mmd2 for one in found] == sorted(one.mmd2 for one in found)
    assert [one.auc for one in found[1:]] == sorted(one.auc for one in found[1:])
    assert found[2].p_value < 0.01
    assert found[3].auc > 0.95
    assert found[3].cosine < 0.9


def test_another_spread_is_found_where_means_are_equal() -> None:
    found = distance(cloud(300, seed=1), cloud(300, seed=2, spread=0.5))
    assert found.cosine > 0.98
    assert found.p_value < 0.01


def test_it_is_the_definition() -> None:
    """The unbiased estimate, written out over pairs."""
    first, second = cloud(12, seed=1), cloud(11, seed=2, shift=0.4)
    together = np.concatenate([first, second])
    pairs = [np.sum((a - b) ** 2) for row, a in enumerate(together) for b in together[:row]]
    width = np.median(pairs)

    def mean(one: np.ndarray, other: np.ndarray, same: bool) -> float:
        values = [
            np.exp(-np.sum((a - b) ** 2) / width)
            for i, a in enumerate(one)
            for j, b in enumerate(other)
            if not (same and i == j)
        ]
        return float(np.mean(values))

    expected = mean(first, first, True) + mean(second, second, True) - 2 * mean(first, second, False)
    assert distance(first, second).mmd2 == pytest.approx(expected, abs=1e-9)


def test_it_is_the_same_each_time_and_bounded() -> None:
    many = [cloud(500, seed=seed) for seed in (1, 2)]
    assert distance(*many, most=100) == distance(*many, most=100)
    assert distance(*many, most=100).sizes == (100, 100)


@pytest.mark.parametrize(
    ("first", "second", "error", "message"),
    [
        (np.ones((9, 4)), np.ones((20, 4)), ConfigError, "a set of 9 vectors is too small"),
        (np.ones((20, 3)), np.ones((20, 4)), SchemaError, "vectors have 3 and 4 dimensions"),
        (np.ones(20), np.ones((20, 4)), SchemaError, r"their shape is \(20,\)"),
        (np.full((20, 4), np.nan), np.ones((20, 4)), SchemaError, "must be finite"),
    ],
)
def test_sets_that_cannot_be_compared_are_named(
    first: np.ndarray, second: np.ndarray, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        distance(first, second)


def test_equal_vectors_are_no_distance() -> None:
    found = distance(np.ones((20, 4)), np.ones((30, 4)))
    assert (found.mmd2, found.auc, found.p_value) == (pytest.approx(0, abs=1e-9), 0.5, 1.0)
