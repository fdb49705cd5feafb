"""Ours: `parlance.dedup`, verified, with a thread for each core."""

import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measuring import cores, report

from parlance.dedup import near_duplicates, signatures
from parlance.dedup.tokens import buffers


def parts(path: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The bytes of some thousand texts at a time, and where each begins and the last ends."""
    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        for batch in file.iter_batches(4_000, columns=["text"], use_threads=False):
            data, offsets = buffers(batch.column(0).cast(pa.large_string()))
            yield data[offsets[0] : offsets[-1]], offsets - offsets[0]


def loaded(path: str) -> pa.LargeStringArray:
    """All texts as one array; its size is found first, so that there is no second copy on the way."""
    data = np.empty(sum(len(part) for part, _ in parts(path)), np.uint8)
    ends, size = [np.zeros(1, np.int64)], 0
    for part, offsets in parts(path):
        data[size : size + len(part)] = part
        ends.append(offsets[1:] + size)
        size += len(part)
    offsets = np.concatenate(ends)
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))


texts = loaded(sys.argv[1])
# Loads what was compiled, as a long-running worker has it.
near_duplicates(pa.array(["a b c d e f"] * 2, pa.large_string()), threads=cores())


def sketches() -> object:
    return signatures(texts, threads=cores())


report(sketches, lambda _: near_duplicates(texts, threads=cores())["cluster"].to_list(), apart=True)
