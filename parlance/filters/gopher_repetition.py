"""Gopher's repetition rules: Rae et al. 2021, "Scaling Language Models", section A.1.1 and Table A1.

What repeats is every occurrence after the first. The paper leaves open whether the first counts too;
like most of its implementations these rules do not count it.
"""

import polars as pl

from parlance.filters import lines, ngrams
from parlance.filters.registry import rule


@rule(version=1, at_most=0.3)
def gopher_duplicate_line_share(text: pl.Expr) -> pl.Expr:
    r"""Share of the lines that repeat an earlier one.

    >>> pl.select(gopher_duplicate_line_share(pl.lit("menu\nhome\n\nmenu\nmenu"))).item()
    0.5
    """
    return lines.duplicate_share(lines.split(text))


@rule(version=1, at_most=0.2)
def gopher_duplicate_line_character_share(text: pl.Expr) -> pl.Expr:
    r"""Share of the lines' characters that stand in a line that repeats an earlier one.

    >>> pl.select(gopher_duplicate_line_character_share(pl.lit("ab\nab\nabcd"))).item()
    0.25
    """
    return lines.duplicate_character_share(lines.split(text))


@rule(version=1, at_most=0.3)
def gopher_duplicate_paragraph_share(text: pl.Expr) -> pl.Expr:
    r"""Share of the paragraphs that repeat an earlier one.

    >>> pl.select(gopher_duplicate_paragraph_share(pl.lit("a\nb\n\nc\n\na\nb\n\nd"))).item()
    0.25
    """
    return lines.duplicate_share(lines.paragraphs(text))


@rule(version=1, at_most=0.2)
def gopher_duplicate_paragraph_character_share(text: pl.Expr) -> pl.Expr:
    r"""Share of the paragraphs' characters that stand in a paragraph that repeats an earlier one.

    >>> pl.select(gopher_duplicate_paragraph_character_share(pl.lit("ab\n\nab\n\nabcd"))).item()
    0.25
    """
    return lines.duplicate_character_share(lines.paragraphs(text))


@rule(version=1, at_most=0.2, needs_spaces=True, preparation=ngrams.measure)
def gopher_top_2gram_share(shares: pl.Expr) -> pl.Expr:
    """Share of the characters in the most frequent 2-gram.

    >>> pl.select(gopher_top_2gram_share(pl.lit("go on go on wherever it"))).item().__round__(3)
    0.435
    """
    return shares.struct.field("top_2")


@rule(version=1, at_most=0.18, needs_spaces=True, preparation=ngrams.measure)
def gopher_top_3gram_share(shares: pl.Expr) -> pl.Expr:
    """Share of the characters in the most frequent 3-gram.

    >>> pl.select(gopher_top_3gram_share(pl.lit("a b c a b c a b c"))).item().__round__(3)
    0.882
    """
    return shares.struct.field("top_3")


@rule(version=1, at_most=0.16, needs_spaces=True, preparation=ngrams.measure)
def gopher_top_4gram_share(shares: pl.Expr) -> pl.Expr:
    """Share of the characters in the most frequent 4-gram.

    >>> pl.select(gopher_top_4gram_share(pl.lit("each of these occurs once"))).item()
    0.0
    """
    return shares.struct.field("top_4")


@rule(version=1, at_most=0.15, needs_spaces=True, preparation=ngrams.measure)
def gopher_duplicate_5gram_share(shares: pl.Expr) -> pl.Expr:
    """Share of the characters in 5-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_5gram_share(pl.lit("a b c d e a b c d e"))).item().__round__(3)
    0.474
    """
    return shares.struct.field("duplicate_5")


@rule(version=1, at_most=0.14, needs_spaces=True, preparation=ngrams.measure)
def gopher_duplicate_6gram_share(shares: pl.Expr) -> pl.Expr:
    """Share of the characters in 6-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_6gram_share(pl.lit("a b c d e f a b c d e f"))).item().__round__(3)
    0.478
    """
    return shares.struct.field("duplicate_6")


@rule(version=1, at_most=0.13, needs_spaces=True, preparation=ngrams.measure)
def gopher_duplicate_7gram_share(shares: pl.Expr) -> pl.Expr:
    """Share of the characters in 7-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_7gram_share(pl.lit("a b c d e f g a b c d e f g"))).item().__round__(3)
    0.481
    """
    return shares.struct.field("duplicate_7")


@rule(version=1, at_most=0.12, needs_spaces=True, preparation=ngrams.measure)
def gopher_duplicate_8gram_share(shares: pl.Expr) -> pl.Expr:
    """Share of the characters in 8-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_8gram_share(pl.lit("a b c d e f g h a b c d e f g h"))).item().__round__(3)
    0.484
    """
    return shares.struct.field("duplicate_8")


@rule(version=1, at_most=0.11, needs_spaces=True, preparation=ngrams.measure)
def gopher_duplicate_9gram_share(shares: pl.Expr) -> pl.Expr:
    """Share of the characters in 9-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_9gram_share(pl.lit("a b c d e f g h i a b c d e f g h i"))).item().__round__(3)
    0.486
    """
    return shares.struct.field("duplicate_9")


@rule(version=1, at_most=0.1, needs_spaces=True, preparation=ngrams.measure)
def gopher_duplicate_10gram_share(shares: pl.Expr) -> pl.Expr:
    """Share of the characters in 10-grams that repeat an earlier one.

    >>> pl.select(gopher_duplicate_10gram_share(pl.lit("a b c d e f g h i j a b c d e f g h i j"))).item().__round__(3)
    0.487
    """
    return shares.struct.field("duplicate_10")
