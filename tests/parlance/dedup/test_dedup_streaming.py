"""Texts that are read in parts give the clusters that they give at once."""

import random

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.dedup import near_duplicates, near_duplicates_in


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
    parts = [part.to_arrow() if is_arrow else part for part in parts]
    survivors: list[pa.LargeStringArray] = []
    found = near_duplicates_in(iter(parts), threads=2, kept=survivors.extend)
    assert found["cluster"].to_list() == near_duplicates(series)["cluster"].to_list()
    assert found["keep"].to_list() == [row == first for row, first in enumerate(found["cluster"])]
    assert pa.chunked_array(survivors, pa.large_string()).to_pylist() == series.filter(found["keep"]).to_list()


def test_more_texts_than_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    series = pl.Series(texts(3))
    monkeypatch.setattr("parlance.dedup.streaming.BYTES_AT_ONCE", 500)
    parts = [pa.array(series.to_list(), pa.large_string()).slice(start, 10) for start in range(0, len(series), 10)]
    given: list[pa.LargeStringArray] = []
    found = near_duplicates_in(parts, kept=given.extend)
    assert found["cluster"].to_list() == near_duplicates(series)["cluster"].to_list()
    assert len(given) > 10
    assert pa.chunked_array(given).to_pylist() == series.filter(found["keep"]).to_list()


def test_nothing_gives_no_rows() -> None:
    survivors: list[pa.LargeStringArray] = []
    assert near_duplicates_in([], kept=survivors.extend).height == 0
    assert near_duplicates_in([pl.Series([], dtype=pl.String)], kept=survivors.extend).height == 0
    assert survivors == []


def test_nulls_are_texts_without_a_word() -> None:
    found = near_duplicates_in([pl.Series(["a b c", None]), pl.Series(["", "a b c"])])
    assert found["cluster"].to_list() == [0, 1, 1, 0]
