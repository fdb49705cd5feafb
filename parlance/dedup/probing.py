"""Which rows share a band with others: a hash table of the others' bands."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from parlance.dedup.tokens import CHUNK_FACTOR, ONE

Bands = npt.NDArray[np.uint64]


class Keys:
    """A set of bands, `(rows, bands) uint64`; a band is the same only at the same place, which its value tells."""

    def __init__(self, bands: Bands) -> None:
        slots = 16
        while slots < 2 * bands.size:
            slots *= 2
        self.table = np.zeros(slots, np.uint64)
        _fill(self.table, bands)

    def shared_by(self, bands: Bands) -> npt.NDArray[np.bool_]:
        """Whether each row of `bands` has any of the set."""
        found: npt.NDArray[np.bool_] = _probe(self.table, bands)
        return found


@njit(inline="always", cache=True)
def _slot(key: Any, slots: int) -> Any:
    return (key * CHUNK_FACTOR >> np.uint64(32)) & np.uint64(slots - 1)


@njit(nogil=True, cache=True)
def _fill(table: Any, bands: Any) -> None:
    for row in range(len(bands)):
        for band in range(bands.shape[1]):
            key = bands[row, band] | ONE  # zero is a free slot
            slot = _slot(key, len(table))
            while table[slot] != 0 and table[slot] != key:
                slot = (slot + ONE) & np.uint64(len(table) - 1)
            table[slot] = key


@njit(nogil=True, cache=True)
def _probe(table: Any, bands: Any) -> Any:
    found = np.zeros(len(bands), np.bool_)
    for row in range(len(bands)):
        for band in range(bands.shape[1]):
            key = bands[row, band] | ONE
            slot = _slot(key, len(table))
            while table[slot] != 0 and table[slot] != key:
                slot = (slot + ONE) & np.uint64(len(table) - 1)
            if table[slot] == key:
                found[row] = True
                break
    return found
