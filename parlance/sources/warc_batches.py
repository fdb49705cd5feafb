"""Raw rows with large payloads to record batches: each payload is copied once, and one batch is held at a time."""

from collections.abc import Iterable, Iterator
from itertools import accumulate

import numpy as np
import pyarrow as pa

from parlance.schemas import RAW
from parlance.sources.rows import BYTES_PER_BATCH, ROWS_PER_BATCH, Row, weight


def raw_batches(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    """`RAW` batches of at most 2,000 rows and 32 MiB of payloads; a larger payload is a batch of its own."""
    batch: list[Row] = []
    size_bytes = 0
    for row in rows:
        if batch and (len(batch) == ROWS_PER_BATCH or size_bytes + weight(row) > BYTES_PER_BATCH):
            yield _batch(batch)
            batch, size_bytes = [], 0
        batch.append(row)
        size_bytes += weight(row)
    if batch:
        yield _batch(batch)


def _batch(rows: list[Row]) -> pa.RecordBatch:
    """Empties `rows`, so that payloads are not held twice."""
    payloads = [row.pop("payload") for row in rows]
    columns = [
        _payloads(payloads) if field.name == "payload" else pa.array([row.get(field.name) for row in rows], field.type)
        for field in RAW
    ]
    rows.clear()
    return pa.RecordBatch.from_arrays(columns, schema=RAW)


def _payloads(payloads: list[bytes | None]) -> pa.LargeBinaryArray:
    """As `pa.array` has it, which grows its buffer by doubling it and holds two of them at once."""
    ends = np.fromiter(accumulate(map(_size, payloads), initial=0), np.int64, len(payloads) + 1)
    known = np.packbits([payload is not None for payload in payloads], bitorder="little")
    data = pa.allocate_buffer(int(ends[-1]))
    with memoryview(data).cast("B") as view:
        for start, payload in zip(ends[:-1].tolist(), payloads, strict=True):
            view[start : start + _size(payload)] = payload or b""
    buffers = [pa.py_buffer(known.tobytes()), pa.py_buffer(ends), data]
    return pa.Array.from_buffers(pa.large_binary(), len(ends) - 1, buffers)


def _size(payload: bytes | None) -> int:
    return 0 if payload is None else len(payload)
