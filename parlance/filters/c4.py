"""C4's rules as measures of a document: Raffel et al. 2020, "Exploring the Limits of Transfer Learning", 2.2.

C4 removes lines and then judges what is left. Here no line is removed: the line rules give the share
of lines that C4 would remove, and have no bound of their own since the paper sets none. The code that made C4 looks
for lorem ipsum, curly brackets and sentences in what is left only: so do `datatrove_c4_...`, with 5 sentences.
"""

import polars as pl

from parlance.filters import counting
from parlance.filters.registry import rule

# Full stops of scripts that need no space after them, and of those that do.
_SENTENCE_END = r"[.!?…؟]+[\"'”’»)\]]*(?:\s|$)|[。！？।۔።။។։]+"


@rule(version=1, at_least=3, needs_spaces=True)
def c4_sentences(text: pl.Expr) -> pl.Expr:
    """Number of sentence ends, at least 3 as in the code that made C4 and the paper on arXiv (in JMLR's print: 5).

    >>> pl.select(c4_sentences(pl.lit("Version 2.1 is out. Does it work? Yes!"))).item()
    3.0
    """
    return _counted(text, _SENTENCE_END)


@rule(version=1, at_most=0)
def c4_curly_brackets(text: pl.Expr) -> pl.Expr:
    """Number of opening curly brackets: C4 takes a page with any for code.

    >>> pl.select(c4_curly_brackets(pl.lit("if (a) { b(); }"))).item()
    1.0
    """
    return _counted(text, r"\{")


@rule(version=1, at_most=0)
def c4_lorem_ipsum(text: pl.Expr) -> pl.Expr:
    """Number of times that the placeholder text "lorem ipsum" begins.

    >>> pl.select(c4_lorem_ipsum(pl.lit("Lorem ipsum dolor sit amet"))).item()
    1.0
    """
    return _counted(text, r"(?i)lorem ipsum")


@rule(version=1, preparation=counting.measure)
def c4_javascript_lines(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that mention Javascript, mostly to ask for it.

    >>> pl.select(c4_javascript_lines(pl.lit("Please enable JavaScript.\nNews of today"))).item()
    0.5
    """
    return counting.share(counts, "javascript_lines", "lines")


@rule(version=1, preparation=counting.measure)
def c4_policy_lines(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that mention terms of use, a privacy policy or cookies.

    >>> pl.select(c4_policy_lines(pl.lit("This site uses cookies.\nNews of today"))).item()
    0.5
    """
    return counting.share(counts, "policy_lines", "lines")


@rule(version=1, preparation=counting.measure)
def c4_terminal_punctuation_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that end with a period, exclamation or question mark or end quotation mark, no ellipsis.

    >>> pl.select(c4_terminal_punctuation_line_share(pl.lit("Home\nAll is well.\nRead on..."))).item().__round__(3)
    0.333
    """
    ended = counting.share(counts, "terminal_lines", "lines")
    return ended - counting.share(counts, "dotted_lines", "lines")


@rule(version=1, at_least=3, preparation=counting.measure)
def c4_long_lines(counts: pl.Expr) -> pl.Expr:
    r"""Number of lines of 200 characters or more, at least 3 for mC4: Xue et al. 2021, "mT5", 3.1.

    >>> pl.select(c4_long_lines(pl.lit("Home\n" + "All is well. " * 20))).item()
    1.0
    """
    return pl.when(counts.struct.field("lines") > 0).then(counts.struct.field("long_lines"))


def _counted(text: pl.Expr, pattern: str) -> pl.Expr:
    return pl.when(text.str.contains(r"\S")).then(text.str.count_matches(pattern))
