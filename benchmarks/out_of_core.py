"""Near duplicates over a lake whose sketches exceed the memory they may take: `python -m benchmarks.out_of_core`.

Writes a lake of made-up documents with planted copies, then compares all of them in blocks of several sizes, each in a
process of its own, and at last adds a partition to what is known. Prints seconds, the peak of memory and whether the
duplicates are the same. Argument: how many documents (100,000).
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table as Printed

PARTITIONS = 10
BLOCKS = (10**9, 20_000, 5_000)
LANES = {"dump": ()}


def write_lake(root: str, documents: int) -> None:
    """`documents` texts in ten partitions, and of their signals those that deduplication needs."""
    from benchmarks import planted
    from parlance.lake import Lake

    lake = Lake(root=root)
    texts = pl.Series(planted.texts(documents))
    size = -(-documents // PARTITIONS)
    for place in range(PARTITIONS):
        put(lake, f"part-{place}", texts[place * size : (place + 1) * size], first=place * size)


def put(lake: object, partition: str, texts: pl.Series, *, first: int) -> None:
    """Documents and signals of one partition."""
    from parlance.dedup import bands, content_hashes, signatures
    from parlance.storage import record_batches

    sketches = signatures(texts)
    frame = pl.DataFrame({"text": texts}).with_columns(
        id=pl.format("d{}", pl.int_range(pl.len()) + first),
        source=pl.lit("dump"),
        partition=pl.lit(partition),
        characters=pl.col("text").str.len_chars().cast(pl.Int64),
        words=pl.lit(0, pl.Int64),
        content_hash=content_hashes(texts),
        signature=pl.Series([row.tobytes() for row in sketches], dtype=pl.Binary),
        bands=pl.Series(bands(sketches), dtype=pl.Array(pl.Int64, 25)).cast(pl.List(pl.Int64)),
    )
    for name in ("documents", "signals"):
        table = lake.table(f"dump/{name}")
        empty = pl.from_arrow(table.schema.empty_table())
        # What no comparison looks at is null, or an empty list where null is not allowed.
        absent = {
            column: pl.lit([] if kind.is_nested() and not table.schema.field(column).nullable else None, dtype=kind)
            for column, kind in empty.schema.items()
            if column not in frame.columns
        }
        table.replace(record_batches(frame.with_columns(**absent), table.schema), [partition])


def compared(root: str, block_rows: int) -> dict[str, float]:
    """Seconds, peak of memory and what was done, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.out_of_core", "--compare", root, str(block_rows)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(root: str, block_rows: int) -> None:
    from parlance.lake import Lake
    from parlance.stages.duplicates import write_duplicates

    lake = Lake(root=root)
    before, start = peak_mb(), time.perf_counter()
    done = write_duplicates(lake, LANES, threshold=0.8, method="benchmark", block_rows=block_rows)
    seconds = time.perf_counter() - start
    digest = lake.table("corpus/duplicates").scan().sort("id").collect().hash_rows().sum()
    print(json.dumps({"seconds": seconds, "before": before, "peak": peak_mb(), "digest": digest, **done.counts}))


def peak_mb() -> float:
    return int(re.search(r"VmHWM:\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) / 1024


def main() -> None:
    from parlance.lake import Lake

    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    table = Printed("compared", "sketches at once, MB", "seconds", "peak MB", "same", "new", "older held", "texts read")
    with tempfile.TemporaryDirectory() as root:
        write_lake(root, documents)
        lake, first = Lake(root=root), None
        for block_rows in BLOCKS:
            lake.table("corpus/duplicate_index").replace([])
            found = compared(root, block_rows)
            first = first or found
            table.add_row("all", *cells(found, first, min(block_rows, documents)))
        last = lake.table("dump/documents").scan([f"part-{PARTITIONS - 1}"]).collect()
        number = documents - len(last)
        for name in ("documents", "signals"):
            lake.table(f"dump/{name}").replace([], [f"part-{PARTITIONS - 1}"])
        compared(root, BLOCKS[0])
        put(lake, f"part-{PARTITIONS - 1}", last["text"], first=number)
        table.add_row("one partition more", *cells(compared(root, BLOCKS[0]), first, len(last)))
    Console(width=120).print(f"{documents:,} documents, sketches and bands {documents * 712 / 1e6:.0f} MB", table)


def cells(found: dict[str, float], first: dict[str, float], rows: int) -> list[str]:
    same = "yes" if found["digest"] == first["digest"] else "NO"
    counts = [f"{found[name]:,.0f}" for name in ("new", "compared", "read")]
    return [f"{rows * 712 / 1e6:.0f}", f"{found['seconds']:.1f}", f"{found['peak']:.0f}", same, *counts]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compare"]:
        compare(sys.argv[2], int(sys.argv[3]))
    else:
        main()
