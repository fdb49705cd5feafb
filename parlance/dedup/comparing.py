"""Near duplicates among texts at hand, verified by their exact Jaccard similarity."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa

from parlance.dedup import verifying
from parlance.dedup.linking import Scores, components, first_rows
from parlance.dedup.minhash import (
    NGRAM,
    NUM_PERM,
    SEED,
    Signatures,
    banding,
    bands,
    checked_threshold,
    content_hashes,
    cores,
    in_threads,
    least_agreement,
    sketched,
)
from parlance.dedup.sketching import EMPTY
from parlance.dedup.tokens import Indices, Texts, as_series
from parlance.errors import ConfigError

Strings: TypeAlias = pl.Series | pa.StringArray | pa.LargeStringArray


def near_duplicates(
    texts: Strings,
    ids: pl.Series | pa.StringArray | None = None,
    threshold: float = 0.8,
    *,
    order: pl.Series | None = None,
    num_perm: int = NUM_PERM,
    ngram: int = NGRAM,
    seed: int = SEED,
    threads: int | None = None,
) -> pl.DataFrame:
    """One row per document, in input order: `id`, `cluster` (the survivor's id) and `keep` (it is the survivor).

    Equal content, and pairs whose shingle sets have an exact Jaccard of at least `threshold`, make clusters;
    what links connect belongs together. The survivor is the smallest by (`order`, id), unknown `order` last;
    without `order` the first in the input. Without `ids` the row numbers stand in. A text without a
    word matches only its exact copies.

    >>> near_duplicates(pl.Series(["to be or not to be", "To be, or not to be!", "that is"]))["keep"].to_list()
    [True, False, True]
    """
    found = _compare(
        texts, ids, threshold, order=order, num_perm=num_perm, ngram=ngram, seed=seed, threads=threads, every=False
    )
    survivors = components(len(found.ids), found.left, found.right)
    in_input_order = np.argsort(found.input_rows)
    cluster = found.ids.gather(survivors)
    keep = pl.Series(survivors == np.arange(len(survivors)), dtype=pl.Boolean)
    frame = pl.DataFrame({"id": found.ids, "cluster": cluster, "keep": keep})
    return frame[in_input_order]


def pairs(
    texts: Strings,
    ids: pl.Series | pa.StringArray | None = None,
    threshold: float = 0.8,
    *,
    order: pl.Series | None = None,
    num_perm: int = NUM_PERM,
    ngram: int = NGRAM,
    seed: int = SEED,
    threads: int | None = None,
) -> pl.DataFrame:
    """The verified links behind `near_duplicates`: `left`, `right` (ids, the survivor's order) and `jaccard`.

    All of them, but for buckets of more than 64 rows: see `verifying`.
    """
    found = _compare(
        texts, ids, threshold, order=order, num_perm=num_perm, ngram=ngram, seed=seed, threads=threads, every=True
    )
    columns = {"left": found.ids.gather(found.left), "right": found.ids.gather(found.right), "jaccard": found.jaccard}
    return pl.DataFrame(columns)


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """Verified links between rows in survivors' order: their ids, and the input row of each."""

    ids: pl.Series
    input_rows: Indices
    left: Indices
    right: Indices
    jaccard: Scores


def _compare(
    texts: Strings,
    ids: pl.Series | pa.StringArray | None,
    threshold: float,
    *,
    order: pl.Series | None,
    num_perm: int,
    ngram: int,
    seed: int,
    threads: int | None,
    every: bool,
) -> _Comparison:
    checked_threshold(threshold)
    names = _checked_ids(ids, len(texts))
    ranks = _ranks(names, order)
    if order is not None:
        texts, names = as_series(texts).gather(ranks), names.gather(ranks)
    bytes_of_texts = Texts(texts)
    sketches = sketched(bytes_of_texts, num_perm, ngram, seed, threads=threads)
    left, right = candidate_pairs(sketches, threshold, threads)
    jaccard = verified_pairs(bytes_of_texts, ngram, left, right, threshold, every=every, threads=threads)
    reached = jaccard >= threshold
    copies = _copies_without_words(texts, np.flatnonzero(sketches[:, 0] == EMPTY))
    links = zip(copies, (left[reached], right[reached], jaccard[reached]), strict=True)
    left, right, jaccard = (np.concatenate(parts) for parts in links)
    return _Comparison(ids=names, input_rows=ranks, left=left, right=right, jaccard=jaccard)


def candidate_pairs(sketches: Signatures, threshold: float, threads: int | None) -> tuple[Indices, Indices]:
    """Pairs that share a band and may reach `threshold`, those of one group together, the likeliest of it first."""
    num_perm = sketches.shape[1]
    count, rows = banding(threshold, num_perm)
    keys = bands(sketches, count, rows).view(np.uint64)
    agreeing = least_agreement(threshold, num_perm)

    def found(first: int, last: int) -> Any:
        return verifying.candidates(sketches, keys, first, last, agreeing)

    edges = np.linspace(0, count, min(threads or cores(), count) + 1).astype(int).tolist()
    parts = in_threads(found, list(pairwise(edges)), threads)
    left, right, same = (np.concatenate(part).astype(np.int64) for part in zip(*parts, strict=True))
    if len(parts) > 1:
        _, once = np.unique(left * len(sketches) + right, return_index=True)
        left, right, same = left[once], right[once], same[once]
    order = np.lexsort((right, left, -same, components(len(sketches), left, right)[left]))
    return left[order], right[order]


def verified_pairs(
    texts: Texts, ngram: int, left: Indices, right: Indices, threshold: float, *, every: bool, threads: int | None
) -> Scores:
    """The Jaccard of each pair that reaches `threshold` and says something new, else -1."""

    def run(start: int, end: int) -> Scores:
        part = slice(start, end)
        found: Scores = verifying.verified(*texts.arrays, ngram, left[part], right[part], threshold, every)
        return found

    edges = np.linspace(0, len(left), (threads or cores()) + 1).astype(int).tolist()
    return np.concatenate([np.empty(0), *in_threads(run, list(pairwise(edges)), threads)])


def _copies_without_words(texts: Strings, rows: Indices) -> tuple[Indices, Indices, Scores]:
    """Links between texts without a word that are equal, which have no shingle to be compared by."""
    first = rows[first_rows(content_hashes(as_series(texts).gather(rows)))] if len(rows) else rows
    copies = first != rows
    return first[copies], rows[copies], np.ones(int(copies.sum()))


def _checked_ids(ids: pl.Series | pa.StringArray | None, count: int) -> pl.Series:
    if ids is None:
        return pl.int_range(count, eager=True).alias("id")
    series = ids if isinstance(ids, pl.Series) else pl.Series(ids)
    if len(series) != count:
        raise ConfigError(f"there are {count} texts but {len(series)} ids; each text needs one")
    if series.null_count() or series.n_unique() != count:
        raise ConfigError(f"ids must be unique and not null; got {series.filter(series.is_duplicated())[:3].to_list()}")
    return series


def _ranks(ids: pl.Series, order: pl.Series | None) -> Indices:
    """Input rows in the order in which they survive."""
    if order is None:
        return np.arange(len(ids))
    if len(order) != len(ids):
        raise ConfigError(f"there are {len(ids)} texts but {len(order)} values in order; each text needs one")
    frame = pl.DataFrame({"order": order, "id": ids}).with_row_index("row")
    return frame.sort("order", "id", nulls_last=True)["row"].cast(pl.Int64).to_numpy()
