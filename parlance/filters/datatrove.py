"""The rules of C4, Gopher and FineWeb as datatrove 0.10 counts them, for the same verdicts on texts that have a word.

The rules of the other modules follow the papers; these follow datatrove's code, with words cut at white space (its
`split_into_words` replaced by `str.split`) and sentences at `.`, `!` and `?`. Where the two differ, the docstrings
here say how datatrove counts, and `python -m benchmarks.verdicts` shows how often that decides. What holds for all:
lines and paragraphs are not stripped, shares of characters are of all in the text, repeated n-grams of five words and
more are compared written together, and the most frequent n-gram counts however often it occurs, overlaps twice.

Beyond reach are what its C4 filter does to the text, since no rule changes a text, and blank texts, which are
undefined here and so dropped: datatrove's repetition filter keeps some of them and divides by zero on the empty one.
"""

import polars as pl

from parlance.filters import datatrove_counting as counting
from parlance.filters.registry import rule


@rule(version=1, at_least=50, at_most=100_000, needs_spaces=True, preparation=counting.measure)
def datatrove_words(counts: pl.Expr) -> pl.Expr:
    """Number of words that are more than punctuation and control characters.

    >>> pl.select(datatrove_words(pl.lit("Home -> News & 2 more"))).item()
    4.0
    """
    return _of(counts, "plain_words")


@rule(version=1, at_least=3, at_most=10, needs_spaces=True, preparation=counting.measure)
def datatrove_mean_word_length(counts: pl.Expr) -> pl.Expr:
    """Mean characters of the words that `datatrove_words` counts.

    >>> pl.select(datatrove_mean_word_length(pl.lit("aa -- bbbb"))).item()
    3.0
    """
    return counting.share(counts, "plain_characters", "plain_words")


@rule(version=1, at_most=0.1, needs_spaces=True, preparation=counting.measure)
def datatrove_hash_to_word_ratio(counts: pl.Expr) -> pl.Expr:
    """Hash signs per word.

    >>> pl.select(datatrove_hash_to_word_ratio(pl.lit("#one #two three four"))).item()
    0.5
    """
    return counting.share(counts, "hashes", "words")


@rule(version=1, at_most=0.1, needs_spaces=True, preparation=counting.measure)
def datatrove_ellipsis_to_word_ratio(counts: pl.Expr) -> pl.Expr:
    """Ellipses per word.

    >>> pl.select(datatrove_ellipsis_to_word_ratio(pl.lit("one... two… three four"))).item()
    0.5
    """
    return counting.share(counts, "ellipses", "words")


@rule(version=1, at_most=0.9, preparation=counting.measure)
def datatrove_bullet_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines, blank ones too, that begin with `•` or `-`.

    >>> pl.select(datatrove_bullet_line_share(pl.lit("- a pen\n\n• paper\n* ink"))).item()
    0.5
    """
    return counting.share(counts, "bullet_lines", "lines")


@rule(version=1, at_most=0.3, preparation=counting.measure)
def datatrove_ellipsis_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines, blank ones too, that end with an ellipsis.

    >>> pl.select(datatrove_ellipsis_line_share(pl.lit("Read more...\n\nThe end.\n"))).item().__round__(3)
    0.333
    """
    return counting.share(counts, "ellipsis_lines", "lines")


@rule(version=1, at_least=0.8, needs_spaces=True, preparation=counting.measure)
def datatrove_alphabetic_word_share(counts: pl.Expr) -> pl.Expr:
    """Share of the words that hold a letter.

    >>> pl.select(datatrove_alphabetic_word_share(pl.lit("room 101 is b4 202"))).item()
    0.6
    """
    return counting.share(counts, "alphabetic_words", "words")


@rule(version=1, at_least=2, needs_spaces=True, preparation=counting.measure)
def datatrove_stop_words(counts: pl.Expr) -> pl.Expr:
    """How many of the, be, to, of, and, that, have, with stand as words of their own, in small letters.

    >>> pl.select(datatrove_stop_words(pl.lit("The top of that, and the hill"))).item()
    3.0
    """
    return _of(counts, "stop_words")


@rule(version=1, at_most=0.3, preparation=counting.measure)
def datatrove_duplicate_paragraph_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of what stands between two or more newlines that repeats an earlier one.

    >>> pl.select(datatrove_duplicate_paragraph_share(pl.lit("a\n\na\n\nb\nb"))).item().__round__(3)
    0.333
    """
    return counting.share(counts, "duplicate_paragraphs", "paragraphs")


@rule(version=1, at_most=0.2, preparation=counting.measure)
def datatrove_duplicate_paragraph_character_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of all characters that stand in such a paragraph.

    >>> pl.select(datatrove_duplicate_paragraph_character_share(pl.lit("ab\n\nab"))).item().__round__(3)
    0.333
    """
    return counting.share(counts, "duplicate_paragraph_characters", "characters")


