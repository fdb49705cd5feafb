"""RedPajama-V2's quality annotations of a document, under their names: Weber et al. 2024, "RedPajama", and its README.

Rules without bounds, since RedPajama gives none. None of them is one of Gopher's or C4's under another name: these
take words without punctuation or apart from it, count blank lines, add hash signs to ellipses, and count the first
occurrence of an n-gram too. Its stop words are a list for each language, which is not here.

Left out are what needs a model of theirs (`rps_doc_books_importance`, `rps_doc_openwebtext_importance`,
`rps_doc_wikipedia_importance`, `rps_doc_ml_wikiref_score`, `rps_doc_ml_palm_score`, `rps_doc_ml_wikipedia_score`,
`ccnet_perplexity`, `ccnet_bucket`) or a list (`rps_doc_ldnoobw_words`, `rps_doc_ut1_blacklist`); `ccnet_length` and
`ccnet_language_score` are the columns `characters` and `language_score` of every signals table.
"""

import polars as pl

from parlance.filters import rps_counting as counting
from parlance.filters.registry import rule


@rule(version=1, preparation=counting.measure)
def rps_doc_curly_bracket(counts: pl.Expr) -> pl.Expr:
    """Curly brackets, opening and closing, per character.

    >>> pl.select(rps_doc_curly_bracket(pl.lit("{a: b} {"))).item()
    0.375
    """
    return counting.share(counts, "curly", "characters")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_all_caps_words(counts: pl.Expr) -> pl.Expr:
    """Share of the raw words whose letters are all capitals.

    >>> pl.select(rps_doc_frac_all_caps_words(pl.lit("NATO is a UN-like body"))).item().__round__(3)
    0.286
    """
    return counting.share(counts, "raw_upper", "raw_words")


@rule(version=1, preparation=counting.measure)
def rps_doc_frac_lines_end_with_ellipsis(counts: pl.Expr) -> pl.Expr:
    r"""Share of the lines that end with an ellipsis.

    >>> pl.select(rps_doc_frac_lines_end_with_ellipsis(pl.lit("Read more...\n\nThe end…\nOr not."))).item()
    0.5
    """
    return counting.share(counts, "ellipsis_lines", "lines")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_no_alph_words(counts: pl.Expr) -> pl.Expr:
    """Share of the raw words without a letter from A to Z.

    >>> pl.select(rps_doc_frac_no_alph_words(pl.lit("room 101, b4"))).item()
    0.5
    """
    return 1 - counting.share(counts, "raw_alphabetic", "raw_words")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_frac_unique_words(counts: pl.Expr) -> pl.Expr:
    """Different normalised words by all of them.

    >>> pl.select(rps_doc_frac_unique_words(pl.lit("It is what it is."))).item()
    0.6
    """
    return counting.share(counts, "unique_words", "words")


@rule(version=1, preparation=counting.measure)
def rps_doc_lorem_ipsum(counts: pl.Expr) -> pl.Expr:
    """Occurrences of `lorem ipsum` per character of the normalised text.

    >>> pl.select(rps_doc_lorem_ipsum(pl.lit("Lorem, ipsum dolor"))).item().__round__(3)
    0.059
    """
    return pl.when(counting.of(counts, "words") > 0).then(
        counts.struct.field("lorem") / (counts.struct.field("word_characters") + counts.struct.field("words") - 1)
    )


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_mean_word_length(counts: pl.Expr) -> pl.Expr:
    """Mean characters of the normalised words.

    >>> pl.select(rps_doc_mean_word_length(pl.lit("aa -- bbbb!"))).item()
    3.0
    """
    return counting.share(counts, "word_characters", "words")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_num_sentences(counts: pl.Expr) -> pl.Expr:
    """Number of stretches with a word between full stops, exclamation and question marks.

    >>> pl.select(rps_doc_num_sentences(pl.lit("So... it is? Yes!"))).item()
    3.0
    """
    return counting.of(counts, "sentences")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_stop_word_fraction(counts: pl.Expr) -> pl.Expr:
    """Share of the raw words that are English function words in small letters, by a list of our own.

    >>> pl.select(rps_doc_stop_word_fraction(pl.lit("It is on the table"))).item()
    0.6
    """
    return counting.share(counts, "raw_stop", "raw_words")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_symbol_to_word_ratio(counts: pl.Expr) -> pl.Expr:
    """Hash signs and ellipses together per raw word.

    >>> pl.select(rps_doc_symbol_to_word_ratio(pl.lit("#one two... three"))).item()
    0.4
    """
    return counting.share(counts, "symbols", "raw_words")


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_unigram_entropy(counts: pl.Expr) -> pl.Expr:
    """Entropy of the normalised words in nats.

    >>> pl.select(rps_doc_unigram_entropy(pl.lit("to be or not to be"))).item().__round__(3)
    1.33
    """
    return pl.when(counting.of(counts, "words") > 0).then(counts.struct.field("entropy"))


@rule(version=1, needs_spaces=True, preparation=counting.measure)
def rps_doc_word_count(counts: pl.Expr) -> pl.Expr:
    """Number of normalised words.

    >>> pl.select(rps_doc_word_count(pl.lit("Well - it is 9 o'clock."))).item()
    5.0
    """
    return counting.of(counts, "words")
