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


def report(signatures: Callable[[], object], whole: Callable[[object], Sequence[int]], *, apart: bool = False) -> None:
    """Times both parts in CPU seconds of this process and writes the clusters to the second argument.

    Where they are `apart`, making clusters makes signatures too.
    """
    import polars as pl

    start, wall = time.process_time(), time.perf_counter()
    made = signatures()
    signatures_s = time.process_time() - start
    if apart:
        made, start, wall = None, time.process_time(), time.perf_counter()
    found = whole(made)
    whole_s, wall_s = time.process_time() - start, time.perf_counter() - wall
    pl.DataFrame({"row": range(len(found)), "cluster": found}).write_parquet(sys.argv[2])
    line = {"signatures_s": signatures_s, "whole_s": whole_s, "wall_s": wall_s, "peak_bytes": _peak_bytes()}
    print(json.dumps(line))


def report_files(whole: Callable[[], Sequence[int]]) -> None:
    """Times `whole`, which reads and writes files, as `report` does."""
    import polars as pl

    start, wall = time.process_time(), time.perf_counter()
    found = whole()
    whole_s, wall_s = time.process_time() - start, time.perf_counter() - wall
    pl.DataFrame({"row": range(len(found)), "cluster": found}).write_parquet(sys.argv[2])
    print(json.dumps({"whole_s": whole_s, "wall_s": wall_s, "peak_bytes": _peak_bytes()}))


def _peak_bytes() -> int:
    return int(re.search(r"VmHWM:\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) * 1024


def report_filters(run: Callable[[str], Sequence[bool]], names: Sequence[str]) -> None:
    """Times each filter in CPU seconds of this process; the verdicts go to the second argument."""
    import polars as pl

    seconds, verdicts = {}, {}
    for name in names:
        start = time.process_time()
        verdicts[name] = run(name)
        seconds[name] = time.process_time() - start
    pl.DataFrame(verdicts).write_parquet(sys.argv[2])
    print(json.dumps(seconds))
