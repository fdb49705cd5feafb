"""What two texts share is where it is, and as much as it is."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.dedup import pairs
from parlance.dedup.explaining import shared

texts = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f,", "g.", "H", "I"]), max_size=30).map(" ".join)


@pytest.mark.parametrize(
    ("left", "right", "jaccard", "spans"),
    [
        ("a b c d e x", "y a b c d e", 1 / 3, [(0, 9)]),
        ("a b c d e - a b c d e", "a b c d e", 1 / 5, [(0, 9), (12, 21)]),
        ("a b c d e f", "A  b, c. D e f!", 1.0, [(0, 11)]),
        ("a b", "a b", 1.0, [(0, 3)]),
        ("a b", "a c", 0.0, []),
        ("", "a", 0.0, []),
        ("", "", 1.0, []),
    ],
)
def test_shared(left: str, right: str, jaccard: float, spans: list[tuple[int, int]]) -> None:
    found = shared(left, right)
    assert found.jaccard == pytest.approx(jaccard)
    assert found.left == spans


@settings(deadline=None)
@given(texts, texts)
def test_both_sides_agree_with_the_verdict(left: str, right: str) -> None:
    found, back = shared(left, right), shared(right, left)
    assert (found.jaccard, found.left, found.right) == (back.jaccard, back.right, back.left)
    verdict = pairs(pl.Series([left, right]), threshold=0.8)
    words = left.strip() and right.strip()
    if words and found.jaccard >= 0.8:
        assert verdict["jaccard"].to_list() == [pytest.approx(found.jaccard)]
    elif words:
        assert verdict.is_empty()
