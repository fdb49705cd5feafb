"""Which rows belong together: links over sketches and texts at hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from parlance.dedup import verifying
from parlance.dedup.minhash import Signatures, cores, in_threads, least_agreement
from parlance.dedup.tokens import Indices, Texts

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
    return np.array(rows.select(pl.col("row").first().over("value").cast(pl.Int64)).to_series())


def groups(
    sketches: Signatures, bands: Any, agreeing: int, *, known: int = 0, threads: int | None = None
) -> tuple[Indices, int]:
    """For each row the smallest that agreeing sketches connect it to, and how often a crowd cut that short.

    See `verifying.grouped`.
    """
    edges = np.linspace(0, bands.shape[1], min(threads or cores(), bands.shape[1]) + 1).astype(int).tolist()

    def run(first: int, last: int) -> Any:
        return verifying.grouped(sketches, bands, first, last, agreeing, known)

    found = in_threads(run, list(pairwise(edges)), threads)
    parts: list[Indices] = [part.astype(np.int64) for part, _ in found]
    cut = sum(one for _, one in found)
    if len(parts) == 1:
        return parts[0], cut
    rows = np.arange(len(sketches))
    return components(len(rows), np.tile(rows, len(parts)), np.concatenate(parts)), cut


def members(group: Indices, *, known: int = 0) -> tuple[Indices, Indices]:
    """The rows of groups of two or more, group by group, and where each group begins and the last ends.

    Groups of the first `known` rows alone are left out.
    """
    sizes = np.bincount(group, minlength=len(group))
    fresh = np.bincount(group[known:], minlength=len(group))
    rows = np.flatnonzero((sizes[group] > 1) & (fresh[group] > 0))
    rows = rows[np.argsort(group[rows], kind="stable")]
    begun = np.flatnonzero(np.diff(group[rows], prepend=-1))
    return rows, np.append(begun, len(rows))


def portions(sizes: Indices, edges: Indices, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of groups whose rows have `most` bytes or characters together, or of one that has more."""
    totals = np.append(0, np.cumsum(sizes))[edges]
    first = 0
    while first < len(edges) - 1:
        last = int(np.searchsorted(totals, totals[first] + most, side="right")) - 1
        last = max(first + 1, last)
        yield first, last
        first = last


@dataclass(frozen=True, kw_only=True)
class Grouped:
    """What `groups` and `members` found: group g has the rows `rows[edges[g]:edges[g + 1]]` of `sketches` and `bands`.

    The text of `rows[i]` is text `texts_of[i]`. Links need the exact Jaccard `threshold`; two of the first `known` rows
    are not compared.
    """

    texts: Texts
    texts_of: Indices
    sketches: Signatures
    bands: Any
    rows: Indices
    edges: Indices
    ngram: int
    threshold: float
    threads: int | None
    known: int = 0

    @property
    def _agreeing(self) -> int:
        return least_agreement(self.threshold, self.sketches.shape[1])

    def join(self, parents: Indices) -> int:
        """Unites in `parents` the rows that links connect; gives how often refusals cut that short.

        See `verifying.join`. Threads take groups of their own.
        """

        def run(first: int, last: int) -> Any:
            return verifying.join(
                *self._texts,
                *(self.sketches, self.bands, self.rows, self.edges[first : last + 1]),
                *(self.known, parents, self._agreeing, self.threshold),
            )

        return sum(in_threads(run, self._portions(), self.threads))

    def links(self) -> tuple[Indices, Indices, Scores]:
        """All links, `left < right` (rows), with their exact Jaccard."""

        def run(first: int, last: int) -> Any:
            edges = self.edges[first : last + 1]
            return verifying.links(
                *self._texts, self.sketches, self.bands, self.rows, edges, self._agreeing, self.threshold
            )

        found = in_threads(run, self._portions(), self.threads)
        empty: list[Any] = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
        left, right, jaccard = (np.concatenate(part) for part in zip(*(found or empty), strict=True))
        return left, right, jaccard

    @property
    def _texts(self) -> tuple[Any, ...]:
        return *self.texts.arrays, self.ngram, self.texts_of

    def _portions(self) -> list[tuple[int, int]]:
        """Ranges of groups with about as many rows, several for each thread."""
        if len(self.edges) < 2:
            return []
        wanted = np.linspace(0, self.edges[-1], 4 * (self.threads or cores()) + 1)
        return list(pairwise(np.unique(np.searchsorted(self.edges, wanted)).tolist()))
