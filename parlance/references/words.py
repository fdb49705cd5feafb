"""Blocked words and phrases, and how often they occur."""

import polars as pl

from parlance.dedup.tokens import composed
from parlance.errors import ConfigError
from parlance.references.compiled import LARGEST
from parlance.references.phrases import Phrases

# What begins or ends with another character, such as `c++` or an emoji, has no words that stand for it.
OF_WORDS = r"^\w(?s:.*\w)?$"


class Words:
    """Words and phrases to look for, in either case.

    Between letters and digits at both ends an entry is whole words, and what separates the words does not count; in a
    script without spaces it may stand anywhere. An entry that begins or ends with another character is looked for as
    it is, anywhere.
    """

    def __init__(self, listed: pl.Series) -> None:
        different = composed(listed).str.to_lowercase().unique().sort()
        is_of_words = different.str.contains(OF_WORDS)
        of_words = different.filter(is_of_words)
        self._phrases = Phrases(of_words)
        self._others = different.filter(~is_of_words)
        if too_long := of_words.filter(pl.Series(self._phrases.words > LARGEST)).to_list():
            raise ConfigError(f"the phrase {too_long[0]!r} has too many words; allowed: up to {LARGEST}")

    def counts(self, texts: pl.Series) -> pl.Series:
        """How often entries occur in each text; one inside another counts as well."""
        found = self._phrases.occurrences(texts).group_by("row").len()
        rows = pl.DataFrame({"row": pl.int_range(len(texts), eager=True)}, schema={"row": pl.Int64})
        counts = rows.join(found, on="row", how="left", maintain_order="left")["len"].fill_null(0).cast(pl.Int64)
        if self._others.is_empty():
            return counts
        lower = composed(texts.fill_null("")).str.to_lowercase()
        return counts + lower.str.extract_many(self._others.implode(), overlapping=True).list.len().cast(pl.Int64)
