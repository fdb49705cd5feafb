"""Groups are what agreeing sketches connect, links what exact Jaccard confirms; neither costs the square of a crowd."""

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from parlance.dedup.linking import Grouped, components, groups, members
from parlance.dedup.minhash import in_threads
from parlance.dedup.probing import Keys
from parlance.dedup.tokens import Indices, Texts
from parlance.dedup.verifying import CROWD, REFUSED, unite

edges = st.integers(1, 30).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=40))
)


def plain_components(rows: int, pairs: list[tuple[int, int]]) -> list[int]:
    label = list(range(rows))
    for a, b in pairs:
        low, high = sorted((label[a], label[b]))
        label = [low if value == high else value for value in label]
    return label


@given(edges)
def test_components_give_the_smallest_member(graph: tuple[int, list[tuple[int, int]]]) -> None:
    rows, pairs = graph
    sides = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    assert components(rows, sides[:, 0], sides[:, 1]).tolist() == plain_components(rows, pairs)


def found(sketches: np.ndarray, bands: np.ndarray, agreeing: int, known: int = 0, threads: int = 1) -> list[int]:
    labels, _ = groups(sketches.astype(np.uint32), bands.astype(np.uint64), agreeing, known=known, threads=threads)
    return labels.tolist()


@given(
    rows=st.lists(st.tuples(st.integers(0, 4), st.integers(5, 9), st.integers(0, 1)), max_size=40),
    share=st.floats(0, 1),
    threads=st.integers(1, 2),
)
def test_groups_connect_all_pairs_that_share_a_band_and_agree(
    rows: list[tuple[int, int, int]], share: float, threads: int
) -> None:
    table, known = np.array(rows).reshape(-1, 3), int(share * len(rows))
    pairs = [
        (a, b)
        for b in range(known, len(rows))
        for a in range(b)
        if (rows[a][0] == rows[b][0] or rows[a][1] == rows[b][1])
        and sum(x == y for x, y in zip(rows[a], rows[b], strict=True)) >= 2
    ]
    assert found(table, table[:, :2], 2, known, threads) == plain_components(len(rows), pairs)


@given(st.lists(st.integers(0, 5), max_size=20), st.integers(0, 20))
def test_members_are_the_groups_of_two_or_more_with_a_new_row(labels: list[int], known: int) -> None:
    first = np.array([labels.index(label) for label in labels], dtype=np.int64)
    rows, starts = members(first, known=known)
    parts = [rows[a:b].tolist() for a, b in pairwise(starts)]
    everyone = [[row for row, other in enumerate(labels) if other == label] for label in sorted(set(labels))]
    expected = [part for part in everyone if len(part) > 1 and part[-1] >= known]
    assert sorted(parts) == sorted(expected)


def test_a_huge_bucket_of_families_is_connected() -> None:
    sketches = np.repeat(np.arange(10_000)[:, None] % 7, 4, axis=1)
    assert found(sketches, np.zeros((10_000, 1)), 4) == [row % 7 for row in range(10_000)]


def test_a_huge_bucket_of_one_family_ends() -> None:
    assert set(found(np.ones((300_000, 4)), np.zeros((300_000, 2)), 4)) == {0}


def test_a_huge_bucket_of_strangers_ends() -> None:
    sketches = np.repeat(np.arange(50_000, dtype=np.uint32)[:, None], 8, axis=1)
    labels, cut = groups(sketches, np.zeros((50_000, 1), np.uint64), 7, threads=1)
    assert labels.tolist() == list(range(50_000))
    assert cut == 50_000 - CROWD - 1  # rows with more than that many before them


def test_bands_may_have_any_value() -> None:
    bands = np.array([[0], [2**64 - 1], [0], [2**64 - 1]], np.uint64)
    assert found(np.ones((4, 3)), bands, 3) == [0, 1, 0, 1]


def test_rows_without_a_word_are_in_no_group() -> None:
    assert found(np.full((3, 4), 2**32 - 1), np.zeros((3, 1)), 1) == [0, 1, 2]


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=30),
    st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=30),
)
def test_probing_misses_no_shared_band(one: list[int], other: list[int]) -> None:
    known = np.array(one[: len(one) // 3 * 3], np.uint64).reshape(-1, 3)
    asked = np.array([*other, *one][: (len(one) + len(other)) // 3 * 3], np.uint64).reshape(-1, 3)
    # Bands that differ in their lowest bit alone are taken for one: the comparison that follows tells them apart.
    halves = {int(value) >> 1 for value in known.ravel()}
    expected = [any(int(value) >> 1 in halves for value in row) for row in asked]
    assert Keys(known).shared_by(asked).tolist() == expected


def test_probing_an_empty_set_finds_nothing() -> None:
    assert not Keys(np.empty((0, 25), np.uint64)).shared_by(np.ones((2, 25), np.uint64)).any()
    assert pl.Series(Keys(np.ones((1, 2), np.uint64)).shared_by(np.empty((0, 2), np.uint64))).is_empty()


def test_a_row_that_hundreds_refuse_is_compared_with_no_more_and_counted() -> None:
    # The sketches of all agree in everything, the texts share nothing.
    rows = REFUSED + 3
    sketches = np.ones((rows, 8), np.uint32)
    grouped = Grouped(
        texts=Texts(pl.Series([f"a{i} b{i} c{i} d{i} e{i}" for i in range(rows)])),
        texts_of=np.arange(rows),
        sketches=sketches,
        bands=np.ones((rows, 2), np.uint64),
        rows=np.arange(rows),
        edges=np.array([0, rows]),
        ngram=5,
        threshold=0.8,
        threads=1,
    )
    parents = np.arange(rows)
    assert grouped.join(parents) == 1  # the last row alone has more than so many before it, beside the first
    assert parents.tolist() == list(range(rows))


@njit(nogil=True)
def united(parents: Any, left: Any, right: Any) -> None:
    for place in range(len(left)):
        unite(parents, left[place], right[place])


def test_no_union_is_lost_where_threads_unite_the_same_clusters() -> None:
    """Two threads join the last third of the rows, one with the first third, one with the second."""
    third = 1_000_000
    shared = np.arange(2 * third, 3 * third)
    for _ in range(20):
        parents = np.arange(3 * third)

        def run(first: int, last: int, parents: Indices = parents) -> None:
            united(parents, shared, np.arange(first, last))

        in_threads(run, [(0, third), (third, 2 * third)], 2)
        for _ in range(2):  # of three rows none is further from the first
            parents = parents[parents]
        assert (parents.reshape(3, third) == np.arange(third)).all()
