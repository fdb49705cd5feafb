"""Which rows belong together."""

import numpy as np
import numpy.typing as npt
import polars as pl

from parlance.dedup.tokens import Indices

Scores = npt.NDArray[np.float64]


def components(rows: int, left: Indices, right: Indices) -> Indices:
    """For each row the smallest row that links connect it to, itself where there is none."""
    label = np.arange(rows)
    while True:
        lowest = np.minimum(label[left], label[right])
        before = label.copy()
        np.minimum.at(label, before[left], lowest)
        np.minimum.at(label, before[right], lowest)
        while not np.array_equal(label, label[label]):
            label = label[label]
        if np.array_equal(label, before):
            return label


def first_rows(values: pl.Series) -> Indices:
    """For each row the first row with the same value."""
    rows = pl.DataFrame({"value": values}).with_row_index("row")
    return rows.select(pl.col("row").first().over("value").cast(pl.Int64)).to_series().to_numpy()
