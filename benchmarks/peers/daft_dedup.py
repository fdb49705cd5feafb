"""daft: its expressions normalise and MinHash; bands by explode and group, as its guide to deduplication does."""

import sys

import daft
import numpy as np
import polars as pl
from daft import col
from measuring import BANDS, ROWS, clusters, report, report_files


def loaded() -> daft.DataFrame:
    return daft.from_arrow(pl.read_parquet(sys.argv[1], columns=["text"]).with_row_index("row").to_arrow()).collect()


def signatures(frame: daft.DataFrame) -> daft.DataFrame:
    normalised = col("text").normalize(remove_punct=True, lowercase=True, nfd_unicode=False, white_space=True)
    return frame.select(
        "row", normalised.minhash(num_hashes=128, ngram_size=5, seed=1, hash_function="xxhash").alias("sketch")
    ).collect()


def whole(made: daft.DataFrame) -> list[int]:
    sketches = made.to_arrow()
    rows = sketches["row"].to_numpy()
    values = np.stack(sketches["sketch"].to_numpy(zero_copy_only=False)).astype(np.uint32)
    buckets = []
    for band in range(BANDS):
        keys = pl.Series(np.ascontiguousarray(values[:, band * ROWS : (band + 1) * ROWS]).view("V32").ravel().tolist())
        grouped = (
            pl.DataFrame({"row": rows, "key": keys}).group_by("key").agg("row").filter(pl.col("row").list.len() > 1)
        )
        buckets += grouped["row"].to_list()
    return clusters(len(rows), buckets)


def files() -> list[int]:
    frame = loaded()
    found = whole(signatures(frame))
    kept = daft.from_pydict({"row": [row for row, first in enumerate(found) if row == first]})
    frame.join(kept, on="row").select("text").write_parquet(sys.argv[2] + ".kept", compression="zstd")
    return found


if sys.argv[3:] == ["parquet"]:
    report_files(files)
else:
    texts = loaded()
    report(lambda: signatures(texts), whole)
