"""What is made of all lanes together: comparisons of recipes, references."""

import shutil
from collections.abc import Iterator, Sequence, Set

import polars as pl
import pyarrow as pa

from parlance import filters, references, schemas
from parlance.excerpts import excerpts
from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.stages.duplicates import texts
from parlance.storage import Written, record_batches, stream


def write_comparison(lake: Lake, lanes: Sequence[str], one: Sequence[Bound], other: Sequence[Bound]) -> Written:
    """The documents of `lanes` that two recipes put on different sides. Duplicates are not looked at."""
    table = lake.table("corpus/recipe_comparison")
    return table.replace(batch for lane in lanes for batch in _compared(lake, lane, one, other))


def _compared(lake: Lake, lane: str, one: Sequence[Bound], other: Sequence[Bound]) -> Iterator[pa.RecordBatch]:
    documents = lake.table(f"{lane}/documents")
    names = sorted({"id", "source", "partition", "language", *(bound.rule for bound in (*one, *other))})
    for signals in stream(lake.table(f"{lane}/signals").scan().select(names)):
        changed = filters.compare(signals, one, other).join(signals.select("id", "source", "partition"), on="id")
        shown = excerpts(texts([documents], changed))
        frame = changed.rename({"partition": "document_partition"}).with_columns(shown)
        yield from record_batches(frame, schemas.COMPARISON)


def compile_references(lake: Lake, named: references.Named, version: str) -> references.Report:
    """Publishes what documents are compared with as `corpus/references`; a version that is there is not made again."""
    name = "corpus/references"
    there = lake.files.folder(name, version) if lake.files.has(name, version) else None
    with lake.files.publish(name, version) as folder:
        if there is None:
            return references.compile(named, folder)
        shutil.copytree(there, folder, dirs_exist_ok=True)  # becomes the latest
        return references.read_report(folder)


def kept_texts(lake: Lake, lanes: Sequence[str], *, without: Set[str] = frozenset()) -> Iterator[str]:
    """The text of every kept document but those `without`, lane by lane in the order of ids: the same each time."""
    for lane in lanes:
        for frame in stream(lake.table(f"{lane}/kept").scan().select("id", "text").sort("id")):
            yield from frame.filter(~pl.col("id").is_in(without))["text"]
