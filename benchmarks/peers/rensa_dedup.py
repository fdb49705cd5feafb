"""rensa: a digest matrix from token sets; bands of it."""

import sys

import polars as pl
from measuring import BANDS, ROWS, clusters, report, shingles
from rensa import RMinHash

texts = pl.read_parquet(sys.argv[1])["text"].to_list()


def signatures() -> object:
    return RMinHash.digests_from_token_sets([list(shingles(text)) for text in texts], 128, 1)


def whole(made: object) -> list[int]:
    buckets = []
    for band in range(BANDS):
        seen: dict[tuple[int, ...], list[int]] = {}
        for row, digest in enumerate(made):
            seen.setdefault(tuple(digest[band * ROWS : (band + 1) * ROWS]), []).append(row)
        buckets += [bucket for bucket in seen.values() if len(bucket) > 1]
    return clusters(len(texts), buckets)


report(signatures, whole)
