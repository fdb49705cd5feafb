"""Texts that are read in parts give the clusters that they give at once."""

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.dedup import near_duplicates, near_duplicates_in
from parlance.errors import ConfigError


def texts(seed: int) -> list[str]:
    generator = random.Random(seed)
    made = ["", "!", "", "?"]
    for family in range(20):
        words = [f"w{family}x{i}" for i in range(40)]
        for _ in range(4):
            changed = list(words)
            for _ in range(generator.randrange(4)):
                changed[generator.randrange(40)] = "ß" if generator.random() < 0.5 else "İ"
            made.append(" ".join(changed))
    generator.shuffle(made)
    return made


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9), edges=st.lists(st.integers(0, 84), max_size=5).map(sorted), is_arrow=st.booleans())
def test_parts_give_what_the_whole_gives(seed: int, edges: list[int], is_arrow: bool) -> None:
    series = pl.Series(texts(seed))
    parts = [series[start:end] for start, end in zip([0, *edges], [*edges, len(series)], strict=True)]
    found = near_duplicates_in(lambda: [part.to_arrow() if is_arrow else part for part in parts], threads=2)
    assert found["cluster"].to_list() == near_duplicates(series)["cluster"].to_list()
    assert found["keep"].to_list() == [row == first for row, first in enumerate(found["cluster"])]


def test_nothing_gives_no_rows() -> None:
    assert near_duplicates_in(list).height == 0


@pytest.mark.parametrize("again", [["a b"], ["a b", "a b", "a b"], []], ids=["fewer", "more", "none"])
def test_texts_that_are_others_the_second_time_are_refused(again: list[str]) -> None:
    times = iter([["a b", "a b"], again])
    with pytest.raises(ConfigError, match=r"read again"):
        near_duplicates_in(lambda: [pl.Series(next(times), dtype=pl.String)])
