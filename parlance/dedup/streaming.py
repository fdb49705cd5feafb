"""Near duplicates among more texts than fit in memory: each is read once and waits in a file until it is needed."""

import mmap
import tempfile
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa

from parlance.dedup.comparing import Strings
from parlance.dedup.linking import Grouped, components, first_rows, groups, members, portions
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
from parlance.dedup.tokens import Indices, Texts, Unit, as_series, buffers

BYTES_AT_ONCE = 64_000_000


def near_duplicates_in(
    parts: Iterable[Strings],
    threshold: float = 0.8,
    *,
    kept: Callable[[Iterator[pa.LargeStringArray]], None] | None = None,
    num_perm: int = NUM_PERM,
    ngram: int = NGRAM,
    seed: int = SEED,
    unit: Unit = "word",
    threads: int | None = None,
) -> pl.DataFrame:
    """As `near_duplicates` of all `parts` one after the other, by row number and without ids.

    `kept` is called with the texts that survive, in order and in parts of some 64 MB. In memory are a part, 64 MB of
    texts and 800 bytes for each text; the texts wait in a temporary file, for which `TMPDIR` names the folder.

    >>> parts, survivors = [pl.Series(["to be or not to be"]), pl.Series(["To be, or not to be!", "that is"])], []
    >>> near_duplicates_in(parts, kept=survivors.extend)["keep"].to_list()
    [True, False, True]
    >>> [text for part in survivors for text in part.to_pylist()]
    ['to be or not to be', 'that is']
    """
    with _Spooled() as texts:
        cluster = _clusters(
            texts, parts, threshold, num_perm=num_perm, ngram=ngram, seed=seed, unit=unit, threads=threads
        )
        rows = np.arange(len(cluster))
        if kept is not None:
            kept(texts.parts(np.flatnonzero(cluster == rows)))
    return pl.DataFrame({"row": rows, "cluster": cluster, "keep": cluster == rows})


def _clusters(
    texts: "_Spooled",
    parts: Iterable[Strings],
    threshold: float,
    *,
    num_perm: int,
    ngram: int,
    seed: int,
    unit: Unit,
    threads: int | None,
) -> Indices:
    """The first row of each row's cluster; `texts` is filled with `parts`."""
    checked_threshold(threshold)
    sketches, hashes = [np.empty((0, num_perm), np.uint32)], [pl.Series([], dtype=pl.String)]
    for part in parts:
        texts.add(part)
        found = sketched(Texts(part, unit), num_perm, ngram, seed, threads=threads)
        hashes.append(content_hashes(as_series(part).gather(np.flatnonzero(found[:, 0] == EMPTY))))
        sketches.append(found)
    every = np.concatenate(sketches)
    sketches.clear()
    keys = bands(every, *banding(threshold, num_perm)).view(np.uint64)
    group, _ = groups(every, keys, least_agreement(threshold, num_perm), threads=threads)
    rows, edges = members(group)
    parents = np.arange(len(every))
    for first, last in portions(texts.sizes(rows), edges, BYTES_AT_ONCE):
        inside = rows[edges[first] : edges[last]]
        Grouped(
            texts=Texts(texts.take(inside), unit),
            texts_of=np.arange(len(inside)),
            sketches=every,
            bands=keys,
            rows=inside,
            edges=edges[first : last + 1] - edges[first],
            ngram=ngram,
            threshold=threshold,
            threads=threads,
        ).join(parents)
    silent = np.flatnonzero(every[:, 0] == EMPTY)
    first_silent = silent[first_rows(pl.concat(hashes))] if len(silent) else silent
    everyone = np.arange(len(every))
    return components(len(every), np.concatenate([parents, first_silent]), np.concatenate([everyone, silent]))


class _Spooled:
    """Texts in a temporary file, of which any can be read again."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="parlance-texts-")  # noqa: SIM115 - closed in __exit__
        self._ends = [np.zeros(1, np.int64)]
        self._size_bytes = 0
        self._offsets: Indices | None = None
        self._map: mmap.mmap | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, texts: Strings) -> None:
        data, offsets = buffers(texts)
        self._file.write(data[offsets[0] : offsets[-1]].data)
        self._ends.append(offsets[1:] - offsets[0] + self._size_bytes)
        self._size_bytes += int(offsets[-1] - offsets[0])

    def sizes(self, rows: Indices) -> Indices:
        """The bytes of each of `rows`."""
        found: Indices = np.diff(self._places())[rows]
        return found

    def take(self, rows: Indices) -> pa.LargeStringArray:
        """The texts of `rows`."""
        offsets = self._places()
        if self._map is None and self._size_bytes:
            self._file.flush()
            self._map = mmap.mmap(self._file.fileno(), 0, prot=mmap.PROT_READ)
        data = pa.py_buffer(self._map if self._map is not None else b"")
        every = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), data)
        taken = every.take(pa.array(rows))
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)  # else the whole file would count as this process' memory
        return taken

    def parts(self, rows: Indices) -> Iterator[pa.LargeStringArray]:
        """The texts of `rows`, some megabytes at a time."""
        for first, last in portions(self.sizes(rows), np.arange(len(rows) + 1), BYTES_AT_ONCE):
            yield self.take(rows[first:last])

    def _places(self) -> Indices:
        if self._offsets is None:
            self._offsets = np.concatenate(self._ends)
        return self._offsets
