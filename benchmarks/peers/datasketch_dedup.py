"""datasketch 2: MinHash of shingles, candidates from MinHashLSH. Third argument: `sha1`, its default, or `xxh32`."""

import sys

import polars as pl
from datasketch import MinHash, MinHashLSH
from measuring import BANDS, ROWS, clusters, report, shingles

texts = pl.read_parquet(sys.argv[1])["text"].to_list()
options = {}
if sys.argv[3] == "xxh32":
    import xxhash

    options["hashfunc"] = xxhash.xxh32_intdigest


def signatures() -> list[MinHash]:
    made = []
    for text in texts:
        sketch = MinHash(num_perm=128, **options)
        sketch.update_batch([shingle.encode() for shingle in shingles(text)])
        made.append(sketch)
    return made


def whole(made: list[MinHash]) -> list[int]:
    # Its default bands for 0.8 are 9 x 13; 16 x 8 finds far more.
    lsh = MinHashLSH(num_perm=128, **({"threshold": 0.8} if sys.argv[3] == "sha1" else {"params": (BANDS, ROWS)}))
    buckets = []
    for row, sketch in enumerate(made):
        found = lsh.query(sketch)
        if found:
            buckets.append([row, *found])
        lsh.insert(row, sketch)
    return clusters(len(made), buckets)


report(signatures, whole)
