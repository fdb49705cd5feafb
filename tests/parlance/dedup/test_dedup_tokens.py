"""The compiled tokeniser finds the words that Polars finds, whatever the characters."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.dedup import near_duplicates, signatures
from parlance.dedup.characters import SIZE
from parlance.dedup.tokens import Texts, _plain

# What is easily mistaken: final sigma, dotted capitals, marks, joiners, numbers, scripts without spaces.
PECULIAR = (
    "aB_9é\u0301ßẞΣςσİıſKǅȺﬁ日語ไ가\u1100\u200d\u00ad٣²½\u00a0\u2003—“’…\U0001d400\U00020000\U000e0101😀 \n.\x00\x7f"
)
texts = st.text(st.sampled_from(PECULIAR) | st.characters(exclude_categories=["Cs"]), max_size=200)


def agree(batch: list[str]) -> bool:
    """Whether the texts and their words as Polars writes them have the same sketches."""
    series = pl.Series(batch, dtype=pl.String)
    return bool((signatures(series, 16, 2) == signatures(_plain(series), 16, 2)).all())


@settings(max_examples=200, deadline=None)
@given(st.lists(texts, max_size=5))
def test_words_are_those_of_polars(batch: list[str]) -> None:
    assert agree(batch)


def test_every_kind_of_character_is_known() -> None:
    points = [point for point in range(0x80, SIZE) if not 0xD800 <= point < 0xE000]
    assert agree([f"{chr(point)} x{chr(point)}y" for point in points])


@pytest.mark.parametrize("size", [1, 7, 8, 9, 63, 64, 65, 127, 128, 129])
def test_words_and_texts_of_any_length(size: int) -> None:
    batch = ["x" * size, "x" * size + " y", "A" * (size - 1) + "é", "b " * size, " " * size + "c", "Ñ" * size]
    assert agree(batch)
    assert agree(batch[::-1])


def test_a_text_at_the_end_of_its_buffer_is_read_no_further() -> None:
    one = pl.Series(["first one", "second"])
    both = pl.Series(["first one", "second", "third " * 50])
    assert (signatures(one) == signatures(both)[:2]).all()


def test_texts_without_peculiar_characters_are_read_where_they_lie() -> None:
    array = pl.Series(["plain", "É", "İ"]).to_arrow(compat_level=pl.CompatLevel.oldest())
    assert Texts(array.slice(0, 1)).data.ctypes.data == array.buffers()[2].address


def test_the_texts_are_left_as_they_were() -> None:
    texts = pl.Series(["İstanbul and more", "日本語です", None])
    signatures(texts)
    near_duplicates(texts)
    assert texts.to_list() == ["İstanbul and more", "日本語です", None]
