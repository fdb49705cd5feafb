"""The kept documents of a lane in chunks with their embeddings; what was embedded before is not embedded again."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from parlance import embedding, schemas
from parlance.lake import Lake
from parlance.storage import Pending, Written, record_batches, stream

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from parlance.embedding.known import Known

DOCUMENTS_AT_ONCE = 1024
CHUNKS_AT_ONCE = 4096  # a minute's work of two cores
# A crash costs what was embedded since the last shard.
SHARD_S = 30.0
SHARD_CHUNKS = 65_536


@dataclass(kw_only=True)
class Embedded:
    """What one materialisation did: chunks, those whose vectors were there, of these those that a crash had left."""

    written: Written
    chunks: int = 0
    reused: int = 0
    resumed: int = 0

    @property
    def hit_rate(self) -> float | None:
        """The share of chunks that were not embedded again; null without chunks."""
        return self.reused / self.chunks if self.chunks else None


def write_embeddings(
    lake: Lake, lane: str, model: str, partitions: Sequence[str], *, shard_s: float = SHARD_S
) -> Embedded:
    """The kept documents of `partitions` in chunks, each with its embedding by `model`.

    Vectors of chunks that the partitions have already, made by the same version of the model, are taken from
    there, and after a crash from the shards that it left: one each `shard_s` seconds. Chunks are cut ahead of the
    model, in a thread.
    """
    from parlance.embedding import weights
    from parlance.embedding.known import Known

    table, pending = lake.table(f"{lane}/embeddings"), lake.pending(f"{lane}/embeddings", partitions)
    version, done = embedding.version(model), Embedded(written=Written(version=0, rows=0, size_bytes=0))
    of_version, columns = pl.col("model_version") == version, ("id", "vector")
    before = stream(table.scan(partitions).filter(of_version).select(columns))
    left = (frame.filter(of_version).select(columns) for frame in pending.rows())
    with Known(_counted(left, before, done), dimension=weights.dimension(weights.locate(model))) as known:

        def rows() -> Iterator[pa.RecordBatch]:
            shards = _Shards(pending, version, every_s=shard_s)
            for pieces in _cut(lake, lane, model, partitions):
                vectors = _vectors(pieces, model, known, shards, done)
                frame = pieces.with_columns(
                    model=pl.lit(model), model_version=pl.lit(version), vector=pl.Series(vectors).arr.to_list()
                )
                yield from record_batches(frame, schemas.EMBEDDINGS)

        done.written = table.replace(rows(), partitions)
    pending.clear()
    return done


def _counted(left: Iterable[pl.DataFrame], before: Iterable[pl.DataFrame], done: Embedded) -> Iterator[pl.DataFrame]:
    for frame in left:
        done.resumed += frame.height
        yield frame
    yield from before


def _cut(lake: Lake, lane: str, model: str, partitions: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Chunks with source and partition, of some documents at a time, made ahead of who embeds them."""
    from parlance.embedding.ahead import ahead

    def pieces() -> Iterator[pl.DataFrame]:
        for kept in lake.table(f"{lane}/kept").batches(partitions, rows=DOCUMENTS_AT_ONCE):
            cut = embedding.chunks(kept.select("id", "text"), model=model)
            places = kept.select("source", "partition", document_id="id")
            yield cut.join(places, on="document_id", how="left", maintain_order="left")

    return ahead(pieces())


def _vectors(
    pieces: pl.DataFrame, model: str, known: "Known", shards: "_Shards", done: Embedded
) -> "npt.NDArray[np.float32]":
    """The vector of each chunk, known or made now: (chunks, dimension)."""
    import numpy as np

    places, found = known.find(pieces["id"])
    new = np.setdiff1d(np.arange(pieces.height), places)
    done.chunks += pieces.height
    done.reused += len(places)
    vectors = np.empty((pieces.height, found.shape[1]), np.float32)
    vectors[places] = found
    for first in range(0, len(new), CHUNKS_AT_ONCE):
        part = new[first : first + CHUNKS_AT_ONCE]
        vectors[part] = embedding.embed(pieces["text"].gather(part), model=model)
        shards.add(pieces.select("id", "partition")[part], vectors[part])
    return vectors


class _Shards:
    """What was embedded since the last shard, written to `pending` when `every_s` seconds have passed."""

    def __init__(self, pending: Pending, version: str, *, every_s: float) -> None:
        self._pending, self._version, self._every_s = pending, version, every_s
        self._waiting: list[pl.DataFrame] = []
        self._since = time.monotonic()

    def add(self, chunks: pl.DataFrame, vectors: "npt.NDArray[np.float32]") -> None:
        """`chunks` (id and partition) with their vectors."""
        made = pl.Series(vectors).arr.to_list()
        self._waiting.append(chunks.with_columns(model_version=pl.lit(self._version), vector=made))
        held = sum(frame.height for frame in self._waiting)
        if held >= SHARD_CHUNKS or time.monotonic() - self._since >= self._every_s:
            self._pending.add(pl.concat(self._waiting))
            self._waiting.clear()
            self._since = time.monotonic()
