"""Links find what shares a band, without quadratic work; components equal a plain union-find."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parlance.dedup.linking import components, links
from parlance.dedup.shingles import Indices

edges = st.integers(1, 30).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=40))
)


@given(edges)
def test_components_give_the_smallest_member(graph: tuple[int, list[tuple[int, int]]]) -> None:
    rows, pairs = graph
    label = list(range(rows))
    for a, b in pairs:
        low, high = sorted((label[a], label[b]))
        label = [low if value == high else value for value in label]
    sides = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    assert components(rows, sides[:, 0], sides[:, 1]).tolist() == label


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(5, 9)), max_size=40))
def test_links_are_all_pairs_that_share_a_band(rows: list[tuple[int, int]]) -> None:
    bands = np.array(rows, dtype=np.int64).reshape(-1, 2)
    left, right, scores = links(bands, lambda left, right: (left + right) % 2 / 2, 0.5)
    expected = [
        (a, b)
        for a in range(len(rows))
        for b in range(a + 1, len(rows))
        if (a + b) % 2 and (rows[a][0] == rows[b][0] or rows[a][1] == rows[b][1])
    ]
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == expected
    assert (scores == 0.5).all()


def test_a_huge_bucket_costs_linear_work() -> None:
    compared = 0

    def same_family(left: Indices, right: Indices) -> np.ndarray:
        nonlocal compared
        compared += len(left)
        return (left % 7 == right % 7).astype(np.float64)

    left, right, _ = links(np.zeros((10_000, 1), dtype=np.int64), same_family, 0.8)
    assert compared < 7 * 10_000
    assert components(10_000, left, right).tolist() == [row % 7 for row in range(10_000)]


def test_a_huge_bucket_of_strangers_ends() -> None:
    compared = 0

    def strangers(left: Indices, right: Indices) -> np.ndarray:
        nonlocal compared
        compared += len(left)
        return np.zeros(len(left))

    left, _, _ = links(np.zeros((5_000, 1), dtype=np.int64), strangers, 0.8)
    assert len(left) == 0
    assert compared <= 100 * 5_000


def test_extreme_band_values() -> None:
    lowest, highest = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    bands = np.array([[lowest], [highest], [lowest], [highest]])
    left, right, _ = links(bands, lambda left, right: np.ones(len(left)), 0.8)
    assert (left.tolist(), right.tolist()) == ([0, 1], [2, 3])
