"""Ours: `parlance.dedup`, verified, with a thread for each core."""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measuring import cores, report

from parlance.dedup import near_duplicates, signatures
from parlance.dedup.tokens import buffers


def loaded(path: str) -> pa.LargeStringArray:
    """All texts as one array, without a second copy on the way."""
    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        groups = (file.metadata.row_group(place) for place in range(file.metadata.num_row_groups))
        data = np.empty(sum(group.column(0).total_uncompressed_size for group in groups), np.uint8)
        ends, size = [np.zeros(1, np.int64)], 0
        for batch in file.iter_batches(4_000, columns=["text"], use_threads=False):
            part, offsets = buffers(batch.column(0).cast(pa.large_string()))
            more = int(offsets[-1] - offsets[0])
            data[size : size + more] = part[offsets[0] : offsets[-1]]
            ends.append(offsets[1:] - offsets[0] + size)
            size += more
    offsets = np.concatenate(ends)
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))


texts = loaded(sys.argv[1])
# Loads what was compiled, as a long-running worker has it.
near_duplicates(pa.array(["a b c d e f"] * 2, pa.large_string()), threads=cores())


def sketches() -> object:
    return signatures(texts, threads=cores())


report(sketches, lambda _: near_duplicates(texts, threads=cores())["cluster"].to_list(), apart=True)
