"""Delta tables: read lazily with Polars, written as streams of record batches, replaced in one commit."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import fsspec
import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from parlance.errors import ConfigError, SchemaError, TransientError
from parlance.schemas import conform
from parlance.storage import snapshots
from parlance.storage.commits import ConflictError, LostRaceError, Mode, commit, name_of, names
from parlance.storage.parts import PARTITION, Parts, storage_failures

BATCH_ROWS = 2048
BATCH_BYTES = 32 * 1024 * 1024

# `=` in a folder's name reads as a partition, `*` and `?` as a pattern; delta-rs refuses or mistakes the others.
UNUSABLE_IN_URI = frozenset("=*?%[]^|\\") | {chr(code) for code in range(32)}
USABLE_IN_URL = "/:@!$&'()+,;"  # beside letters, digits and `_.-~`: the others are encoded twice on object stores
NULL_KEYS = ("", "__HIVE_DEFAULT_PARTITION__")  # both mean null in the name of a partition's folder
KEY_BYTES = 240  # a percent-encoded key is part of a folder's name, which may have 255 bytes

CONFIGURATION = {
    # Else log entries are deleted after 30 days, and with them the older versions by which training sets are named.
    "delta.enableExpiredLogCleanup": "false",
    # To open a table takes two requests for each commit since the last checkpoint; delta-rs makes one in a hundred.
    "delta.checkpointInterval": "10",
}


@dataclass(frozen=True, kw_only=True)
class Written:
    """What one commit did: the table's version after it, rows by partition, bytes added."""

    version: int
    rows: int
    size_bytes: int
    rows_by_partition: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table at `uri`; partitioned by the column `partition` where its schema has one.

    Raises ConfigError for a `uri` with characters that Delta tables cannot have in theirs.
    """

    uri: str
    name: str
    schema: pa.Schema

    def __post_init__(self) -> None:
        bad = {char for char in self.uri if self._is_remote and quote(char, safe=USABLE_IN_URL) != char}
        if bad := bad | (UNUSABLE_IN_URI & set(self.uri)):
            raise ConfigError(f"table {self.name!r} cannot lie at {self.uri!r}: rename the part with {sorted(bad)}")

    @property
    def _is_remote(self) -> bool:
        return "://" in self.uri

    def exists(self) -> bool:
        return self._opened() is not None

    def version(self) -> int | None:
        """Number of the last commit; null where the table was never written."""
        table = self._opened()
        return None if table is None else table.version()

    def scan(self, partitions: Sequence[str] | None = None, *, version: int | None = None) -> pl.LazyFrame:
        """The rows of `partitions` (null: all), of an older `version` if named. Without rows where never written.

        Later commits do not change what it gives. Raises ConfigError for a version that does not exist
        and SchemaError where a column was written with another type.
        """
        if partitions is not None and PARTITION not in self.schema.names:
            raise ConfigError(f"table {self.name!r} has no partitions, asked for {list(partitions)[:3]}")
        table = self._opened(version)
        if table is None:
            return empty_frame(self.schema).lazy()
        types = empty_frame(self.schema).schema
        # Columns that the schema did not have when the table was last written, such as a rule added since.
        absent = types.keys() - self._stored(table).keys()
        frame = pl.scan_delta(table)
        frame = frame.with_columns(pl.lit(None, dtype=types[name]).alias(name) for name in sorted(absent))
        frame = frame.select(self.schema.names)
        return frame if partitions is None else frame.filter(pl.col(PARTITION).is_in(list(partitions)))

    def is_whole(self, version: int) -> bool:
        """Whether every file of a version is there: none was erased. Raises ConfigError for one that does not exist."""
        table = self._opened(version)
        if table is None:
            return True
        fs, root = fsspec.url_to_fs(self.uri)
        with self._failing("listed"):
            fs.invalidate_cache()
            return names(table) <= set(map(name_of, fs.find(root)))

    def batches(self, partitions: Sequence[str] | None = None, *, rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
        """The rows of `partitions` in frames of `rows` rows, fewer where they are large, read as they are asked for."""
        yield from stream(self.scan(partitions), rows=rows)

    def replace(self, batches: Iterable[pa.RecordBatch], partitions: Sequence[str] | None = None) -> Written:
        """Puts `batches` in place of the rows of `partitions` (null: of the whole table), in one commit.

        Nothing is changed when `batches` raises. Raises SchemaError where a batch does not fit the
        schema or holds a row of another partition, TransientError where the storage failed or another
        commit wrote the same partitions meanwhile. A batch and some 100 MB are in memory.
        """
        self._check_partitions(partitions)
        return self._written(batches, partitions, mode="overwrite")

    def append(self, batches: Iterable[pa.RecordBatch]) -> Written:
        """Adds `batches` to the rows that are there, in one commit; without rows there is none.

        Nothing is changed when `batches` raises; errors as `replace`. Two writers at once both succeed.
        """
        return self._written(batches, None, mode="append")

    def compact(self, *, most: int) -> Written | None:
        """Joins the files of each partition that has more than `most` of them; the rows stay. Null where none has.

        Every commit of `append` leaves a file, and a scan opens them all. Errors as `replace`.
        """
        table = self._opened()
        if table is None:
            return None
        files = pl.DataFrame(table.get_add_actions(flatten=True))
        if PARTITION not in self.schema.names:
            return self.replace(self._record_batches(None)) if files.height > most else None
        counts = files.group_by(pl.col(f"partition.{PARTITION}").alias(PARTITION)).len()
        keys = sorted(counts.filter(pl.col("len") > most)[PARTITION])
        return self.replace(self._record_batches(keys), keys) if keys else None

    def _record_batches(self, partitions: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        for frame in self.batches(partitions):
            yield from record_batches(frame, self.schema)

    def _written(self, batches: Iterable[pa.RecordBatch], partitions: Sequence[str] | None, *, mode: Mode) -> Written:
        table = self._created()
        self._stored(table)
        schema = _nullable(self.schema)
        parts, counts = Parts(self.uri), Counter[str]()
        try:
            for batch in batches:
                conformed = conform(batch, self.schema, table=self.name)
                counts.update(self._counts(conformed, partitions))
                with self._failing("written"):
                    parts.add(pa.RecordBatch.from_arrays(conformed.columns, schema=schema))
            with self._failing("written"):
                files = parts.finish()
        except BaseException:
            parts.remove()
            raise
        version = table.version()
        if files or mode == "overwrite":
            try:
                with self._failing("written"):
                    version = commit(table, files, schema=schema, partitions=partitions, mode=mode, again=self._created)
            except (ConflictError, LostRaceError) as error:
                parts.remove()
                raise self._failed("written", error) from error
            if self._is_remote:
                snapshots.keep_updated(self.uri, table)
        return Written(
            version=version,
            rows=counts.total(),
            size_bytes=sum(file.size for file in files),
            rows_by_partition={key: counts[key] for key in partitions or ()},
        )

    def _counts(self, batch: pa.RecordBatch, partitions: Sequence[str] | None) -> dict[str, int]:
        """Rows by partition. Raises SchemaError where one is not among `partitions`."""
        if partitions is None:
            return {"": batch.num_rows}
        counts = {row["values"]: row["counts"] for row in batch.column(PARTITION).value_counts().to_pylist()}
        if stray := sorted(counts.keys() - set(partitions)):
            raise SchemaError(
                f"table {self.name!r}: rows of partitions {stray[:3]}, not among those replaced:"
                f" {sorted(partitions)[:3]}{' and more' if len(partitions) > 3 else ''}"
            )
        return counts

    def _check_partitions(self, partitions: Sequence[str] | None) -> None:
        if (PARTITION in self.schema.names) != (partitions is not None):
            raise ConfigError(f"table {self.name!r} with columns {self.schema.names} cannot replace {partitions!r}")
        for key in partitions or ():
            if key in NULL_KEYS or len(quote(key, safe="")) > KEY_BYTES:
                raise ConfigError(
                    f"table {self.name!r}: {key!r} cannot be a partition: 1 to {KEY_BYTES} bytes when percent-encoded"
                    f" are allowed, and not {NULL_KEYS[1]!r}"
                )

    def _opened(self, version: int | None = None, *, own: bool = False) -> DeltaTable | None:
        """The table as it stands, or stood at `version`; null where it was never written.

        It may be shared with whoever reads, unless it is asked for as one's `own`, to write to.
        """
        # Not by DeltaTable.is_deltatable: it holds the interpreter's lock while it waits for the network.
        kind = DeltaTable if self._is_remote else _Local
        try:
            table = snapshots.opened(self.uri) if self._is_remote and not own else kind(self.uri)
            if version is None or version == table.version():
                return table
            if 0 <= version < table.version():
                return kind(self.uri, version=version)
            raise ConfigError(f"table {self.name!r} has no version {version}; known: 0 to {table.version()}")
        except TableNotFoundError as error:
            if version is not None:
                raise ConfigError(f"table {self.name!r} has no version {version} at {self.uri}") from error
            return None
        except (DeltaError, OSError) as error:
            raise self._failed("opened", error) from error

    @retry(
        retry=retry_if_exception_type(CommitFailedError),
        stop=stop_after_attempt(5),
        wait=wait_random_exponential(max=2),
        reraise=True,
    )
    def _created(self) -> DeltaTable:
        """The table, made empty where it is absent; of two makers at once one loses and looks again.

        Its columns are nullable, since `conform` finds nulls and a column that is required today may
        be absent from the schema of tomorrow.
        """
        partition_by = [PARTITION] if PARTITION in self.schema.names else None
        return self._opened(own=True) or DeltaTable.create(
            self.uri,
            _nullable(self.schema),
            partition_by=partition_by,
            mode="ignore",
            configuration=CONFIGURATION,
            # delta-rs would make the table once more, as its version 1, under the feet of the winner.
            commit_properties=CommitProperties(max_commit_retries=0),
        )

    def _stored(self, table: DeltaTable) -> pl.Schema:
        """Columns of `table` as they are stored. Raises SchemaError where one has not the type of the schema."""
        stored, types = pl.Schema(table.schema()), empty_frame(self.schema).schema
        for name in stored.keys() & types.keys():
            if stored[name] != types[name]:
                raise SchemaError(
                    f"table {self.name!r} at {self.uri}: column {name!r} was written as {stored[name]},"
                    f" needs {types[name]}"
                )
        return stored

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except storage_failures() as error:
            raise self._failed(what, error) from error

    def _failed(self, what: str, error: Exception) -> TransientError:
        return TransientError(f"table {self.name!r} at {self.uri} could not be {what}: {error}")


class _Local(DeltaTable):
    """A table in a local folder. Its files go by their plain names, as Polars opens them, not percent-encoded ones."""

    def file_uris(self, *args: Any, **kwargs: Any) -> list[str]:
        root = self.table_uri.removeprefix("file://")
        return [unquote(root) + uri.removeprefix(root) for uri in super().file_uris(*args, **kwargs)]


def _nullable(schema: pa.Schema) -> pa.Schema:
    return pa.schema([column.with_nullable(True) for column in schema])


def empty_frame(schema: pa.Schema) -> pl.DataFrame:
    """A frame without rows that has the columns of `schema`."""
    frame = pl.from_arrow(schema.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def stream(frame: pl.LazyFrame, *, rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
    """The rows of `frame` in order, as they are asked for, in frames of `rows` rows or fewer where they are large."""
    waiting: list[pl.DataFrame] = []
    room, size_bytes = rows, 0
    for computed in frame.collect_batches(maintain_order=True, lazy=True):
        start = 0
        while start < computed.height:
            part = computed.slice(start, room)
            start += part.height
            waiting.append(part)
            room -= part.height
            size_bytes += int(part.estimated_size())
            if not room or size_bytes >= BATCH_BYTES:
                yield pl.concat(waiting)
                waiting.clear()
                room, size_bytes = rows, 0
    if waiting:
        yield pl.concat(waiting)


def record_batches(frame: pl.DataFrame, schema: pa.Schema) -> list[pa.RecordBatch]:
    """`frame` as record batches with the columns of `schema`, in its order and types; its other columns are left out.

    Raises SchemaError where a column is missing or does not fit.
    """
    known = frame.select(name for name in schema.names if name in frame.columns)
    return [conform(batch, schema, table="frame") for batch in known.to_arrow().to_batches()]
