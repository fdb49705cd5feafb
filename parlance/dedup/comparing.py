"""Near duplicates among texts at hand, verified by their exact Jaccard similarity."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa

from parlance.dedup.linking import Grouped, components, first_rows, groups, members
from parlance.dedup.minhash import (
    NGRAM,
    NUM_PERM,
    SEED,
    banding,
    bands,
    checked_threshold,
    content_hashes,
    least_agreement,
    sketched,
)
from parlance.dedup.sketching import EMPTY
from parlance.dedup.tokens import Indices, Texts, Unit, as_series
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
    unit: Unit = "word",
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
    found = _sketched(
        texts, ids, threshold, order=order, num_perm=num_perm, ngram=ngram, seed=seed, unit=unit, threads=threads
    )
    parents = np.arange(len(found.ids))
    found.grouped.join(parents)
    first, copies = found.copies
    everyone = np.arange(len(parents))
    survivors = components(len(parents), np.concatenate([parents, first]), np.concatenate([everyone, copies]))
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
    unit: Unit = "word",
    threads: int | None = None,
) -> pl.DataFrame:
    """All links behind `near_duplicates`: `left`, `right` (ids, the survivor's order) and their exact `jaccard`."""
    found = _sketched(
        texts, ids, threshold, order=order, num_perm=num_perm, ngram=ngram, seed=seed, unit=unit, threads=threads
    )
    left, right, jaccard = found.grouped.links()
    first, copies = found.copies
    return pl.DataFrame(
        {
            "left": found.ids.gather(np.concatenate([left, first])),
            "right": found.ids.gather(np.concatenate([right, copies])),
            "jaccard": np.concatenate([jaccard, np.ones(len(copies))]),
        }
    )


@dataclass(frozen=True, kw_only=True)
class _Sketched:
    """Texts in survivors' order: their ids, the input row of each, their groups, and copies that have no word."""

    ids: pl.Series
    input_rows: Indices
    grouped: Grouped
    copies: tuple[Indices, Indices]


def _sketched(
    texts: Strings,
    ids: pl.Series | pa.StringArray | None,
    threshold: float,
    *,
    order: pl.Series | None,
    num_perm: int,
    ngram: int,
    seed: int,
    unit: Unit,
    threads: int | None,
) -> _Sketched:
    checked_threshold(threshold)
    names = _checked_ids(ids, len(texts))
    ranks = _ranks(names, order)
    if order is not None:
        texts, names = as_series(texts).gather(ranks), names.gather(ranks)
    bytes_of_texts = Texts(texts, unit)
    sketches = sketched(bytes_of_texts, num_perm, ngram, seed, threads=threads)
    keys = bands(sketches, *banding(threshold, num_perm)).view(np.uint64)
    group, _ = groups(sketches, keys, least_agreement(threshold, num_perm), threads=threads)
    rows, edges = members(group)
    grouped = Grouped(
        texts=bytes_of_texts,
        texts_of=rows,
        sketches=sketches,
        bands=keys,
        rows=rows,
        edges=edges,
        ngram=ngram,
        threshold=threshold,
        threads=threads,
    )
    copies = copies_without_words(texts, np.flatnonzero(sketches[:, 0] == EMPTY))
    return _Sketched(ids=names, input_rows=ranks, grouped=grouped, copies=copies)


def copies_without_words(texts: Strings, rows: Indices) -> tuple[Indices, Indices]:
    """The first of the texts `rows`, which have no word to be compared by, that each equals, and the other itself."""
    first = rows[first_rows(content_hashes(as_series(texts).gather(rows)))] if len(rows) else rows
    copies = first != rows
    return first[copies], rows[copies]


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
