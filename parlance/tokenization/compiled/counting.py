"""Distinct pre-tokens and their counts: a hash table over the bytes of texts, without an object for each."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from numba import njit

from parlance.dedup.tokens import CHUNK_FACTOR, LENGTH_FACTOR, MAXIMUM, buffers
from parlance.dedup.vectors import load
from parlance.tokenization.compiled.cutting import WORDS, classes, cut, is_space

LOW = np.int64(0xFFFFFFFF)
PADDING = 8  # bytes that may be read beyond the last
Places = npt.NDArray[np.int64]


@njit(inline="always", cache=True)
def hashed(data: Any, start: int, length: int) -> Any:
    """A hash of `length` bytes; eight bytes beyond them must be there."""
    value = np.uint64(length) * LENGTH_FACTOR
    while length > 8:
        value = (value ^ load(data, start)) * CHUNK_FACTOR
        value ^= value >> np.uint64(32)
        start += 8
        length -= 8
    value = (value ^ (load(data, start) & (MAXIMUM >> np.uint64(64 - 8 * length)))) * CHUNK_FACTOR
    return value ^ (value >> np.uint64(29))


@njit(inline="always", cache=True)
def same(data: Any, place: int, other: Any, at: int, length: int) -> Any:
    """Whether two stretches of `length` bytes are equal; eight bytes beyond them must be there."""
    while length > 8:
        if load(data, place) != load(other, at):
            return False
        place += 8
        at += 8
        length -= 8
    return (load(data, place) ^ load(other, at)) & (MAXIMUM >> np.uint64(64 - 8 * length)) == 0


@njit(nogil=True, cache=True)
def _count(
    data: Any, offsets: Any, weights: Any, row: int, place: int, table: Any, style: int, most: int,
    slots: Any, ends: Any, arena: Any, counts: Any, used: int, sequence: Any, stops: Any, written: int,
) -> Any:  # fmt: skip
    """Counts from `place` in text `row` on, until the texts end or room does: row, place, entries, pre-tokens written.

    Without weights nothing is counted. `sequence` takes the entry of each pre-token in turn and `stops` where each text
    ends in it, where they have room.
    """
    mask = len(slots) // 2 - 1
    most_used = len(ends) - 1
    while row < len(offsets) - 1:
        end = offsets[row + 1]
        while place < end:
            stop = cut(data, place, end, table, style, most)
            if style == WORDS and is_space(data, place, table):
                place = stop
                continue
            length = stop - place
            value = hashed(data, place, length)
            slot = np.int64(value & np.uint64(mask))
            entry = -1
            while slots[2 * slot + 1] > 0:
                found = slots[2 * slot + 1]
                if slots[2 * slot] == np.int64(value) and found >> 32 == length:
                    entry = (found & LOW) - 1
                    # Of up to eight bytes the hash is one to one.
                    if length <= 8 or same(data, place, arena, ends[entry], length):
                        break
                    entry = -1
                slot = (slot + 1) & mask
            if entry < 0:
                if used >= most_used or ends[used] + length + PADDING > len(arena):
                    return row, place, used, written
                entry = used
                slots[2 * slot], slots[2 * slot + 1] = np.int64(value), (np.int64(length) << 32) | (entry + 1)
                arena[ends[entry] : ends[entry] + length] = data[place:stop]
                ends[entry + 1] = ends[entry] + length
                used += 1
            if len(weights):
                counts[entry] += weights[row]
            if written < len(sequence):
                sequence[written] = entry
                written += 1
            place = stop
        if row < len(stops):
            stops[row] = written
        row += 1
        if row < len(offsets) - 1:
            place = offsets[row]
    return row, place, used, written


@njit(nogil=True, cache=True)
def _rehashed(slots: Any) -> Any:
    """The table of `slots` with twice the room."""
    larger = np.zeros(2 * len(slots), np.int64)
    mask = len(slots) - 1
    for old in range(0, len(slots), 2):
        if slots[old + 1] > 0:
            slot = slots[old] & mask
            while larger[2 * slot + 1] > 0:
                slot = (slot + 1) & mask
            larger[2 * slot], larger[2 * slot + 1] = slots[old], slots[old + 1]
    return larger


class Pretokens:
    """Distinct pre-tokens in the order of their first appearance, and how often each occurs.

    `style` and `most` are those of `cutting`. Memory grows with distinct pre-tokens alone.
    """

    def __init__(self, *, style: int, most: int, entries: int = 1 << 15) -> None:
        self.style, self.most = style, most
        # Two slots for an entry, each its hash and, side by side with it, its length and its number from 1 on.
        self._slots = np.zeros(4 * entries, np.int64)
        self._counts = np.zeros(entries, np.int64)
        self._ends = np.zeros(entries + 1, np.int64)
        self._arena = np.zeros(entries * 8, np.uint8)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    @property
    def size_bytes(self) -> int:
        """What the pre-tokens and their table hold."""
        return sum(array.nbytes for array in (self._slots, self._counts, self._ends, self._arena))

    def add(self, texts: pl.Series, weights: Places | None = None) -> None:
        """Counts the pre-tokens of `texts`, those of each as often as its weight says (null: once)."""
        data, offsets = padded(texts)
        weights = np.ones(len(texts), np.int64) if weights is None else weights
        self._add(data, offsets, weights, np.empty(0, np.int32), np.empty(0, np.int64))

    def sequence(self, texts: pl.Series) -> tuple[npt.NDArray[np.int32], Places]:
        """The entry of each pre-token of `texts` in turn, and where each text ends there; they are not counted."""
        data, offsets = padded(texts)
        entries = np.empty(int(offsets[-1] - offsets[0]), np.int32)
        stops = np.zeros(len(texts), np.int64)
        written = self._add(data, offsets, np.empty(0, np.int64), entries, stops)
        return entries[:written], stops

    def _add(self, data: Any, offsets: Places, weights: Places, sequence: npt.NDArray[np.int32], stops: Places) -> int:
        row, place, written = 0, int(offsets[0]), 0
        while row < len(offsets) - 1:
            row, place, self._used, written = _count(
                data, offsets, weights, row, place, classes(), self.style, self.most, self._slots,
                self._ends, self._arena, self._counts, self._used, sequence, stops, written,
            )  # fmt: skip
            if row < len(offsets) - 1:
                self._grow(int(offsets[row + 1]) - place)
        return written

    def _grow(self, needed: int) -> None:
        """Twice the room of what is full; the arena has it for a pre-token of `needed` bytes then."""
        if self._used >= len(self._counts):
            more = np.zeros(len(self._counts), np.int64)
            self._counts, self._ends = np.concatenate([self._counts, more]), np.concatenate([self._ends, more])
            self._slots = _rehashed(self._slots)
        if self._ends[self._used] + needed + PADDING > len(self._arena):
            self._arena = np.concatenate([self._arena, np.zeros(max(len(self._arena), needed + PADDING), np.uint8)])

    def spelled(self) -> tuple[npt.NDArray[np.uint8], Places]:
        """The bytes of the pre-tokens, with some beyond the last, and where each begins and the last ends."""
        return self._arena, self._ends[: self._used + 1]

    def strings(self, first: int = 0) -> pl.Series:
        """The pre-tokens from entry `first` on."""
        ends = self._ends[first : self._used + 1]
        data = self._arena[ends[0] : ends[-1]].copy()
        array = pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends - ends[0]), pa.py_buffer(data))
        return pl.Series("pretoken", array)

    def counts(self) -> Places:
        """How often each occurred."""
        return self._counts[: self._used].copy()


def padded(texts: pl.Series) -> tuple[npt.NDArray[np.uint8], Places]:
    """The bytes of `texts` with some beyond the last, and where each begins and the last ends."""
    data, offsets = buffers(texts)
    if len(offsets) and int(offsets[-1]) + PADDING <= len(data):
        return data, offsets
    return np.concatenate([data[: int(offsets[-1])], np.zeros(PADDING, np.uint8)]), offsets
