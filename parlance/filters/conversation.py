"""Rules for conversation: short by nature, so they only drop what holds no talk at all."""

import polars as pl

from parlance.filters import counting
from parlance.filters.registry import rule


@rule(version=1, at_least=3, needs_spaces=True, preparation=counting.measure)
def conversation_words(counts: pl.Expr) -> pl.Expr:
    """Number of whitespace-separated words.

    >>> pl.select(conversation_words(pl.lit("thanks a lot :+1:"))).item()
    4.0
    """
    words = counts.struct.field("words")
    return pl.when(words > 0).then(words)


@rule(version=1, at_most=0.9)
def conversation_code_share(text: pl.Expr) -> pl.Expr:
    """Share of the characters in ``` fenced code, fences included; an open fence reaches to the end.

    >>> pl.select(conversation_code_share(pl.lit("Try: ```ls -la```"))).item().__round__(3)
    0.706
    """
    prose = text.str.replace_all(r"(?s)```.*?(?:```|\z)", "")
    return _share(text, text.str.len_chars() - prose.str.len_chars(), text.str.len_chars())


@rule(version=1, at_least=0.3, preparation=counting.measure)
def conversation_letters_share(counts: pl.Expr) -> pl.Expr:
    """Share of the letters, with their combining marks, among the characters that are no whitespace.

    >>> pl.select(conversation_letters_share(pl.lit("ok ++ 10"))).item().__round__(3)
    0.333
    """
    visible = counts.struct.field("characters") - counts.struct.field("spaces")
    return pl.when(visible > 0).then(counts.struct.field("letters") / visible)


def _share(text: pl.Expr, part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(r"\S")).then(part / whole)
