"""Byte-level merges of distinct pre-tokens, and texts put together from what their pre-tokens became."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from parlance.dedup.tokens import mixed
from parlance.tokenization.compiled.merging import power_of_two

Array = npt.NDArray[Any]

LONGEST = 256  # bytes of a pre-token that is merged here: the work grows with their square
NEVER = np.int64(2**62)
LOW = np.int64(0xFFFFFFFF)


class Merges:
    """Which token two tokens become, and how early, as a hash table."""

    def __init__(self, merges: Array) -> None:
        """`merges` has rows of left, right and new id, the first to be merged first."""
        self.keys, self.values = _table(np.ascontiguousarray(merges, np.int64))


@njit(inline="always", cache=True)
def _slot(keys: Any, key: Any) -> Any:
    mask = len(keys) - 1
    slot = np.int64(mixed(np.uint64(key)) & np.uint64(mask))
    while keys[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True)
def _table(merges: Any) -> Any:
    keys = np.full(power_of_two(4 * len(merges) + 2), -1, np.int64)
    values = np.full(len(keys), NEVER, np.int64)
    for rank in range(len(merges)):
        key = (merges[rank, 0] << 32) | merges[rank, 1]
        slot = _slot(keys, key)
        keys[slot], values[slot] = key, (np.int64(rank) << 32) | merges[rank, 2]
    return keys, values


@njit(nogil=True, cache=True)
def merged(data: Any, ends: Any, first: int, byte_ids: Any, keys: Any, values: Any, into: Any, starts: Any) -> Any:
    """Writes the tokens of the pre-tokens from `first` on to `into`, where `starts` says; gives how many there are.

    A pre-token of more than LONGEST bytes is left empty.
    """
    written = 0
    ids, found = np.empty(LONGEST, np.int64), np.empty(LONGEST, np.int64)
    for word in range(first, len(ends) - 1):
        starts[word - first] = written
        size = ends[word + 1] - ends[word]
        if size > LONGEST:
            continue
        for i in range(size):
            ids[i] = byte_ids[data[ends[word] + i]]
        for i in range(size - 1):
            found[i] = values[_slot(keys, (ids[i] << 32) | ids[i + 1])]
        while size > 1:
            best, at = NEVER, 0
            for i in range(size - 1):
                if found[i] < best:
                    best, at = found[i], i
            if best == NEVER:
                break
            ids[at] = best & LOW
            size -= 1
            for i in range(at + 1, size):
                ids[i] = ids[i + 1]
                found[i - 1] = found[i]
            # `found[at]` is that of the pair behind now, which has another left side.
            if at < size - 1:
                found[at] = values[_slot(keys, (ids[at] << 32) | ids[at + 1])]
            if at > 0:
                found[at - 1] = values[_slot(keys, (ids[at - 1] << 32) | ids[at])]
        for i in range(size):
            into[written] = ids[i]
            written += 1
    starts[len(ends) - 1 - first] = written
    return written


@njit(nogil=True, cache=True)
def expanded(sequence: Any, stops: Any, pool: Any, starts: Any, lengths: Any, into: Any, ends: Any) -> int:
    """Writes the tokens of each text to `into`, and where each ends to `ends`; gives how many there are."""
    written = place = 0
    for row in range(len(stops)):
        for i in range(place, stops[row]):
            entry = sequence[i]
            start = starts[entry]
            for k in range(lengths[entry]):
                into[written + k] = pool[start + k]
            written += lengths[entry]
        place = stops[row]
        ends[row] = written
    return written


@njit(nogil=True, cache=True)
def room(sequence: Any, lengths: Any) -> int:
    """How many tokens a sequence of pre-tokens has."""
    total = 0
    for i in range(len(sequence)):
        total += lengths[sequence[i]]
    return total
