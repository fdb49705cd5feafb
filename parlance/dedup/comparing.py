"""Near duplicates among texts at hand, verified by their exact Jaccard similarity."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from parlance.dedup.linking import Scores, components, first_rows, links
from parlance.dedup.minhash import (
    EMPTY,
    NGRAM,
    NUM_PERM,
    SEED,
    as_series,
    banding,
    bands,
    checked_threshold,
    content_hashes,
    signatures,
)
from parlance.dedup.shingles import Hashes, Indices, blocks, shingles
from parlance.errors import ConfigError


def near_duplicates(
    texts: pl.Series | pa.StringArray,
    ids: pl.Series | pa.StringArray | None = None,
    threshold: float = 0.8,
    *,
    order: pl.Series | None = None,
    num_perm: int = NUM_PERM,
    ngram: int = NGRAM,
    seed: int = SEED,
) -> pl.DataFrame:
    """One row per document, in input order: `id`, `cluster` (the survivor's id) and `keep` (it is the survivor).

    Equal content, and pairs whose shingle sets have an exact Jaccard of at least `threshold`, make clusters;
    what links connect belongs together. The survivor is the smallest by (`order`, id), unknown `order` last;
    without `order` the first in the input. Without `ids` the row numbers stand in. A text without a
    word matches only its exact copies.

    >>> near_duplicates(pl.Series(["to be or not to be", "To be, or not to be!", "that is"]))["keep"].to_list()
    [True, False, True]
    """
    found = _compare(texts, ids, threshold, order=order, num_perm=num_perm, ngram=ngram, seed=seed)
    survivors = components(len(found.ids), found.left, found.right)
    in_input_order = np.argsort(found.input_rows)
    cluster = found.ids.gather(survivors)
    keep = pl.Series(survivors == np.arange(len(survivors)), dtype=pl.Boolean)
    frame = pl.DataFrame({"id": found.ids, "cluster": cluster, "keep": keep})
    return frame[in_input_order]


def pairs(
    texts: pl.Series | pa.StringArray,
    ids: pl.Series | pa.StringArray | None = None,
    threshold: float = 0.8,
    *,
    order: pl.Series | None = None,
    num_perm: int = NUM_PERM,
    ngram: int = NGRAM,
    seed: int = SEED,
) -> pl.DataFrame:
    """The verified links behind `near_duplicates`: `left`, `right` (ids, the survivor's order) and `jaccard`.

    An exact copy is linked to the first copy only, with Jaccard 1.0.
    """
    found = _compare(texts, ids, threshold, order=order, num_perm=num_perm, ngram=ngram, seed=seed)
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
    texts: pl.Series | pa.StringArray,
    ids: pl.Series | pa.StringArray | None,
    threshold: float,
    *,
    order: pl.Series | None,
    num_perm: int,
    ngram: int,
    seed: int,
) -> _Comparison:
    checked_threshold(threshold)
    series = as_series(texts)
    names = _checked_ids(ids, len(series))
    ranks = _ranks(names, order)
    series, names = series.gather(ranks), names.gather(ranks)
    first = first_rows(content_hashes(series))
    copies = np.flatnonzero(first != np.arange(len(first)))
    sketches = signatures(series, num_perm, ngram, seed)
    # Texts without a shingle, and copies of an earlier text, need no comparison.
    compared = np.setdiff1d(np.flatnonzero((sketches != EMPTY).any(axis=1)), copies)
    sets = _shingle_sets(series.gather(compared), ngram)

    def similarity(left: Indices, right: Indices) -> Scores:
        return np.array([_jaccard(sets[a], sets[b]) for a, b in zip(left, right, strict=True)], dtype=np.float64)

    left, right, jaccard = links(bands(sketches[compared], *banding(threshold, num_perm)), similarity, threshold)
    return _Comparison(
        ids=names,
        input_rows=ranks,
        left=np.concatenate([first[copies], compared[left]]),
        right=np.concatenate([copies, compared[right]]),
        jaccard=np.concatenate([np.ones(len(copies)), jaccard]),
    )


def _checked_ids(ids: pl.Series | pa.StringArray | None, count: int) -> pl.Series:
    if ids is None:
        return pl.Series("id", range(count), dtype=pl.Int64)
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


def _shingle_sets(texts: pl.Series, ngram: int) -> list[Hashes]:
    """The distinct shingles of each text, sorted."""
    sets: list[Hashes] = []
    for _, block in blocks(texts):
        hashes, first = shingles(block, ngram)
        sets.extend(np.unique(part) for part in np.split(hashes, first[1:-1]))
    return sets


def _jaccard(a: Hashes, b: Hashes) -> float:
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common)
