"""Ours: `parlance.dedup`, verified. Third argument: how many threads."""

import sys

import polars as pl
from measuring import report

from parlance.dedup import near_duplicates, signatures

threads = int(sys.argv[3])
texts = pl.read_parquet(sys.argv[1])["text"]
near_duplicates(texts[:20], threads=threads)  # loads what was compiled, as a long-running worker has it


def sketches() -> object:
    return signatures(texts, threads=threads)


report(sketches, lambda _: near_duplicates(texts, threads=threads)["cluster"].to_list(), apart=True)
