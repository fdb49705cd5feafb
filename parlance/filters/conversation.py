"""Rules for conversation: short by nature, so they only drop what holds no talk at all, or talk of machines.

What is asked of turns takes a text without any for one turn, of a person.
"""

import polars as pl

from parlance.filters import conversation_counting, counting
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


@rule(version=1, at_most=0.8, of_turns=conversation_counting.measure)
def conversation_bot_turn_share(counts: pl.Expr) -> pl.Expr:
    """Share of the turns that a bot wrote.

    >>> pl.select(conversation_bot_turn_share(pl.lit("Is the build green again?"))).item()
    0.0
    """
    return conversation_counting.share(counts, "bot_turns", "turns")


@rule(version=1, at_most=0.5, of_turns=conversation_counting.measure)
def conversation_event_turn_share(counts: pl.Expr) -> pl.Expr:
    """Share of the turns that say, in English, that somebody joined or left, or changed or pinned something.

    >>> pl.select(conversation_event_turn_share(pl.lit("Ana has joined the channel"))).item()
    1.0
    """
    return conversation_counting.share(counts, "event_turns", "turns")


@rule(version=1, at_most=0.8, needs_spaces=True, of_turns=conversation_counting.measure)
def conversation_brief_turn_share(counts: pl.Expr) -> pl.Expr:
    """Share of the turns of at most one word; emoji, shortcodes, mentions and links are no words.

    >>> pl.select(conversation_brief_turn_share(pl.lit("thanks! :tada: <@U012>"))).item()
    1.0
    """
    return conversation_counting.share(counts, "brief_turns", "turns")


@rule(version=1, at_most=0.8, of_turns=conversation_counting.measure)
def conversation_log_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that begin as a log's or a stack trace's do: a time, a level or a frame; 0 for one or two.

    >>> trace = "Why?\nTraceback (most recent call last)\n  File \"a.py\", line 1, in <module>\nKeyError: 'a'"
    >>> pl.select(conversation_log_line_share(pl.lit(trace))).item()
    0.75
    """
    return conversation_counting.share(counts, "log_lines", "lines")


@rule(version=1, at_most=0.8, of_turns=conversation_counting.measure)
def conversation_table_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that are rows of a table, with at least two bars or two tabs; 0 for one or two.

    >>> pl.select(conversation_table_line_share(pl.lit("| a | b |\n|---|---|\n| 1 | 2 |\nSee above"))).item()
    0.75
    """
    return conversation_counting.share(counts, "table_lines", "lines")


def _share(text: pl.Expr, part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(r"\S")).then(part / whole)
