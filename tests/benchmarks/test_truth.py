"""The corpus and the truth that deduplication is measured against."""

import itertools

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from benchmarks import planted, truth
from benchmarks.cluster_quality import components, quality


def _grams(text: str) -> set[tuple[str, ...]]:
    words = truth.WORD.findall(text.lower())
    size = min(truth.NGRAM, len(words))
    return {tuple(words[begin : begin + size]) for begin in range(len(words) - size + 1)} if words else set()


def _jaccard(left: set[tuple[str, ...]], right: set[tuple[str, ...]]) -> float:
    common = len(left & right)
    return common / (len(left) + len(right) - common)


@pytest.mark.parametrize("share", planted.CHANGES)
def test_an_edited_copy_has_the_jaccard_that_is_said(share: float) -> None:
    chance = np.random.default_rng(2)
    words = chance.integers(0, planted.VOCABULARY, 5_000)
    left, right = (
        {tuple(gram) for gram in np.lib.stride_tricks.sliding_window_view(own, truth.NGRAM).tolist()}
        for own in (words, planted.edited(words, share, chance))
    )
    kept = (1 - share) ** truth.NGRAM
    assert len(left & right) / len(left | right) == pytest.approx(kept / (2 - kept), abs=0.03)


def test_the_truth_is_that_of_comparing_all_pairs() -> None:
    texts = pa.array([*planted.texts(120).to_pylist(), "a b c", "a b  C.", "a", "", "?!", "A"], pa.large_string())
    grams = [_grams(text) for text in texts.to_pylist()]
    expected = {
        (left, right): _jaccard(grams[left], grams[right])
        for left, right in itertools.combinations(range(len(grams)), 2)
        if grams[left] and grams[right] and _jaccard(grams[left], grams[right]) >= truth.THRESHOLD
    }
    found = {(left, right): jaccard for left, right, jaccard in truth.pairs(texts).iter_rows()}
    assert len(expected) > 15
    assert found == pytest.approx(expected)


def test_quality_counts_pairs_by_component_and_by_pair() -> None:
    # 0-1 and 1-2 are near, 0-2 is not: one component; 3-4 are near and were not found; 5 was wrongly put to 0.
    links = pl.DataFrame({"left": [0, 1, 3], "right": [1, 2, 4]})
    exact = components(6, links)
    assert exact.to_list() == [0, 0, 0, 3, 3, 5]
    found = quality(pl.Series([0, 0, 0, 3, 4, 0]), exact, links)
    assert (found.recall, found.precision) == (3 / 4, 3 / 6)
    assert (found.pair_recall, found.pair_precision) == (2 / 3, 2 / 6)
