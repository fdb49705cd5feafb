"""gaoya: its own analyzer, index and queries. What it calls inserting is its signatures and filling the index.

Its queries give only what reaches the threshold by the sketches.
"""

import sys

import polars as pl
from gaoya.minhash import MinHashStringIndex
from measuring import BANDS, ROWS, clusters, report

texts = pl.read_parquet(sys.argv[1])["text"].to_list()


def inserted() -> MinHashStringIndex:
    index = MinHashStringIndex(32, 0.8, BANDS, ROWS, None, "word", True, (5, 5), "smallvec")
    index.par_bulk_insert_docs(list(range(len(texts))), texts)
    return index


def whole(index: MinHashStringIndex) -> list[int]:
    found = index.par_bulk_query(texts)
    return clusters(len(texts), ([row, *others] for row, others in enumerate(found)))


report(inserted, whole)
