"""Where known sequences of words stand in texts: the compiled pass over their bytes."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from parlance.dedup import characters
from parlance.dedup.tokens import CHUNK_FACTOR, TURN, decoded, longest, shingled

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
Table = tuple[npt.NDArray[np.uint8], Hashes, Places]

LARGEST = 48  # words of a sequence; below 64, so that no turn of a hash is none
CAPITAL_SIGMA, FINAL_SIGMA = 0x3A3, 0x3C2
BITS_EACH = 16  # of the filter before the table, for each sequence


@njit(nogil=True, cache=True)
def special(data: Any, offsets: Any, kinds: Any) -> Any:
    """Whether each text has a sigma, a character of a script without spaces, or one that the tables do not know."""
    found = np.zeros(len(offsets) - 1, np.bool_)
    for row in range(len(found)):
        place, end = offsets[row], offsets[row + 1]
        while place < end:
            if data[place] < 0xCE:  # the first byte of the sigmas
                place += 1
                continue
            point, size = decoded(data, place)
            is_sigma = point in (CAPITAL_SIGMA, FINAL_SIGMA)
            if is_sigma or point >= len(kinds) or kinds[point] >= characters.UNSPACED:
                found[row] = True
                break
            place += size
    return found


@njit(nogil=True, cache=True)
def spread(data: Any, offsets: Any, kinds: Any) -> Any:
    """Texts with spaces around characters of scripts without spaces and every sigma the same: bytes and offsets.

    And which texts have a character whose lower case the tables do not know; those are empty.
    """
    into = np.empty((offsets[-1] - offsets[0]) * 5 // 3 + 8, np.uint8)
    starts, is_odd = np.zeros(len(offsets), np.int64), np.zeros(len(offsets) - 1, np.bool_)
    length = 0
    for row in range(len(is_odd)):
        place, end = offsets[row], offsets[row + 1]
        while place < end:
            if data[place] < 0x80:
                into[length] = data[place]
                length += 1
                place += 1
                continue
            point, size = decoded(data, place)
            kind = kinds[point] if point < len(kinds) else np.uint8(characters.ODD)
            if point in (CAPITAL_SIGMA, FINAL_SIGMA):
                into[length], into[length + 1] = 0xCF, 0x83
                length += 2
            elif kind == characters.ODD:
                is_odd[row], length = True, starts[row]
                break
            else:
                is_apart = kind >= characters.UNSPACED
                into[length] = 32
                length += 1 if is_apart else 0
                for i in range(size):
                    into[length + i] = data[place + i]
                length += size
                into[length] = 32
                length += 1 if is_apart else 0
            place += size
        starts[row + 1] = length
    return into, starts, is_odd


@njit(inline="always", cache=True)
def _extended(totals: Any, words: Any, count: int, size: int) -> Any:
    """Makes of the sums for sequences of `size - 1` words those for `size`; gives their number."""
    windows = count - size + 1
    turn = np.uint64(TURN * (size - 1) % 64)
    if turn == 0:
        for i in range(windows):
            totals[i] += words[i + size - 1]
    else:
        back = np.uint64(64) - turn
        for i in range(windows):
            totals[i] += (words[i + size - 1] << turn) | (words[i + size - 1] >> back)
    return windows


@njit(inline="always", cache=True)
def _key(total: Any, size: int) -> Any:
    """Sums of mixed hashes need no more than a multiplication; zero is a free slot."""
    value = (total + np.uint64(size)) * CHUNK_FACTOR
    return (value ^ (value >> np.uint64(32))) | np.uint64(1)


@njit(nogil=True, cache=True)
def sequences(data: Any, offsets: Any, states: Any, kinds: Any, lowers: Any, size: int) -> Any:
    """The keys of the sequences of `size` words of each text, of all its words where it has fewer.

    Rows, places (in words) and keys, and the number of words of each text.
    """
    most = longest(offsets)
    room = np.zeros(most + most // 2 + 128, np.uint8)
    words, hashed = np.empty(most // 2 + 2, np.uint64), np.empty(most // 2 + 2, np.uint64)
    totals, counts = np.empty(most // 2 + 2, np.uint64), np.zeros(len(offsets) - 1, np.int64)
    rows, places, keys = np.empty(1024, np.int64), np.empty(1024, np.int64), np.empty(1024, np.uint64)
    number = 0
    for row in range(len(counts)):
        count = shingled(data, offsets[row], offsets[row + 1], states[row], kinds, lowers, 1, room, words, hashed)
        counts[row] = count
        totals[:count] = 0
        windows = 0
        for each in range(1, min(size, count) + 1):
            windows = _extended(totals, hashed, count, each)
        while number + windows > len(rows):
            rows, places, keys = _doubled(rows), _doubled(places), _doubled(keys)
        for i in range(windows):
            rows[number], places[number], keys[number] = row, i, _key(totals[i], min(size, count))
            number += 1
    return rows[:number], places[:number], keys[:number], counts


@njit(nogil=True, cache=True)
def _doubled(values: Any) -> Any:
    larger = np.empty(2 * len(values), values.dtype)
    larger[: len(values)] = values
    return larger


def table(keys: Hashes) -> Table:
    """A filter of bits, and a hash table of `keys` (no two equal) with the place of each among them."""
    bits = max(1 << 12, 1 << (BITS_EACH * len(keys)).bit_length())
    slots = max(16, 1 << (2 * len(keys)).bit_length())
    made = np.zeros(bits // 8, np.uint8), np.zeros(slots, np.uint64), np.zeros(slots, np.int64)
    _fill(keys, *made)
    return made


@njit(inline="always", cache=True)
def _byte(key: Any, bits: Any) -> Any:
    return (key >> np.uint64(4)) & np.uint64(len(bits) - 1)


@njit(inline="always", cache=True)
def _bit(key: Any) -> Any:
    return np.uint8(1) << np.uint8((key >> np.uint64(1)) & np.uint64(7))


@njit(nogil=True, cache=True)
def _fill(keys: Any, bits: Any, slots: Any, places: Any) -> None:
    mask = np.uint64(len(slots) - 1)
    for place in range(len(keys)):
        key = keys[place]
        bits[_byte(key, bits)] |= _bit(key)
        slot = (key >> np.uint64(20)) & mask
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot], places[slot] = key, place


@njit(inline="always", cache=True)
def _passes(key: Any, bits: Any) -> Any:
    """1 where the filter lets `key` through, else 0."""
    return (bits[_byte(key, bits)] >> np.uint8((key >> np.uint64(1)) & np.uint64(7))) & np.uint8(1)


@njit(inline="always", cache=True)
def _found(key: Any, slots: Any, places: Any) -> Any:
    """The place of `key`, -1 where it is not in the table."""
    mask = np.uint64(len(slots) - 1)
    slot = (key >> np.uint64(20)) & mask
    while slots[slot] != 0:
        if slots[slot] == key:
            return places[slot]
        slot = (slot + np.uint64(1)) & mask
    return -1


@njit(nogil=True, cache=True)
def occurrences(
    data: Any, offsets: Any, states: Any, kinds: Any, lowers: Any, sizes: Any, bits: Any, slots: Any, places: Any
) -> Any:
    """Row and place among the keys of every occurrence of a known sequence; `sizes[i]` says whether any has i words."""
    most = longest(offsets)
    room = np.zeros(most + most // 2 + 128, np.uint8)
    words, hashed = np.empty(most // 2 + 2, np.uint64), np.empty(most // 2 + 2, np.uint64)
    totals, candidates = np.empty(most // 2 + 2, np.uint64), np.empty(most // 2 + 2, np.uint64)
    rows, known = np.empty(1024, np.int64), np.empty(1024, np.int64)
    number = 0
    for row in range(len(offsets) - 1):
        count = shingled(data, offsets[row], offsets[row + 1], states[row], kinds, lowers, 1, room, words, hashed)
        totals[:count] = 0
        for size in range(1, min(len(sizes) - 1, count) + 1):
            windows = _extended(totals, hashed, count, size)
            if not sizes[size]:
                continue
            passed = 0
            for i in range(windows):  # without a branch, so that many loads are under way at once
                candidates[passed] = _key(totals[i], size)
                passed += _passes(candidates[passed], bits)
            for i in range(passed):
                place = _found(candidates[i], slots, places)
                if place >= 0:
                    if number == len(rows):
                        rows, known = _doubled(rows), _doubled(known)
                    rows[number], known[number] = row, place
                    number += 1
    return rows[:number], known[:number]
