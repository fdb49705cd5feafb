"""Everything that RedPajama-V2's quality annotations count, in one compiled pass. A part of rules, not a rule.

Raw words are runs of letters, digits and `_`, or of what is neither these nor white space; normalised words stand
between white space once the punctuation of ASCII is gone, in small letters and decomposed (NFD). Lines end with
newlines, and blank ones count.
"""

import polars as pl

TOP = (2, 3, 4)
DUPLICATE = (5, 6, 7, 8, 9, 10)
COUNTED = (
    "characters",
    "raw_words",
    "raw_alphabetic",  # that hold a to z or A to Z
    "raw_upper",  # whose letters are all capitals
    "raw_stop",
    "symbols",
    "curly",
    "words",  # normalised, as are all below but sentences and lines
    "word_characters",
    "unique_words",
    "entropy",  # of the words, in nats
    "lorem",
    "sentences",
    "lines",
    "ellipsis_lines",
    "terminal_lines",
    "bullet_lines",
    "javascripts",
    "numerical",  # sum over the lines of their shares of numerical characters
    "upper",  # sum over the lines of their shares of capitals
    *(f"top_{n}" for n in TOP),
    *(f"duplicate_{n}" for n in DUPLICATE),
)

# Words of eight bytes or fewer that say how others stand together rather than what is meant.
STOP_WORDS = """
a about above across after again against all along also although always am among an and another any anyone anything
are around as at away be because been before behind being below beside besides between beyond both but by can cannot
could did do does doing done down during each either else enough even ever every everyone few for from further had has
have having he hence her here hers herself him himself his how however i if in inside instead into is it its itself
just least less many may me might mine more moreover most much must my myself near neither never no nobody none nor
not nothing now of off often on once one only onto or other others our ours out outside over own per perhaps
quite rather same several shall she should since so some somebody someone soon still such than that the their theirs
them then there these they this those though through thus till to together too toward towards under unless until up
upon us very via was we well were what whatever when whenever where whether which while who whoever whom whose why
will with within without would yet you your yours yourself
""".split()  # noqa: SIM905


def measure(texts: pl.Series) -> pl.Series:
    """A struct of `COUNTED`, floats, for each text; zeros for a null."""
    from parlance.filters.compiled.rps_counts import counts  # loads the compiler

    return pl.DataFrame(dict(zip(COUNTED, counts(texts).T, strict=True))).to_struct(texts.name)


def of(counts: pl.Expr, name: str) -> pl.Expr:
    """One count; null for a text without a word."""
    return pl.when(counts.struct.field("raw_words") > 0).then(counts.struct.field(name))


def share(counts: pl.Expr, part: str, whole: str) -> pl.Expr:
    """One count by another; null where that is zero and for a text without a word."""
    total = of(counts, whole)
    return pl.when(total > 0).then(counts.struct.field(part) / total)
