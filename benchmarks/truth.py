r"""Exact near duplicates of a corpus: every pair of documents whose word 5-grams have a Jaccard of at least 0.8.

Independent of the engine: words by Python's `re`, their n-grams as numbers, and a prefix-filter join (Chaudhuri,
Ganti and Kaushik 2006), which misses no pair: two sets that share so much must share one of the first
`n - ceil(0.8 n) + 1` elements of each, whatever the order, if it is the same for all. Here it is by rarity, which is
counted in buckets of hashes: a bucket that two elements share costs time, not pairs. 200,000 documents (865 MB) take
some 200 CPU-seconds and 6.3 GB.
"""

import itertools
import re

import numpy as np
import polars as pl
import pyarrow as pa

THRESHOLD = 0.8
NGRAM = 5
WORD = re.compile(r"\w+")


def pairs(texts: pa.LargeStringArray) -> pl.DataFrame:
    """`left`, `right` (rows, left < right) and `jaccard` of every pair at or above the threshold."""
    values, edges = _shingles(texts)
    found = []
    for left, right in _candidates(values, edges).iter_rows():
        one, other = values[edges[left] : edges[left + 1]], values[edges[right] : edges[right + 1]]
        common = len(np.intersect1d(one, other, assume_unique=True))
        jaccard = common / (len(one) + len(other) - common)
        if jaccard >= THRESHOLD:
            found.append((left, right, jaccard))
    return pl.DataFrame(found, schema={"left": pl.Int64, "right": pl.Int64, "jaccard": pl.Float64}, orient="row")


def _candidates(values: np.ndarray, edges: np.ndarray) -> pl.DataFrame:
    """`left` and `right`: pairs of rows that share an element of both prefixes and whose sizes allow the threshold."""
    prefixes = _prefixes(values, edges)
    joined = prefixes.join(prefixes, on="shingle", suffix="_right").filter(
        pl.col("row") < pl.col("row_right"),
        pl.col("size") >= THRESHOLD * pl.col("size_right"),
        pl.col("size_right") >= THRESHOLD * pl.col("size"),
    )
    return joined.select(left="row", right="row_right").unique(maintain_order=True)


def _prefixes(values: np.ndarray, edges: np.ndarray) -> pl.DataFrame:
    """`shingle`, `row` and `size` of the row, for the elements of each row's prefix that some other row may have."""
    shift = np.uint64(64 - max(16, len(values).bit_length()))
    seen = np.zeros(1 << (64 - int(shift)), np.uint32)
    np.add.at(seen, values >> shift, 1)
    shingles, rows, sizes = [], [], []
    for row, (begin, end) in enumerate(itertools.pairwise(edges)):
        own, size = values[begin:end], end - begin
        counts = seen[own >> shift]
        needed = int(np.ceil(THRESHOLD * size - 1e-9))
        # Stable: equal counts stay in the order of the elements, which is the same for all rows.
        first = np.argsort(counts, kind="stable")[: size - needed + 1]
        shared = own[first[counts[first] > 1]]
        shingles.append(shared)
        rows.append(np.full(len(shared), row, np.int64))
        sizes.append(np.full(len(shared), size, np.int64))
    frame = pl.DataFrame(
        {"shingle": np.concatenate(shingles), "row": np.concatenate(rows), "size": np.concatenate(sizes)}
    )
    return frame.filter(pl.col("shingle").is_duplicated())


def _shingles(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct n-grams of all rows in one array, ascending in each, and where each row begins and the last ends."""
    vocabulary: dict[str, int] = {}
    parts = [np.empty(0, np.uint64)]
    for text in texts:
        found = WORD.findall(text.as_py().lower())
        words = np.array([vocabulary.setdefault(word, len(vocabulary)) for word in found], np.uint64)
        size = min(NGRAM, len(words))
        total = np.zeros(len(words) - size + 1 if size else 0, np.uint64)
        for place in range(size):
            total = _mixed(total * np.uint64(0x2545F4914F6CDD1D) + words[place : place + len(total)] + np.uint64(1))
        parts.append(np.unique(total))
    return np.concatenate(parts), np.cumsum([len(part) for part in parts])


def _mixed(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))
