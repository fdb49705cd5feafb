"""MinHash signatures, their bands, and the hash of a text's content."""

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from parlance.dedup.shingles import Hashes, Indices, blocks, mix, shingles
from parlance.errors import ConfigError

Signatures = npt.NDArray[np.uint32]

EMPTY = np.uint32(2**32 - 1)
NUM_PERM = 128
NGRAM = 5
SEED = 1
# See `banding` for why 25 x 5.
BANDS = 25
ROWS = 5


def signatures(
    texts: pl.Series | pa.StringArray, num_perm: int = NUM_PERM, ngram: int = NGRAM, seed: int = SEED
) -> Signatures:
    r"""MinHash of each text's word shingles: `(documents, num_perm) uint32`; all 2**32-1 without a word.

    A shingle is `ngram` consecutive lower-cased `\w+` words, all of them where the text has fewer; texts
    mostly in a script without spaces (Chinese, Japanese, Thai, ...) are cut into characters instead. Equal
    bit for bit to `datasketch.MinHash(num_perm, seed, hashfunc=shingle_hash, scheme="affine32")`.

    >>> signatures(pl.Series(["a b c d e f", ""]), num_perm=2)[1].tolist()
    [4294967295, 4294967295]
    """
    if num_perm < 1 or ngram < 1:
        raise ConfigError(f"num_perm and ngram must be at least 1, got num_perm={num_perm}, ngram={ngram}")
    series = as_series(texts)
    factors, offsets = _permutations(num_perm, seed)
    result = np.full((len(series), num_perm), EMPTY, dtype=np.uint32)
    for start, block in blocks(series):
        hashes, first = shingles(block, ngram)
        _minima(hashes, first, factors=factors, offsets=offsets, into=result[start : start + len(block)])
    return result


def _permutations(num_perm: int, seed: int) -> Signatures:
    from datasketch import MinHash

    return np.asarray(MinHash(num_perm=num_perm, seed=seed, scheme="affine32").permutations, dtype=np.uint32)


def _minima(hashes: Hashes, first: Indices, *, factors: Signatures, offsets: Signatures, into: Signatures) -> None:
    """Write each text's smallest value under each permutation; texts without a shingle stay as they are."""
    filled = first[1:] > first[:-1]
    if not filled.any():
        return
    starts = first[:-1][filled]
    values = _finalise((hashes >> np.uint64(32)).astype(np.uint32))
    permuted = np.empty_like(values)
    minima = np.empty((len(factors), len(starts)), dtype=np.uint32)
    for row, (factor, offset) in enumerate(zip(factors, offsets, strict=True)):
        np.multiply(values, factor, out=permuted)
        np.add(permuted, offset, out=permuted)
        np.minimum.reduceat(permuted, starts, out=minima[row])
    into[filled] = minima.T


def _finalise(values: Signatures) -> Signatures:
    """MurmurHash3's 32-bit finaliser, which datasketch applies before it permutes."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


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
    cut = signatures[:, : bands * rows].reshape(len(signatures), bands, rows)
    total = np.broadcast_to(np.arange(bands, dtype=np.uint64), cut.shape[:2])
    for row in range(rows):
        total = mix(total * np.uint64(0x9E3779B97F4A7C15) + cut[:, :, row])
    return total.view(np.int64)


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


def checked_threshold(threshold: float) -> None:
    """ConfigError unless 0 < threshold <= 1."""
    if not 0 < threshold <= 1:
        raise ConfigError(f"threshold must be above 0 and at most 1, got {threshold}")


def content_hashes(texts: pl.Series | pa.StringArray) -> pl.Series:
    """128-bit BLAKE2b, as 32 hexadecimal digits, of each text in NFC, lower-cased, whitespace runs as one space.

    >>> content_hashes(pl.Series(["Hello  world"])).equals(content_hashes(pl.Series([" hello world"])))
    True
    """
    plain = as_series(texts).fill_null("").str.normalize("NFC").str.to_lowercase()
    plain = plain.str.replace_all(r"\s{2,}|[^\S ]", " ").str.strip_chars()
    digests = [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in plain]
    return pl.Series("content_hash", digests, dtype=pl.String)


def as_series(texts: pl.Series | pa.StringArray) -> pl.Series:
    """`texts` as a Polars string column; ConfigError where it is something else."""
    series = texts if isinstance(texts, pl.Series) else pl.Series(texts)
    if series.dtype == pl.Null:
        return series.cast(pl.String)
    if series.dtype != pl.String:
        raise ConfigError(f"texts must be strings, got a column of {series.dtype}")
    return series
