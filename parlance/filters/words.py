"""Words and n-grams of many texts at once, as 64-bit hashes of their bytes.

A hash depends on the bytes of the words alone: not on the batch, the machine or a library's version.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

BLOCK_BYTES = 4_000_000
# Runs, but for the single space that stands between most words: leaving it alone is five times as fast.
_WHITESPACE = r"\s{2,}|[^\S ]"
_BYTE_FACTOR = 0x9E3779B97F4A7C15
_WORD_FACTOR = 0xD1342543DE82EF95


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words of a block of texts: byte ranges into `buffer`, and for each text its first word.

    `first` has one entry more than there are texts.
    """

    buffer: Bytes
    starts: Indices
    ends: Indices
    first: Indices


def blocks(texts: pl.Series, size_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, pl.Series]]:
    """Consecutive slices of `texts` of about `size_bytes` each, with the row that each begins at."""
    if texts.is_empty():
        return
    number = texts.str.len_bytes().fill_null(0).cast(pl.Int64).cum_sum().to_numpy() // size_bytes
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(texts)]
    for start, end in pairwise(edges):
        yield start, texts[start:end]


def of_whitespace(texts: pl.Series) -> Words:
    r"""Whitespace-separated words (`\S+`), case kept."""
    return _split(texts.fill_null("").str.replace_all(_WHITESPACE, " ").str.strip_chars(" "))


def _split(texts: pl.Series) -> Words:
    """Words of texts whose words are already separated by exactly one space."""
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offset_buffer, data = array.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    buffer = (
        np.frombuffer(data, dtype=np.uint8)[offsets[0] : offsets[-1]] if data is not None else np.empty(0, np.uint8)
    )
    offsets = offsets - offsets[0]
    filled = offsets[1:] > offsets[:-1]
    spaces = buffer == ord(" ")
    is_start = np.zeros(len(buffer) + 1, dtype=bool)
    is_end = np.zeros(len(buffer) + 1, dtype=bool)
    is_start[1:] = spaces
    is_end[:-1] = spaces
    is_start[offsets[:-1][filled]] = True
    is_end[offsets[1:][filled]] = True
    starts = np.flatnonzero(is_start)
    return Words(buffer=buffer, starts=starts, ends=np.flatnonzero(is_end), first=np.searchsorted(starts, offsets))


def word_hashes(words: Words) -> Hashes:
    """One hash for each word: the sum of its bytes' random numbers by powers of an odd factor, mixed."""
    if not len(words.starts):
        return np.empty(0, np.uint64)
    # A word's stretch reaches to the next word's start; the space between them adds nothing.
    lengths = np.diff(words.starts, append=len(words.buffer))
    place = np.arange(len(words.buffer)) - np.repeat(words.starts, lengths)
    terms = np.take(_byte_numbers(), words.buffer)
    terms *= np.take(_powers(_BYTE_FACTOR, int(lengths.max())), place)
    return mix(np.add.reduceat(terms, words.starts))


def ngram_hashes(hashes: Hashes, n: int) -> Hashes:
    """Hash of the `n` words that begin at each word, over text ends too; one for each full window."""
    windows = max(len(hashes) - n + 1, 0)
    total = np.zeros(windows, dtype=np.uint64)
    for place, factor in enumerate(_powers(_WORD_FACTOR, n)):
        total += hashes[place : place + windows] * factor
    return total


def mix(values: Hashes) -> Hashes:
    """splitmix64's finaliser (Steele et al. 2014): a bijection that spreads every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@lru_cache(maxsize=1)
def _byte_numbers() -> Hashes:
    """A fixed random number for each byte; none for the space, which only separates."""
    numbers = mix(np.arange(1, 257, dtype=np.uint64) * np.uint64(_BYTE_FACTOR))
    numbers[ord(" ")] = 0
    return numbers


def _powers(factor: int, count: int) -> Hashes:
    powers = np.full(count, factor, dtype=np.uint64)
    powers[:1] = 1
    return np.multiply.accumulate(powers)
