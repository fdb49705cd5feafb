"""Candidates are what shares a band and agrees, without quadratic work; components equal a plain union-find."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parlance.dedup.linking import components
from parlance.dedup.verifying import candidates

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


def found(sketches: np.ndarray, bands: np.ndarray, agreeing: int) -> list[tuple[int, int, int]]:
    parts = candidates(sketches.astype(np.uint32), bands.astype(np.uint64), 0, bands.shape[1], agreeing)
    return sorted(zip(*(part.tolist() for part in parts), strict=True))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(5, 9), st.integers(0, 1)), max_size=40))
def test_candidates_are_all_pairs_that_share_a_band_and_agree(rows: list[tuple[int, int, int]]) -> None:
    table = np.array(rows).reshape(-1, 3)
    expected = [
        (a, b, sum(x == y for x, y in zip(rows[a], rows[b], strict=True)))
        for a in range(len(rows))
        for b in range(a + 1, len(rows))
        if rows[a][0] == rows[b][0] or rows[a][1] == rows[b][1]
    ]
    assert found(table, table[:, :2], 2) == [pair for pair in expected if pair[2] >= 2]


def test_a_huge_bucket_of_families_is_connected() -> None:
    sketches = np.repeat(np.arange(10_000)[:, None] % 7, 4, axis=1)
    left, right, _ = candidates(sketches.astype(np.uint32), np.zeros((10_000, 1), np.uint64), 0, 1, 4)
    assert len(left) < 64 * 64 + 10_000
    assert components(10_000, left, right).tolist() == [row % 7 for row in range(10_000)]


def test_a_huge_bucket_of_strangers_ends() -> None:
    sketches = np.repeat(np.arange(100_000)[:, None], 128, axis=1)
    assert found(sketches, np.zeros((100_000, 1)), 100) == []


def test_bands_may_have_any_value() -> None:
    bands = np.array([[0], [2**64 - 1], [0], [2**64 - 1]], np.uint64)
    assert found(np.ones((4, 3)), bands, 3) == [(0, 2, 3), (1, 3, 3)]


def test_rows_without_a_word_are_no_candidates() -> None:
    assert found(np.full((3, 4), 2**32 - 1), np.zeros((3, 1)), 1) == []
