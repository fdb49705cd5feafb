"""The vector store: chunks with their vectors in LanceDB, in a folder or under an `s3://` prefix."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from parlance.errors import ConfigError, SchemaError, TransientError

if TYPE_CHECKING:
    import lancedb
    import numpy as np
    import numpy.typing as npt
    from lancedb.query import LanceVectorQueryBuilder
    from lancedb.table import Table

TABLE = "chunks"
DIMENSION = 384  # of a store that was made without a row
# Below, searches compare with every vector, in some milliseconds, and an index would only cost recall.
EXACT_ROWS = 20_000
# Of the index, tuned by `python -m benchmarks.vector_store`.
ROWS_PER_LIST = 500
PROBES = 10
REFINED = 2  # times as many candidates, by rounded vectors, as are ranked by exact ones
KEEP_VERSIONS = timedelta(minutes=10)  # somebody may be reading them
DELETED_AT_ONCE = 2000

# `fingerprint` is of the other columns but the vector, whose place `model_version` takes: by it a changed row is found.
COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "source": pa.string(),
    "partition": pa.string(),
    "document_id": pa.string(),
    "start": pa.int32(),
    "end": pa.int32(),
    "text": pa.large_string(),
    "url": pa.string(),
    "channel": pa.string(),
    "language": pa.string(),
    "created_at": pa.timestamp("us", tz="UTC"),
    "speech_acts": pa.list_(pa.string()),
    "model": pa.string(),
    "model_version": pa.string(),
    "fingerprint": pa.uint64(),
}
NULLABLE = ("url", "channel", "language", "created_at")


def fingerprint() -> pl.Expr:
    """A hash of a row's columns but for `vector`.

    Another version of Polars may give other hashes: the whole store is then written anew, once.
    """
    return pl.struct(name for name in COLUMNS if name != "fingerprint").hash(seed=1)


class Store:
    """The chunks at `uri`. Every method sees what was last committed; one writer at a time.

    Raises TransientError where the storage fails.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def exists(self) -> bool:
        return self._opened() is not None

    def table(self) -> "Table":
        """The LanceDB table. Raises ConfigError where there is none."""
        table = self._opened()
        if table is None:
            raise ConfigError(
                f"no vector store at {self.uri!r}: materialise search/vector_index, or put rows there with"
                " parlance.search.Store.upsert"
            )
        return table

    def versions(self) -> list[int]:
        """The versions that can still be read, the newest last; none where there is no store."""
        table = self._opened()
        return [] if table is None else sorted(found["version"] for found in table.list_versions())

    def rows(self, columns: Iterable[str], *, version: int | None = None) -> Iterator[pl.DataFrame]:
        """`columns` of every row, of an older `version` if named, in frames, in no order; nothing where no store is."""
        table = self._opened()
        if table is None:
            return
        if version is not None:
            table.checkout(version)
        for batch in table.search().select(list(columns)).to_batches():
            yield pl.DataFrame(batch)

    def upsert(self, batches: Iterable[pa.RecordBatch]) -> int:
        """Puts rows with the columns `COLUMNS` and `vector` in the place of those of the same id; returns their number.

        Each batch is one commit. Vectors are of unit length. A store whose vectors have another length is made anew.
        Raises SchemaError for a batch that does not fit, or that has an id twice.
        """
        count = 0
        for batch in batches:
            if not batch.num_rows:
                continue
            schema = _schema(_dimension(batch))
            fitting = _cast(batch, schema)
            with self._failing("written"):
                table = self._opened()
                if table is None or _fixed_size(table.schema) != _fixed_size(schema):
                    self._database().create_table(TABLE, pa.table(fitting), schema=schema, mode="overwrite")
                else:
                    merging = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
                    merging.execute(pa.table(fitting))
            count += batch.num_rows
        return count

    def delete(self, ids: pl.Series) -> None:
        """Removes the rows with these ids; of those that are not there nothing is said."""
        table = self._opened()
        if table is None:
            return
        for part in ids.to_frame().iter_slices(DELETED_AT_ONCE):
            named = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}'" for name in part.to_series().to_list())
            with self._failing("written"):
                table.delete(f"id IN ({named})")

    def tidy(self, *, purge: bool = False) -> None:
        """Brings the indices up to date and joins small files.

        LanceDB marks rows as deleted and rewrites their files when a tenth of one is; with `purge` the store is written
        anew, so that nothing of them is left on the disk. Small stores always are.
        """
        with self._failing("tidied"):
            table = self._opened()
            if table is None:
                table = self._database().create_table(TABLE, schema=_schema(DIMENSION))
            if purge or table.count_rows() < EXACT_ROWS:
                table = self._rewritten(table)
            self._index(table)
            table.optimize(cleanup_older_than=KEEP_VERSIONS)
            if purge or table.count_rows() < EXACT_ROWS:
                table.optimize(cleanup_older_than=timedelta(milliseconds=1), delete_unverified=True)

    def recall(self, *, queries: int, k: int, seed: int) -> float:
        """The share of the `k` nearest rows by exact comparison that are found; 1 where there is no row.

        Queries are vectors of rows, drawn by `seed`, each a little moved. A row as near as the last exact one counts.
        """
        import numpy as np

        table = self.table()
        rows = table.count_rows()
        random = np.random.default_rng(seed)
        drawn = sorted(random.choice(rows, size=min(queries, rows), replace=False).tolist())
        if not drawn:
            return 1.0
        vectors = table.take_offsets(drawn).select(["vector"]).to_arrow()["vector"].combine_chunks()
        shares = []
        for vector in vectors.flatten().to_numpy().reshape(len(drawn), -1):
            moved = vector + random.normal(scale=0.25 / len(vector) ** 0.5, size=len(vector)).astype(np.float32)
            exact = self.near(moved, table=table).bypass_vector_index().limit(k).to_arrow()["_distance"].to_numpy()
            found = self.near(moved, table=table).limit(k).to_arrow()["_distance"].to_numpy()
            shares.append(float((found <= exact[-1] + 1e-6).mean() * len(found) / len(exact)))
        return float(np.mean(shares))

    def near(self, vector: "npt.NDArray[np.float32]", *, table: "Table | None" = None) -> "LanceVectorQueryBuilder":
        """A search by cosine, as it is tuned: its columns and bounds are for the caller to name.

        `table` is that of the store, where the caller has opened it already.
        """
        asked = cast("LanceVectorQueryBuilder", (table or self.table()).search(vector, vector_column_name="vector"))
        return asked.distance_type("cosine").nprobes(PROBES).refine_factor(REFINED)

    def _rewritten(self, table: "Table") -> "Table":
        schema = table.schema
        reader = pa.RecordBatchReader.from_batches(schema, table.search().to_batches())
        return self._database().create_table(TABLE, reader, schema=schema, mode="overwrite")

    def _index(self, table: "Table") -> None:
        """Makes the indices that are missing: of words and ids always, of vectors where there are many."""
        from lancedb import index

        there = {column for found in table.list_indices() for column in found.columns}
        wanted: dict[str, Any] = {"text": index.FTS(), "id": index.BTree()}
        if (rows := table.count_rows()) >= EXACT_ROWS:
            wanted["vector"] = index.IvfSq(distance_type="cosine", num_partitions=max(rows // ROWS_PER_LIST, 1))
        for column, config in wanted.items():
            if column not in there and rows:
                table.create_index(column, config=config)

    def _database(self) -> "lancedb.DBConnection":
        import lancedb

        return lancedb.connect(self.uri, storage_options=_storage_options() if "://" in self.uri else None)

    def _opened(self) -> "Table | None":
        if "://" not in self.uri and not Path(self.uri, f"{TABLE}.lance").is_dir():
            return None  # connecting would make the folder
        try:
            with self._failing("opened"):
                return self._database().open_table(TABLE)
        except ValueError:  # LanceDB's word for a table that is not there
            return None

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:  # what LanceDB makes of a storage that fails
            raise TransientError(f"the vector store at {self.uri} could not be {what}: {error}") from error


def _storage_options() -> dict[str, str]:
    """Where an object store is that is not Amazon's, as AWS tools are told by the environment."""
    named = {"AWS_ENDPOINT_URL": "aws_endpoint", "AWS_ALLOW_HTTP": "allow_http", "AWS_REGION": "aws_region"}
    return {option: os.environ[name] for name, option in named.items() if os.environ.get(name)}


def _schema(dimension: int) -> pa.Schema:
    fields = [pa.field(name, kind, nullable=name in NULLABLE) for name, kind in COLUMNS.items()]
    return pa.schema([*fields, pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False)])


def _fixed_size(schema: pa.Schema) -> tuple[list[str], int]:
    return schema.names, schema.field("vector").type.list_size


def _dimension(batch: pa.RecordBatch) -> int:
    if lacking := [name for name in (*COLUMNS, "vector") if name not in batch.schema.names]:
        raise SchemaError(f"a batch lacks the columns {lacking}; it has {batch.schema.names}")
    vectors = batch.column("vector")
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    length = pc.list_value_length(vectors)[0].as_py() if any(kind(vectors.type) for kind in kinds) else None
    if not length:
        raise SchemaError(f"column 'vector' has type {vectors.type} and a first value of length {length}")
    return int(length)


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    try:
        columns = [batch.column(field.name).cast(field.type) for field in schema]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SchemaError(f"a batch with {batch.schema.names} does not fit the vector store: {error}") from error
    required = {field.name: column for field, column in zip(schema, columns, strict=True) if not field.nullable}
    if nulls := {name: column.null_count for name, column in required.items() if column.null_count}:
        raise SchemaError(f"columns of a batch have nulls: {nulls}; none allowed")
    ids = batch.column("id")
    if len(ids.unique()) < len(ids):
        repeated = next(row["values"] for row in ids.value_counts().to_pylist() if row["counts"] > 1)
        raise SchemaError(f"id {repeated!r} is in a batch twice")
    return pa.RecordBatch.from_arrays(columns, schema=schema)
