"""FineWeb's own rules: Penedo et al. 2024, "The FineWeb Datasets", section 3.6.

A share that equals a bound is kept, as in the code that made FineWeb; the paper's text would drop it.
Its third, the share of characters in duplicated lines (at most 0.1), is `gopher_duplicate_line_character_share`;
that code asks for at most 0.01 of all characters instead (`datatrove_fineweb_duplicate_line_character_share`), and
has a fourth that the paper does not name (`datatrove_fineweb_newline_to_word_ratio`).
"""

import polars as pl

from parlance.filters import counting
from parlance.filters.registry import rule


@rule(version=1, at_least=0.12, preparation=counting.measure)
def fineweb_punctuated_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that end with a punctuation mark: one that ends a sentence, a colon, a quote or a bracket.

    >>> pl.select(fineweb_punctuated_line_share(pl.lit("Home\nAll is well."))).item()
    0.5
    """
    return counting.share(counts, "punctuated_lines", "lines")


@rule(version=1, at_most=0.67, needs_spaces=True, preparation=counting.measure)
def fineweb_short_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines shorter than 30 characters.

    >>> pl.select(fineweb_short_line_share(pl.lit("Home\nAll of this is longer than the limit."))).item()
    0.5
    """
    return counting.share(counts, "short_lines", "lines")
