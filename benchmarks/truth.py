r"""Exact near duplicates of a corpus: every pair of documents whose word 5-grams have a Jaccard of at least 0.8.

Independent of the engine: words by Python's `re`, their n-grams as numbers, and a prefix-filter join (Chaudhuri,
Ganti and Kaushik 2006), which misses no pair: two sets that share so much must share one of the rarest
`n - ceil(0.8 n) + 1` elements of each.
"""

import re

import numpy as np
import polars as pl
import pyarrow as pa

THRESHOLD = 0.8
NGRAM = 5
WORD = re.compile(r"\w+")


def pairs(texts: pa.LargeStringArray) -> pl.DataFrame:
    """`left`, `right` (rows, left < right) and `jaccard` of every pair at or above the threshold."""
    shingles = _shingles(texts)
    counts = shingles.group_by("shingle").len("count").filter(pl.col("count") > 1)
    sizes = shingles.group_by("row").len("size")
    shared = shingles.join(counts, on="shingle").join(sizes, on="row")
    # Elements that one document alone has are the rarest: they fill the front of the prefix without a match.
    ranked = shared.with_columns(
        place=pl.struct("count", "shingle").rank("ordinal").over("row").cast(pl.Int64)
        + pl.col("size")
        - pl.len().over("row")
    )
    prefixes = ranked.filter(pl.col("place") <= pl.col("size") - (THRESHOLD * pl.col("size") - 1e-9).ceil() + 1).select(
        "row", "shingle", "size"
    )
    joined = prefixes.join(prefixes, on="shingle", suffix="_right").filter(
        pl.col("row") < pl.col("row_right"),
        pl.col("size") >= THRESHOLD * pl.col("size_right"),
        pl.col("size_right") >= THRESHOLD * pl.col("size"),
    )
    candidates = joined.select(left="row", right="row_right").unique()
    rows = np.array(shingles["row"])
    values = np.array(shingles["shingle"])
    edges = np.searchsorted(rows, np.arange(len(texts) + 1))
    found = []
    for left, right in candidates.iter_rows():
        one, other = values[edges[left] : edges[left + 1]], values[edges[right] : edges[right + 1]]
        common = len(np.intersect1d(one, other, assume_unique=True))
        jaccard = common / (len(one) + len(other) - common)
        if jaccard >= THRESHOLD:
            found.append((left, right, jaccard))
    return pl.DataFrame(found, schema={"left": pl.Int64, "right": pl.Int64, "jaccard": pl.Float64}, orient="row")


def _shingles(texts: pa.LargeStringArray) -> pl.DataFrame:
    """`row` and `shingle`, distinct in each row and in the order of the rows."""
    vocabulary: dict[str, int] = {}
    parts = []
    for row, text in enumerate(texts.to_pylist()):
        words = np.array(
            [vocabulary.setdefault(word, len(vocabulary)) for word in WORD.findall(text.lower())], np.uint64
        )
        if not len(words):
            continue
        size = min(NGRAM, len(words))
        total = np.zeros(len(words) - size + 1, np.uint64)
        for place in range(size):
            total = _mixed(total * np.uint64(0x2545F4914F6CDD1D) + words[place : place + len(total)] + np.uint64(1))
        parts.append((row, np.unique(total)))
    rows = np.repeat([row for row, _ in parts], [len(part) for _, part in parts])
    return pl.DataFrame({"row": rows, "shingle": np.concatenate([part for _, part in parts])})


def _mixed(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))
