"""What repeated lines and URL duplicates cost, in CPU time: python -m benchmarks.other_duplicates [documents]"""

import sys
import time
from collections.abc import Callable

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks import planted
from parlance.dedup.lines import units
from parlance.dedup.repeating import repeated
from parlance.dedup.urls import url_duplicates

SITES = 500
REPETITIONS = 3


def cpu_seconds(run: Callable[[], object]) -> float:
    """The least of some runs, the first of which may compile and does not count."""
    run()
    taken = []
    for _ in range(REPETITIONS):
        begun = time.process_time()
        run()
        taken.append(time.process_time() - begun)
    return min(taken)


def pages(documents: int) -> pl.DataFrame:
    """Planted texts as pages of `SITES` sites, each with the menu of its site; one URL in three has a twin."""
    chance = np.random.default_rng(1)
    site = pl.Series(chance.integers(0, SITES, documents)).cast(pl.String)
    frame = pl.DataFrame({"text": pl.Series(planted.texts(documents)), "number": site}).with_row_index("row")
    return frame.select(
        id=pl.col("row").cast(pl.String),
        source=pl.lit("crawl"),
        created_at=pl.lit(None, pl.Datetime("us", "UTC")),
        site="number",
        text="Home | Contact of " + pl.col("number") + "\n" + pl.col("text"),
        url=pl.format("https://www.site.example/{}/%7epage?utm_source=x&id=7#top", pl.col("row") * 2 // 3),
    )


def main() -> None:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    frame = pages(documents)
    megabytes = frame["text"].str.len_bytes().sum() / 1e6
    table = Table("step", "a CPU-second", title=f"{documents:,} documents, {megabytes:,.0f} MB", title_justify="left")
    steps: dict[str, Callable[[], object]] = {
        "hashes of lines": lambda: units(frame["text"]),
        "hashes of paragraphs": lambda: units(frame["text"], "paragraph"),
        "repeated lines, both passes": lambda: repeated(lambda: frame.iter_slices(2048)),
    }
    for name, step in steps.items():
        table.add_row(name, f"{megabytes / cpu_seconds(step):,.0f} MB")
    table.add_row("URL duplicates", f"{documents / cpu_seconds(lambda: url_duplicates(frame)):,.0f} URLs")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
