"""Parquet files of a table, written before the commit that names them, with memory bounded by bytes."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import uuid4

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction

PARTITION = "partition"
BUFFER_BYTES = 32 * 1024 * 1024  # of all partitions together: beyond it the largest is written
BATCH_BYTES = 4096  # what a batch takes beside its values
ROW_GROUP_BYTES = 16 * 1024 * 1024  # a reader holds whole row groups
ROW_GROUP_ROWS = 32_768


@dataclass
class Parts:
    """Writes batches to files below `uri`, each of one partition, and says what a commit needs to know of them.

    The files are complete once `finish` returns; nobody reads them before a commit names them. `delta-rs` would
    hold some 16,000 rows at a time, however large.
    """

    uri: str
    written: list[AddAction] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._fs, self._root = fsspec.url_to_fs(self.uri)
        self._waiting: dict[str | None, list[pa.RecordBatch]] = {}
        self._bytes: dict[str | None, int] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes the rows of `batch`. Raises OSError where the storage fails."""
        for key, rows in _by_partition(batch):
            self._waiting.setdefault(key, []).append(rows)
            self._bytes[key] = self._bytes.get(key, 0) + rows.nbytes + BATCH_BYTES
        while sum(self._bytes.values()) > BUFFER_BYTES:
            self._write(max(self._bytes, key=self._bytes.__getitem__))

    def finish(self) -> list[AddAction]:
        """Writes what waits, and gives the actions of all files."""
        for key in list(self._waiting):
            self._write(key)
        return self.written

    def remove(self) -> None:
        """Deletes the files as far as the storage lets it: no commit will name them."""
        for action in self.written:
            with suppress(*storage_failures()):
                self._fs.rm_file(f"{self._root}/{action.path}")
        self.written = []

    def _write(self, key: str | None) -> None:
        table = pa.Table.from_batches(self._waiting.pop(key))
        del self._bytes[key]
        folders = [] if key is None else [f"{PARTITION}={quote(key, safe='')}"]
        path = "/".join((*folders, f"part-{uuid4()}.parquet"))
        rows = table.num_rows
        sink = pa.BufferOutputStream()
        group_rows = max(1, min(ROW_GROUP_ROWS, table.num_rows * ROW_GROUP_BYTES // max(table.nbytes, 1)))
        pq.write_table(table, sink, compression="zstd", row_group_size=group_rows)
        data = sink.getvalue().to_pybytes()
        place = f"{self._root}/{path}"
        self._fs.makedirs(place.rsplit("/", 1)[0], exist_ok=True)
        # Whole or not at all: an s3fs file that is open when something fails is published half-written.
        self._fs.pipe_file(place, data)
        del table, sink
        pa.default_memory_pool().release_unused()
        self.written.append(
            AddAction(
                path=path,
                size=len(data),
                partition_values={} if key is None else {PARTITION: key},
                modification_time=int(time.time() * 1000),
                data_change=True,
                stats=json.dumps({"numRecords": rows}),
            )
        )


def _by_partition(batch: pa.RecordBatch) -> Iterator[tuple[str | None, pa.RecordBatch]]:
    """The rows of each partition without their key; copied where there are several, so that none holds the others."""
    if PARTITION not in batch.schema.names:
        if batch.num_rows:
            yield None, batch
        return
    keys = pc.dictionary_encode(batch.column(PARTITION))
    rows = batch.drop_columns([PARTITION])
    if len(keys.dictionary) == 1:
        yield keys.dictionary[0].as_py(), rows
        return
    numbers = keys.indices.to_numpy()
    order = np.argsort(numbers, kind="stable")
    ends = np.searchsorted(numbers[order], np.arange(1, len(keys.dictionary)))
    for key, indices in zip(keys.dictionary.to_pylist(), np.split(order, ends), strict=False):
        yield key, rows.take(pa.array(indices))


def storage_failures() -> tuple[type[Exception], ...]:
    """What storage raises when it fails. Evaluated only then: botocore, whose errors are no OSErrors, loads slowly."""
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

    return OSError, DeltaError, BotoCoreError
