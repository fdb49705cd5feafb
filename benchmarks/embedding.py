"""Embedding beside sentence-transformers, in one process and on whatever device there is:

    python -m benchmarks.embedding [--texts N] [--folder FOLDER] [--rounds N]

Half of the texts are messages and half chunks of pages, as long as they come: the sample's, and those of `text` in the
JSON lines (`.jsonl`, `.jsonl.gz`) under the folder (../shared/data, which is no part of the project).
sentence-transformers is called as its documentation does, `encode(texts)`; it is taken from the environment or from
`.peers/sentence_transformers` (`pip install --no-deps --target .peers/sentence_transformers sentence-transformers`).
Both take turns; the best round of each counts. Goals: a cosine of .999 at least to its vectors, no more time than it on
any CPU, a 3.5th with AMX.
"""

import argparse
import gzip
import json
import platform
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from rich.console import Console
from rich.table import Table

from benchmarks import peers
from parlance import embedding
from parlance.embedding import encoder, weights
from parlance.sources import slack

ROOT = Path(__file__).parent.parent
LEAST_COSINE, WITH_AMX = 0.999, 3.5
LONGEST_FILE, PAGES = 4000, 200  # lines of one file, pages of all that are read


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Seconds of a call, and the vectors that it made."""

    cpu_s: float
    wall_s: float
    vectors: np.ndarray


def messages(folder: Path) -> list[str]:
    """What people wrote in a line: the sample's labelled utterances and those of the folder."""
    return [text for base in (ROOT / "sample", folder / "speech_acts") for text in _lines(base) if text]


def chunks(folder: Path) -> list[str]:
    """Chunks of the sample's threads and of the folder's pages."""
    threads = [row for batch in slack.read_export(ROOT / "sample" / "slack_export.zip") for row in batch.to_pylist()]
    texts = [row["text"] for row in threads] + list(_lines(folder / "web"))[:PAGES]
    documents = pl.DataFrame({"id": [str(number) for number in range(len(texts))], "text": texts})
    return embedding.chunks(documents)["text"].to_list()


def _lines(folder: Path) -> Iterator[str]:
    for path in sorted([*folder.rglob("*.jsonl"), *folder.rglob("*.jsonl.gz")]):
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for _, line in zip(range(LONGEST_FILE), lines, strict=False):
                if isinstance(text := json.loads(line).get("text"), str):
                    yield text


def mixed(count: int, folder: Path) -> list[str]:
    """`count` different texts, half of them messages."""
    draw = random.Random(1)
    parts = [sorted(set(found)) for found in (messages(folder), chunks(folder))]
    chosen = [text for part in parts for text in draw.sample(part, min(count // 2, len(part)))]
    draw.shuffle(chosen)
    return chosen


def timed(call: Callable[[], np.ndarray]) -> Timed:
    cpu, wall = time.process_time(), time.perf_counter()
    vectors = call()
    return Timed(cpu_s=time.process_time() - cpu, wall_s=time.perf_counter() - wall, vectors=vectors)


def theirs() -> Callable[[list[str]], np.ndarray] | None:
    """`encode` of sentence-transformers with the same weights; None where it is not installed."""
    sys.path.append(str(peers.FOLDER / "sentence_transformers"))
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        return None
    model = SentenceTransformer(str(weights.locate("minilm")))
    return lambda texts: np.asarray(model.encode(texts))


def machine() -> str:
    """What it runs on."""
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    has = {
        "AMX": torch.cpu._is_amx_tile_supported(),
        "AVX512-BF16": torch.cpu._is_avx512_bf16_supported(),
        "AVX512": torch.cpu._is_avx512_supported(),
    }
    said = ", ".join(f"{'with' if there else 'without'} {name}" for name, there in has.items())
    return f"{found[1] if found else platform.processor()}, {torch.get_num_threads()} threads, {said}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedding", description="Embedding speed and likeness.")
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--folder", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    console = Console()
    texts = mixed(options.texts, options.folder)
    tokenizer = encoder.load("minilm", encoder.devices(None)[0]).tokenizer
    lengths = np.array([len(encoding) for encoding in tokenizer.encode_batch_fast(texts)])
    console.print(f"[bold]{machine()}[/bold]")
    console.print(
        f"{len(texts):,} texts, {lengths.sum():,} tokens; a tenth is shorter than {np.quantile(lengths, 0.1):.0f},"
        f" half than {np.quantile(lengths, 0.5):.0f}, nine tenths than {np.quantile(lengths, 0.9):.0f} tokens"
    )
    series = pl.Series(texts)
    calls: dict[str, Callable[[], np.ndarray]] = {
        "parlance": lambda: embedding.embed(series),
        "parlance, float32": lambda: embedding.embed(series, precision="float32"),
    }
    peer = theirs()
    if peer is None:
        console.print("[red]sentence-transformers is not installed: nothing to compare with[/red]")
    else:
        calls["sentence-transformers"] = lambda: peer(texts)
    best: dict[str, Timed] = {}
    for call in calls.values():
        call()  # loads the model and warms it up
    for _ in range(options.rounds):
        for name, call in calls.items():
            run = timed(call)
            best[name] = min(run, best.get(name, run), key=lambda one: one.cpu_s)
    show(console, best, tokens=int(lengths.sum()), precision=encoder.load("minilm", encoder.devices(None)[0]).precision)


def show(console: Console, best: dict[str, Timed], *, tokens: int, precision: str) -> None:
    base = best.get("sentence-transformers")
    columns = ("", "CPU s", "wall s", "tokens/CPU-s", "tokens/s", "x CPU", "x wall", "least cosine", "mean cosine")
    table = Table(*columns, title=f"parlance computes in {precision} here")
    for name, run in best.items():
        like = [""] * 4
        if base is not None:
            cosines = (run.vectors * base.vectors).sum(axis=1) / np.linalg.norm(base.vectors, axis=1)
            like = [f"{base.cpu_s / run.cpu_s:.2f}", f"{base.wall_s / run.wall_s:.2f}"]
            like += [f"{cosines.min():.5f}", f"{cosines.mean():.5f}"]
        speed = [f"{run.cpu_s:.2f}", f"{run.wall_s:.2f}", f"{tokens / run.cpu_s:,.0f}", f"{tokens / run.wall_s:,.0f}"]
        table.add_row(name, *speed, *like)
    console.print(table)
    if base is None:
        return
    run = best["parlance"]
    wanted = WITH_AMX if torch.cpu._is_amx_tile_supported() else 1.0
    cosine = float(((run.vectors * base.vectors).sum(axis=1) / np.linalg.norm(base.vectors, axis=1)).min())
    # On a GPU the processor only waits.
    ratio = base.wall_s / run.wall_s if torch.cuda.is_available() else base.cpu_s / run.cpu_s
    for goal, met in (
        (f"{wanted}x sentence-transformers: {ratio:.2f}x", ratio >= wanted),
        (f"cosine {LEAST_COSINE}: {cosine:.5f}", cosine >= LEAST_COSINE),
    ):
        console.print(f"{'[green]met' if met else '[red]not met'}[/]  {goal}")


if __name__ == "__main__":
    main()
