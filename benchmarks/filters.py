"""The rules of Gopher, C4 and FineWeb beside datatrove's filters, on one core: python -m benchmarks.filters [documents]

`python -m benchmarks.peers` installs datatrove first. `all` of datatrove is the sum of its four filters. Whether the
verdicts are the same is what `python -m benchmarks.verdicts` asks.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks import peers, planted

SCRIPTS = Path(__file__).parent / "peers"
FILTERS = ("gopher_quality", "gopher_repetition", "c4", "fineweb", "all")
# Which of its kind is too slow for all documents.
TOOLS = {
    "Parlance": ("parlance", "parlance_filters.py", "papers", 1.0),
    "Parlance, as datatrove counts": ("parlance", "parlance_filters.py", "datatrove", 1.0),
    "Parlance, RedPajama's annotations": ("parlance", "parlance_filters.py", "redpajama", 1.0),
    "datatrove, words at whitespace": ("datatrove", "datatrove_filters.py", "split", 0.2),
    "datatrove, its default": ("datatrove", "datatrove_filters.py", "default", 0.02),
}


def seconds(tool: str, corpus: Path, folder: Path) -> dict[str, float] | None:
    """CPU seconds of each filter; None where the tool is not installed."""
    environment, script, argument, _ = TOOLS[tool]
    python = sys.executable if environment == "parlance" else peers.python(environment)
    if python is None:
        return None
    command = [str(python), str(SCRIPTS / script), str(corpus), str(folder / "verdicts.parquet"), argument]
    path = f"{SCRIPTS}:{SCRIPTS.parents[1]}"
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        preexec_fn=lambda: os.sched_setaffinity(0, {0}),
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {"all": sum(found.values()), **found}


def main() -> None:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    texts = planted.texts(documents)
    table = Table("MB/CPU-s", *FILTERS, title=f"{documents:,} documents", title_justify="left")
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.parquet"
        for tool, (*_, share) in TOOLS.items():
            part = texts.slice(0, max(1, int(len(texts) * share)))
            pq.write_table(pa.table({"text": part}), corpus)
            megabytes = part.nbytes / 1e6
            if (found := seconds(tool, corpus, Path(folder))) is not None:
                cells = [f"{megabytes / found[name]:.2f}" if name in found else "" for name in FILTERS]
                table.add_row(tool, *cells)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
