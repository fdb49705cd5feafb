"""Sketches of sets of shingles: two schemes, either of which estimates Jaccard by the share of equal values."""

from typing import Any

import numpy as np
from numba import njit

from parlance.dedup.tokens import CHUNK_FACTOR, longest, mixed, shingled

EMPTY = np.uint32(2**32 - 1)


@njit(nogil=True, cache=True)
def similarity_sketch(grams: Any, count: int, seed: Any, values: Any, into: Any) -> None:
    """Fast Similarity Sketching (Dahlgaard, Knudsen and Thorup 2017): one hash for each element in most rounds.

    In each round every element falls into one bin and leaves the smallest value there; later rounds have larger
    values, so they count only in bins that are still empty. In the last rounds all elements fall into the same bin.
    """
    width = len(into)
    into[:] = EMPTY
    if count == 0:
        return
    bits = 1
    while (1 << bits) <= 2 * width:
        bits += 1
    low = np.uint64((1 << (32 - bits)) - 1)
    for number in range(2 * width):
        salt = (seed + np.uint64(number)) * CHUNK_FACTOR
        base = np.uint32(number << (32 - bits))
        for i in range(count):
            values[i] = mixed(grams[i] ^ salt)
        if number < width:
            for i in range(count):
                place = ((values[i] >> np.uint64(32)) * np.uint64(width)) >> np.uint64(32)
                into[place] = min(into[place], base | np.uint32(values[i] & low))
        else:
            for i in range(count):
                into[number - width] = min(into[number - width], base | np.uint32(values[i] & low))
        empty = 0
        for i in range(width):
            empty += into[i] == EMPTY
        if empty == 0:
            return


@njit(nogil=True, cache=True)
def affine_sketch(grams: Any, count: int, factors: Any, offsets: Any, values: Any, into: Any) -> None:
    """datasketch 2's `affine32`: the smallest of `factor * value + offset` modulo 2**32 under each permutation."""
    into[:] = EMPTY
    for i in range(count):
        values[i] = _finalised(np.uint32(grams[i] >> np.uint64(32)))
    width = len(into)
    i = 0
    while i + 8 <= count:  # eight at once, so that a minimum stays in its register
        v0, v1, v2, v3 = values[i], values[i + 1], values[i + 2], values[i + 3]
        v4, v5, v6, v7 = values[i + 4], values[i + 5], values[i + 6], values[i + 7]
        for j in range(width):
            a, b, least = factors[j], offsets[j], into[j]
            least = min(least, np.uint32(a * v0 + b), np.uint32(a * v1 + b), np.uint32(a * v2 + b))
            least = min(least, np.uint32(a * v3 + b), np.uint32(a * v4 + b), np.uint32(a * v5 + b))
            into[j] = min(least, np.uint32(a * v6 + b), np.uint32(a * v7 + b))
        i += 8
    while i < count:
        for j in range(width):
            into[j] = min(into[j], np.uint32(factors[j] * values[i] + offsets[j]))
        i += 1


@njit(inline="always", cache=True)
def _finalised(value: Any) -> Any:
    """MurmurHash3's 32-bit finaliser, which datasketch applies before it permutes."""
    value = np.uint32(value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    value = np.uint32(value)
    value = np.uint32(value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    value = np.uint32(value)
    return np.uint32(value ^ (value >> np.uint32(16)))


@njit(nogil=True, cache=True)
def similarity_sketches(
    data: Any, offsets: Any, states: Any, kinds: Any, lowers: Any, size: int, seed: Any, into: Any
) -> None:
    """Writes the sketch of each text, in rows of `into`."""
    most = longest(offsets)
    room = np.zeros(most + most // 2 + 128, np.uint8)
    words, grams = np.empty(most + 2, np.uint64), np.empty(most + 2, np.uint64)
    for row in range(len(offsets) - 1):
        count = shingled(data, offsets[row], offsets[row + 1], states[row], kinds, lowers, size, room, words, grams)
        similarity_sketch(grams, count, seed, words, into[row])


@njit(nogil=True, cache=True)
def affine_sketches(
    data: Any, offsets: Any, states: Any, kinds: Any, lowers: Any, size: int, factors: Any, terms: Any, into: Any
) -> None:
    """Writes the sketch of each text, in rows of `into`."""
    most = longest(offsets)
    room = np.zeros(most + most // 2 + 128, np.uint8)
    words, grams = np.empty(most + 2, np.uint64), np.empty(most + 2, np.uint64)
    values = np.empty(most + 2, np.uint32)
    for row in range(len(offsets) - 1):
        count = shingled(data, offsets[row], offsets[row + 1], states[row], kinds, lowers, size, room, words, grams)
        affine_sketch(grams, count, factors, terms, values, into[row])
