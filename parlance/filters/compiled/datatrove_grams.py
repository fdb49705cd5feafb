"""N-grams that repeat, as datatrove counts their characters."""

from typing import Any

import numpy as np
from numba import njit

from parlance.dedup.tokens import ONE, mixed
from parlance.filters.datatrove_counting import COUNTED, TOP

WORDS, FIRST_TOP = COUNTED.index("words"), COUNTED.index(f"top_{TOP[0]}")
# Of the polynomial that hashes the words written together; any part of it hashes to a difference.
FACTOR = np.uint64(0x9E6C63D0876A9A47)


@njit(nogil=True, cache=True)
def tops(
    words: Any, lengths: Any, counts: Any, table: Any, seen: Any, firsts: Any, active: Any, keys: Any, places: Any
) -> None:
    """Characters of the most frequent n-gram times how often it occurs, of several the one that comes first."""
    total = remaining = counts[WORDS]
    for i in range(total):
        active[i], keys[i] = i, words[i]
    for n in range(2, TOP[-1] + 1):
        if total < n:
            return
        slots = 16
        while slots < 2 * remaining:
            slots *= 2
        last = np.uint64(slots - 1)
        table[:slots] = 0
        kept = 0
        for i in range(remaining):
            at = active[i]
            if at + n > total:
                continue
            key = mixed(keys[i] * FACTOR + words[at + n - 1]) | ONE
            slot = (key >> np.uint64(32)) & last
            while table[slot] != 0 and table[slot] != key:
                slot = (slot + ONE) & last
            if table[slot] == 0:
                table[slot], seen[slot], firsts[slot] = key, 0, at
            seen[slot] += 1
            active[kept], keys[kept], places[kept] = at, key, np.int64(slot)
            kept += 1
        remaining = 0
        best, first = np.int64(1), np.int64(0)
        for i in range(kept):
            slot_of = places[i]
            if seen[slot_of] > best or (best > 1 and seen[slot_of] == best and firsts[slot_of] < first):
                best, first = np.int64(seen[slot_of]), np.int64(firsts[slot_of])
            if seen[slot_of] > 1:
                active[remaining], keys[remaining] = active[i], keys[i]
                remaining += 1
        counts[FIRST_TOP + n - TOP[0]] = best * (lengths[first + n] - lengths[first] + n - 1)


@njit(nogil=True, cache=True)
def duplicates(sums: Any, bytes_before: Any, powers: Any, lengths: Any, total: int, n: int, table: Any) -> Any:
    """Characters of n-grams, written together, that occurred before; the words of one are not looked at again."""
    slots = 16
    while slots < 2 * total:
        slots *= 2
    last = np.uint64(slots - 1)
    table[:slots] = 0
    found = np.int64(0)
    at = 0
    while at + n <= total:
        key = mixed(sums[at + n] - sums[at] * powers[bytes_before[at + n] - bytes_before[at]]) | ONE
        slot = (key >> np.uint64(32)) & last
        while table[slot] != 0 and table[slot] != key:
            slot = (slot + ONE) & last
        if table[slot] == 0:
            table[slot] = key
            at += 1
        else:
            found += lengths[at + n] - lengths[at]
            at += n
    return found
