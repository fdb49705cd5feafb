"""Which documents are duplicates of each other, kept up to date: new ones are compared with all that came before.

The index says of each document that was compared which group it is in: groups are what equal content and links
between near duplicates connect (see `verifying`). Signals hold the bands and sketches, documents the texts. An update
compares, block by block, the documents that are new or changed with each other and with those before, of which
only those that share a band are held and only those that agree are read. Where a document is gone, the rest of its
group is compared anew, since it may have held them together. So an update gives what a full comparison would: both
find the same links, whatever the order and the size of blocks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from parlance.dedup.linking import Grouped, components, first_rows, groups, members, portions
from parlance.dedup.minhash import NGRAM, Signatures, checked_threshold, least_agreement
from parlance.dedup.probing import Keys
from parlance.dedup.tokens import Indices, Texts
from parlance.errors import SchemaError
from parlance.storage import stream

IDENTITY = ["id", "source", "partition"]
NEEDED = [*IDENTITY, "characters", "content_hash", "signature", "bands"]
# A document of a block has 712 bytes of sketch and bands, and as much again while they are read.
BLOCK_ROWS = 250_000
BATCH_ROWS = 32_768
CHARACTERS_AT_ONCE = 100_000_000

ReadTexts = Callable[[pl.DataFrame], pl.Series]


@dataclass(frozen=True, kw_only=True)
class Comparing:
    """How documents are compared. `texts` gives the texts of rows (`id`, `source`, `partition`) in their order.

    It is asked for candidates only, some 100 MB at a time, and null for those that are gone. Without it sketches alone
    decide. `block_rows` documents are compared at once with all others: they need some 1.5 kB of memory each.
    """

    threshold: float
    texts: ReadTexts | None = None
    block_rows: int = BLOCK_ROWS
    threads: int | None = None


@dataclass
class Updated:
    """The index after an update, a row for each document in the order of the signals, and what the update did."""

    index: pl.DataFrame
    counts: dict[str, int] = field(default_factory=dict)


def updated(signals: pl.LazyFrame, index: pl.DataFrame | None, how: Comparing) -> Updated:
    """`index` (columns id, source, partition, content_hash, fingerprint, group; null: none yet) brought to `signals`.

    `group` is an equal number for documents that belong together, another in each update. The rows of `signals` must
    come in the same order each time they are read.
    """
    checked_threshold(how.threshold)
    missing = [name for name in NEEDED if name not in signals.collect_schema().names()]
    if missing:
        raise SchemaError(f"signals lack columns {missing}; needed: {NEEDED}")
    present = _present(signals)
    parents, is_fresh, gone = _before(present, index)
    counts = {"new": int(is_fresh.sum()), "gone": gone, "compared": 0, "read": 0, "cut_short": 0}
    parents = components(len(parents), *_links(parents, first_rows(present["content_hash"])))
    # Of copies to the letter one stands for all: an old one where there is one.
    order = np.argsort(is_fresh, kind="stable")
    standing = order[first_rows(present[order].select(pl.struct("content_hash", "fingerprint")).to_series())]
    stands = np.zeros(len(present), np.bool_)
    stands[standing] = present["has_words"].to_numpy()[standing]
    waiting = np.flatnonzero(stands & is_fresh)
    done = stands & ~is_fresh
    for start in range(0, len(waiting), how.block_rows):
        block = waiting[start : start + how.block_rows]
        parents = _compared(signals, present, parents, block=block, done=done, how=how, counts=counts)
        done[block] = True
    found = present.select(*IDENTITY, "content_hash", "fingerprint", group=pl.Series(parents, dtype=pl.Int64))
    return Updated(found, counts)


def _present(signals: pl.LazyFrame) -> pl.DataFrame:
    """The documents there are, without sketches. `fingerprint` tells whether a document's sketch is another."""
    frames = [
        frame.select(
            *IDENTITY,
            "characters",
            "content_hash",
            fingerprint=_fingerprints(frame["bands"]),
            has_words=pl.col("bands").is_not_null(),
        )
        for frame in stream(signals.select(*IDENTITY, "characters", "content_hash", "bands"), rows=BATCH_ROWS)
    ]
    empty = {"characters": pl.Int64, "fingerprint": pl.Int64, "has_words": pl.Boolean}
    schema = {name: empty.get(name, pl.String) for name in (*IDENTITY, "characters", "content_hash", *empty)}
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)