@rule(version=1, at_most=0.3, preparation=counting.measure)
def datatrove_duplicate_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of what stands between newlines, also before the first or after the last, that repeats an earlier one.

    >>> pl.select(datatrove_duplicate_line_share(pl.lit("\na\nb\n"))).item()
    0.25
    """
    return counting.share(counts, "duplicate_parts", "parts")


@rule(version=1, at_most=0.2, preparation=counting.measure)
def datatrove_duplicate_line_character_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of all characters that stand in such a line.

    >>> pl.select(datatrove_duplicate_line_character_share(pl.lit("ab\nab"))).item()
    0.4
    """
    return counting.share(counts, "duplicate_part_characters", "characters")


@rule(version=1, at_most=0.2, needs_spaces=True, preparation=counting.measure)
def datatrove_top_2gram_ratio(counts: pl.Expr) -> pl.Expr:
    """Characters of the most frequent 2-gram, once for every time that it occurs, by all characters.

    >>> pl.select(datatrove_top_2gram_ratio(pl.lit("go on go on wherever it"))).item().__round__(3)
    0.435
    """
    return counting.share(counts, "top_2", "characters")


@rule(version=1, at_most=0.18, needs_spaces=True, preparation=counting.measure)
def datatrove_top_3gram_ratio(counts: pl.Expr) -> pl.Expr:
    """Characters of the most frequent 3-gram, once for every time that it occurs, by all characters.

    >>> pl.select(datatrove_top_3gram_ratio(pl.lit("a b c a b c a b c"))).item().__round__(3)
    0.882
    """
    return counting.share(counts, "top_3", "characters")


@rule(version=1, at_most=0.16, needs_spaces=True, preparation=counting.measure)
def datatrove_top_4gram_ratio(counts: pl.Expr) -> pl.Expr:
    """Characters of the most frequent 4-gram, once for every time that it occurs, by all characters.

    >>> pl.select(datatrove_top_4gram_ratio(pl.lit("each of these occurs once"))).item().__round__(3)
    0.8
    """
    return counting.share(counts, "top_4", "characters")


@rule(version=1, at_most=0.15, needs_spaces=True, preparation=counting.measure)
def datatrove_duplicate_5gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of all characters in 5-grams that, written together, repeat an earlier one.

    >>> pl.select(datatrove_duplicate_5gram_share(pl.lit("a b c d e a b c d e"))).item().__round__(3)
    0.263
    """
    return counting.share(counts, "duplicate_5", "characters")


@rule(version=1, at_most=0.14, needs_spaces=True, preparation=counting.measure)
def datatrove_duplicate_6gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of all characters in 6-grams that, written together, repeat an earlier one.

    >>> pl.select(datatrove_duplicate_6gram_share(pl.lit("a b c d e f a b c d e f"))).item().__round__(3)
    0.261
    """
    return counting.share(counts, "duplicate_6", "characters")


@rule(version=1, at_most=0.13, needs_spaces=True, preparation=counting.measure)
def datatrove_duplicate_7gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of all characters in 7-grams that, written together, repeat an earlier one.

    >>> pl.select(datatrove_duplicate_7gram_share(pl.lit("a b c d e f g a b c d e f g"))).item().__round__(3)
    0.259
    """
    return counting.share(counts, "duplicate_7", "characters")


@rule(version=1, at_most=0.12, needs_spaces=True, preparation=counting.measure)
def datatrove_duplicate_8gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of all characters in 8-grams that, written together, repeat an earlier one.

    >>> pl.select(datatrove_duplicate_8gram_share(pl.lit("a b c d e f g h a b c d e f g h"))).item().__round__(3)
    0.258
    """
    return counting.share(counts, "duplicate_8", "characters")


