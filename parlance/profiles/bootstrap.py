"""Sums over documents drawn again and again, each document by the weight that its id gives it.

A document stands 0, 1, 2 ... times in a replicate, by a Poisson law of mean 1 (Hanley and MacGibbon 2006; Chamandy et
al. 2012): unlike drawing with replacement that needs no second pass and holds no document, and the weight
comes from the id alone, so the same corpus gives the same interval in whatever batches it is read.
"""

import math
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

REPLICATES: Final = 400
BLOCK: Final = 4096
_STEP: Final = np.uint64(0x9E3779B97F4A7C15)  # of splitmix64, as are the numbers below (Steele et al. 2014)
_CUMULATED: Final = np.cumsum([math.exp(-1) / math.factorial(count) for count in range(16)])


def weights(ids: pl.Series, *, seed: int, replicates: int = REPLICATES) -> NDArray[np.float64]:
    """How often each document stands in each replicate, (documents, replicates); by seed and id only.

    >>> weights(pl.Series(["a", "b"]), seed=1, replicates=3).shape
    (2, 3)
    """
    state = ids.hash(seed).to_numpy()[:, None] + _STEP * np.arange(1, replicates + 1, dtype=np.uint64)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    uniform = (state ^ (state >> np.uint64(31))) / 2.0**64
    return np.asarray(np.searchsorted(_CUMULATED, uniform, side="right"), dtype=np.float64)


def replicated_sums(
    ids: pl.Series, counts: NDArray[np.float64], *, seed: int, replicates: int = REPLICATES
) -> NDArray[np.float64]:
    """The column sums of `counts` (documents, columns) in each replicate: (replicates, columns)."""
    sums = np.zeros((replicates, counts.shape[1]))
    for start in range(0, len(ids), BLOCK):
        block = slice(start, start + BLOCK)
        sums += weights(ids[block], seed=seed, replicates=replicates).T @ counts[block]
    return sums
