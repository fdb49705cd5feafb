"""Near duplicates beside other tools, on the same corpus in one run. Run: python -m benchmarks.dedup [documents ...]

`python -m benchmarks.peers` installs the others first; one that is not installed is left out. Every tool is a process
of its own on one core, in turn; `two cores` is ours on two. 128 permutations, word 5-grams, threshold 0.8. Recall and
precision are those of pairs of documents in one cluster, against the exact truth (`benchmarks/truth.py`). `--fast`:
only ours and daft, for large corpora.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks import peers, planted, truth

SIZES = (10_000,)
ROUNDS = 2
SCRIPTS = Path(__file__).parent / "peers"
TOOLS = {
    "Parlance": ("parlance", "parlance_dedup.py", "1"),
    "Parlance, two cores": ("parlance", "parlance_dedup.py", "2"),
    "Parlance, Parquet to Parquet": ("parlance", "parlance_parquet.py"),
    "daft": ("daft", "daft_dedup.py"),
    "daft, Parquet to Parquet": ("daft", "daft_dedup.py", "parquet"),
    "rensa": ("rensa", "rensa_dedup.py"),
    "datasketch, xxh32": ("datasketch", "datasketch_dedup.py", "xxh32"),
    "datasketch": ("datasketch", "datasketch_dedup.py", "sha1"),
}


def measured(tool: str, corpus: Path, folder: Path) -> tuple[dict[str, float], pl.DataFrame] | None:
    """Figures and clusters of a tool; None where it is not installed."""
    environment, script, *arguments = TOOLS[tool]
    python = sys.executable if environment == "parlance" else peers.python(environment)
    if python is None:
        return None
    cores = {0, 1} if arguments == ["2"] else {0}
    best: dict[str, float] = {}
    for number in range(ROUNDS):
        results = folder / f"{script}-{'-'.join(arguments)}-{number}.parquet"
        done = subprocess.run(
            [str(python), str(SCRIPTS / script), str(corpus), str(results), *arguments],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{SCRIPTS}:{SCRIPTS.parents[1]}", "DAFT_PROGRESS_BAR": "0"},
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        found = json.loads(done.stdout.splitlines()[-1])
        best = {name: min(value, best.get(name, value)) for name, value in found.items()}
    return best, pl.read_parquet(results)


def quality(found: pl.DataFrame, exact: pl.DataFrame) -> tuple[float, float]:
    """Recall and precision of pairs in one cluster."""
    size = pl.col("size").cast(pl.Float64)
    pairs = (size * (size - 1) / 2).sum()
    both = found.join(exact, on="row", suffix="_exact")
    common = both.group_by("cluster", "cluster_exact").agg(size=pl.len()).select(pairs).item()
    ours = found.group_by("cluster").agg(size=pl.len()).select(pairs).item()
    theirs = exact.group_by("cluster").agg(size=pl.len()).select(pairs).item()
    return common / theirs, common / ours


def exact_clusters(texts: pa.LargeStringArray) -> pl.DataFrame:
    """`row` and `cluster` by the exact links."""
    from parlance.dedup.linking import components

    links = truth.pairs(texts)
    joined = components(len(texts), links["left"].to_numpy(), links["right"].to_numpy())
    return pl.DataFrame({"row": range(len(texts)), "cluster": joined})


def main() -> None:
    sizes = [int(argument) for argument in sys.argv[1:] if argument.isdigit()] or SIZES
    tools = [tool for tool in TOOLS if "--fast" not in sys.argv or TOOLS[tool][0] in ("parlance", "daft")]
    for documents in sizes:
        with tempfile.TemporaryDirectory() as folder:
            corpus = Path(folder) / "corpus.parquet"
            texts = planted.texts(documents)
            megabytes = sum(buffer.size for buffer in texts.buffers()[2:]) / 1e6
            pq.write_table(pa.table({"text": texts}), corpus)
            exact = exact_clusters(texts)
            del texts
            table = Table(
                "tool", "signatures MB/CPU-s", "clusters MB/CPU-s", "clusters MB/s", "peak MB", "recall", "precision",
                title=f"{documents:,} documents, {megabytes:.0f} MB", title_justify="left",
            )  # fmt: skip
            for tool in tools:
                if (one := measured(tool, corpus, Path(folder))) is None:
                    continue
                figures, found = one
                recall, precision = quality(found, exact)
                table.add_row(
                    tool,
                    f"{megabytes / figures['signatures_s']:.1f}" if "signatures_s" in figures else "",
                    f"{megabytes / figures['whole_s']:.1f}",
                    f"{megabytes / figures['wall_s']:.1f}",
                    f"{figures['peak_bytes'] / 1e6:.0f}",
                    f"{recall:.3f}",
                    f"{precision:.3f}",
                )
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
