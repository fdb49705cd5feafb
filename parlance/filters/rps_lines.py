"""RedPajama-V2's quality annotations of lines, as their means over a document's lines; blank lines count."""

import polars as pl

from parlance.filters import rps_counting as counting
from parlance.filters.registry import rule


@rule(version=1, preparation=counting.measure)
def rps_lines_ending_with_terminal_punctution_mark(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that end with a full stop, exclamation or question mark or `”`.

    >>> pl.select(rps_lines_ending_with_terminal_punctution_mark(pl.lit("Home\nAll is well."))).item()
    0.5
    """
    return counting.share(counts, "terminal_lines", "lines")


@rule(version=1, preparation=counting.measure)
def rps_lines_javascript_counts(counts: pl.Expr) -> pl.Expr:
    r"""How often a line has the word javascript, in the mean.

    >>> pl.select(rps_lines_javascript_counts(pl.lit("Enable JavaScript.\nNews"))).item()
    0.5
    """
    return counting.share(counts, "javascripts", "lines")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_lines_num_words(counts: pl.Expr) -> pl.Expr:
    r"""Normalised words of a line, in the mean.

    >>> pl.select(rps_lines_num_words(pl.lit("Home\nAll is well."))).item()
    2.0
    """
    return counting.share(counts, "words", "lines")


@rule(version=1, preparation=counting.measure)
def rps_lines_numerical_chars_fraction(counts: pl.Expr) -> pl.Expr:
    r"""Share of the numerical characters in a normalised line, in the mean.

    >>> pl.select(rps_lines_numerical_chars_fraction(pl.lit("a1\nb"))).item()
    0.25
    """
    return counting.share(counts, "numerical", "lines")


@rule(version=1, preparation=counting.measure)
def rps_lines_start_with_bulletpoint(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that begin with one of ten bullets; a hyphen is none.

    >>> pl.select(rps_lines_start_with_bulletpoint(pl.lit("• a pen\n- paper"))).item()
    0.5
    """
    return counting.share(counts, "bullet_lines", "lines")


@rule(version=1, preparation=counting.measure)
def rps_lines_uppercase_letter_fraction(counts: pl.Expr) -> pl.Expr:
    r"""Share of the capitals in a line with its newline, in the mean.

    >>> pl.select(rps_lines_uppercase_letter_fraction(pl.lit("ABc\nd"))).item()
    0.25
    """
    return counting.share(counts, "upper", "lines")
