"""Ours: `parlance.dedup`, verified, with a thread for each core."""

import sys

import polars as pl
from measuring import cores, report

from parlance.dedup import near_duplicates, signatures

texts = pl.read_parquet(sys.argv[1])["text"]
near_duplicates(texts[:20], threads=cores())  # loads what was compiled, as a long-running worker has it


def sketches() -> object:
    return signatures(texts, threads=cores())


report(sketches, lambda _: near_duplicates(texts, threads=cores())["cluster"].to_list(), apart=True)
