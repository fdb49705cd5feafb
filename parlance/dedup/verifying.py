"""Which texts belong together: groups of sketches that agree, then links between texts of a least exact Jaccard.

Two texts are linked when their sketches share a band and agree in some number of values, and the Jaccard of their
shingles reaches the threshold. That is a fact about the two alone, and a cluster is what links connect: so it depends
neither on the order of rows nor on which of them came first. Pairs that are connected already are not compared.

Two bounds keep crowds of similar texts from costing the square of their number. In one bucket a row is compared
with the `CROWD` others of another group that came before it; and a row whose text was refused by `REFUSED` others, the
likeliest first, is compared with no more. How often a bound cut comparing short is counted.
"""

from typing import Any

import numpy as np
from numba import njit

from parlance.dedup.sketching import EMPTY
from parlance.dedup.tokens import CHUNK_FACTOR, longest, shingled
from parlance.dedup.vectors import exchanged

CROWD = 4_096
REFUSED = 256
ONE = np.uint64(1)
LOW = np.int64(2**32 - 1)


@njit(nogil=True, cache=True)
def grouped(sketches: Any, bands: Any, first: int, last: int, agreeing: int, known: int) -> Any:
    """For each row the smallest that chains of agreeing rows connect it to, `(rows,) int32`.

    And how often `CROWD` left some out. Rows agree that share one of the bands `first` to `last` and at least
    `agreeing` values. Two of the first `known` rows are not compared.
    """
    rows = len(sketches)
    slots = 1
    while slots < 2 * rows:
        slots *= 2
    heads, is_many = np.empty(slots, np.int32), np.empty(slots, np.bool_)
    following = np.empty(rows, np.int32)
    parents = np.arange(rows).astype(np.int32)
    cut = 0
    for band in range(first, last):
        heads[:] = -1
        for row in range(rows):
            if sketches[row, 0] == EMPTY:
                continue
            slot = np.int64((bands[row, band] * CHUNK_FACTOR >> np.uint64(32)) & np.uint64(slots - 1))
            while heads[slot] >= 0 and bands[heads[slot], band] != bands[row, band]:
                slot = (slot + 1) & (slots - 1)
            head = np.int64(heads[slot])
            heads[slot], following[row] = row, head
            if head < 0:
                is_many[slot] = False
                continue
            if row >= known:
                cut += _compare(sketches, parents, following, row, head, is_many[slot], agreeing)
            if root(parents, row) != root(parents, head):
                is_many[slot] = True
    for row in range(rows):
        parents[row] = root(parents, row)
    return parents, cut


@njit(nogil=True, cache=True)
def _compare(sketches: Any, parents: Any, following: Any, row: Any, head: Any, is_many: Any, agreeing: int) -> int:
    """Unites `row` with the rows of its bucket that it agrees with; 1 where `CROWD` left some out.

    `is_many`: they are of several groups.
    """
    compared = 0
    other = head
    while other >= 0 and compared < CROWD:
        if root(parents, row) != root(parents, other):
            compared += 1
            if _agreement(sketches[other], sketches[row]) >= agreeing:
                unite(parents, row, other)
        if not is_many and root(parents, row) == root(parents, head):
            return 0
        other = np.int64(following[other])
    return 1 if other >= 0 else 0


@njit(nogil=True, cache=True)
def join(
    data: Any,
    offsets: Any,
    states: Any,
    kinds: Any,
    lowers: Any,
    size: int,
    texts: Any,
    sketches: Any,
    bands: Any,
    rows: Any,
    edges: Any,
    known: int,
    parents: Any,
    agreeing: int,
    threshold: float,
) -> int:
    """Unites in `parents` the rows of each group that links connect; gives how often `REFUSED` cut comparing short.

    Group g has the rows `rows[edges[g]:edges[g + 1]]` of `sketches`, `bands` and `parents`, ascending; the text of
    `rows[i]` is text `texts[i]` of the buffers. Two of the first `known` rows are not compared.
    """
    scratch = _scratch(offsets)
    buffers = (data, offsets, states, kinds, lowers, size)
    cut = 0
    for group in range(len(edges) - 1):
        start, end = edges[group], edges[group + 1]
        likely = np.empty(end - start, np.int64)
        apart = 1  # no fewer than the clusters that the rows so far are in
        for place in range(start + 1, end):
            row = np.int64(rows[place])
            if root(parents, row) != root(parents, rows[place - 1]):
                apart += 1
            if row < known or apart == 1:
                continue
            # Most often the first row of its group settles it.
            count = _candidates(sketches, bands, rows, start, start + 1, place, parents, agreeing, likely)
            joined, _ = _join_first(buffers, texts, rows, place, likely[:count], parents, threshold, scratch)
            apart -= joined
            if apart > 1:
                count = _candidates(sketches, bands, rows, start + 1, place, place, parents, agreeing, likely)
                joined, is_cut = _join_first(buffers, texts, rows, place, likely[:count], parents, threshold, scratch)
                apart -= joined
                cut += is_cut
    return cut


