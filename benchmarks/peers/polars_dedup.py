"""No tool for it at hand: 128 permutations in Polars expressions, a thousand documents at a time, and bands."""

import sys

import numpy as np
import polars as pl
from measuring import NGRAM, banded_clusters, report

BATCH, PERMUTATIONS = 1_000, 128
MULTIPLIERS = (np.random.default_rng(1).integers(1, 2**63, PERMUTATIONS, dtype=np.uint64) << np.uint64(1)) + np.uint64(
    1
)
texts = pl.read_parquet(sys.argv[1])["text"]


def sketched(part: pl.Series) -> np.ndarray:
    """A permutation is an odd multiplier; the smallest products' upper halves are the sketch."""
    words = (
        pl.DataFrame({"text": part})
        .with_row_index("row")
        .lazy()
        .select("row", word=pl.col("text").str.to_lowercase().str.extract_all(r"\w+"))
        .explode("word")
        .select("row", word=pl.col("word").hash(1))
    )
    # A text of fewer words than an n-gram has is one n-gram: what lies beyond it counts as 0 and its first alone stays.
    following = [pl.col("word").shift(-place).over("row").fill_null(0).alias(str(place)) for place in range(NGRAM)]
    grams = words.select(
        "row",
        gram=pl.struct(*following).hash(2),
        place=pl.int_range(pl.len()).over("row"),
        count=pl.len().over("row"),
    )
    grams = grams.filter((pl.col("place") <= pl.col("count") - NGRAM) | (pl.col("place") == 0)).select("row", "gram")
    products = [
        (pl.col("gram") * pl.lit(multiplier, pl.UInt64)).min().alias(str(number))
        for number, multiplier in enumerate(MULTIPLIERS.tolist())
    ]
    made = grams.group_by("row").agg(products).sort("row").drop("row").collect()
    return (made.to_numpy() >> np.uint64(32)).astype(np.uint32)


def signatures() -> np.ndarray:
    return np.concatenate([sketched(texts[begin : begin + BATCH]) for begin in range(0, len(texts), BATCH)])


report(signatures, banded_clusters)