def _fingerprints(bands: pl.Series) -> pl.Series:
    """The sum of each row's bands, 0 without any."""
    found = np.zeros(len(bands), np.int64)
    rows = np.flatnonzero(bands.is_not_null().to_numpy())
    with np.errstate(over="ignore"):
        found[rows] = _bands(bands.gather(rows)).view(np.int64).sum(axis=1)
    return pl.Series(found)


def _before(present: pl.DataFrame, index: pl.DataFrame | None) -> tuple[Indices, npt.NDArray[np.bool_], int]:
    """The first row of each row's group, whether it is to be compared, and how many documents are gone."""
    rows = np.arange(len(present))
    if index is None or index.is_empty():
        return rows, np.ones(len(rows), np.bool_), 0
    same = [*IDENTITY, "content_hash", "fingerprint"]
    gone = index.join(present, on=same, how="anti")
    known = present.join(index.select(*same, "group"), on=same, how="left", maintain_order="left")["group"]
    known = pl.select(pl.when(known.is_in(gone["group"].unique().implode())).then(None).otherwise(known)).to_series()
    is_fresh = known.is_null().to_numpy()
    old = np.flatnonzero(~is_fresh)
    parents = rows.copy()
    parents[old] = old[first_rows(known.gather(old))]
    return parents, is_fresh, len(gone)


def _links(*parents: Indices) -> tuple[Indices, Indices]:
    return np.concatenate(parents), np.tile(np.arange(len(parents[0])), len(parents))


def _compared(
    signals: pl.LazyFrame,
    present: pl.DataFrame,
    parents: Indices,
    *,
    block: Indices,
    done: npt.NDArray[np.bool_],
    how: Comparing,
    counts: dict[str, int],
) -> Indices:
    """`parents` after the rows of `block` were compared with each other and with those that are `done`."""
    new = _collected(signals, present, block)
    old = _sharing(signals, done, new) if done.any() else new.none()
    both = old.followed_by(new)
    width = both.sketches.shape[1]
    least = least_agreement if how.texts else _whole_share
    agreeing = least(how.threshold, width)
    found, cut = groups(both.sketches, both.bands, agreeing, known=len(old.rows), threads=how.threads)
    counts["compared"] += len(old.rows)
    counts["cut_short"] += cut
    if how.texts is None:
        return components(len(parents), *_links(parents, _global(found, both.rows, len(parents))))
    rows, edges = members(found, known=len(old.rows))
    counts["read"] += len(rows)
    local = first_rows(pl.Series(parents[both.rows])) if len(both.rows) else both.rows
    for first, last in portions(present["characters"].to_numpy()[both.rows[rows]], edges, CHARACTERS_AT_ONCE):
        part = slice(edges[first], edges[last])
        bodies = how.texts(present.select(IDENTITY)[both.rows[rows[part]]])
        counts["cut_short"] += Grouped(
            texts=Texts(bodies),
            texts_of=np.arange(len(bodies)),
            sketches=both.sketches,
            bands=both.bands,
            rows=rows[part],
            edges=edges[first : last + 1] - edges[first],
            ngram=NGRAM,
            threshold=how.threshold,
            threads=how.threads,
            known=len(old.rows),
        ).join(local)
    return components(len(parents), *_links(parents, _global(local, both.rows, len(parents))))


def _whole_share(threshold: float, num_perm: int) -> int:
    """How many values agree at least where the sketches alone decide."""
    return int(np.ceil(threshold * num_perm))


def _global(local: Indices, rows: Indices, count: int) -> Indices:
    """For each of `count` rows one that it is connected to, from what `local` says of `rows`."""
    found = np.arange(count)
    found[rows] = rows[local]
    return found


