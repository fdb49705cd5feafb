"""Near duplicates among more texts than fit in memory: they are read twice, and only candidates are held."""

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl
import pyarrow as pa

from parlance.dedup.comparing import Strings
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
from parlance.dedup.tokens import Indices, Texts, as_series
from parlance.errors import ConfigError


def near_duplicates_in(
    read: Callable[[], Iterable[Strings]],
    threshold: float = 0.8,
    *,
    num_perm: int = NUM_PERM,
    ngram: int = NGRAM,
    seed: int = SEED,
    threads: int | None = None,
) -> pl.DataFrame:
    """As `near_duplicates` of all the parts that `read` gives one after the other, by row number and without ids.

    `read` is called twice and must give the same both times, else ConfigError. Held are a part, the signatures
    (4 * `num_perm` bytes a text, and 200 for its bands) and the texts of candidates.
    """
    checked_threshold(threshold)
    sketches, hashes = [np.empty((0, num_perm), np.uint32)], [pl.Series([], dtype=pl.String)]
    for part in read():
        found = sketched(Texts(part), num_perm, ngram, seed, threads=threads)
        hashes.append(content_hashes(as_series(part).gather(np.flatnonzero(found[:, 0] == EMPTY))))
        sketches.append(found)
    sizes = [len(one) for one in sketches[1:]]
    every = np.concatenate(sketches)
    sketches.clear()
    keys = bands(every, *banding(threshold, num_perm)).view(np.uint64)
    rows, edges = members(groups(every, keys, least_agreement(threshold, num_perm), threads=threads))
    held = np.sort(rows)
    grouped = Grouped(
        texts=Texts(_gathered(read(), sizes, held)),
        texts_of=np.searchsorted(held, rows),
        sketches=every,
        bands=keys,
        rows=rows,
        edges=edges,
        ngram=ngram,
        threshold=threshold,
        threads=threads,
    )
    parents = np.arange(len(every))
    grouped.join(parents)
    silent = np.flatnonzero(every[:, 0] == EMPTY)
    first = silent[first_rows(pl.concat(hashes))] if len(silent) else silent
    everyone = np.arange(len(every))
    cluster = components(len(every), np.concatenate([parents, first]), np.concatenate([everyone, silent]))
    return pl.DataFrame({"row": everyone, "cluster": cluster, "keep": cluster == everyone})


def _gathered(parts: Iterable[Strings], sizes: list[int], members: Indices) -> pa.LargeStringArray:
    """The texts of the rows `members`, in their order."""
    begun, taken = 0, [pa.array([], pa.large_string())]
    for number, part in enumerate(parts):
        if number >= len(sizes) or len(part) != sizes[number]:
            raise ConfigError(f"part {number} has {len(part)} texts when it is read again; it must be the same twice")
        rows = members[np.searchsorted(members, begun) : np.searchsorted(members, begun + len(part))] - begun
        array = part.to_arrow() if isinstance(part, pl.Series) else part
        taken.append(array.take(pa.array(rows)).cast(pa.large_string()))
        begun += len(part)
    if begun != sum(sizes):
        raise ConfigError(f"there are {begun} texts when they are read again, {sum(sizes)} at first")
    return pa.concat_arrays(taken)
