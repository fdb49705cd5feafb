"""FineWeb's own rules: Penedo et al. 2024, "The FineWeb Datasets", section 3.6.

Its third, the share of characters in duplicated lines (at most 0.1), is `gopher_duplicate_line_character_share`.
"""

import polars as pl

from parlance.filters import lines
from parlance.filters.registry import rule


@rule(version=1, at_least=0.12)
def fineweb_punctuated_line_share(text: pl.Expr) -> pl.Expr:
    r"""Share of the lines that end with a punctuation mark.

    >>> pl.select(fineweb_punctuated_line_share(pl.lit("Home\nAll is well."))).item()
    0.5
    """
    return lines.share(text, r"(?m)[.!?…:;\"'”’»)\]。！？]\s*?$")


@rule(version=1, at_most=0.67, needs_spaces=True)
def fineweb_short_line_share(text: pl.Expr) -> pl.Expr:
    r"""Share of the lines shorter than 30 characters.

    >>> pl.select(fineweb_short_line_share(pl.lit("Home\nAll of this is longer than the limit."))).item()
    0.5
    """
    parts = lines.split(text)
    short = parts.list.eval(pl.element().str.len_chars() < 30).list.sum()
    return pl.when(parts.list.len() > 0).then(short / parts.list.len())