@njit(nogil=True, cache=True)
def _join_first(
    buffers: Any, texts: Any, rows: Any, place: int, likely: Any, parents: Any, threshold: float, scratch: Any
) -> Any:
    """Unites the row at `place` with those of its `likely` that it is linked to.

    Gives how many clusters it joined, and whether `REFUSED` left some out.
    """
    joined = refused = 0
    is_cut = False
    for one in np.sort(likely):
        other = one & LOW
        if root(parents, rows[place]) == root(parents, rows[other]):
            continue
        if refused == REFUSED:
            is_cut = True
            break
        if _similarity(buffers, texts[place], texts[other], scratch) >= threshold:
            unite(parents, rows[place], rows[other])
            joined += 1
        else:
            refused += 1
    return joined, is_cut


@njit(nogil=True, cache=True)
def links(
    data: Any,
    offsets: Any,
    states: Any,
    kinds: Any,
    lowers: Any,
    size: int,
    texts: Any,
    sketches: Any,
    bands: Any,
    rows: Any,
    edges: Any,
    agreeing: int,
    threshold: float,
) -> Any:
    """All links within groups: `left`, `right` (rows, left < right) and their exact Jaccard; arguments as `join`."""
    scratch = _scratch(offsets)
    buffers = (data, offsets, states, kinds, lowers, size)
    alone = np.arange(len(sketches)).astype(np.int32)
    left, right, jaccard = np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.float64)
    found = 0
    for group in range(len(edges) - 1):
        start, end = edges[group], edges[group + 1]
        likely = np.empty(end - start, np.int64)
        for place in range(start + 1, end):
            count = _candidates(sketches, bands, rows, start, place, place, alone, agreeing, likely)
            for one in likely[:count]:
                similarity = _similarity(buffers, texts[place], texts[one & LOW], scratch)
                if similarity < threshold:
                    continue
                if found == len(left):
                    left, right, jaccard = _doubled(left), _doubled(right), _doubled(jaccard)
                left[found], right[found], jaccard[found] = rows[one & LOW], rows[place], similarity
                found += 1
    return left[:found], right[:found], jaccard[:found]


@njit(nogil=True, cache=True)
def _candidates(
    sketches: Any, bands: Any, rows: Any, start: int, end: int, place: int, parents: Any, agreeing: int, into: Any
) -> int:
    """Writes which of the rows at `start` to `end` the one at `place` may be linked to and is not yet connected with.

    Each as a number that is the smaller the more values agree, with its place in the lowest 32 bits.
    """
    row = np.int64(rows[place])
    count = 0
    for before in range(start, end):
        other = np.int64(rows[before])
        if root(parents, row) == root(parents, other):
            continue
        agreement = _agreement(sketches[other], sketches[row])
        if agreement >= agreeing and _share(bands[other], bands[row]):
            into[count] = (np.int64(len(sketches[row]) - agreement) << np.int64(32)) | np.int64(before)
            count += 1
    return count


@njit(inline="always", cache=True)
def _share(one: Any, other: Any) -> bool:
    for band in range(len(one)):  # noqa: SIM110 - numba has no generators here
        if one[band] == other[band]:
            return True
    return False


@njit(nogil=True, cache=True)
def _scratch(offsets: Any) -> Any:
    """Room for the shingles of the longest two texts."""
    most = longest(offsets)
    slots = 16
    while slots < 2 * (most + 4):
        slots *= 2
    shingles = np.empty(most + 2, np.uint64)
    room = np.zeros(most + most // 2 + 128, np.uint8)
    return room, np.empty_like(shingles), shingles, np.empty_like(shingles), np.empty(slots, np.uint64)


@njit(nogil=True, cache=True)
def _similarity(buffers: Any, left: int, right: int, scratch: Any) -> Any:
    """The exact Jaccard of two texts' shingles."""
    data, offsets, states, kinds, lowers, size = buffers
    room, words, one, other, table = scratch
    count = shingled(data, offsets[left], offsets[left + 1], states[left], kinds, lowers, size, room, words, one)
    rest = shingled(data, offsets[right], offsets[right + 1], states[right], kinds, lowers, size, room, words, other)
    return _jaccard(one[:count], other[:rest], table)


@njit(nogil=True, cache=True)
def root(parents: Any, row: Any) -> Any:
    """The first row of the cluster that `row` is in."""
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = np.int64(parents[row])
    return row


@njit(nogil=True, cache=True)
def unite(parents: Any, one: Any, other: Any) -> None:
    """Makes one cluster of those of two rows.

    Threads may share `parents`: in an update several groups have rows of one older cluster. Where another was first to
    give the root a parent, the roots are looked up again. `root` is safe as it is: it only shortens paths below roots.
    """
    one, other = root(parents, one), root(parents, other)
    while one != other and not exchanged(parents, max(one, other), max(one, other), min(one, other)):
        one, other = root(parents, one), root(parents, other)


@njit(nogil=True, cache=True)
def _doubled(values: Any) -> Any:
    return np.concatenate((values, np.empty_like(values)))


@njit(inline="always", cache=True)
def _agreement(left: Any, right: Any) -> int:
    same = 0
    for i in range(len(left)):
        same += left[i] == right[i]
    return same


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
    return common / distinct if distinct else 0.0
