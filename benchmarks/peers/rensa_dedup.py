"""rensa: sketches of batches of token sets, and its own index. Third argument: `full`, or `rho`, which samples tokens.

`full` asks the index for candidates and keeps those whose sketches reach the threshold, as its deduplicator does. The
matrix of `rho`, for which the order of the tokens matters, can only be asked for flags; its bands, 8 as in its own
benchmark, are compared here.
"""

import sys
from collections.abc import Iterator

import numpy as np
import polars as pl
from measuring import BANDS, NGRAM, banded_clusters, clusters, report, shingles, words
from rensa import RMinHash, RMinHashLSH

THRESHOLD, PERMUTATIONS, BATCH = 0.8, 128, 1_000
texts = pl.read_parquet(sys.argv[1])["text"].to_list()


def batches() -> Iterator[list[list[str]]]:
    tokens = in_order if sys.argv[3] == "rho" else shingles
    for begin in range(0, len(texts), BATCH):
        yield [list(tokens(text)) for text in texts[begin : begin + BATCH]]


def in_order(text: str) -> list[str]:
    found = words(text)
    return [" ".join(found[i : i + NGRAM]) for i in range(max(len(found) - NGRAM, 0) + 1)]


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
    return banded_clusters(np.concatenate([np.array(matrix.to_rows(), np.uint32) for matrix in made]), bands=8)


if sys.argv[3] == "rho":
    report(rho, rho_clusters)
else:
    report(full, full_clusters)
