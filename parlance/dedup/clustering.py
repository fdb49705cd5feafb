"""Duplicates over the signals of all lanes: the only global step; it reads no text."""

import numpy as np
import polars as pl

from parlance.dedup import verifying
from parlance.dedup.linking import Scores, components, first_rows
from parlance.dedup.minhash import Signatures, checked_threshold
from parlance.dedup.tokens import Indices
from parlance.errors import SchemaError

COLUMNS = ["id", "source", "created_at", "content_hash", "signature", "bands", "partition"]
PAIRS_AT_ONCE = 65_536


def clusters(signals: pl.LazyFrame, *, threshold: float = 0.8, eligible: pl.Expr | None = None) -> pl.DataFrame:
    """`DUPLICATES` rows: the members of every cluster of two or more, by cluster, survivor first.

    Equal `content_hash` makes exact duplicates. Rows that share a band and whose signatures agree in at
    least `threshold` of their values are near duplicates; a cluster is what such links connect, so a
    member's `jaccard` (its sketch's estimate against the survivor) can lie below the threshold.

    The survivor is the first by: `eligible` (a boolean expression over `signals`; null counts as false),
    then `created_at` with unknown times last, then id. So a cluster never loses its only copy
    that passes the rules. Its own row has `keep`, kind `exact`, and no `matched_id` or `jaccard`.
    The result does not depend on the order of rows.

    The bands of `signals` are cut for 0.8: at 0.7 they miss one pair in a hundred, at 0.6 one in eight.
    """
    checked_threshold(threshold)
    ranked = _ranked(signals, eligible)
    heads = first_rows(ranked["content_hash"])
    sketched = np.flatnonzero((heads == np.arange(len(heads))) & ranked["signature"].is_not_null().to_numpy())
    sketches = _stacked(ranked["signature"].gather(sketched))
    near_heads = sketched[_near(sketches, ranked["bands"].gather(sketched), threshold)]
    head_of = np.arange(len(heads))
    head_of[sketched] = near_heads
    return _table(ranked, heads=heads, survivors=head_of[heads])


def _ranked(signals: pl.LazyFrame, eligible: pl.Expr | None) -> pl.DataFrame:
    """The columns that matter, in the order in which rows survive."""
    missing = [name for name in COLUMNS if name not in signals.collect_schema().names()]
    if missing:
        raise SchemaError(f"signals lack columns {missing}; needed: {COLUMNS}")
    passes = pl.lit(True) if eligible is None else eligible.fill_null(False)
    keys = ["_fails", "created_at", "id", "source", "partition"]
    rows = signals.select(*COLUMNS, (~passes).alias("_fails"))
    return rows.sort(keys, nulls_last=True).collect()


def _stacked(blobs: pl.Series) -> Signatures:
    """`(rows, num_perm) uint32` from little-endian bytes; all must have the same length."""
    sizes = blobs.bin.size().unique().to_list()
    if len(sizes) > 1 or any(size % 4 for size in sizes):
        raise SchemaError(f"signatures must all have one length, a multiple of 4 bytes; got lengths {sorted(sizes)}")
    return np.frombuffer(b"".join(blobs), dtype="<u4").reshape(len(blobs), -1 if sizes else 0)


def _near(sketches: Signatures, band_lists: pl.Series, threshold: float) -> Indices:
    """For each sketch the first one that near links connect it to."""
    if not len(sketches):
        return np.empty(0, np.int64)
    if band_lists.null_count() or band_lists.list.len().n_unique() > 1:
        raise SchemaError("every row with a signature needs bands, all of the same number")
    # Equal sketches need no comparison, and most of a huge bucket is one boilerplate text.
    distinct, group = np.unique(sketches, axis=0, return_inverse=True)
    first = np.full(len(distinct), len(sketches))
    np.minimum.at(first, group, np.arange(len(sketches)))
    kept = np.sort(first)
    bands = band_lists.gather(kept).explode().to_numpy().reshape(len(kept), -1).view(np.uint64)
    agreeing = int(np.ceil(threshold * sketches.shape[1]))
    left, right, _ = verifying.candidates(sketches[kept], bands, 0, bands.shape[1], agreeing)
    joined = components(len(kept), left, right)
    return kept[joined][np.searchsorted(kept, first[group])]


def _agreement(sketches: Signatures, left: Indices, right: Indices) -> Scores:
    """Share of equal values of each pair: the sketches' estimate of Jaccard."""
    scores = np.empty(len(left), dtype=np.float64)
    for start in range(0, len(left), PAIRS_AT_ONCE):
        part = slice(start, start + PAIRS_AT_ONCE)
        scores[part] = (sketches[left[part]] == sketches[right[part]]).mean(axis=1)
    return scores


def _table(ranked: pl.DataFrame, *, heads: Indices, survivors: Indices) -> pl.DataFrame:
    rows = np.arange(len(survivors))
    members = np.flatnonzero(np.bincount(survivors, minlength=len(rows))[survivors] > 1)
    members = members[np.lexsort((members, survivors[members]))]
    survivor = survivors[members]
    keep = members == survivor
    exact = heads[members] == survivor
    near = np.flatnonzero(~exact)
    sketches = _stacked(ranked["signature"].gather(np.concatenate([members[near], survivor[near]])))
    jaccard = np.where(exact, 1.0, 0.0)
    jaccard[near] = _agreement(sketches, np.arange(len(near)), np.arange(len(near)) + len(near))
    identity = ranked["id"].gather(survivor)
    return pl.DataFrame(
        {
            "id": ranked["id"].gather(members),
            "source": ranked["source"].gather(members),
            "cluster": identity,
            "keep": keep,
            "kind": pl.Series(exact).replace_strict({True: "exact", False: "near"}, return_dtype=pl.String),
            "matched_id": identity,
            "jaccard": jaccard,
            "document_partition": ranked["partition"].gather(members),
        }
    ).with_columns(pl.when(~pl.col("keep")).then(pl.col("matched_id", "jaccard")))
