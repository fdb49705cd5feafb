"""Everything that the C4, Gopher, FineWeb and conversation rules count, in one compiled pass over a text's bytes.

A part of rules, not a rule. Words stand between whitespace; lines end with `\\n`, are stripped, and none is blank;
paragraphs stand between blank lines. An n-gram's characters reach from its first word to its last with what stands
between; a run of whitespace counts as one character, and none is counted twice where n-grams overlap.
"""

from typing import Any

import numpy as np
import polars as pl

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
TOP = (2, 3, 4)
DUPLICATE = (5, 6, 7, 8, 9, 10)

COUNTED = (
    "characters",
    "spaces",  # characters that are whitespace
    "letters",  # with their combining marks
    "words",
    "alphabetic_words",
    "stop_words",  # how many of the eight occur
    "hashes",
    "ellipses",
    "lines",
    "bullet_lines",
    "ellipsis_lines",
    "dotted_lines",  # that end with three full stops
    "terminal_lines",  # that end as C4 asks, or with three full stops
    "punctuated_lines",  # that end as FineWeb asks
    "short_lines",
    "long_lines",
    "line_characters",
    "duplicate_lines",
    "duplicate_line_characters",
    "paragraphs",
    "paragraph_characters",
    "duplicate_paragraphs",
    "duplicate_paragraph_characters",
    "gram_characters",  # from the first word to the last
    *(f"top_{n}" for n in TOP),  # in the n-gram that occurs most, of those the longest, of those the first to recur
    *(f"duplicate_{n}" for n in DUPLICATE),  # in the n-grams that repeat an earlier one
)
MATCHED = ("javascript_lines", "policy_lines")

POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
MATCHES = {"javascript_lines": "javascript", "policy_lines": "|".join(POLICIES)}

_COUNTS = pl.Struct(dict.fromkeys((*COUNTED, *MATCHED), pl.Int64))


def measure(texts: pl.Series) -> pl.Series:
    """A struct of `COUNTED` and `MATCHED`, all of them whole numbers, for each text; zeros for a null."""
    from parlance.filters.compiled.counts import counts  # loads the compiler

    columns = [pl.Series(name, column) for name, column in zip(COUNTED, counts(texts).T, strict=True)]
    columns += [_matching_lines(texts, pattern).alias(name) for name, pattern in MATCHES.items()]
    return pl.DataFrame(columns).to_struct(texts.name).cast(_COUNTS)


def _matching_lines(texts: pl.Series, pattern: str) -> pl.Series:
    """How many lines hold what `pattern` says, in either case; few texts have any."""
    found = np.zeros(len(texts), np.int64)
    rows: Any = texts.fill_null("").str.contains(f"(?i-u:{pattern})").arg_true().to_numpy()
    lines = texts.gather(rows).str.count_matches(rf"[^\n]*(?i-u:{pattern})[^\n]*")
    found[rows] = lines.to_numpy()
    return pl.Series(found)


def share(counts: pl.Expr, part: str, whole: str) -> pl.Expr:
    """One count by another; null where that is zero."""
    total = counts.struct.field(whole)
    return pl.when(total > 0).then(counts.struct.field(part) / total)
