"""Training, encoding and writing tokens beside others, on one text in one process run, in CPU seconds.

    python -m benchmarks.tokenizers [FOLDER] [--mb 50] [--vocabulary 32000] [--rounds 2]

FOLDER is searched for text: JSON lines, HTML and Slack exports, packed or not (`../shared/data` unless named). Ours is
held against bare `tokenizers` with the same cut, vocabulary and special tokens: the merges and the ids of every
document must be equal, and two runs of ours must give equal bytes, else the run fails. Shards are written beside
datatrove's writer, in its own environment (`python -m benchmarks.peers`; left out, and said so, where it is not there).
The best of the rounds counts; kernels are compiled before the clock starts.
"""

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import polars as pl
from rich.console import Console
from rich.table import Table
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from benchmarks import peers
from parlance import tokenization
from parlance.tokenization import shards
from parlance.tokenization.encoding import Encoder

DATA = Path(__file__).parents[2] / "shared" / "data"
SEED, BATCH = 1, 1000
GOALS = {"train from text": 3.0, "train from counts": 6.0, "encode": 20.0}
Found = TypeVar("Found")


def texts(folder: Path, *, most_bytes: int) -> list[str]:
    """Documents of all files below `folder`, shuffled, until there are `most_bytes`."""
    every = [text for path in sorted(folder.rglob("*")) if path.is_file() for text in _read(path)]
    random.Random(SEED).shuffle(every)
    chosen, size = [], 0
    for text in every:
        if size >= most_bytes:
            break
        chosen.append(text)
        size += len(text.encode())
    return chosen


def _read(path: Path) -> Iterator[str]:
    name = path.name.removesuffix(".gz")
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            days = [member for member in archive.namelist() if member.endswith(".json")]
            for member in days:
                found = json.loads(archive.read(member))
                yield "\n".join(row["text"] for row in found if isinstance(row, dict) and row.get("text"))
    elif name.endswith((".jsonl", ".html", ".htm", ".txt", ".md", ".rst")):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = content.decode("utf-8", "replace")
        yield from text.splitlines() if name.endswith(".jsonl") else [text]


def best(work: Callable[[], Found], rounds: int) -> tuple[Found, float]:
    """What `work` gives, and the least CPU seconds that it took."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        found = work()
        seconds.append(time.process_time() - start)
    return found, min(seconds)


def bare(corpus: list[str], size: int) -> Tokenizer:
    """What `tokenizers` trains by itself."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(tokenization.Cut().regex("groups")), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=list(tokenization.SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


def encoded(folder: Path, corpus: pl.DataFrame) -> list[tuple[object, object]]:
    encoder = Encoder(folder)
    return [encoder.encode(part["text"]) for part in corpus.iter_slices(BATCH)]


