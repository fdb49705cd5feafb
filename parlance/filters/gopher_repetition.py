"""Gopher's repetition rules: Rae et al. 2021, "Scaling Language Models", section A.1.1 and Table A1.

What repeats is every occurrence after the first. The paper leaves open whether the first counts too;
like most of its implementations these rules do not count it.
"""

import polars as pl

from parlance.filters import counting
from parlance.filters.registry import rule


@rule(version=1, at_most=0.3, preparation=counting.measure)
def gopher_duplicate_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that repeat an earlier one.

    >>> pl.select(gopher_duplicate_line_share(pl.lit("menu\nhome\n\nmenu\nmenu"))).item()
    0.5
    """
    return counting.share(counts, "duplicate_lines", "lines")


@rule(version=1, at_most=0.2, preparation=counting.measure)
def gopher_duplicate_line_character_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines' characters that stand in a line that repeats an earlier one.

    >>> pl.select(gopher_duplicate_line_character_share(pl.lit("ab\nab\nabcd"))).item()
    0.25
    """
    return counting.share(counts, "duplicate_line_characters", "line_characters")


@rule(version=1, preparation=counting.measure)
def gopher_paragraphs(counts: pl.Expr) -> pl.Expr:
    r"""Number of paragraphs, of which the rules below give shares; the paper sets no bound.

    >>> pl.select(gopher_paragraphs(pl.lit("a\nb\n\nc"))).item()
    2.0
    """
    return pl.when(counts.struct.field("paragraphs") > 0).then(counts.struct.field("paragraphs"))


@rule(version=1, at_most=0.3, preparation=counting.measure)
def gopher_duplicate_paragraph_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the paragraphs that repeat an earlier one.

    >>> pl.select(gopher_duplicate_paragraph_share(pl.lit("a\nb\n\nc\n\na\nb\n\nd"))).item()
    0.25
    """
    return counting.share(counts, "duplicate_paragraphs", "paragraphs")


@rule(version=1, at_most=0.2, preparation=counting.measure)
def gopher_duplicate_paragraph_character_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the paragraphs' characters that stand in a paragraph that repeats an earlier one.

    >>> pl.select(gopher_duplicate_paragraph_character_share(pl.lit("ab\n\nab\n\nabcd"))).item()
    0.25
    """
    return counting.share(counts, "duplicate_paragraph_characters", "paragraph_characters")


@rule(version=1, at_most=0.2, needs_spaces=True, preparation=counting.measure)
def gopher_top_2gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of the characters in the most frequent 2-gram.

    >>> pl.select(gopher_top_2gram_share(pl.lit("go on go on wherever it"))).item().__round__(3)
    0.435
    """
    return counting.share(counts, "top_2", "gram_characters")


@rule(version=1, at_most=0.18, needs_spaces=True, preparation=counting.measure)
def gopher_top_3gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of the characters in the most frequent 3-gram.

    >>> pl.select(gopher_top_3gram_share(pl.lit("a b c a b c a b c"))).item().__round__(3)
    0.882
    """
    return counting.share(counts, "top_3", "gram_characters")


@rule(version=1, at_most=0.16, needs_spaces=True, preparation=counting.measure)
def gopher_top_4gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of the characters in the most frequent 4-gram.

    >>> pl.select(gopher_top_4gram_share(pl.lit("each of these occurs once"))).item()
    0.0
    """
    return counting.share(counts, "top_4", "gram_characters")


@rule(version=1, at_most=0.15, needs_spaces=True, preparation=counting.measure)
def gopher_duplicate_5gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of the characters in 5-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_5gram_share(pl.lit("a b c d e a b c d e"))).item().__round__(3)
    0.474
    """
    return counting.share(counts, "duplicate_5", "gram_characters")


@rule(version=1, at_most=0.14, needs_spaces=True, preparation=counting.measure)
def gopher_duplicate_6gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of the characters in 6-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_6gram_share(pl.lit("a b c d e f a b c d e f"))).item().__round__(3)
    0.478
    """
    return counting.share(counts, "duplicate_6", "gram_characters")


@rule(version=1, at_most=0.13, needs_spaces=True, preparation=counting.measure)
def gopher_duplicate_7gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of the characters in 7-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_7gram_share(pl.lit("a b c d e f g a b c d e f g"))).item().__round__(3)
    0.481
    """
    return counting.share(counts, "duplicate_7", "gram_characters")


@rule(version=1, at_most=0.12, needs_spaces=True, preparation=counting.measure)
def gopher_duplicate_8gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of the characters in 8-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_8gram_share(pl.lit("a b c d e f g h a b c d e f g h"))).item().__round__(3)
    0.484
    """
    return counting.share(counts, "duplicate_8", "gram_characters")


@rule(version=1, at_most=0.11, needs_spaces=True, preparation=counting.measure)
def gopher_duplicate_9gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of the characters in 9-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_9gram_share(pl.lit("a b c d e f g h i a b c d e f g h i"))).item().__round__(3)
    0.486
    """
    return counting.share(counts, "duplicate_9", "gram_characters")


@rule(version=1, at_most=0.1, needs_spaces=True, preparation=counting.measure)
def gopher_duplicate_10gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of the characters in 10-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_10gram_share(pl.lit("a b c d e f g h i j a b c d e f g h i j"))).item().__round__(3)
    0.487
    """
    return counting.share(counts, "duplicate_10", "gram_characters")
