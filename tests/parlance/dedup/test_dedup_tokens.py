"""The compiled tokeniser finds the words that Polars finds, whatever the characters."""

import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.dedup import characters, near_duplicates, pairs, signatures
from parlance.dedup.characters import SIZE
from parlance.dedup.tokens import Texts, Unit, _plain, composed
from parlance.errors import ConfigError

# What is easily mistaken: final sigma, dotted capitals, marks, joiners, numbers, scripts without spaces.
PECULIAR = (
    "aB_9é\u0301ßẞΣςσİıſKǅȺﬁ日語ไ가\u1100\u200d\u00ad٣²½\u00a0\u2003—“’…\U0001d400\U00020000\U000e0101😀 \n.\x00\x7f"
)
texts = st.text(st.sampled_from(PECULIAR) | st.characters(exclude_categories=["Cs"]), max_size=200)


def agree(batch: list[str]) -> bool:
    """Whether the texts and their words as Polars writes them have the same sketches."""
    series = pl.Series(batch, dtype=pl.String)
    return bool((signatures(series, 16, 2) == signatures(_plain(characters.composed(series)), 16, 2)).all())


@settings(max_examples=200, deadline=None)
@given(st.lists(texts, max_size=5))
def test_words_are_those_of_polars(batch: list[str]) -> None:
    assert agree(batch)


def test_every_kind_of_character_is_known() -> None:
    points = [point for point in range(0x80, SIZE) if not 0xD800 <= point < 0xE000]
    assert agree([f"{chr(point)} x{chr(point)}y" for point in points])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("unit", ["word", "character"])
def test_how_letters_are_composed_does_not_count(form: str, unit: Unit) -> None:
    written = [
        "Très élégant à Đà Nẵng",
        "İstanbul'da çok güzel",
        "한국어 문장",
        "パン と ビール",
        "й ё, а́",
        "Ångström ế",
    ]
    texts = pl.Series(written)
    others = pl.Series([unicodedata.normalize(form, text) for text in written])
    assert (signatures(texts, 16, 2, unit=unit) == signatures(others, 16, 2, unit=unit)).all()


@pytest.mark.parametrize("sign", ["\u00ad", "\u200b", "\u2060", "\ufeff"])
def test_what_is_invisible_within_words_does_not_count(sign: str) -> None:
    assert (
        signatures(pl.Series([f"{sign}Donau{sign}dampf schiff"])) == signatures(pl.Series(["Donaudampf schiff"]))
    ).all()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(
            "aoôơ\u0301\u0302\u0323\u0335йиа\u0306가\u1100\u1161\u11a8か\u3099\u09c7\u09be\u212b\u00adZ\n", max_size=8
        )
    )
)
def test_all_texts_that_need_it_are_composed(batch: list[str]) -> None:
    series = pl.Series(batch, dtype=pl.String)
    assert composed(series).to_list() == characters.composed(series).to_list()


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


def in_characters(text: str) -> str:
    """Lower-cased words, one space between two, as Polars has them."""
    return pl.select(
        pl.lit(unicodedata.normalize("NFC", text)).str.to_lowercase().str.replace_all(r"\W+", " ").str.strip_chars(" ")
    ).item()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("aB é\u0301ßΣ.,日本\n", max_size=40), min_size=2, max_size=6), st.integers(1, 6))
def test_shingles_of_characters_are_those_of_the_plain_text(batch: list[str], ngram: int) -> None:
    sets = []
    for text in map(in_characters, batch):
        size = min(ngram, len(text))
        sets.append({text[i : i + size] for i in range(len(text) - size + 1)} if text else set())
    expected = {
        (a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b])
        for b in range(len(batch))
        for a in range(b)
        if sets[a] and sets[b]
    }
    found = pairs(pl.Series(batch), threshold=0.99, ngram=ngram, unit="character").filter(pl.col("jaccard") < 1.1)
    words = found.filter(pl.Series([bool(sets[row]) for row in found["left"]], dtype=pl.Boolean))
    assert {(a, b): j for a, b, j in words.rows()} == {pair: j for pair, j in expected.items() if j >= 0.99}


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown unit 'letter'; allowed: word, character"):
        signatures(pl.Series(["a"]), unit="letter")  # type: ignore[arg-type]


def test_characters_see_through_joined_words() -> None:
    joined = "".join(f"word{i}" for i in range(100))
    texts = pl.Series([joined, f"{joined}s"])
    assert near_duplicates(texts)["keep"].to_list() == [True, True]
    assert near_duplicates(texts, unit="character", ngram=8)["keep"].to_list() == [True, False]
