"""Ours on a file: read in batches, and the rows that are kept to another file, a thread for each core."""

import sys
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from measuring import cores, report_files

from parlance.dedup import near_duplicates_in

ROWS = 4_000
# Loads what was compiled, as a long-running worker has it.
near_duplicates_in([pa.array(["a b c d e f"] * 2, pa.large_string())], threads=cores())


def parts() -> Iterator[pa.Array]:
    # Without a buffer pyarrow holds a whole column of a row group.
    with pq.ParquetFile(sys.argv[1], buffer_size=1 << 20, pre_buffer=False) as file:
        for batch in file.iter_batches(ROWS, columns=["text"], use_threads=False):
            yield batch.column(0).cast(pa.large_string())


def write(kept: Iterator[pa.LargeStringArray]) -> None:
    schema = pa.schema([("text", pa.large_string())])
    with pq.ParquetWriter(sys.argv[2] + ".kept", schema, compression="zstd", use_dictionary=False) as writer:
        for part in kept:
            writer.write_table(pa.table({"text": part}))


def whole() -> Sequence[int]:
    return near_duplicates_in(parts(), kept=write, threads=cores())["cluster"].to_list()


report_files(whole)