def written(corpus: Path, folder: Path, tokenizer: Path) -> dict[str, bytes]:
    """Our shards of a Parquet file, by name."""
    frames = pl.read_parquet(corpus).iter_slices(BATCH)
    shards.write(frames, tokenizer, folder, end="<|end|>", shards=1, seed=SEED)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def equal(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise SystemExit(f"{what} differ")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", nargs="?", type=Path, default=DATA)
    options.add_argument("--mb", type=float, default=50)
    options.add_argument("--vocabulary", type=int, default=32_000)
    options.add_argument("--rounds", type=int, default=2)
    chosen = options.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # else each thread waits for the other's memory
    corpus = texts(chosen.folder, most_bytes=int(chosen.mb * 1e6)) if chosen.folder.is_dir() else []
    if not corpus:
        print(f"SKIPPED: no text below {chosen.folder}; name a folder with JSON lines, HTML or Slack exports")
        return
    with tempfile.TemporaryDirectory(prefix="tokenizers-") as scratch:
        run(corpus, Path(scratch), size=chosen.vocabulary, rounds=chosen.rounds)


def run(corpus: list[str], scratch: Path, *, size: int, rounds: int) -> None:
    megabytes = sum(len(text.encode()) for text in corpus) / 1e6
    settings = tokenization.Settings(kind="byte_level_bpe", vocab_size=size)
    tokenization.train(corpus[:50], "byte_level_bpe", 600, path=scratch / "warm")
    encoded(scratch / "warm", pl.DataFrame({"text": corpus[:50]}))

    theirs, bare_s = best(lambda: bare(corpus, size), 1)
    folder, text_s = best(
        lambda: tokenization.train(corpus, "byte_level_bpe", size, path=scratch / "from_text"), rounds
    )
    counts = tokenization.pretokens(corpus)
    other, counts_s = best(
        lambda: tokenization.train_from_counts(counts, settings, path=scratch / "from_counts"), rounds
    )
    model, found = (json.loads(text)["model"] for text in (theirs.to_str(), (folder / "tokenizer.json").read_text()))
    equal("merges", found["merges"], model["merges"])
    equal("vocabularies", found["vocab"], model["vocab"])
    equal(
        "files from text and from counts",
        (other / "tokenizer.json").read_bytes(),
        (folder / "tokenizer.json").read_bytes(),
    )

    frame = pl.DataFrame({"id": [f"d{row}" for row in range(len(corpus))], "text": corpus, "source": "all"})
    tokenizer = Encoder(folder).tokenizer
    expected, fast_s = best(lambda: tokenizer.encode_batch_fast(corpus, add_special_tokens=False), 1)
    ours, encode_s = best(lambda: encoded(folder, frame), rounds)
    rows = (ids[start:end].tolist() for ids, ends in ours for start, end in zip([0, *ends], ends, strict=False))
    for row, (one, wanted) in enumerate(zip(rows, expected, strict=True)):
        equal(f"ids of document {row}", one, wanted.ids)

    frame.write_parquet(scratch / "corpus.parquet")
    runs = iter(range(rounds + 1))
    shard_files, shard_s = best(
        lambda: written(scratch / "corpus.parquet", scratch / f"shards{next(runs)}", folder), rounds
    )
    equal("bytes of two runs", written(scratch / "corpus.parquet", scratch / "again", folder), shard_files)
    show(
        {
            "train from text": (text_s, "tokenizers", bare_s),
            "train from counts": (counts_s, "tokenizers", bare_s),
            "encode": (encode_s, "encode_batch_fast", fast_s),
            "write shards": (shard_s, "datatrove", datatrove(scratch, folder)),
        },
        megabytes,
        title=f"{len(corpus):,} documents, {megabytes:.0f} MB, {len(model['merges']):,} equal merges, equal ids",
    )


def datatrove(scratch: Path, tokenizer: Path) -> float | None:
    """CPU seconds of datatrove's writer; null where it is not installed."""
    if (python := peers.python("datatrove")) is None:
        print("SKIPPED: datatrove is not installed: python -m benchmarks.peers", file=sys.stderr)
        return None
    (scratch / "datatrove").mkdir()
    (scratch / "datatrove" / "corpus").mkdir()
    (scratch / "corpus.parquet").rename(scratch / "datatrove" / "corpus" / "corpus.parquet")
    script = Path(__file__).parent / "peers" / "datatrove_tokens.py"
    folders = [str(scratch / "datatrove" / "corpus"), str(scratch / "datatrove"), str(tokenizer)]
    done = subprocess.run([str(python), str(script), *folders], check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1])["cpu_s"])


def show(rows: dict[str, tuple[float, str, float | None]], megabytes: float, *, title: str) -> None:
    grid = Table("", "ours, MB/CPU-s", "beside", "MB/CPU-s", "ratio", "goal", title=title)
    for name, (ours, peer, theirs) in rows.items():
        goal = GOALS.get(name, 1.0)
        said = [f"{megabytes / theirs:.2f}", f"{theirs / ours:.1f}"] if theirs else ["-", "-"]
        met = "" if not theirs else " met" if theirs / ours >= goal else " MISSED"
        grid.add_row(name, f"{megabytes / ours:.1f}", peer, *said, f"{goal:g}{met}")
    Console(width=110).print(grid)


if __name__ == "__main__":
    main()
