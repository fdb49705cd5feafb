"""Gopher's quality rules: Rae et al. 2021, "Scaling Language Models", section A.1.1, quality filtering.

A word is what stands between whitespace, as in the paper; none of these is defined for a text without one.
Where datatrove counts otherwise (words of symbols alone, blank lines, stop words in capitals), `datatrove_...` does.
"""

import polars as pl

from parlance.filters import counting
from parlance.filters.registry import rule

STOP_WORDS = counting.STOP_WORDS


@rule(version=1, at_least=50, at_most=100_000, needs_spaces=True, preparation=counting.measure)
def gopher_words(counts: pl.Expr) -> pl.Expr:
    """Number of words.

    >>> pl.select(gopher_words(pl.lit("Ask the HR desk, please."))).item()
    5.0
    """
    words = counts.struct.field("words")
    return pl.when(words > 0).then(words)


@rule(version=1, at_least=3, at_most=10, needs_spaces=True, preparation=counting.measure)
def gopher_mean_word_length(counts: pl.Expr) -> pl.Expr:
    """Mean characters per word.

    >>> pl.select(gopher_mean_word_length(pl.lit("aa bbbb"))).item()
    3.0
    """
    return _per_word(counts, counts.struct.field("characters") - counts.struct.field("spaces"))


@rule(version=1, at_most=0.1, needs_spaces=True, preparation=counting.measure)
def gopher_symbol_to_word_ratio(counts: pl.Expr) -> pl.Expr:
    """Hash signs or ellipses, whichever are more, per word.

    >>> pl.select(gopher_symbol_to_word_ratio(pl.lit("#one #two three... four"))).item()
    0.5
    """
    return _per_word(counts, pl.max_horizontal(counts.struct.field("hashes"), counts.struct.field("ellipses")))


@rule(version=1, at_most=0.9, preparation=counting.measure)
def gopher_bullet_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that begin with a bullet point.

    >>> pl.select(gopher_bullet_line_share(pl.lit("Bring:\n- a pen\n• paper\n* ink"))).item()
    0.75
    """
    return counting.share(counts, "bullet_lines", "lines")


@rule(version=1, at_most=0.3, preparation=counting.measure)
def gopher_ellipsis_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that end with an ellipsis.

    >>> pl.select(gopher_ellipsis_line_share(pl.lit("Read more...\nThe end."))).item()
    0.5
    """
    return counting.share(counts, "ellipsis_lines", "lines")


@rule(version=1, at_least=0.8, needs_spaces=True, preparation=counting.measure)
def gopher_alphabetic_word_share(counts: pl.Expr) -> pl.Expr:
    """Share of the words that hold at least one alphabetic character.

    >>> pl.select(gopher_alphabetic_word_share(pl.lit("room 101 is b4 202"))).item()
    0.6
    """
    return counting.share(counts, "alphabetic_words", "words")


@rule(version=1, at_least=2, needs_spaces=True, preparation=counting.measure)
def gopher_stop_words(counts: pl.Expr) -> pl.Expr:
    """How many of the eight words the, be, to, of, and, that, have, with occur; for English.

    >>> pl.select(gopher_stop_words(pl.lit("The top of the hill"))).item()
    2.0
    """
    return pl.when(counts.struct.field("words") > 0).then(counts.struct.field("stop_words"))


def _per_word(counts: pl.Expr, count: pl.Expr) -> pl.Expr:
    words = counts.struct.field("words")
    return pl.when(words > 0).then(count / words)
