"""rensa: sketches of batches of token sets, and its own index. Third argument: `full`, or `rho`, which samples tokens.

`full` asks the index for candidates and keeps those whose sketches reach the threshold, as its deduplicator does. The
matrix of `rho` can only be asked for flags; its bands are compared here.
"""

import sys

import numpy as np
import polars as pl
from measuring import BANDS, banded_clusters, clusters, report, shingles
from rensa import RMinHash, RMinHashLSH

THRESHOLD, PERMUTATIONS, BATCH = 0.8, 128, 1_000
texts = pl.read_parquet(sys.argv[1])["text"].to_list()


def batches() -> list[list[list[str]]]:
    for begin in range(0, len(texts), BATCH):
        yield [list(shingles(text)) for text in texts[begin : begin + BATCH]]


def full() -> list[RMinHash]:
    return [sketch for batch in batches() for sketch in RMinHash.from_token_sets(batch, PERMUTATIONS, 1)]


def full_clusters(made: list[RMinHash]) -> list[int]:
    index = RMinHashLSH(THRESHOLD, PERMUTATIONS, BANDS)
    index.insert_many(made)
    links = [
        (row, other)
        for row, found in enumerate(index.query_all(made))
        for other in found
        if other > row and made[row].jaccard(made[other]) >= THRESHOLD
    ]
    return clusters(len(made), links)


def rho() -> list[object]:
    return [RMinHash.digest_matrix_from_token_sets_rho(batch, PERMUTATIONS, 1) for batch in batches()]


def rho_clusters(made: list[object]) -> list[int]:
    return banded_clusters(np.concatenate([np.array(matrix.to_rows(), np.uint32) for matrix in made]))


if sys.argv[3] == "rho":
    report(rho, rho_clusters)
else:
    report(full, full_clusters)
