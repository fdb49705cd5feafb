"""Blocked words: whole words in either case, anywhere in scripts without spaces."""

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.references.words import Words

VOCABULARY = ["bad", "BAD", "bäd", "Bad's", "word", "bad_word", "badly", "über", "日", "本", "日本", "กา", "😀", "c"]
VOCABULARY += ["c++", "++", "—", ".", ",", "'", "\n"]
LISTED = ["bad", "word", "über", "bad_word", "c", "日本"]
pieces = st.lists(st.sampled_from([*VOCABULARY, " ", " ", "\u2028", "\x00", ""]) | st.text(max_size=2), max_size=15)
SPREAD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff]|[^\W\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff]+")


@pytest.mark.parametrize(
    ("entry", "text", "count"),
    [
        ("bad", "Bad, BAD: bad.", 3),
        ("bad", "badly bad_x xbad 4bad", 0),
        ("bad word", "a bad\n  WORD and a bad, word", 2),
        ("bad word", "bad big word", 0),
        ("Ärger", "ÄRGER ärger Ärgernis", 2),
        ("博彩", "网上博彩网站 Casino博彩", 2),
        ("博彩", "博 x 彩", 0),
        ("casino", "网上casino网站，非常好", 1),
        ("casino", "网上casinos网站，非常好", 0),
        ("c++", "C++ and c, c++11", 2),
        ("🖕", "a🖕🖕", 2),
        ("s&m", "S & M", 1),
        ("μ", "Μ μ µ", 2),
        ("naïve", "nai\u0308ve na\u00adïve", 2),
        ("nai\u0308ve!", "Naïve!", 1),
    ],
)
def test_entries_in_texts(entry: str, text: str, count: int) -> None:
    assert Words(pl.Series([entry])).counts(pl.Series([text])).to_list() == [count]


def test_an_entry_inside_another_counts_as_well() -> None:
    assert Words(pl.Series(["bad", "bad word", "BAD"])).counts(pl.Series(["bad word bad"])).to_list() == [3]


def test_nothing_is_in_an_empty_text() -> None:
    words = Words(pl.Series(["bad", "🖕"]))
    assert words.counts(pl.Series(["", None, " "])).to_list() == [0, 0, 0]
    assert words.counts(pl.Series([], dtype=pl.String)).to_list() == []


def slowly(entry: str, text: str) -> int:
    """Occurrences of the entry's words in a row, in plain Python."""
    wanted, words = (SPREAD.findall(one.lower()) for one in (entry, text))
    return sum(words[i : i + len(wanted)] == wanted for i in range(len(words) - len(wanted) + 1))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(LISTED), min_size=1, max_size=3), max_size=4),
    st.lists(st.lists(st.sampled_from([one for one in VOCABULARY if one != "😀"]), max_size=12), max_size=4),
)
def test_counts_are_those_of_plain_python(entries: list[list[str]], texts: list[list[str]]) -> None:
    listed = {" ".join(entry) for entry in entries}
    rows = [" ".join(text) for text in texts]
    found = Words(pl.Series(sorted(listed), dtype=pl.String)).counts(pl.Series(rows, dtype=pl.String))
    different = {tuple(SPREAD.findall(entry)) for entry in listed}
    assert found.to_list() == [sum(slowly(" ".join(entry), row) for entry in different) for row in rows]


@settings(max_examples=100, deadline=None)
@given(st.lists(pieces.map("".join), max_size=5))
def test_counts_do_not_depend_on_the_batch(texts: list[str]) -> None:
    words = Words(pl.Series(["bad", "bad word", "日本", "c++", "กา", "😀"]))
    together = words.counts(pl.Series(texts, dtype=pl.String)).to_list()
    assert together == [words.counts(pl.Series([text])).item() for text in texts]


ODD = ["", "İ", "\U00030010", "ﬃ"]  # characters that the compiled pass leaves to Polars


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces.map("".join), max_size=4), st.sampled_from(ODD))
def test_characters_beyond_the_tables_change_nothing_else(texts: list[str], odd: str) -> None:
    words = Words(pl.Series(["bad", "bad word", "日本", "กา", "über", "σας"]))
    texts = [f"{text} ΣΑΣ Σας σασ... {text}" for text in texts]
    plain = words.counts(pl.Series(texts, dtype=pl.String)).to_list()
    assert words.counts(pl.Series([f"{text} {odd}" for text in texts], dtype=pl.String)).to_list() == plain
