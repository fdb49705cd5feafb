"""Pairs of texts that share a band and whose sketches agree, then verified by the exact Jaccard of their shingles.

Rows of a band's bucket are compared with those before them. Every pair of a bucket of up to 64 rows is; a larger
bucket grows only by rows whose sketch agrees with none that is in it, up to 164, so that ten thousand copies cost
ten thousand comparisons. That rule looks at sketches alone: the result does not depend on the number of threads.
"""

from typing import Any

import numpy as np
from numba import njit

from parlance.dedup.sketching import EMPTY
from parlance.dedup.tokens import CHUNK_FACTOR, longest, mixed, shingled

FULL_BUCKET = 64
LARGEST_BUCKET = 164
ONE = np.uint64(1)


@njit(nogil=True, cache=True)
def candidates(sketches: Any, bands: Any, first: int, last: int, agreeing: int) -> Any:
    """Pairs that share one of the bands `first` to `last` and agree in at least `agreeing` values.

    `left`, `right` (rows, left < right) and how many values agree; each pair once.
    """
    rows = len(sketches)
    slots = 1
    while slots < 2 * rows:
        slots *= 2
    heads, sizes = np.empty(slots, np.int32), np.empty(slots, np.int32)
    following = np.empty(rows, np.int32)
    left, right, same = np.empty(1024, np.int32), np.empty(1024, np.int32), np.empty(1024, np.int32)
    seen = np.zeros(4096, np.uint64)
    count = 0
    for band in range(first, last):
        heads[:] = -1
        for row in range(rows):
            if sketches[row, 0] == EMPTY:
                continue
            slot = np.int64((bands[row, band] * CHUNK_FACTOR >> np.uint64(32)) & np.uint64(slots - 1))
            while heads[slot] >= 0 and bands[heads[slot], band] != bands[row, band]:
                slot = (slot + 1) & (slots - 1)
            if heads[slot] < 0:
                heads[slot], sizes[slot], following[row] = row, 1, -1
                continue
            is_full, is_known = sizes[slot] >= FULL_BUCKET, False
            other = np.int64(heads[slot])
            while other >= 0 and not (is_full and is_known):
                agreement = _agreement(sketches[other], sketches[row])
                if agreement >= agreeing:
                    is_known = True
                    if _is_new(seen, np.uint64(row) << np.uint64(32) | np.uint64(other + 1)):
                        if count == len(left):
                            left, right, same = _doubled(left), _doubled(right), _doubled(same)
                        left[count], right[count], same[count] = other, row, agreement
                        count += 1
                        if 2 * count > len(seen):
                            seen = _grown(seen)
                other = np.int64(following[other])
            if not is_full or (not is_known and sizes[slot] < LARGEST_BUCKET):
                following[row], heads[slot] = heads[slot], row
                sizes[slot] += 1
    return left[:count], right[:count], same[:count]


@njit(nogil=True, cache=True)
def verified(
    data: Any,
    offsets: Any,
    states: Any,
    kinds: Any,
    lowers: Any,
    size: int,
    left: Any,
    right: Any,
    threshold: float,
    is_every: bool,
) -> Any:
    """The Jaccard of each pair of rows where it reaches `threshold`, else -1.

    Without `is_every` a pair that earlier ones connect already is not looked at: the clusters are the same.
    """
    most = longest(offsets)
    room = np.zeros(most + most // 2 + 128, np.uint8)
    words = np.empty(most // 2 + 2, np.uint64)
    one, other = np.empty(most // 2 + 2, np.uint64), np.empty(most // 2 + 2, np.uint64)
    table = np.empty(16, np.uint64)
    parents = np.arange(len(states)).astype(np.int32)
    jaccard = np.full(len(left), -1.0)
    count = 0
    last = np.int64(-1)
    for pair in range(len(left)):
        a, b = np.int64(left[pair]), np.int64(right[pair])
        if not is_every and _root(parents, a) == _root(parents, b):
            continue
        if a != last:
            count = shingled(data, offsets[a], offsets[a + 1], states[a], kinds, lowers, size, room, words, one)
            last = a
        rest = shingled(data, offsets[b], offsets[b + 1], states[b], kinds, lowers, size, room, words, other)
        slots = len(table)
        while slots < 2 * (count + rest):
            slots *= 2
        if slots > len(table):
            table = np.empty(slots, np.uint64)
        found = _jaccard(one[:count], other[:rest], table)
        if found >= threshold:
            jaccard[pair] = found
            _unite(parents, a, b)
    return jaccard


@njit(inline="always", cache=True)
def _agreement(left: Any, right: Any) -> int:
    same = 0
    for i in range(len(left)):
        same += left[i] == right[i]
    return same


@njit(nogil=True, cache=True)
def _is_new(seen: Any, pair: Any) -> bool:
    """Whether `pair` was not in the hash table `seen`; now it is."""
    last = np.uint64(len(seen) - 1)
    slot = mixed(pair) & last
    while seen[slot] != 0 and seen[slot] != pair:
        slot = (slot + ONE) & last
    if seen[slot] == pair:
        return False
    seen[slot] = pair
    return True


@njit(nogil=True, cache=True)
def _grown(seen: Any) -> Any:
    larger = np.zeros(2 * len(seen), np.uint64)
    for pair in seen:
        if pair != 0:
            _is_new(larger, pair)
    return larger


@njit(nogil=True, cache=True)
def _doubled(values: Any) -> Any:
    return np.concatenate((values, np.empty_like(values)))


@njit(nogil=True, cache=True)
def _root(parents: Any, row: Any) -> Any:
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = np.int64(parents[row])
    return row


@njit(nogil=True, cache=True)
def _unite(parents: Any, one: int, other: int) -> None:
    one, other = _root(parents, one), _root(parents, other)
    parents[max(one, other)] = min(one, other)


@njit(nogil=True, cache=True)
def _jaccard(one: Any, other: Any, table: Any) -> float:
    """Common share of the distinct values of `one` and `other`; `table` has room for twice as many, a power of two."""
    slots = 16
    while slots < 2 * (len(one) + len(other)):
        slots *= 2
    last = np.uint64(slots - 1)
    # A value, whose lowest bit says instead whether `other` had it too; zero is a free slot.
    table[:slots] = 0
    distinct = 0
    for value in one:
        key = (value | np.uint64(3)) ^ ONE
        slot = value >> np.uint64(32) & last
        while table[slot] != 0 and table[slot] != key:
            slot = (slot + ONE) & last
        if table[slot] == 0:
            table[slot] = key
            distinct += 1
    common = 0
    for value in other:
        key = (value | np.uint64(3)) ^ ONE
        slot = value >> np.uint64(32) & last
        while table[slot] != 0 and (table[slot] | ONE) ^ ONE != key:
            slot = (slot + ONE) & last
        if table[slot] == 0:
            table[slot] = key | ONE
            distinct += 1
        elif table[slot] == key:
            table[slot] = key | ONE
            common += 1
    return common / distinct if distinct else 1.0
