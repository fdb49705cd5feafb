"""Ours on a file, read in batches: `near_duplicates_in`, and the rows that are kept to another file."""

import sys
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measuring import cores, report_files

from parlance.dedup import near_duplicates_in

ROWS = 4_000
# Loads what was compiled, as a long-running worker has it.
near_duplicates_in(lambda: iter([pa.array(["a b c d e f"] * 2, pa.large_string())]), threads=cores())


def parts() -> Iterator[pa.LargeStringArray]:
    with pq.ParquetFile(sys.argv[1]) as file:
        for batch in file.iter_batches(ROWS, columns=["text"]):
            yield batch.column(0).cast(pa.large_string())


def whole() -> Sequence[int]:
    found = near_duplicates_in(parts, threads=cores())
    keep, begun = found["keep"].to_numpy(), 0
    with pq.ParquetWriter(
        sys.argv[2] + ".kept", pa.schema([("text", pa.large_string())]), compression="zstd"
    ) as writer:
        for part in parts():
            rows = np.flatnonzero(keep[begun : begun + len(part)])
            writer.write_table(pa.table({"text": part.take(pa.array(rows))}))
            begun += len(part)
    return found["cluster"].to_list()


report_files(whole)
