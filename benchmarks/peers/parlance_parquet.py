"""Ours on a file, read and written in batches: `without_near_duplicates`."""

import sys
from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from measuring import report_files

from parlance.dedup import near_duplicates_in, without_near_duplicates

ROWS = 4_000
near_duplicates_in([pl.Series(["a b", "a b"])], threads=1)  # loads what was compiled, as a long-running worker has it


def parts() -> Iterator[pa.Array]:
    # Without a buffer pyarrow holds a whole column of a row group.
    with pq.ParquetFile(sys.argv[1], buffer_size=1 << 20, pre_buffer=False) as file:
        for batch in file.iter_batches(ROWS, columns=["text"], use_threads=False):
            yield batch.column(0).cast(pa.large_string())


def whole() -> Sequence[int]:
    schema = pa.schema([("text", pa.large_string())])
    with pq.ParquetWriter(sys.argv[2] + ".kept", schema, compression="zstd", use_dictionary=False) as writer:
        for part in without_near_duplicates(parts(), threads=1):
            writer.write_table(pa.table({"text": part}))
    return []


report_files(whole)
