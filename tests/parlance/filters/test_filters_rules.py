"""Contracts of every rule, both sides of published bounds, and the n-gram shares against plain Python."""

import math
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import ConfigError
from parlance.filters import describe, rules
from parlance.filters.gopher_quality import gopher_words
from parlance.filters.registry import get, rule, scores
from parlance.languages import WITHOUT_SPACES

texts = st.lists(
    st.text(max_size=60) | st.text(st.sampled_from("ab .\n-#{…`日"), max_size=60) | st.sampled_from(["", " \n", "a"]),
    max_size=8,
)
words = st.lists(st.sampled_from(["a", "bé", "日本", "dddd"]), max_size=40).map(" ".join)


def score(name: str, text: str) -> float | None:
    return scores(pl.Series([text]), [name])[name][0]


@pytest.mark.parametrize("name", rules())
@settings(max_examples=20, deadline=None)
@given(batch=texts)
def test_score_does_not_depend_on_batching(name: str, batch: list[str]) -> None:
    together = scores(pl.Series(batch, dtype=pl.String), [name])[name]
    assert together.dtype == pl.Float64
    assert together.to_list() == [score(name, text) for text in batch]


@pytest.mark.parametrize("name", rules())
@settings(max_examples=20, deadline=None)
@given(batch=texts)
def test_score_is_finite_and_not_negative_or_null(name: str, batch: list[str]) -> None:
    values = scores(pl.Series(batch, dtype=pl.String), [name])[name].drop_nulls()
    assert all(math.isfinite(value) and value >= 0 for value in values)
    if name.endswith(("_share", "_lines")):
        assert all(value <= 1 for value in values)


@pytest.mark.parametrize("name", rules())
@pytest.mark.parametrize("text", ["", " \n\t "], ids=["empty", "blank"])
def test_score_of_a_blank_text_is_undefined(name: str, text: str) -> None:
    assert score(name, text) is None


@pytest.mark.parametrize("name", rules())
@pytest.mark.parametrize("text", ["a" * 200_000, "\n" * 50_000 + "x", "{`" * 20_000, "\x00", "\u200b"], ids=repr)
def test_hostile_texts_have_a_score_or_none(name: str, text: str) -> None:
    value = score(name, text)
    assert value is None or math.isfinite(value)


@pytest.mark.parametrize("name", rules())
def test_rule_is_documented_and_prefixed_by_its_family(name: str) -> None:
    found = get(name)
    assert found.summary.endswith(".")
    assert ">>> " in (found.measure.__doc__ or "")
    assert name.startswith(found.measure.__module__.rpartition(".")[2].partition("_")[0] + "_")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("gopher_words", "one  two\nthree", 3),
        ("gopher_mean_word_length", "a bb ccc", 2),
        ("gopher_symbol_to_word_ratio", "#a b … ... d", 0.4),
        ("gopher_bullet_line_share", "• a\n  - b\nc\n\n", 2 / 3),
        ("gopher_ellipsis_line_share", "a...\r\nb… \nc. .", 2 / 3),
        ("gopher_alphabetic_word_share", "a1 22 3é ---", 0.5),
        ("gopher_stop_words", "There, THAT and thereof", 2),
        ("gopher_duplicate_line_share", "a\n a \nb\nB", 0.25),
        ("gopher_duplicate_line_character_share", "日本\n日本\nab", 1 / 3),
        ("gopher_duplicate_paragraph_share", "a\n \na", 0.5),
        ("c4_sentences", "One. Two? Three!", 3),
        ("c4_sentences", "v1.2 has no end", 0),
        ("c4_sentences", "一。二。三！", 3),
        ("c4_curly_brackets", "{}{", 2),
        ("c4_lorem_ipsum", "LOREM IPSUM", 1),
        ("c4_javascript_lines", "javascript JavaScript\nb\nc", 1 / 3),
        ("c4_policy_lines", "Privacy Policy\nb", 0.5),
        ("c4_terminal_punctuation_line_share", 'He said "so."\nMenu\nWait...', 1 / 3),
        ("conversation_words", "ok :+1: yes", 3),
        ("conversation_code_share", "```ab```", 1),
        ("conversation_code_share", "ab```cd", 5 / 7),
        ("conversation_code_share", "`ab` no fence", 0),
        ("conversation_letters_share", "日本 12", 0.5),
        ("fineweb_punctuated_line_share", "a:\nb", 0.5),
        ("fineweb_short_line_share", "a" * 29 + "\n" + "b" * 30, 0.5),
    ],
)
def test_score(name: str, text: str, expected: float) -> None:
    assert score(name, text) == pytest.approx(expected)


def plain_shares(text: str, n: int) -> tuple[float, float]:
    """Shares of characters in the top n-gram and in n-grams seen before, by marking every character."""
    parts = text.split()
    starts = [sum(len(part) + 1 for part in parts[:i]) for i in range(len(parts))]
    grams = [tuple(parts[i : i + n]) for i in range(len(parts) - n + 1)]
    total = len(" ".join(parts))

    def covered(places: list[int]) -> float:
        ranges = (range(starts[i], starts[i + n - 1] + len(parts[i + n - 1])) for i in places)
        return len({character for each in ranges for character in each}) / total

    counts = Counter(grams)
    best = max(((count, len(" ".join(gram))) for gram, count in counts.items() if count > 1), default=None)
    tops = [gram for gram, count in counts.items() if (count, len(" ".join(gram))) == best]
    top = {covered([i for i, gram in enumerate(grams) if gram == top]) for top in tops} or {0.0}
    return max(top) if len(top) == 1 else -1.0, covered([i for i, gram in enumerate(grams) if gram in grams[:i]])


@settings(max_examples=150, deadline=None)
@given(text=words.filter(bool), n=st.integers(2, 10))
def test_ngram_shares_equal_plain_python(text: str, n: int) -> None:
    top, duplicate = plain_shares(text, n)
    if n >= 5:
        assert score(f"gopher_duplicate_{n}gram_share", text) == pytest.approx(duplicate)
    elif top >= 0:  # else n-grams of equal count and length cover different amounts, and either may be meant
        assert score(f"gopher_top_{n}gram_share", text) == pytest.approx(top)


def test_rule_can_be_called_with_any_text_expression() -> None:
    frame = pl.DataFrame({"body": ["a b a b a b"]})
    assert frame.select(gopher_words(pl.col("body"))).item() == 6


def test_describe_lists_every_rule_with_its_bounds() -> None:
    described = describe()
    assert described["rule"].to_list() == rules()
    row = described.row(by_predicate=pl.col("rule") == "gopher_mean_word_length", named=True)
    assert row == {
        "rule": "gopher_mean_word_length",
        "version": 1,
        "at_least": 3.0,
        "at_most": 10.0,
        "needs_spaces": True,
        "summary": "Mean characters per word.",
    }


def test_unknown_rule_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r"unknown rule 'gophr'; known rules: c4_curly_brackets, .*gopher_words"):
        get("gophr")


def test_two_rules_of_one_name_are_refused() -> None:
    def gopher_words(text: pl.Expr) -> pl.Expr:
        """Another rule of that name."""
        return text.str.len_chars()

    with pytest.raises(ConfigError, match="stands in both"):
        rule(version=1)(gopher_words)


def test_languages_without_spaces_hold_the_large_ones() -> None:
    assert {"ja", "zh", "th"} <= WITHOUT_SPACES
