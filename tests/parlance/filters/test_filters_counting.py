"""The compiled counts equal what regular expressions and lists of Polars say, slowly, of the same text."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.filters.counting import COUNTED, POLICIES, STOP_WORDS, measure

WORDS = "a b the Be TO of and THAT have with ... … . ! ? ” # ## é ß 日本 。 123 { javascript JavaScript 😀 _ the_ ) : ;"
PIECES = [
    *WORDS.split(), '"', "'", "- ", "• ", "* ", "cookie policy", "Terms of Use", "\u0301", "\u200d", "\U000e0101",
    "\U00020000", "x" * 40, "y" * 199,
    "\u00a0", "\u2003", "\u0085", "\n", "\n\n", "\n \n", "\t", " ", " ", "  ", "\r\n", "\x0b", "\x1c",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=60).map("".join)

LINES = pl.col("text").str.split("\n").list.eval(pl.element().str.strip_chars()).list.filter(pl.element() != "")
PARAGRAPHS = (
    pl.col("text")
    .str.split(r"\n\s*\n", literal=False)
    .list.eval(pl.element().str.strip_chars())
    .list.filter(pl.element() != "")
)


def count(pattern: str) -> pl.Expr:
    return pl.col("text").str.count_matches(pattern)


def characters(parts: pl.Expr) -> pl.Expr:
    return parts.list.eval(pl.element().str.len_chars()).list.sum()


SLOWLY = {
    "characters": pl.col("text").str.len_chars(),
    "spaces": count(r"\s"),
    "letters": count(r"[\p{L}\p{M}]"),
    "words": count(r"\S+"),
    "alphabetic_words": count(r"[^\s\p{Alphabetic}]*\p{Alphabetic}\S*"),
    "stop_words": pl.sum_horizontal(
        pl.col("text").str.contains(rf"(?i)\b{word}\b").cast(pl.Int64) for word in STOP_WORDS
    ),
    "hashes": count("#"),
    "ellipses": count(r"\.\.\.|…"),
    "lines": count(r"(?m)^[^\n]*\S"),
    "bullet_lines": count(r"(?m)^[^\S\n]*[•‣⁃◦▪●○■□*–-]"),
    "ellipsis_lines": count(r"(?m)(?:\.\.\.|…)[^\S\n]*$"),
    "dotted_lines": count(r"(?m)\.\.\.[^\S\n]*$"),
    "terminal_lines": count(r"(?m)[.!?\"”’»。！？][^\S\n]*$"),
    "punctuated_lines": count(r"(?m)[.!?…:;\"'”’»)\]。！？]\s*?$"),
    "short_lines": LINES.list.eval(pl.element().str.len_chars() < 30).list.sum(),
    "long_lines": LINES.list.eval(pl.element().str.len_chars() >= 200).list.sum(),
    "line_characters": characters(LINES),
    "duplicate_lines": LINES.list.len() - LINES.list.n_unique(),
    "duplicate_line_characters": characters(LINES) - characters(LINES.list.unique()),
    "paragraphs": PARAGRAPHS.list.len(),
    "paragraph_characters": characters(PARAGRAPHS),
    "duplicate_paragraphs": PARAGRAPHS.list.len() - PARAGRAPHS.list.n_unique(),
    "duplicate_paragraph_characters": characters(PARAGRAPHS) - characters(PARAGRAPHS.list.unique()),
    "gram_characters": pl.col("text").str.replace_all(r"\s+", " ").str.strip_chars(" ").str.len_chars(),
    "javascript_lines": count(r"[^\n]*(?i-u:javascript)[^\n]*"),
    "policy_lines": count(rf"[^\n]*(?i-u:{'|'.join(POLICIES)})[^\n]*"),
}


@settings(max_examples=200, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4))
def test_counts_are_those_of_polars(batch: list[str]) -> None:
    series = pl.Series("text", batch)
    found = measure(series).struct.unnest()
    slowly = pl.DataFrame(series).select(expression.cast(pl.Int64).alias(name) for name, expression in SLOWLY.items())
    assert found.select(SLOWLY.keys()).to_dicts() == slowly.to_dicts()


def test_every_count_but_those_of_ngrams_is_compared() -> None:
    ngrams = {name for name in COUNTED if name.removeprefix("top_").removeprefix("duplicate_").isdigit()}
    assert {*COUNTED} - ngrams <= {*SLOWLY}


def test_nothing_and_nulls_count_nothing() -> None:
    found = measure(pl.Series([None, "", " \n"], dtype=pl.String)).struct.unnest()
    assert found["words"].to_list() == [0, 0, 0]
    assert found["characters"].to_list() == [0, 0, 2]
    assert measure(pl.Series([], dtype=pl.String)).dtype == measure(pl.Series(["a"])).dtype
