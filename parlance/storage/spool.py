"""A second output of one pass: batches go to a temporary file, to be read when the first output is written."""

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import pyarrow as pa

from parlance.errors import SchemaError


class Spool:
    """Record batches of one schema, held in a temporary Arrow file and not in memory."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._file = tempfile.TemporaryFile(prefix="parlance-spool-")  # noqa: SIM115 - closed in __exit__
        self._writer = pa.ipc.new_stream(self._file, schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """Appends `batch`. Raises SchemaError where its schema is another one."""
        if batch.schema != self._schema:
            raise SchemaError(f"spooled batch has columns {batch.schema.names}, needs {self._schema}")
        self._writer.write_batch(batch)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """What was added, in order; nothing can be added afterwards."""
        self._writer.close()
        self._file.seek(0)
        yield from pa.ipc.open_stream(self._file)
