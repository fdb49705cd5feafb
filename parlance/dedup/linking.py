"""From bands to clusters: which rows to compare, and which belong together."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from parlance.dedup.shingles import Indices

Scores = npt.NDArray[np.float64]
Similarity = Callable[[Indices, Indices], Scores]

PAIRS_AT_ONCE = 1_000_000
# Rows that share a band are all compared with each other up to this number; beyond it, one leader at a time.
LARGEST_FULL_BUCKET = 64
LEADERS = 100


def links(bands: Indices, similarity: Similarity, threshold: float) -> tuple[Indices, Indices, Scores]:
    """Pairs of rows (left < right) that share a band and whose similarity reaches `threshold`.

    `bands` is `(rows, bands)`. Every pair of a bucket of up to 64 rows is compared. In a larger one the
    first row leads: all others are compared with it, those that match leave, and the next left leads,
    at most 100 times, so the work grows with the bucket and not with its square. A pair may be missed
    there only where neither row matched the other's leader, and where no other band brings it together.
    """
    found: list[tuple[Indices, Indices, Scores]] = [_nothing()]
    order = np.argsort(bands, axis=None, kind="stable")
    keys = bands.ravel()[order]
    members = order // bands.shape[1] if bands.size else order
    edges = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1, append=keys[-1:] - 1))
    sizes = np.diff(edges)
    small = (sizes > 1) & (sizes <= LARGEST_FULL_BUCKET)
    for left, right in _all_pairs(members, edges[:-1][small], sizes[small]):
        scores = similarity(left, right)
        found.append(_matching(left, right, scores, threshold))
    for edge, size in zip(edges[:-1][sizes > LARGEST_FULL_BUCKET], sizes[sizes > LARGEST_FULL_BUCKET], strict=True):
        found.extend(_led(members[edge : edge + size], similarity, threshold))
    left, right, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    _, once = np.unique(np.stack([left, right]), axis=1, return_index=True)
    return left[once], right[once], scores[once]


def components(rows: int, left: Indices, right: Indices) -> Indices:
    """For each row the smallest row that links connect it to, itself where there is none."""
    label = np.arange(rows)
    while True:
        lowest = np.minimum(label[left], label[right])
        before = label.copy()
        np.minimum.at(label, before[left], lowest)
        np.minimum.at(label, before[right], lowest)
        while not np.array_equal(label, label[label]):
            label = label[label]
        if np.array_equal(label, before):
            return label


def first_rows(values: pl.Series) -> Indices:
    """For each row the first row with the same value."""
    rows = pl.DataFrame({"value": values}).with_row_index("row")
    return rows.select(pl.col("row").first().over("value").cast(pl.Int64)).to_series().to_numpy()


def _all_pairs(members: Indices, edges: Indices, sizes: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Each pair of each bucket once, in portions that fit memory."""
    number = np.cumsum(sizes * (sizes - 1) // 2) // PAIRS_AT_ONCE
    for portion in np.split(np.arange(len(sizes)), np.flatnonzero(np.diff(number)) + 1):
        places = _ranges(edges[portion], sizes[portion])
        after = np.repeat(edges[portion] + sizes[portion], sizes[portion]) - places - 1
        left = members[np.repeat(places, after)]
        right = members[_ranges(places + 1, after)]
        # The same pair comes from several bands: compare it once.
        width = int(members.max(initial=0)) + 1
        keys = np.unique(left * width + right)
        yield keys // width, keys % width


def _ranges(starts: Indices, lengths: Indices) -> Indices:
    """`start, start + 1, ...` for each start and length, one after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - ends + lengths, lengths)


def _led(bucket: Indices, similarity: Similarity, threshold: float) -> Iterator[tuple[Indices, Indices, Scores]]:
    for _ in range(LEADERS):
        if len(bucket) < 2:
            return
        rest = bucket[1:]
        leader = np.full(len(rest), bucket[0])
        scores = similarity(leader, rest)
        yield _matching(leader, rest, scores, threshold)
        bucket = rest[scores < threshold]


def _matching(left: Indices, right: Indices, scores: Scores, threshold: float) -> tuple[Indices, Indices, Scores]:
    match = scores >= threshold
    return left[match], right[match], scores[match]


def _nothing() -> tuple[Indices, Indices, Scores]:
    return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64)
