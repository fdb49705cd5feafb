"""What every script of this folder prints. It runs in each peer's environment: nothing but Python and Polars."""

import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

NGRAM = 5
BANDS, ROWS = 16, 8
WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Lower-cased `\\w+`."""
    return WORD.findall(text.lower())


def shingles(text: str) -> set[str]:
    """The distinct word 5-grams."""
    found = words(text)
    return {" ".join(found[i : i + NGRAM]) for i in range(max(len(found) - NGRAM, 0) + 1)} if found else set()


def clusters(count: int, buckets: Sequence[Sequence[int]]) -> list[int]:
    """For each row the smallest that buckets connect it to."""
    parents = list(range(count))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for bucket in buckets:
        first = root(bucket[0])
        for other in bucket[1:]:
            low, high = sorted((first, root(other)))
            parents[high] = first = low
    return [root(row) for row in range(count)]


def report(signatures: Callable[[], object], whole: Callable[[object], Sequence[int]]) -> None:
    """Times both parts in CPU seconds of this process and writes the clusters to the second argument."""
    import polars as pl

    start, wall = time.process_time(), time.perf_counter()
    made = signatures()
    middle = time.process_time()
    found = whole(made)
    end, wall_end = time.process_time(), time.perf_counter()
    pl.DataFrame({"row": range(len(found)), "cluster": found}).write_parquet(sys.argv[2])
    peak = int(re.search(r"VmHWM:\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) * 1024
    line = {"signatures_s": middle - start, "whole_s": end - start, "wall_s": wall_end - wall, "peak_bytes": peak}
    print(json.dumps(line))
