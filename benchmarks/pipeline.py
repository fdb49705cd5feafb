"""Gigabytes of text through the dump lane, as Dagster partitions: `python -m benchmarks.pipeline [gigabytes] [folder]`.

Writes Parquet files of 20,000 made-up documents with planted copies (see `planted`) into an inbox, each a partition,
and has Dagster materialise raw rows, documents, signals, duplicates, and what is kept and dropped, for all partitions
in one run each, as a backfill does. Prints the time of each step and the peak memory of all processes together.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks import planted

ROOT = Path(__file__).parent.parent
DOCUMENTS = 20_000
MEGABYTES = 86.6  # of text in a file
STEPS = (
    ("corpus/references",),
    ("dump/raw",),
    ("dump/documents", "dump/rejected"),
    ("dump/signals",),
    ("corpus/duplicates",),
    ("dump/kept", "dump/dropped"),
)


def write_file(place: int, folder: str) -> int:
    """One dump; the bytes of its texts."""
    texts = planted.texts(DOCUMENTS, seed=place + 1)
    ids = pa.array([f"{place}-{row}" for row in range(len(texts))])
    pq.write_table(pa.table({"id": ids, "text": texts}), f"{folder}/part-{place:03}.parquet", row_group_size=2_000)
    return int(texts.nbytes)


class Watch:
    """The most resident memory that this process' children had together, seen five times a second."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.2):
            total = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak_bytes = max(self.peak_bytes, total)


def materialize(keys: tuple[str, ...], partitions: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds and peak MB of one run."""
    select = " OR ".join(f'key:"{key}"' for key in keys)
    is_lane = keys[0].startswith("dump/")
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "-m", "orchestration.definitions"]
    command += ["--select", select, *(["--partition-range", f"{partitions[0]}...{partitions[-1]}"] if is_lane else [])]
    start = time.perf_counter()
    with Watch() as watch:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{keys} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return time.perf_counter() - start, watch.peak_bytes / 1e6


def run(home: Path, gigabytes: float) -> None:
    inbox = home / "inbox"
    inbox.mkdir(parents=True)
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    files = max(1, round(gigabytes * 1000 / MEGABYTES))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        megabytes = sum(pool.map(write_file, range(files), [str(inbox)] * files)) / 1e6
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home / "dagster"),
        "PARLANCE_HOME": str(home),
        "PARLANCE_DUMPS": str(inbox),
        "PYTHONPATH": str(ROOT),
    }
    partitions = [f"part-{place:03}.parquet" for place in range(files)]
    register = (
        "import dagster as dg, sys; i = dg.DagsterInstance.get(); i.add_dynamic_partitions('dumps', sys.argv[1:])"
    )
    subprocess.run([sys.executable, "-c", register, *partitions], env=environment, check=True)
    table = Table("step", "seconds", "MB/s", "peak MB of all processes")
    for keys in STEPS:
        seconds, peak = materialize(keys, partitions, environment)
        table.add_row(keys[0], f"{seconds:.0f}", f"{megabytes / seconds:.1f}", f"{peak:.0f}")
        Console(width=100).print(keys[0], f"{seconds:.0f} s, {peak:.0f} MB")
    Console(width=100).print(f"{megabytes:,.0f} MB of text in {files} partitions", table)
    from parlance.lake import Lake

    lake = Lake(root=str(home / "lake"))
    rows = {name: lake.table(name).scan().select("id").collect().height for name in ("dump/kept", "dump/dropped")}
    print(rows, "duplicates:", lake.table("corpus/duplicates").scan().filter(keep=False).collect().height)


def main() -> None:
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    if len(sys.argv) > 2:
        run(Path(sys.argv[2]).absolute(), gigabytes)
    else:
        with tempfile.TemporaryDirectory() as folder:
            run(Path(folder) / "home", gigabytes)


if __name__ == "__main__":
    main()