@dataclass(frozen=True, kw_only=True)
class _Sketches:
    """Rows with their sketches, `(rows, num_perm) uint32`, and bands, `(rows, bands) uint64`."""

    rows: Indices
    sketches: Signatures
    bands: npt.NDArray[np.uint64]

    def none(self) -> "_Sketches":
        return _Sketches(rows=self.rows[:0], sketches=self.sketches[:0], bands=self.bands[:0])

    def followed_by(self, other: "_Sketches") -> "_Sketches":
        return other if not len(self.rows) else _stacked([self, other])


def _stacked(parts: list[_Sketches]) -> _Sketches:
    parts = [part for part in parts if len(part.rows)] or parts[:1]
    widths = {(part.sketches.shape[1], part.bands.shape[1]) for part in parts}
    if len(widths) > 1:
        raise SchemaError(f"signatures must all have one length and number of bands; got {sorted(widths)}")
    return _Sketches(
        rows=np.concatenate([part.rows for part in parts]),
        sketches=np.concatenate([part.sketches for part in parts]),
        bands=np.concatenate([part.bands for part in parts]),
    )


def _collected(signals: pl.LazyFrame, present: pl.DataFrame, rows: Indices) -> _Sketches:
    """The sketches of `rows`, read from their partitions alone."""
    inside = present["partition"].is_in(present["partition"].gather(rows).unique().implode())
    numbers = np.flatnonzero(inside.to_numpy())
    wanted = np.zeros(len(present), np.bool_)
    wanted[rows] = True
    frame = signals.filter(pl.col("partition").is_in(present["partition"].gather(rows).unique().to_list()))
    return _stacked([_of(part, places) for part, places in _numbered(frame, numbers, wanted)])


def _sharing(signals: pl.LazyFrame, done: npt.NDArray[np.bool_], new: _Sketches) -> _Sketches:
    """The sketches of the rows `done` that share a band with `new`."""
    keys, parts = Keys(new.bands), [new.none()]
    for frame, places in _numbered(signals, np.arange(len(done)), done):
        shared = keys.shared_by(_bands(frame["bands"]))
        parts.append(_of(frame.filter(pl.Series(shared)), places[shared]))
    return _stacked(parts)


def _numbered(
    signals: pl.LazyFrame, numbers: Indices, wanted: npt.NDArray[np.bool_]
) -> Iterator[tuple[pl.DataFrame, Indices]]:
    """The wanted rows' signatures and bands, read in parts, with their numbers."""
    begun = 0
    for frame in stream(signals.select("signature", "bands"), rows=BATCH_ROWS):
        rows = numbers[begun : begun + len(frame)]
        begun += len(frame)
        if wanted[rows].any():
            yield frame.filter(pl.Series(wanted[rows])), rows[wanted[rows]]
    if begun != len(numbers):
        raise SchemaError(f"signals have {begun} rows when they are read again, {len(numbers)} at first")


def _of(frame: pl.DataFrame, rows: Indices) -> _Sketches:
    return _Sketches(rows=rows, sketches=unpacked(frame["signature"]), bands=_bands(frame["bands"]))


def unpacked(blobs: pl.Series) -> Signatures:
    """`(rows, num_perm) uint32` from little-endian bytes; all must have the same length."""
    sizes = blobs.bin.size().unique().to_list()
    if len(sizes) > 1 or any(size is None or size % 4 for size in sizes):
        raise SchemaError(f"signatures must all have one length, a multiple of 4 bytes; got lengths {sizes}")
    array = blobs.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    if not sizes:
        return np.empty((0, 0), np.uint32)
    _, offsets, data = array.buffers()
    start = int(np.frombuffer(offsets, np.int64)[array.offset])
    values = np.frombuffer(data, "<u4", count=len(blobs) * sizes[0] // 4, offset=start)
    return values.reshape(len(blobs), -1)


def _bands(lists: pl.Series) -> npt.NDArray[np.uint64]:
    """`(rows, bands) uint64`; every row needs them, of the same number."""
    widths = lists.list.len().unique().to_list()
    if len(widths) > 1 or None in widths:
        raise SchemaError(f"every row with a signature needs bands, all of the same number; got {widths}")
    values: Any = lists.explode().to_numpy()
    return np.ascontiguousarray(values).view(np.uint64).reshape(len(lists), widths[0] if widths else 0)
