"""Kept documents that say the same: one vector for each, on disk, and the clusters that they make."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from parlance import schemas
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.storage import Written, record_batches, stream

if TYPE_CHECKING:
    from parlance.dedup.semantic import Vectors
    from parlance.dedup.tokens import Indices

TABLE = "corpus/semantic_duplicates"
KEY = ["id", "source", "partition"]
EXCERPT_CHARACTERS = 300
BLOCK = 8192


def write_semantic_duplicates(
    lake: Lake, lanes: Sequence[str], *, threshold: float = 0.95, clusters: int | None = None, seed: int = 1
) -> Written:
    """Clusters of kept documents of `lanes` whose vectors have at least the cosine `threshold`.

    See `parlance.dedup.semantic.semantic_duplicates`. A document's vector is the mean of those of its chunks, again of
    unit length; documents without chunks are left out. Vectors lie in a temporary file. Raises ConfigError where the
    embeddings are of several models.
    """
    from parlance.dedup.semantic import semantic_duplicates

    kept = pl.concat(lake.table(f"{lane}/kept").scan().select(*KEY, "created_at") for lane in lanes)
    documents = kept.sort(KEY).collect()
    with tempfile.TemporaryDirectory(prefix="parlance-vectors-") as folder:
        rows, vectors = _vectors(lake, lanes, documents, Path(folder))
        found = semantic_duplicates(documents[rows], vectors, threshold=threshold, clusters=clusters, seed=seed)
    return lake.table(TABLE).replace(record_batches(found, schemas.SEMANTIC_DUPLICATES))


def _vectors(lake: Lake, lanes: Sequence[str], documents: pl.DataFrame, folder: Path) -> "tuple[Indices, Vectors]":
    """The rows of `documents` that have chunks, and the mean vector of each: (rows, dimension), unit length."""
    chunks = [lake.table(f"{lane}/embeddings").scan() for lane in lanes]
    of_chunks = pl.concat(chunks).select("model", "model_version", dimension=pl.col("vector").list.len())
    kinds = of_chunks.unique().sort("model", "model_version").collect()
    if kinds.height > 1:
        raise ConfigError(
            f"embeddings of lanes {list(lanes)} are of several models, {kinds.rows()}; make them again with one"
        )
    shape = (documents.height, kinds["dimension"][0] if kinds.height else 1)
    sums = _on_disk(folder / "sums", np.float64, shape)
    places = documents.select(KEY).rename({"id": "document_id"}).with_row_index("place")
    for frame in (
        frame for lane in chunks for frame in stream(lane.select("document_id", *KEY[1:], "start", "vector"))
    ):
        own = frame.join(places, on=["document_id", *KEY[1:]]).sort("place", "start")
        if own.height:
            found, begins = np.unique(own["place"].to_numpy(), return_index=True)
            parts = own["vector"].list.to_array(shape[1]).to_numpy().astype(np.float64)
            sums[found] += np.add.reduceat(parts, begins)
    return _normalised(sums, folder)


def _normalised(sums: np.ndarray, folder: Path) -> "tuple[Indices, Vectors]":
    starts = range(0, len(sums), BLOCK)
    lengths = np.concatenate([np.empty(0), *(np.linalg.norm(sums[start : start + BLOCK], axis=1) for start in starts)])
    rows = np.flatnonzero(lengths > 0)
    vectors = _on_disk(folder / "vectors", np.float32, (len(rows), sums.shape[1]))
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        vectors[start : start + BLOCK] = sums[part] / lengths[part, np.newaxis]
    return rows, vectors


def _on_disk(path: Path, dtype: type, shape: tuple[int, int]) -> np.ndarray:
    """Zeros in a file; in memory where there are none, which no file can hold."""
    return np.memmap(path, dtype, "w+", shape=shape) if shape[0] else np.zeros(shape, dtype)


def pairs_side_by_side(lake: Lake, lanes: Sequence[str], *, most: int = 10) -> pl.DataFrame:
    """Members beside their survivors: `cosine`, `id`, `text`, `matched_id`, `matched_text`, both as excerpts.

    Half of them are the least alike, by which a threshold is judged, the others the most alike.
    """
    pairs = lake.table(TABLE).scan().filter(~pl.col("keep")).sort("cosine", "id").collect()
    shown = pl.concat([pairs.head(most // 2), pairs.tail(most - most // 2)]).unique(KEY[:2], maintain_order=True)
    wanted = pl.concat([shown["id"], shown["matched_id"]]).implode()
    texts = pl.concat(lake.table(f"{lane}/kept").scan().select("id", "text") for lane in lanes)
    known = texts.filter(pl.col("id").is_in(wanted)).unique("id").collect()
    known = known.with_columns(pl.col("text").str.slice(0, EXCERPT_CHARACTERS))
    beside = shown.join(known, on="id", how="left", maintain_order="left").join(
        known.rename({"id": "matched_id", "text": "matched_text"}), on="matched_id", how="left", maintain_order="left"
    )
    return beside.select("cosine", "id", "text", "matched_id", "matched_text")
