"""A random place for each id that depends on the id and the seed alone."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from parlance.dedup.tokens import mixed
from parlance.tokenization.compiled.counting import hashed, padded


def drawn(ids: pl.Series, *, seed: int) -> npt.NDArray[np.uint64]:
    """A number for each id, spread evenly over 64 bits."""
    data, offsets = padded(ids)
    return np.asarray(_drawn(data, offsets, np.uint64(seed)))


@njit(nogil=True, cache=True)
def _drawn(data: Any, offsets: Any, seed: Any) -> Any:
    found = np.empty(len(offsets) - 1, np.uint64)
    turn = mixed(seed + np.uint64(0x9E3779B97F4A7C15))
    for row in range(len(found)):
        found[row] = mixed(hashed(data, offsets[row], offsets[row + 1] - offsets[row]) ^ turn)
    return found