@rule(version=1, at_most=0.11, needs_spaces=True, preparation=counting.measure)
def datatrove_duplicate_9gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of all characters in 9-grams that, written together, repeat an earlier one.

    >>> pl.select(datatrove_duplicate_9gram_share(pl.lit("a b c d e f g h i a b c d e f g h i"))).item().__round__(3)
    0.257
    """
    return counting.share(counts, "duplicate_9", "characters")


@rule(version=1, at_most=0.1, needs_spaces=True, preparation=counting.measure)
def datatrove_duplicate_10gram_share(counts: pl.Expr) -> pl.Expr:
    """Share of all characters in 10-grams that, written together, repeat an earlier one.

    >>> pl.select(datatrove_duplicate_10gram_share(pl.lit("a b c d e f g h i j " * 2))).item()
    0.25
    """
    return counting.share(counts, "duplicate_10", "characters")


@rule(version=1, at_least=5, needs_spaces=True, preparation=counting.measure)
def datatrove_c4_sentences(counts: pl.Expr) -> pl.Expr:
    r"""Number of sentences in the lines that C4 leaves.

    >>> pl.select(datatrove_c4_sentences(pl.lit("One is out. Is it? It is!\nHome"))).item()
    3.0
    """
    return _of(counts, "sentences")


@rule(version=1, at_most=0, needs_spaces=True, preparation=counting.measure)
def datatrove_c4_lorem_ipsum(counts: pl.Expr) -> pl.Expr:
    """Number of the lines that C4 would leave with the placeholder text.

    >>> pl.select(datatrove_c4_lorem_ipsum(pl.lit("See lorem ipsum dolor."))).item()
    1.0
    """
    return _of(counts, "lorem_lines")


@rule(version=1, at_most=0, needs_spaces=True, preparation=counting.measure)
def datatrove_c4_curly_brackets(counts: pl.Expr) -> pl.Expr:
    r"""Number of the lines that C4 would leave with an opening curly bracket.

    >>> pl.select(datatrove_c4_curly_brackets(pl.lit("Is { it code?\nif (a) { b(); }"))).item()
    1.0
    """
    return _of(counts, "curly_lines")


@rule(version=1, at_least=5, needs_spaces=True, preparation=counting.measure)
def datatrove_c4_any_end_sentences(counts: pl.Expr) -> pl.Expr:
    """`datatrove_c4_sentences` where lines may end as they like, as FineWeb was made.

    >>> pl.select(datatrove_c4_any_end_sentences(pl.lit("One is out. Is it so"))).item()
    2.0
    """
    return _of(counts, "any_end_sentences")


@rule(version=1, at_most=0, needs_spaces=True, preparation=counting.measure)
def datatrove_c4_any_end_lorem_ipsum(counts: pl.Expr) -> pl.Expr:
    """`datatrove_c4_lorem_ipsum` where lines may end as they like.

    >>> pl.select(datatrove_c4_any_end_lorem_ipsum(pl.lit("See lorem ipsum dolor"))).item()
    1.0
    """
    return _of(counts, "any_end_lorem_lines")


@rule(version=1, at_most=0, needs_spaces=True, preparation=counting.measure)
def datatrove_c4_any_end_curly_brackets(counts: pl.Expr) -> pl.Expr:
    """`datatrove_c4_curly_brackets` where lines may end as they like.

    >>> pl.select(datatrove_c4_any_end_curly_brackets(pl.lit("if (a) { b(); }"))).item()
    1.0
    """
    return _of(counts, "any_end_curly_lines")


@rule(version=1, at_least=0.12, preparation=counting.measure)
def datatrove_fineweb_punctuated_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that end with a full stop, question or exclamation mark of any script.

    >>> pl.select(datatrove_fineweb_punctuated_line_share(pl.lit("Home:\nAll is well."))).item()
    0.5
    """
    return counting.share(counts, "punctuated_lines", "full_lines")


@rule(version=1, at_most=0.67, needs_spaces=True, preparation=counting.measure)
def datatrove_fineweb_short_line_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines of 30 characters or fewer.

    >>> pl.select(datatrove_fineweb_short_line_share(pl.lit("Home\nAll of this is longer than the limit."))).item()
    0.5
    """
    return counting.share(counts, "short_lines", "full_lines")


@rule(version=1, at_most=0.01, preparation=counting.measure)
def datatrove_fineweb_duplicate_line_character_share(counts: pl.Expr) -> pl.Expr:
    r"""Share of the characters, newlines apart, in lines that repeat an earlier one; the paper asks for at most 0.1.

    >>> pl.select(datatrove_fineweb_duplicate_line_character_share(pl.lit("ab\nab\nabcd"))).item()
    0.25
    """
    return pl.when(counts.struct.field("words") > 0).then(
        counts.struct.field("duplicate_full_characters")
        / (counts.struct.field("characters") - counts.struct.field("newlines"))
    )


@rule(version=1, at_most=0.3, needs_spaces=True, preparation=counting.measure)
def datatrove_fineweb_newline_to_word_ratio(counts: pl.Expr) -> pl.Expr:
    r"""Newlines per word; the paper has no such rule.

    >>> pl.select(datatrove_fineweb_newline_to_word_ratio(pl.lit("Home\nNews of today"))).item()
    0.25
    """
    return counting.share(counts, "newlines", "words")


def _of(counts: pl.Expr, name: str) -> pl.Expr:
    """One count; null for a text without a word."""
    return pl.when(counts.struct.field("words") > 0).then(counts.struct.field(name))
