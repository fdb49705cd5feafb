"""How fast documents are compared with lists, items and a classifier: python -m benchmarks.references [documents]

One core. The lists are as large as those that people use: a million hosts, 2,000 words, 50,000 items of 60 words.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks import planted
from parlance.references.evaluation import Evaluations
from parlance.references.hosts import Hosts
from parlance.references.quality import Classifier, train
from parlance.references.words import Words

HOSTS, WORDS, ITEMS = 1_000_000, 2_000, 50_000
ITEM_WORDS = 60


def evaluations(texts: pl.Series) -> Evaluations:
    """Items of other texts, and a thousand of these texts themselves, so that some are found."""
    words = pl.Series(planted.texts(12_000, seed=2)).str.split(" ").explode()
    strange = words.head(ITEMS * ITEM_WORDS).to_numpy().reshape(-1, ITEM_WORDS)
    own = texts.head(1000).str.split(" ").list.head(ITEM_WORDS).list.join(" ").to_list()
    items = [*own, *(" ".join(item) for item in strange[: ITEMS - len(own)])]
    return Evaluations(pl.DataFrame({"set": ["made"] * len(items), "number": range(len(items)), "text": items}))


def comparisons(texts: pl.Series, folder: Path) -> dict[str, Callable[[], object]]:
    """What is measured, by signal."""
    chance = np.random.default_rng(1)
    urls = pl.Series([f"https://www.site{number}.example/page" for number in chance.integers(0, 10**7, len(texts))])
    hosts = Hosts(pl.Series([f"site{number}.example" for number in chance.integers(0, 10**7, HOSTS)]))
    listed = texts.head(500).str.to_lowercase().str.extract_all(r"\w+").explode().unique().sort().sample(WORDS, seed=1)
    phrases = pl.concat([listed.head(WORDS // 2), listed.head(WORDS // 2) + " " + listed.tail(WORDS // 2)])
    train(texts.head(1000), texts.slice(1000, 1000).str.to_uppercase() + " cheap!", folder / "quality.bin")
    words, items, classifier = Words(phrases), evaluations(texts), Classifier(folder / "quality.bin")
    return {
        "blocked_host": lambda: hosts.blocks(urls),
        "blocked_words": lambda: words.counts(texts),
        "contamination": lambda: items.contamination(texts),
        "quality": lambda: classifier.scores(texts),
    }


def main() -> None:
    os.sched_setaffinity(0, {0})
    texts = pl.Series(planted.texts(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
    megabytes = texts.str.len_bytes().sum() / 1e6
    table = Table("signal", "MB/CPU-s", title=f"{len(texts):,} documents, {megabytes:.0f} MB", title_justify="left")
    with tempfile.TemporaryDirectory() as folder:
        for name, compare in comparisons(texts, Path(folder)).items():
            compare()  # compiles
            started = time.process_time()
            compare()
            table.add_row(name, f"{megabytes / (time.process_time() - started):,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
