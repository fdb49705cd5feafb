"""What every script of this folder prints. It runs in each peer's environment: nothing but Python, NumPy and Polars.

Seconds of CPU are those of the process and of the children that it waited for.
"""

import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

NGRAM = 5
BANDS, ROWS = 16, 8
WORD = re.compile(r"\w+")


def cores() -> int:
    """How many processor cores this process was given."""
    return len(os.sched_getaffinity(0))


def words(text: str) -> list[str]:
    """Lower-cased `\\w+`."""
    return WORD.findall(text.lower())


def shingles(text: str) -> set[str]:
    """The distinct word 5-grams."""
    found = words(text)
    return {" ".join(found[i : i + NGRAM]) for i in range(max(len(found) - NGRAM, 0) + 1)} if found else set()


def clusters(count: int, buckets: Iterable[Sequence[int]]) -> list[int]:
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


def banded_clusters(sketches: np.ndarray, bands: int = BANDS) -> list[int]:
    """Clusters of rows of `(rows, width) uint32` sketches that are equal in one of the bands."""
    count = len(sketches)
    links: list[list[int]] = []
    for part in np.split(sketches, bands, axis=1):
        halves = np.ascontiguousarray(part).view(np.uint64)
        keys = {f"key{place}": halves[:, place] for place in range(halves.shape[1])}
        frame = pl.DataFrame({"row": np.arange(count), **keys})
        first = frame.select("row", first=pl.col("row").first().over(*keys)).filter(pl.col("first") != pl.col("row"))
        links += first.select(pl.concat_list("first", "row")).to_series().to_list()
    return clusters(count, links)


class Clock:
    """Seconds since it was made: `cpu()` and `wall()`."""

    def __init__(self) -> None:
        self._cpu, self._wall = _cpu_seconds(), time.perf_counter()

    def cpu(self) -> float:
        return _cpu_seconds() - self._cpu

    def wall(self) -> float:
        return time.perf_counter() - self._wall


def report(signatures: Callable[[], object], whole: Callable[[object], Sequence[int]], *, apart: bool = False) -> None:
    """Times both parts and writes the clusters to the second argument.

    Where they are `apart`, making clusters makes signatures too.
    """
    clock = Clock()
    made = signatures()
    signatures_s = clock.cpu()
    if apart:
        made, clock = None, Clock()
    found = whole(made)
    write_report(found, signatures_s=signatures_s, whole_s=clock.cpu(), wall_s=clock.wall())


def report_files(whole: Callable[[], Sequence[int]]) -> None:
    """Times `whole`, which reads and writes files, as `report` does."""
    clock = Clock()
    found = whole()
    write_report(found, whole_s=clock.cpu(), wall_s=clock.wall())


def write_report(found: Sequence[int], **seconds: float) -> None:
    """Writes the cluster of each row to the second argument and prints the figures."""
    pl.DataFrame({"row": range(len(found)), "cluster": found}).write_parquet(sys.argv[2])
    print(json.dumps({**seconds, "peak_bytes": _peak_bytes()}))


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _peak_bytes() -> int:
    return int(re.search(r"VmHWM:\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) * 1024


def report_filters(run: Callable[[str], Sequence[bool]], names: Sequence[str]) -> None:
    """Times each filter in CPU seconds of this process; the verdicts go to the second argument."""
    seconds, verdicts = {}, {}
    for name in names:
        start = time.process_time()
        verdicts[name] = run(name)
        seconds[name] = time.process_time() - start
    pl.DataFrame(verdicts).write_parquet(sys.argv[2])
    print(json.dumps(seconds))
