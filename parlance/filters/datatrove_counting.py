"""Everything that datatrove's four filters count, in compiled passes over a text. A part of rules, not a rule."""

import polars as pl

from parlance.filters.counting import POLICIES, share

__all__ = ["COUNTED", "DUPLICATE", "POLICIES", "TOP", "measure", "share"]

TOP = (2, 3, 4)
DUPLICATE = (5, 6, 7, 8, 9, 10)
COUNTED = (
    "characters",
    "newlines",
    "words",
    "plain_words",  # that are more than symbols
    "plain_characters",  # of those words
    "alphabetic_words",
    "stop_words",  # how many of the eight occur as words of their own, in small letters
    "hashes",
    "ellipses",
    "lines",  # as Python's splitlines, with blank ones
    "bullet_lines",
    "ellipsis_lines",
    "paragraphs",  # between two or more newlines
    "duplicate_paragraphs",
    "duplicate_paragraph_characters",
    "parts",  # between newlines, with what is blank
    "duplicate_parts",
    "duplicate_part_characters",
    "full_lines",  # between newlines, none blank
    "punctuated_lines",
    "short_lines",
    "duplicate_full_characters",
    "sentences",  # in the lines that C4 leaves
    "lorem_lines",
    "curly_lines",
    "any_end_sentences",  # and these where lines may end as they like
    "any_end_lorem_lines",
    "any_end_curly_lines",
    *(f"top_{n}" for n in TOP),
    *(f"duplicate_{n}" for n in DUPLICATE),
)


def measure(texts: pl.Series) -> pl.Series:
    """A struct of `COUNTED` for each text; zeros for a null."""
    from parlance.filters.compiled.datatrove_counts import counts  # loads the compiler

    return pl.DataFrame(dict(zip(COUNTED, counts(texts).T, strict=True))).to_struct(texts.name)
