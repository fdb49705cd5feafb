"""FastSketchLSH: sketches of batches of token lists, and its own bands."""

import sys

import numpy as np
import polars as pl
from FastSketchLSH import LSH, FastSimilaritySketch
from measuring import BANDS, clusters, cores, report, shingles

BATCH = 1_000
texts = pl.read_parquet(sys.argv[1])["text"].to_list()


def signatures() -> np.ndarray:
    sketch = FastSimilaritySketch(size=128, seed=42)
    made = []
    for begin in range(0, len(texts), BATCH):
        tokens = [list(shingles(text)) for text in texts[begin : begin + BATCH]]
        made.append(np.asarray(sketch.batch(tokens, num_threads=cores())))
    return np.concatenate(made)


def whole(made: np.ndarray) -> list[int]:
    index = LSH(num_perm=128, num_bands=BANDS, num_threads=cores())
    index.insert(made)
    flat, edges = index.query(made, format="csr")
    found = np.split(flat.astype(np.int64), edges[1:-1].astype(np.int64))
    return clusters(len(made), ([row, *others.tolist()] for row, others in enumerate(found)))


report(signatures, whole)
