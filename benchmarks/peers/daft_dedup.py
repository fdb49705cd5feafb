"""daft: its expressions normalise and MinHash, as in its guide to deduplication; equal bands are found by Polars.

The guide explodes the bands, groups them and joins until nothing changes, all in daft: the same clusters in several
times the seconds. A third argument `parquet`: from a file to a file.
"""

import sys

import daft
import numpy as np
import pyarrow as pa
from daft import col
from measuring import banded_clusters, report, report_files

# Its own 131,072 rows would be all of a small corpus in one piece, for one core.
daft.set_execution_config(default_morsel_size=1_000)


def numbered(frame: daft.DataFrame) -> daft.DataFrame:
    made = frame.select("text").to_arrow()
    return daft.from_arrow(made.append_column("row", pa.array(np.arange(len(made))))).collect()


def signatures(frame: daft.DataFrame) -> daft.DataFrame:
    normalised = col("text").normalize(remove_punct=True, lowercase=True, nfd_unicode=False, white_space=True)
    return frame.select(
        "row", normalised.minhash(num_hashes=128, ngram_size=5, seed=1, hash_function="xxhash").alias("sketch")
    ).collect()


def whole(made: daft.DataFrame) -> list[int]:
    sketches = made.sort("row").to_arrow()["sketch"].combine_chunks()
    return banded_clusters(sketches.flatten().to_numpy().reshape(len(sketches), -1).astype(np.uint32))


def files() -> list[int]:
    frame = numbered(daft.read_parquet(sys.argv[1]))
    found = whole(signatures(frame))
    kept = daft.from_pydict({"row": [row for row, first in enumerate(found) if row == first]})
    frame.join(kept, on="row").select("text").write_parquet(sys.argv[2] + ".kept", compression="zstd")
    return found


if sys.argv[3:] == ["parquet"]:
    report_files(files)
else:
    texts = numbered(daft.read_parquet(sys.argv[1]))
    report(lambda: signatures(texts), whole)
