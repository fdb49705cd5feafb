"""Near duplicates beside other tools, on one corpus in one run: 128 permutations, word 5-grams, Jaccard 0.8.

    python -m benchmarks.peers    # installs the others, each in an environment of its own
    python -m benchmarks.dedup [documents] [--large] [--only daft,gaoya] [--json PATH]

10,000 documents unless told; `--large` goes on with 200,000 for Parlance, daft and Polars. A tool that is not installed
is left out, as is one whose environment `--only` does not name (ours is `parlance`). Every tool is a process of its own
that may use one core, or two where it says so; all take their turn, and again, and the best of both counts. A slow tool
gets the first part of the corpus only; its figures are for that part. Text is in memory before the clock starts, except
for datatrove, which reads through its own reader, and in the rows `files`, which read Parquet and write the kept rows
as Parquet. MB/CPU-s are of all processes of the tool; MB/s and documents/s are by the wall; the peak counts Python and
the text itself. Recall and precision stand beside every speed: `benchmarks/cluster_quality.py` defines them,
`benchmarks/truth.py` finds the exact pairs.

Looked at and left out: NeMo Curator (its fuzzy deduplication needs a GPU), FED/SEDD (the same), FastRustRAG (no wheel:
its source needs a Rust toolchain and crates), Data-Juicer and distilabel (their MinHash is datasketch's or taken from
it, below much else), SemHash (by embeddings, another question), fast-minh (signatures of given token sets only), and
Rust crates without a Python package (txtfp, sketchir, lshdedup).
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Column, Table

from benchmarks import peers, planted, process_tree, truth
from benchmarks.cluster_quality import components, quality
from benchmarks.dedup_goals import TENTH, Goal, Run, goals

DOCUMENTS, LARGE = 10_000, 200_000
ROUNDS = 2
TWO = ", two cores"
SCRIPTS = Path(__file__).parent / "peers"
# Rows of a Parquet row group, as for files of some tens of MB.
ROW_GROUP = 10_000


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A script of `benchmarks/peers` in an environment; `share` is of the corpus, `large` if it can take it all."""

    name: str
    peer: str
    script: str
    arguments: list[str] = field(default_factory=list)
    cores: int = 1
    share: float = 1.0
    large: bool = False


def _tools(name: str, peer: str, script: str, *arguments: str, two: float = 0, **options: float) -> list[Tool]:
    """The tool on one core and, where it can use them, on two with a share `two` of the corpus."""
    one = Tool(name=name, peer=peer, script=script, arguments=[*arguments], **options)
    both = {**asdict(one), "name": name + TWO, "cores": 2, "share": float(two)}
    return [one, Tool(**both)] if two else [one]


TOOLS = [
    *_tools("Parlance", "parlance", "parlance_dedup.py", two=1, large=True),
    *_tools(TENTH, "parlance", "parlance_dedup.py", share=0.1, large=True),
    *_tools("Parlance, files", "parlance", "parlance_parquet.py", two=1, large=True),
    *_tools("daft", "daft", "daft_dedup.py", two=1, large=True),
    *_tools("daft, files", "daft", "daft_dedup.py", "parquet", two=1, large=True),
    *_tools("Polars", "polars", "polars_dedup.py", two=1, large=True),
    *_tools("gaoya", "gaoya", "gaoya_dedup.py", two=1),
    *_tools("FastSketchLSH", "FastSketchLSH", "fastsketchlsh_dedup.py", two=1),
    *_tools("rensa", "rensa", "rensa_dedup.py", "full", two=1),
    *_tools("rensa, rho", "rensa", "rensa_dedup.py", "rho", two=1),
    *_tools("datasketch", "datasketch", "datasketch_dedup.py", "sha1"),
    *_tools("datasketch, xxh32", "datasketch", "datasketch_dedup.py", "xxh32"),
    *_tools("text-dedup", "text-dedup", "text_dedup_minhash.py", "sha1", share=0.3),
    *_tools("text-dedup, xxh3", "text-dedup", "text_dedup_minhash.py", "xxh3", share=0.3, two=0.5),
    *_tools("datatrove", "datatrove", "datatrove_dedup.py", "default", share=0.1, two=0.2),
    *_tools("datatrove, split", "datatrove", "datatrove_dedup.py", "split", share=0.3, two=0.5),
    *_tools("datatrove, split, files", "datatrove", "datatrove_dedup.py", "split", "parquet", share=0.3),
]


def interpreter(tool: Tool) -> Path | None:
    """None where the tool is not installed."""
    return Path(sys.executable) if tool.peer == "parlance" else peers.python(tool.peer)


@contextlib.contextmanager
def _affinity(cores: int) -> Iterator[None]:
    """What starts within may use so many cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def figures(tool: Tool, corpus: Path, folder: Path) -> tuple[dict[str, float], pl.Series]:
    """Seconds and bytes of one run, and the cluster of each row."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        results, out, log = (Path(own) / name for name in ("clusters.parquet", "out", "log"))
        command = [str(interpreter(tool)), str(SCRIPTS / tool.script), str(corpus), str(results), *tool.arguments]
        environment = {"PYTHONPATH": f"{SCRIPTS}:{SCRIPTS.parents[1]}", "DAFT_PROGRESS_BAR": "0", "TMPDIR": own}
        with out.open("w") as out_file, log.open("w") as log_file, _affinity(tool.cores):
            process = subprocess.Popen(
                command, stdout=out_file, stderr=log_file, text=True, env={**os.environ, **environment}
            )
        together = process_tree.peak_bytes(process)
        if process.returncode:
            raise RuntimeError(f"{tool.name} ended with {process.returncode}:\n{log.read_text()[-2000:]}")
        found = json.loads(out.read_text().splitlines()[-1])
        found["peak_bytes"] = max(found["peak_bytes"], together)
        return found, pl.read_parquet(results)["cluster"]


