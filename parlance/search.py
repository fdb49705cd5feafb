"""The vector index over chunks, in LanceDB: built whole, searched by meaning.

Run as `python -m parlance.search URI QUERY [--k N] [--source SOURCE]`.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from parlance import embedding
from parlance.errors import ConfigError, ParlanceError, SchemaError

if TYPE_CHECKING:
    import lancedb.table
    from lancedb.query import LanceVectorQueryBuilder

DIMENSION = 384  # of an index that was built without a row
EXACT_ROWS = 50_000
MAX_K = 1000
SHOWN = 160  # characters of a chunk that the command prints

COLUMNS = ("id", "document_id", "source", "text", "start", "end", "model", "vector")
HITS = {
    "rank": pl.Int64,
    "score": pl.Float64,
    "document_id": pl.String,
    "source": pl.String,
    "text": pl.String,
    "start": pl.Int32,
    "end": pl.Int32,
}


def build(batches: Iterable[pa.RecordBatch], uri: str, table: str = "chunks") -> int:
    """Replaces `table` in the database at `uri`, a folder or `s3://` prefix, by `batches`; returns its rows.

    Batches hold `COLUMNS` with unit vectors of one model; others of their columns are left out. They stream. A
    reader sees the old table until the new one is whole; then the old rows leave the storage, too: one build at a time.
    Searches are exact below `EXACT_ROWS` rows and use an IVF index above.
    Raises SchemaError for a missing column or vectors of several lengths, ConfigError for several models.
    """
    import lancedb

    rows = (batch for batch in batches if batch.num_rows)
    head = next(rows, None)
    schema = _schema(head)
    raised: list[ParlanceError] = []
    reader = pa.RecordBatchReader.from_batches(
        schema, _conformed(chain([] if head is None else [head], rows), schema, raised)
    )
    try:
        built = lancedb.connect(uri).create_table(table, reader, schema=schema, mode="overwrite")
    except RuntimeError:
        if raised:  # LanceDB wraps what its reader raises
            raise raised[0] from None
        raise
    count = int(built.count_rows())
    if count >= EXACT_ROWS:
        built.create_index("vector", config=lancedb.index.IvfSq(distance_type="cosine"))
    built.optimize(cleanup_older_than=timedelta(milliseconds=1), delete_unverified=True)
    return count


def search(uri: str, query: str, *, k: int = 10, source: str | None = None, table: str = "chunks") -> pl.DataFrame:
    """The `k` chunks nearest to `query`, best first.

    Columns: rank (from 1), score (cosine), document_id, source, text, start, end. The query is embedded by the
    model that the index was built with. `source` keeps to one source.
    Raises ConfigError for k outside 1 to 1000, a blank query, and where there is no index.
    """
    if not 1 <= k <= MAX_K:
        raise ConfigError(f"k {k} is out of range; 1 to {MAX_K}")
    if not query.strip():
        raise ConfigError("the query is blank; words to search for are needed")
    index = _open(uri, table)
    models = index.search().select(["model"]).limit(1).to_arrow()["model"].to_pylist()
    if not models:
        return pl.DataFrame(schema=HITS)
    vector = embedding.embed(pl.Series([query]), model=models[0])[0]
    # An IVF index holds rounded vectors: refining ranks its best candidates by the exact ones.
    nearest = cast("LanceVectorQueryBuilder", index.search(vector, vector_column_name="vector"))
    nearest = nearest.distance_type("cosine").refine_factor(4).limit(k)
    if source is not None:
        nearest = nearest.where(f"source = {_literal(source)}", prefilter=True)
    found = nearest.select(["_distance", *list(HITS)[2:]]).to_arrow()
    return (
        pl.DataFrame(found)
        .with_columns(score=1 - pl.col("_distance").cast(pl.Float64))
        .sort("score", descending=True, maintain_order=True)
        .with_columns(rank=pl.int_range(1, pl.len() + 1))
        .select(pl.col(name).cast(dtype) for name, dtype in HITS.items())
    )


def _schema(head: pa.RecordBatch | None) -> pa.Schema:
    lacking = [] if head is None else [name for name in COLUMNS if name not in head.schema.names]
    if head is not None and lacking:
        raise SchemaError(f"batches lack the columns {lacking}; they have {head.schema.names}")
    dimension = DIMENSION if head is None else _dimension(head.column("vector"))
    types = {"text": pa.large_string(), "start": pa.int32(), "end": pa.int32()}
    types["vector"] = pa.list_(pa.float32(), dimension)
    return pa.schema([pa.field(name, types.get(name, pa.string()), nullable=False) for name in COLUMNS])


def _dimension(vectors: pa.Array) -> int:
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    length = pc.list_value_length(vectors)[0].as_py() if any(kind(vectors.type) for kind in kinds) else None
    if not length:
        raise SchemaError(f"column 'vector' has type {vectors.type} and a first value of length {length}")
    return int(length)


def _conformed(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, raised: list[ParlanceError]
) -> Iterator[pa.RecordBatch]:
    """The batches in `schema`, of one model; an error of ours is noted in `raised` before it is raised."""
    models: set[str] = set()
    try:
        for batch in batches:
            fitting = _cast(batch, schema)
            models.update(pc.unique(fitting.column("model")).to_pylist())
            if len(models) > 1:
                raise ConfigError(f"batches hold vectors of several models {sorted(models)}; one is allowed")
            yield fitting
    except ParlanceError as error:
        raised.append(error)
        raise


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    try:
        columns = [batch.column(field.name).cast(field.type) for field in schema]
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SchemaError(f"a batch with {batch.schema.names} does not fit the index: {error}") from error
    nulls = {name: column.null_count for name, column in zip(schema.names, columns, strict=True) if column.null_count}
    if nulls:
        raise SchemaError(f"columns of a batch have nulls: {nulls}; none allowed")
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _open(uri: str, table: str) -> "lancedb.table.Table":
    import lancedb

    missing = f"no vector index {table!r} at {uri!r}: build it with parlance.search.build(batches, {uri!r})"
    if "://" not in uri and not Path(uri, f"{table}.lance").is_dir():  # connecting would make the folder
        raise ConfigError(missing)
    database = lancedb.connect(uri)
    try:
        return database.open_table(table)
    except ValueError as error:
        raise ConfigError(missing) from error


def _literal(value: str) -> str:
    """`value` as a SQL string; a quote is doubled and nothing else has a meaning there."""
    return "'" + value.replace("'", "''") + "'"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints what a search finds as a table."""
    parser = argparse.ArgumentParser(
        prog="python -m parlance.search", description="Search the vector index by meaning."
    )
    parser.add_argument("uri", help="the folder or s3:// prefix of the index")
    parser.add_argument("query")
    parser.add_argument("--k", type=int, default=10, help=f"number of chunks, 1 to {MAX_K} (default 10)")
    parser.add_argument("--source", help="only chunks of this source")
    options = parser.parse_args(arguments)
    try:
        found = search(options.uri, options.query, k=options.k, source=options.source)
    except ParlanceError as error:
        raise SystemExit(f"{parser.prog}: {error}") from error
    shown = found.drop("start", "end").with_columns(pl.col("text").str.replace_all(r"\s+", " ").str.slice(0, SHOWN))
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=120, fmt_str_lengths=SHOWN, float_precision=3):
        pl.Config.set_tbl_hide_column_data_types(True).set_tbl_hide_dataframe_shape(True)
        print(shown)


if __name__ == "__main__":
    main()
