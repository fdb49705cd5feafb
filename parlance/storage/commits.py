"""Commits of files to a Delta table: what another commit changed meanwhile is neither lost nor written over."""

from collections.abc import Callable, Sequence
from typing import Literal

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from parlance.storage.parts import PARTITION

ATTEMPTS = 20

Mode = Literal["overwrite", "append"]


class ConflictError(Exception):
    """Another commit wrote the same partitions since the table was opened."""


class LostRaceError(Exception):
    """Another commit took the version, and wrote other partitions."""


def commit(
    table: DeltaTable,
    files: Sequence[AddAction],
    *,
    schema: pa.Schema,
    partitions: Sequence[str] | None,
    mode: Mode,
    again: Callable[[], DeltaTable],
) -> int:
    """Adds `files` to `table`, in place of those of `partitions` (null: of all) or beside them; gives its new version.

    `again` opens the table as it stands. delta-rs does not know which partitions a list of files is meant to replace,
    so it tries a version once, and whoever loses looks here at what the winner wrote. Raises ConflictError or
    LostRaceError where nothing was committed, DeltaError or OSError where the storage failed: then a commit may be
    on its way.
    """
    replaced = names(table, partitions)
    attempts = Retrying(
        retry=retry_if_exception_type(LostRaceError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        reraise=True,
    )
    for attempt in attempts:
        with attempt:
            try:
                return _tried(table, files, schema=schema, partitions=partitions, mode=mode)
            except (DeltaError, OSError) as error:
                tried, table = table.version() + 1, again()
                if files and {name_of(file.path) for file in files} <= names(table):
                    return tried  # committed, although the storage said that it failed
                if table.version() < tried:
                    raise
                if mode == "overwrite" and names(table, partitions) != replaced:
                    raise ConflictError(str(error)) from error
                raise LostRaceError(str(error)) from error
    raise AssertionError("the last attempt returns or raises")


def _tried(
    table: DeltaTable, files: Sequence[AddAction], *, schema: pa.Schema, partitions: Sequence[str] | None, mode: Mode
) -> int:
    stored = DeltaSchema.from_arrow(table.schema())
    known = {column.name for column in stored.fields}
    added = [column for column in DeltaSchema.from_arrow(schema).fields if column.name not in known]
    if added and mode == "append":  # an overwrite changes the columns in the same commit
        table.alter.add_columns(added)
    table.create_write_transaction(
        list(files),
        mode,
        DeltaSchema([*stored.fields, *added]),
        partition_by=table.metadata().partition_columns,
        partition_filters=None if partitions is None else [(PARTITION, "in", list(partitions))],
        commit_properties=CommitProperties(max_commit_retries=0),
    )
    return table.version() + 1


def names(table: DeltaTable, partitions: Sequence[str] | None = None) -> set[str]:
    """Names of the files of `partitions` (null: of all); each is its own, wherever it lies."""
    files = pl.DataFrame(table.get_add_actions(flatten=True))
    if partitions is not None and files.height:
        files = files.filter(pl.col(f"partition.{PARTITION}").is_in(list(partitions)))
    return {name_of(path) for path in files["path"]}


def name_of(path: str) -> str:
    """The name of a file of a table, by its path or address."""
    return path.rsplit("/", 1)[-1]
