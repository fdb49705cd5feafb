"""Shares of a text's characters that stand in repeated word n-grams: a part of rules, not a rule.

An n-gram's characters reach from its first word to its last with what stands between; a run of
whitespace counts as one character, and none is counted twice where n-grams overlap.
"""

import numpy as np
import polars as pl

from parlance.filters.words import Hashes, Indices, Words, blocks, mix, ngram_hashes, of_whitespace, word_hashes

TOP = (2, 3, 4)
DUPLICATE = (5, 6, 7, 8, 9, 10)

_FIELDS = [*(f"top_{n}" for n in TOP), *(f"duplicate_{n}" for n in DUPLICATE)]
_SHARES = pl.Struct(dict.fromkeys(_FIELDS, pl.Float64))


def measure(texts: pl.Series) -> pl.Series:
    """Struct of `top_2` to `top_4` and `duplicate_5` to `duplicate_10` for each text, null without a word.

    `top_n`: in the n-gram that occurs most, of those the longest, of those the first to recur; 0 where each
    occurs once. `duplicate_n`: in the n-grams that repeat an earlier one.
    """
    frames = [_measure_block(block) for _, block in blocks(texts)]
    return pl.concat(frames).rename(texts.name) if frames else pl.Series(texts.name, [], dtype=_SHARES)


def _measure_block(texts: pl.Series) -> pl.Series:
    words = of_whitespace(texts)
    hashes = word_hashes(words)
    owner = np.repeat(np.arange(len(texts)), np.diff(words.first))
    starts, ends = _in_characters(words)
    totals = np.zeros(len(texts), dtype=np.int64)
    filled = np.diff(words.first) > 0
    totals[filled] = ends[words.first[1:][filled] - 1] - starts[words.first[:-1][filled]]
    columns = {}
    for n in (*TOP, *DUPLICATE):
        grams = _Grams(hashes, owner, starts, ends, n)
        covered = grams.in_top() if n in TOP else grams.in_duplicates()
        with np.errstate(invalid="ignore"):
            shares = grams.characters(covered, len(texts)) / totals
        columns[f"top_{n}" if n in TOP else f"duplicate_{n}"] = shares
    frame = pl.DataFrame(columns).select(_FIELDS)
    return frame.select(pl.when(pl.Series(filled)).then(pl.struct(_FIELDS))).to_series()


class _Grams:
    """The n-grams of a block of texts: whose each is, its key, and its range of characters."""

    def __init__(self, hashes: Hashes, owner: Indices, starts: Indices, ends: Indices, n: int) -> None:
        windows = max(len(hashes) - n + 1, 0)
        within = np.flatnonzero(owner[:windows] == owner[len(owner) - windows :])
        self.owner = owner[within]
        self.starts = starts[within]
        self.ends = ends[within + n - 1]
        self.key = mix(ngram_hashes(hashes, n)[within] + mix(self.owner.astype(np.uint64)))
        self.repeats = ~pl.Series(self.key).is_first_distinct().to_numpy()

    def in_duplicates(self) -> Indices:
        """Places of the n-grams that occurred before in their text."""
        return np.flatnonzero(self.repeats)

    def in_top(self) -> Indices:
        """Places of each text's most frequent n-gram, where one occurs more than once."""
        grams = pl.DataFrame({"owner": self.owner, "key": self.key, "length": self.ends - self.starts})
        repeated = grams.with_row_index("place").filter(self.repeats)
        counts = repeated.group_by("key").agg(pl.len(), pl.col("owner", "length").first(), pl.col("place").min())
        ranked = counts.sort("len", "length", "place", descending=[True, True, False])
        top = ranked.unique("owner", keep="first", maintain_order=True)
        return np.flatnonzero(pl.Series(self.key).is_in(top["key"].implode()).to_numpy())

    def characters(self, places: Indices, texts: int) -> Indices:
        """Characters of each text that the n-grams at `places` (in order) cover, each counted once."""
        starts, ends, owner = self.starts[places], self.ends[places], self.owner[places]
        # Both starts and ends grow along a text, so what a n-gram adds is cut by the next one's start.
        follows = np.append(starts[1:], np.iinfo(np.int64).max)
        follows[:-1][owner[1:] != owner[:-1]] = np.iinfo(np.int64).max
        covered = np.minimum(ends, follows) - starts
        return np.bincount(owner, weights=covered, minlength=texts).astype(np.int64)


def _in_characters(words: Words) -> tuple[Indices, Indices]:
    """Starts and ends of the words, counted in code points of the whole block."""
    before = np.zeros(len(words.buffer) + 1, dtype=np.int64)
    np.cumsum((words.buffer & 0xC0) != 0x80, out=before[1:])
    return before[words.starts], before[words.ends]
