"""MinHash signatures, their bands, and the hash of a text's content."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from numba import njit

from parlance.dedup.sketching import affine_sketches, similarity_sketches
from parlance.dedup.tokens import CHUNK_FACTOR, Indices, Texts, Unit, as_series, mixed
from parlance.errors import ConfigError

Scheme = Literal["similarity", "affine32"]
Signatures = npt.NDArray[np.uint32]

NUM_PERM = 128
NGRAM = 5
SEED = 1
# See `banding` for why 25 x 5.
BANDS = 25
ROWS = 5
BLOCK_BYTES = 8_000_000


def signatures(
    texts: pl.Series | pa.StringArray | pa.LargeStringArray,
    num_perm: int = NUM_PERM,
    ngram: int = NGRAM,
    seed: int = SEED,
    *,
    unit: Unit = "word",
    scheme: Scheme = "similarity",
    threads: int | None = None,
) -> Signatures:
    r"""MinHash of each text's shingles: `(documents, num_perm) uint32`; all 2**32-1 without a word.

    A shingle is `ngram` consecutive lower-cased `\w+` words, all of them where the text has fewer; texts
    mostly in a script without spaces (Chinese, Japanese, Thai, ...) are cut into characters instead. With the `unit`
    `character` all texts are, one standing between two words: take an `ngram` of some 20 then. The share of
    equal values estimates Jaccard under either `scheme`: `similarity` is the faster one and a little more accurate;
    `affine32` equals `datasketch.MinHash(num_perm, seed, hashfunc=shingle_hash, scheme="affine32")` bit for bit.
    `threads` is the number of processor cores unless named; the result does not depend on it.

    >>> signatures(pl.Series(["a b c d e f", ""]), num_perm=2)[1].tolist()
    [4294967295, 4294967295]
    """
    return sketched(Texts(texts, unit), num_perm, ngram, seed, scheme=scheme, threads=threads)


def sketched(
    texts: Texts, num_perm: int, ngram: int, seed: int, *, scheme: Scheme = "similarity", threads: int | None = None
) -> Signatures:
    """`signatures` of texts whose bytes are at hand."""
    if num_perm < 1 or ngram < 1:
        raise ConfigError(f"num_perm and ngram must be at least 1, got num_perm={num_perm}, ngram={ngram}")
    if scheme not in ("similarity", "affine32"):
        raise ConfigError(f"unknown scheme {scheme!r}; allowed: similarity, affine32")
    result = np.empty((len(texts), num_perm), dtype=np.uint32)
    data, offsets, states, kinds, lowers = texts.arrays
    permutations = _permutations(num_perm, seed) if scheme == "affine32" else ()
    numbers = permutations or (np.uint64(seed % 2**64),)
    sketch = affine_sketches if scheme == "affine32" else similarity_sketches

    def run(start: int, end: int) -> None:
        sketch(data, offsets[start : end + 1], states[start:end], kinds, lowers, ngram, *numbers, result[start:end])

    in_threads(run, _blocks(offsets), threads)
    return result


def in_threads(run: Callable[[int, int], Any], ranges: list[tuple[int, int]], threads: int | None) -> list[Any]:
    """What `run` gives for each range, in their order; the compiled code in it lets other threads run."""
    threads = min(threads or cores(), len(ranges))
    if threads <= 1:
        return [run(*one) for one in ranges]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda one: run(*one), ranges))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _blocks(offsets: Indices) -> list[tuple[int, int]]:
    """Ranges of rows of some megabytes each."""
    if len(offsets) < 2:
        return []
    number = (offsets[1:] - offsets[0]) // BLOCK_BYTES
    return list(pairwise([0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(offsets) - 1]))


def _permutations(num_perm: int, seed: int) -> tuple[Signatures, Signatures]:
    from datasketch import MinHash

    factors, terms = MinHash(num_perm=num_perm, seed=seed, scheme="affine32").permutations
    return np.asarray(factors, dtype=np.uint32), np.asarray(terms, dtype=np.uint32)


def bands(signatures: Signatures, bands: int = BANDS, rows: int = ROWS) -> Indices:
    """`(documents, bands) int64`: one hash for each `rows` consecutive values of a signature.

    Equal values mean equal rows of the same band, so all bands can share one index. Values beyond
    `bands * rows` are left to verification.

    >>> bands(np.arange(10, dtype=np.uint32).reshape(1, 10), bands=2, rows=5).shape
    (1, 2)
    """
    width = signatures.shape[1]
    if bands < 1 or rows < 1 or bands * rows > width:
        raise ConfigError(f"{bands} bands of {rows} rows do not fit {width} permutations; both must be at least 1")
    keys: Indices = _bands(signatures, bands, rows).view(np.int64)
    return keys


@njit(nogil=True, cache=True)
def _bands(signatures: Any, bands: int, rows: int) -> Any:
    result = np.empty((len(signatures), bands), np.uint64)
    for document in range(len(signatures)):
        for band in range(bands):
            total = np.uint64(band)
            for row in range(rows):
                total = mixed(total * CHUNK_FACTOR + np.uint64(signatures[document, band * rows + row]))
            result[document, band] = total
    return result


def banding(threshold: float, num_perm: int = NUM_PERM) -> tuple[int, int]:
    """Bands and rows whose net lets at most one pair in 10,000 of Jaccard `threshold` through.

    The most rows for which `1 - (1 - threshold^rows)^bands` reaches 0.9999, one where none does. So wide a net
    catches pairs of lower Jaccard as well (25 x 5: 0.87 of those of 0.6), which is why candidates are always
    verified: no choice of bands at 128 permutations has recall and precision above 0.9 without it.

    >>> banding(0.8)
    (25, 5)
    """
    checked_threshold(threshold)
    fits = (rows for rows in range(num_perm, 1, -1) if (1 - threshold**rows) ** (num_perm // rows) <= 1e-4)
    rows = next(fits, 1)
    return num_perm // rows, rows


def least_agreement(threshold: float, num_perm: int) -> int:
    """How many values agree at least where Jaccard is `threshold`; one pair in 30,000 has less (four standard errors).

    >>> least_agreement(0.8, 128)
    85
    """
    return int(np.ceil(num_perm * threshold - 4 * (num_perm * threshold * (1 - threshold)) ** 0.5))


def checked_threshold(threshold: float) -> None:
    """ConfigError unless 0 < threshold <= 1."""
    if not 0 < threshold <= 1:
        raise ConfigError(f"threshold must be above 0 and at most 1, got {threshold}")


def content_hashes(texts: pl.Series | pa.StringArray) -> pl.Series:
    """128-bit BLAKE2b, as 32 hexadecimal digits, of each text in NFC, lower-cased, whitespace runs as one space.

    >>> content_hashes(pl.Series(["Hello  world"])).equals(content_hashes(pl.Series([" hello world"])))
    True
    """
    plain = as_series(texts).fill_null("")
    # Normalising is slow, and below U+0300 there is nothing to compose.
    rows = plain.str.contains(r"[^\x00-\u{2FF}]").arg_true()
    if len(rows):
        plain = plain.clone().scatter(rows, plain.gather(rows).str.normalize("NFC"))
    plain = plain.str.to_lowercase()
    plain = plain.str.replace_all(r"\s{2,}|[^\S ]", " ").str.strip_chars()
    digests = [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in plain]
    return pl.Series("content_hash", digests, dtype=pl.String)
