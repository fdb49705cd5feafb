"""datatrove: its MinHash steps on local files, a task for each core. Third argument: how words are cut.

`default` is what it comes with (spaCy), `split` cuts at whitespace. 14 bands of 8 rows, its default. The text comes
through its own reader, which takes a few hundredths of the time even of `split`. A fourth argument `parquet` filters
and writes the rows that are kept as well; without it the clusters are the end.
"""

import struct
import sys
import tempfile
from pathlib import Path

import polars as pl
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.word_tokenizers import WordTokenizer, load_word_tokenizer
from measuring import Clock, cores, write_report

CONFIG = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
TASKS = cores()


class Whitespace(WordTokenizer):
    def word_tokenize(self, text: str) -> list[str]:
        return text.split()

    sent_tokenize = span_tokenize = None


def run(tasks: int, *steps: object) -> None:
    logs = tempfile.mkdtemp(dir=folder)
    # Children by fork are this process's own, so that their seconds count.
    workers = min(tasks, TASKS)
    LocalPipelineExecutor(list(steps), tasks=tasks, workers=workers, logging_dir=logs, start_method="fork").run()


def signatures() -> None:
    step = MinhashDedupSignature(f"{folder}/signatures", config=CONFIG)
    if sys.argv[3] == "split":
        step.word_tokenizer = Whitespace()
    run(TASKS, ParquetReader(f"{folder}/corpus"), step)


def clusters() -> None:
    run(CONFIG.num_buckets, MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/pairs", config=CONFIG))
    run(1, MinhashDedupCluster(f"{folder}/pairs", f"{folder}/clusters", config=CONFIG, save_cluster_id=True))


def kept() -> None:
    writer = ParquetWriter(sys.argv[2] + ".kept", compression="zstd")
    run(TASKS, ParquetReader(f"{folder}/corpus"), MinhashDedupFilter(f"{folder}/clusters"), writer)


def found(edges: list[int]) -> list[int]:
    """The first row of each row's cluster, from the files with pairs of document and cluster."""
    rows = list(range(edges[-1]))
    firsts: dict[int, int] = {}
    for task in range(TASKS):
        path = Path(folder) / "clusters" / f"{task:06d}.clusters"
        for document, cluster in struct.iter_unpack("<2I", path.read_bytes() if path.exists() else b""):
            row = edges[task] + document
            rows[row] = firsts.setdefault(cluster, row)
    return rows


with tempfile.TemporaryDirectory() as folder:
    corpus = pl.read_parquet(sys.argv[1]).with_row_index("id").with_columns(pl.col("id").cast(pl.String))
    edges = [task * corpus.height // TASKS for task in range(TASKS + 1)]
    (Path(folder) / "corpus").mkdir()
    for task in range(TASKS):
        corpus[edges[task] : edges[task + 1]].write_parquet(f"{folder}/corpus/{task:05d}.parquet")
    del corpus
    load_word_tokenizer("eng").word_tokenize("loads what it needs")
    clock = Clock()
    signatures()
    signatures_s = clock.cpu()
    clusters()
    if sys.argv[4:] == ["parquet"]:
        kept()
        seconds = {}
    else:
        seconds = {"signatures_s": signatures_s}
    seconds |= {"whole_s": clock.cpu(), "wall_s": clock.wall()}
    write_report(found(edges), **seconds)
