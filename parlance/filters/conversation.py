"""Rules for conversation: short by nature, so they only drop what holds no talk at all."""

import polars as pl

from parlance.filters.registry import rule


@rule(version=1, at_least=3, needs_spaces=True)
def conversation_words(text: pl.Expr) -> pl.Expr:
    """Number of whitespace-separated words.

    >>> pl.select(conversation_words(pl.lit("thanks a lot :+1:"))).item()
    4.0
    """
    words = text.str.count_matches(r"\S+")
    return pl.when(words > 0).then(words)


@rule(version=1, at_most=0.9)
def conversation_code_share(text: pl.Expr) -> pl.Expr:
    """Share of the characters in ``` fenced code, fences included; an open fence reaches to the end.

    >>> pl.select(conversation_code_share(pl.lit("Try: ```ls -la```"))).item().__round__(3)
    0.706
    """
    prose = text.str.replace_all(r"(?s)```.*?(?:```|\z)", "")
    return _share(text, text.str.len_chars() - prose.str.len_chars(), text.str.len_chars())


@rule(version=1, at_least=0.3)
def conversation_letters_share(text: pl.Expr) -> pl.Expr:
    """Share of the letters, with their combining marks, among the characters that are no whitespace.

    >>> pl.select(conversation_letters_share(pl.lit("ok ++ 10"))).item().__round__(3)
    0.333
    """
    visible = text.str.len_chars() - text.str.count_matches(r"\s")
    letters = text.str.replace_all(r"[^\p{L}\p{M}]+", "").str.len_chars()
    return _share(text, letters, visible)


def _share(text: pl.Expr, part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(r"\S")).then(part / whole)
