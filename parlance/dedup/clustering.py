"""Duplicates over the signals of all lanes: the only global step; of texts it reads the candidates' alone."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from parlance.dedup import verifying
from parlance.dedup.linking import Scores, components, first_rows
from parlance.dedup.minhash import NGRAM, Signatures, checked_threshold, least_agreement
from parlance.dedup.tokens import Indices, Texts
from parlance.errors import SchemaError

COLUMNS = ["id", "source", "created_at", "characters", "content_hash", "signature", "bands", "partition"]
PAIRS_AT_ONCE = 65_536
CHARACTERS_AT_ONCE = 100_000_000

ReadTexts = Callable[[pl.DataFrame], pl.Series]
Confirm = Callable[[Indices, Indices], npt.NDArray[np.bool_]]


def clusters(
    signals: pl.LazyFrame, *, threshold: float = 0.8, eligible: pl.Expr | None = None, texts: ReadTexts | None = None
) -> pl.DataFrame:
    """`DUPLICATES` rows: the members of every cluster of two or more, by cluster, survivor first.

    Equal `content_hash` makes exact duplicates. Rows that share a band, whose signatures nearly agree in `threshold`
    of their values and whose texts have at least that exact Jaccard are near duplicates; a cluster is what such links
    connect, so a member's `jaccard` (its sketch's estimate against the survivor) can lie below the threshold.
    `texts` gives the texts of rows (`id`, `source`, `partition`) in their order; it is asked for candidates only, some
    100 MB at a time. Without it the signatures alone decide.

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
    confirm = None if texts is None else _confirming(ranked[sketched], texts, threshold)
    near_heads = sketched[_near(sketches, ranked["bands"].gather(sketched), threshold, confirm)]
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


def _confirming(rows: pl.DataFrame, texts: ReadTexts, threshold: float) -> Confirm:
    """A function that tells which pairs of `rows` have texts of the exact Jaccard."""
    sizes = rows["characters"].to_numpy()

    def confirm(left: Indices, right: Indices) -> npt.NDArray[np.bool_]:
        confirmed = np.zeros(len(left), np.bool_)
        for part in _portions(left, right, sizes):
            members, places = np.unique(np.concatenate([left[part], right[part]]), return_inverse=True)
            bodies = texts(rows.select("id", "source", "partition")[members])
            found = verifying.verified(
                *Texts(bodies).arrays, NGRAM, places[: len(places) // 2], places[len(places) // 2 :], threshold, True
            )
            confirmed[part] = found >= threshold
        return confirmed

    return confirm


def _portions(left: Indices, right: Indices, sizes: Indices) -> Iterator[slice]:
    """Consecutive pairs whose texts have some 100 million characters together."""
    begun, held, total = 0, set[int](), 0
    for place, pair in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        for row in set(pair) - held:
            held.add(row)
            total += int(sizes[row])
        if total > CHARACTERS_AT_ONCE:
            yield slice(begun, place + 1)
            begun, held, total = place + 1, set(), 0
    if begun < len(left):
        yield slice(begun, len(left))


def _near(sketches: Signatures, band_lists: pl.Series, threshold: float, confirm: Confirm | None) -> Indices:
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
    agreeing = least_agreement(threshold, sketches.shape[1]) if confirm else int(np.ceil(threshold * sketches.shape[1]))
    left, right, _ = verifying.candidates(sketches[kept], bands, 0, bands.shape[1], agreeing)
    if confirm is not None:
        order = np.lexsort((right, left, components(len(kept), left, right)[left]))
        left, right = left[order], right[order]
        is_near = confirm(kept[left], kept[right])
        left, right = left[is_near], right[is_near]
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
