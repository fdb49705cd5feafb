"""RedPajama's annotations: the compiled counts against plain Python, and both kinds of text for each."""

import math
import re
import string
import unicodedata
from collections import Counter

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parlance.filters.registry import scores
from parlance.filters.rps_counting import COUNTED, STOP_WORDS, measure

PIECES = [
    "a", "B", "bé", "É", "日本", "the", "The", "don't", "O'NEIL", "ǅ", "ß", "12",
    "½", "x_y", "\u0301", "İ", "ﬁ", "한", "\u2126", "σ",
    "...", "…", ". ", "!", "?", "”", "#", "-", "•", "–", "\u25b6", "{", "}", "lorem", "ipsum", "Lorem, Ipsum",
    "JavaScript", "java",
    " ", " ", " ", " ", "\t", "\u00a0", "\x1c", "\u2028", "\r\n", "\n", "\n", "\n\n", "\n \n", "\U000e0101",
    "\U0001f468\u200d", "$",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(st.characters(max_codepoint=0x7F), max_size=3), max_size=60).map(
    "".join
)
BULLETS = tuple("•‣▶◀◦■□▪▫–")


def normalised(text: str) -> str:
    bare = "".join(character for character in text if character not in string.punctuation).lower()
    return unicodedata.normalize("NFD", " ".join(bare.split()))


def slowly(text: str) -> dict[str, float]:
    raw = re.findall(r"\w+|[^\w\s]+", text)
    words = normalised(text).split()
    counts = Counter(words)
    lines = re.findall(r"[^\n]*\n|[^\n]+$", text)
    plain = [normalised(line) for line in lines]
    found: dict[str, float] = {
        "characters": len(text),
        "raw_words": len(raw),
        "raw_alphabetic": sum(re.search("[a-zA-Z]", word) is not None for word in raw),
        "raw_upper": sum(map(str.isupper, raw)),
        "raw_stop": sum(word in STOP_WORDS for word in raw),
        "symbols": text.count("#") + text.count("...") + text.count("…"),
        "curly": text.count("{") + text.count("}"),
        "words": len(words),
        "word_characters": sum(map(len, words)),
        "unique_words": len(counts),
        "entropy": sum(-count / len(words) * math.log(count / len(words)) for count in counts.values()),
        "lorem": normalised(text).count("lorem ipsum"),
        "sentences": len(re.findall(r"\b[^.!?]+[.!?]*", text)),
        "lines": len(lines),
        "ellipsis_lines": sum(line.rstrip().endswith(("...", "…")) for line in lines),
        "terminal_lines": sum(line.rstrip().endswith((".", "!", "?", "”")) for line in lines),
        "bullet_lines": sum(line.lstrip().startswith(BULLETS) for line in lines),
        "javascripts": sum(line.split().count("javascript") for line in plain),
        "numerical": sum(sum(map(str.isnumeric, line)) / len(line) for line in plain if line),
        "upper": sum(sum(map(str.isupper, line)) / len(line) for line in lines),
    }
    for n in range(2, 11):
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        frequent = Counter(grams)
        top, count = next(iter(frequent.most_common(1)), ((), 0))
        found[f"top_{n}"] = len("".join(top)) * count if count > 1 else 0
        inside = {i + k for i, gram in enumerate(grams) if frequent[gram] > 1 for k in range(n)}
        found[f"duplicate_{n}"] = sum(len(words[i]) for i in inside)
    return {name: found[name] for name in COUNTED}


@settings(max_examples=300, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4))
@example(batch=["\x00 \x00\x00", "a \x00a"])
def test_counts_are_those_of_plain_python(batch: list[str]) -> None:
    for counted, text in zip(measure(pl.Series(batch)).to_list(), batch, strict=True):
        assert counted == pytest.approx(slowly(text))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["a", "Ab", "b", "日,", "-"]), max_size=80).map(" ".join))
def test_repetition_is_that_of_plain_python(text: str) -> None:
    assert measure(pl.Series([text])).to_list()[0] == pytest.approx(slowly(text))


@pytest.mark.parametrize("word", STOP_WORDS)
def test_every_stop_word_is_found_in_small_letters_only(word: str) -> None:
    found = scores(pl.Series([f"{word} Xyz", f"{word.upper()} Xyz", f"{word}x Xyz"]), ["rps_doc_stop_word_fraction"])
    assert found["rps_doc_stop_word_fraction"].to_list() == [0.5, 0, 0]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("rps_doc_curly_bracket", "no brackets [at] all", 0),
        ("rps_doc_frac_all_caps_words", "USA, Usa", 1 / 3),
        ("rps_doc_frac_lines_end_with_ellipsis", "wait. . .\nwait...\n", 0.5),
        ("rps_doc_frac_no_alph_words", "日本 b", 0.5),
        ("rps_doc_lorem_ipsum", "lorem: dolor ipsum", 0),
        ("rps_doc_mean_word_length", "é", 2),
        ("rps_doc_num_sentences", "... !!! ---", 0),
        ("rps_doc_unigram_entropy", "a b c d", math.log(4)),
        ("rps_doc_unigram_entropy", "a A a.", 0),
        ("rps_doc_frac_chars_top_2gram", "a b c a d", 0),
        ("rps_doc_frac_chars_top_2gram", "a a a a", 1.5),
        ("rps_doc_frac_chars_dupe_5grams", "a b c d e a b c d", 0),
        ("rps_lines_start_with_bulletpoint", "- no\n* no", 0),
        ("rps_lines_javascript_counts", "java script\njavascripts", 0),
        ("rps_lines_num_words", "a b\n\n", 1),
        ("rps_doc_word_count", "...", 0),
    ],
)
def test_score(name: str, text: str, expected: float) -> None:
    assert scores(pl.Series([text]), [name])[name].to_list() == [pytest.approx(expected)]


@pytest.mark.parametrize("name", ["rps_doc_mean_word_length", "rps_doc_frac_unique_words", "rps_doc_lorem_ipsum"])
def test_a_text_of_punctuation_alone_has_no_normalised_word(name: str) -> None:
    assert scores(pl.Series(["--- !!!"]), [name])[name].to_list() == [None]
