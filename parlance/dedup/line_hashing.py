"""The compiled pass behind `parlance.dedup.lines`: where each line or paragraph lies, and the hash of what it says."""

import unicodedata
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from parlance.dedup import characters
from parlance.dedup.tokens import CHUNK_FACTOR, LENGTH_FACTOR, MAXIMUM, decoded, mixed
from parlance.dedup.vectors import BLOCK, load

SPACE = 32
NEWLINE = 10
# In the table of code points beside their lower case; neither is one.
BLANK = 1  # white space
ODD = (
    0  # for Polars: lower case that depends on neighbours or is several, and what composes with the character before it
)

ASCII_MARK, ASCII_ACCENT = 0x37E, 0x1FEF  # a semicolon and a grave accent in NFC: no letters
_JAMO = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))  # compose, and are no marks


@lru_cache(maxsize=1)
def lowered() -> npt.NDArray[np.uint32]:
    """For each code point of the tables its lower case, `BLANK` or `ODD`."""
    kinds, lowers = characters.tables()
    points = [point for point in range(characters.SIZE) if not 0xD800 <= point < 0xE000]
    texts = pl.Series([chr(point) for point in points])
    table = np.full(characters.SIZE, ODD, np.uint32)
    table[points] = lowers[points]
    table[kinds == characters.ODD] = ODD
    composes = [
        point
        for point in points
        if point > 0x7F
        and (unicodedata.category(chr(point))[0] == "M" or not unicodedata.is_normalized("NFC", chr(point)))
    ]
    table[composes] = ODD
    table[list(_JAMO)] = ODD
    table[np.array(points)[texts.str.contains(r"\s").to_numpy()]] = BLANK
    return table


@njit(inline="always", cache=True)
def _hash(data: Any, length: int) -> Any:
    """A hash of the first `length` bytes; seven beyond are read."""
    value = np.uint64(length) * LENGTH_FACTOR
    start = 0
    while length > 8:
        value = (value ^ load(data, start)) * CHUNK_FACTOR
        value ^= value >> np.uint64(32)
        start += 8
        length -= 8
    value = (value ^ (load(data, start) & (MAXIMUM >> np.uint64(64 - 8 * length)))) * CHUNK_FACTOR
    return mixed(value)


@njit(inline="always", cache=True)
def _put(point: Any, into: Any, place: int) -> int:
    """Writes `point`, which is beyond ASCII, as UTF-8; gives the number of bytes."""
    low = np.uint8(0x80 | (point & np.uint32(0x3F)))
    if point < 0x800:
        into[place], into[place + 1] = 0xC0 | (point >> np.uint32(6)), low
        return 2
    middle = np.uint8(0x80 | ((point >> np.uint32(6)) & np.uint32(0x3F)))
    if point < 0x10000:
        into[place], into[place + 1], into[place + 2] = 0xE0 | (point >> np.uint32(12)), middle, low
        return 3
    into[place], into[place + 1] = 0xF0 | (point >> np.uint32(18)), 0x80 | ((point >> np.uint32(12)) & np.uint32(0x3F))
    into[place + 2], into[place + 3] = middle, low
    return 4


@njit(nogil=True, cache=True)
def most_units(data: Any, start: int, end: int) -> int:
    """Newlines in `data[start:end]` and one."""
    count = 1
    for place in range(start, end):
        count += data[place] == NEWLINE
    return count


@njit(nogil=True, cache=True)
def units(
    data: Any, offsets: Any, table: Any, paragraphs: bool,
    hashes: Any, rows: Any, starts: Any, ends: Any, firsts: Any, odd: Any,
) -> Any:  # fmt: skip
    """Writes each unit of the texts that has a letter or digit; gives their number.

    Its hash, its row, its first byte and the one after its last (of `data`; its newlines are within), and whether it
    is the first of its hash in its row. The text is read by lower case with runs of white space as one space; `odd`
    says of each row whether it has characters for which that is not enough.
    """
    most = np.int64(0)
    for row in range(len(offsets) - 1):
        most = max(most, offsets[row + 1] - offsets[row])
    room = np.zeros(most + most // 2 + BLOCK, np.uint8)
    slots = 16
    seen = np.zeros(slots, np.int64)  # numbers of units from one, of this row where beyond `begun`
    count = np.int64(0)
    for row in range(len(offsets) - 1):
        begun = count
        place, end = offsets[row], offsets[row + 1]
        unit = place
        length = newlines = np.int64(0)
        is_blank, says = True, False
        while place <= end:
            byte = np.uint8(NEWLINE) if place == end else data[place]
            point, size = np.uint32(byte), 1
            if byte < 0x80:
                if byte - np.uint8(65) < 26:
                    point = np.uint32(byte | 32)
                is_space = byte == SPACE or (byte >= 9 and byte <= 13)
            else:
                point, size = decoded(data, place)
                if point < len(table) and table[point] != ODD:
                    point = table[point]
                else:
                    odd[row] = True
                is_space = point == BLANK
            if is_space:
                newlines += byte == NEWLINE
                if not is_blank:
                    room[length] = SPACE
                    length += 1
                    is_blank = True
                if place == end or (not paragraphs and byte == NEWLINE):
                    if says:
                        hashes[count], rows[count] = _hash(room, length - 1), row
                        starts[count], ends[count] = unit, min(place + 1, end)
                        count += 1
                    unit, length, says = place + 1, np.int64(0), False
                place += size
                continue
            if paragraphs and newlines > 1 and length:
                if says:
                    hashes[count], rows[count] = _hash(room, length - 1), row
                    starts[count], ends[count] = unit, place
                    count += 1
                unit, length, says = place, np.int64(0), False
            newlines = np.int64(0)
            is_blank = False
            if byte < 0x80:
                room[length] = point
                length += 1
                if point - np.uint32(97) < 26 or point - np.uint32(48) < 10:
                    says = True
            else:
                length += _put(point, room, length)
                if point not in (ASCII_MARK, ASCII_ACCENT):
                    says = True
            place += size
        while slots < 2 * (count - begun):
            slots *= 2
            seen = np.zeros(slots, np.int64)
        _mark(hashes, begun, count, seen, firsts)
    return count


@njit(nogil=True, cache=True)
def _mark(hashes: Any, begun: int, count: int, seen: Any, firsts: Any) -> None:
    """Marks the units `begun` to `count` whose hash is that of none before. Older entries of `seen` are free slots."""
    last = np.uint64(len(seen) - 1)
    for unit in range(begun, count):
        slot = hashes[unit] & last
        while seen[slot] > begun and hashes[seen[slot] - 1] != hashes[unit]:
            slot = (slot + np.uint64(1)) & last
        firsts[unit] = seen[slot] <= begun
        if firsts[unit]:
            seen[slot] = unit + 1