def measured(tools: Sequence[Tool], documents: int) -> list[Run]:
    """The tools on a corpus of that many documents, in turn."""
    texts = planted.texts(documents)
    links = truth.pairs(texts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = {tool.share: texts.slice(0, max(1, int(documents * tool.share))) for tool in tools}
        megabytes = {share: _megabytes(part) for share, part in parts.items()}
        counts = {share: len(part) for share, part in parts.items()}
        for share, part in parts.items():
            pq.write_table(pa.table({"text": part}), folder / f"{share}.parquet", row_group_size=ROW_GROUP)
        del texts, parts, part
        best: dict[str, dict[str, float]] = {}
        clusters: dict[str, pl.Series] = {}
        for _ in range(ROUNDS):
            for tool in tools:
                found, clusters[tool.name] = figures(tool, folder / f"{tool.share}.parquet", folder)
                before = best.get(tool.name, found)
                best[tool.name] = {figure: min(value, before[figure]) for figure, value in found.items()}
    runs = []
    for tool in tools:
        count = counts[tool.share]
        own = links.filter(pl.col("right") < count)
        agreement = quality(clusters[tool.name], components(count, own), own)
        runs.append(
            Run(
                tool=tool.name, cores=tool.cores, corpus=documents, documents=count, megabytes=megabytes[tool.share],
                figures=best[tool.name], **asdict(agreement),
            )
        )  # fmt: skip
    return runs


def _megabytes(texts: pa.LargeStringArray) -> float:
    """The UTF-8 of the texts alone."""
    return pc.sum(pc.binary_length(texts)).as_py() / 1e6


def speeds(runs: Sequence[Run], documents: int) -> Table:
    table = Table(
        Column("tool", no_wrap=True), "cores", "documents", "documents/s",
        "signatures MB/CPU-s", "clusters MB/CPU-s", "clusters MB/s", "peak MB",
        "recall", "precision", "recall, pairs", "precision, pairs",
        title=f"Near duplicates: corpus of {documents:,} documents", title_justify="left",
    )  # fmt: skip
    for run in runs:
        if run.corpus == documents:
            made = run.signatures_mb_per_cpu_s
            numbers = (run.clusters_mb_per_cpu_s, run.clusters_mb_per_s)
            shares = (run.recall, run.precision, run.pair_recall, run.pair_precision)
            table.add_row(
                run.tool.removesuffix(TWO), str(run.cores), f"{run.documents:,}", f"{run.documents_per_s:,.0f}",
                "" if made is None else _short(made), *map(_short, numbers), f"{run.peak_mb:,.0f}",
                *(f"{share:.3f}" for share in shares),
            )  # fmt: skip
    return table


def goals_table(found: Sequence[Goal]) -> Table:
    table = Table("goal", "documents", "measured", "bound", "reached", title="Goals", title_justify="left")
    for goal in found:
        bound = f"at least {goal.at_least:g}" if goal.at_least is not None else f"at most {goal.at_most:g}"
        table.add_row(goal.name, f"{goal.corpus:,}", _short(goal.value), bound, "yes" if goal.reached else "NO")
    return table


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def machine() -> dict[str, object]:
    described = dict(
        line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines() if ":" in line
    )
    model = next(value.strip() for name, value in described.items() if name.strip() == "model name")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9, 1),
        "python": sys.version.split()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dedup")
    parser.add_argument("documents", type=int, nargs="?", default=DOCUMENTS)
    parser.add_argument("--only", type=lambda text: text.split(","), help="environments, with commas between")
    parser.add_argument("--large", action="store_true", help=f"{LARGE:,} documents as well, for the fast tools")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    asked = parser.parse_args()
    tools = [tool for tool in TOOLS if interpreter(tool)]
    if asked.only:
        known = {tool.peer for tool in tools}
        if unknown := set(asked.only) - known:
            parser.error(f"not installed: {', '.join(sorted(unknown))}; installed: {', '.join(sorted(known))}")
        tools = [tool for tool in tools if tool.peer in asked.only]
    console = Console(width=150)
    versions = {tool.peer: peers.version(tool.peer) for tool in tools if tool.peer != "parlance"}
    console.print({"machine": machine(), "versions": versions})
    runs: list[Run] = []
    for documents in [asked.documents, *([LARGE] if asked.large and asked.documents != LARGE else [])]:
        runs += measured([tool for tool in tools if tool.large or documents < LARGE], documents)
        console.print(speeds(runs, documents))
    found = goals(runs)
    console.print(goals_table(found))
    if asked.json:
        rows = [{**asdict(goal), "reached": goal.reached} for goal in found]
        said = {"machine": machine(), "versions": versions, "runs": [asdict(run) for run in runs], "goals": rows}
        asked.json.write_text(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
