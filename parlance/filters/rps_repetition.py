"""RedPajama-V2's shares of repeated n-grams of normalised words.

An n-gram's characters are those of its words. Of equally frequent n-grams the one that comes first is the top.
"""

import polars as pl

from parlance.filters import rps_counting as counting
from parlance.filters.registry import rule


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_chars_top_2gram(counts: pl.Expr) -> pl.Expr:
    """Characters of the normalised words of the most frequent 2-gram, for each time it occurs, by all.

    >>> pl.select(rps_doc_frac_chars_top_2gram(pl.lit("go on, go on wherever it"))).item().__round__(3)
    0.444
    """
    return counting.share(counts, "top_2", "word_characters")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_chars_top_3gram(counts: pl.Expr) -> pl.Expr:
    """Characters of the normalised words of the most frequent 3-gram, for each time it occurs, by all.

    >>> pl.select(rps_doc_frac_chars_top_3gram(pl.lit("a b c a b c a b c"))).item().__round__(3)
    1.0
    """
    return counting.share(counts, "top_3", "word_characters")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_chars_top_4gram(counts: pl.Expr) -> pl.Expr:
    """Characters of the normalised words of the most frequent 4-gram, for each time it occurs, by all.

    >>> pl.select(rps_doc_frac_chars_top_4gram(pl.lit("each of these occurs once"))).item().__round__(3)
    0.0
    """
    return counting.share(counts, "top_4", "word_characters")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_chars_dupe_5grams(counts: pl.Expr) -> pl.Expr:
    """Share of the characters of normalised words that stand in a 5-gram that occurs twice or more.

    >>> pl.select(rps_doc_frac_chars_dupe_5grams(pl.lit("A B C D E a b c d e"))).item()
    1.0
    """
    return counting.share(counts, "duplicate_5", "word_characters")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_chars_dupe_6grams(counts: pl.Expr) -> pl.Expr:
    """Share of the characters of normalised words that stand in a 6-gram that occurs twice or more.

    >>> pl.select(rps_doc_frac_chars_dupe_6grams(pl.lit("A B C D E F a b c d e f"))).item()
    1.0
    """
    return counting.share(counts, "duplicate_6", "word_characters")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_chars_dupe_7grams(counts: pl.Expr) -> pl.Expr:
    """Share of the characters of normalised words that stand in a 7-gram that occurs twice or more.

    >>> pl.select(rps_doc_frac_chars_dupe_7grams(pl.lit("A B C D E F G a b c d e f g"))).item()
    1.0
    """
    return counting.share(counts, "duplicate_7", "word_characters")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_chars_dupe_8grams(counts: pl.Expr) -> pl.Expr:
    """Share of the characters of normalised words that stand in a 8-gram that occurs twice or more.

    >>> pl.select(rps_doc_frac_chars_dupe_8grams(pl.lit("A B C D E F G H a b c d e f g h"))).item()
    1.0
    """
    return counting.share(counts, "duplicate_8", "word_characters")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_chars_dupe_9grams(counts: pl.Expr) -> pl.Expr:
    """Share of the characters of normalised words that stand in a 9-gram that occurs twice or more.

    >>> pl.select(rps_doc_frac_chars_dupe_9grams(pl.lit("a b c d e f g h i " * 2))).item()
    1.0
    """
    return counting.share(counts, "duplicate_9", "word_characters")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_chars_dupe_10grams(counts: pl.Expr) -> pl.Expr:
    """Share of the characters of normalised words that stand in a 10-gram that occurs twice or more.

    >>> pl.select(rps_doc_frac_chars_dupe_10grams(pl.lit("a b c d e f g h i j " * 2))).item()
    1.0
    """
    return counting.share(counts, "duplicate_10", "word_characters")
