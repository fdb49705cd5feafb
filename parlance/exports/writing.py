"""Every layout and split as JSON lines and as Parquet, in one pass over the examples."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self, TextIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from parlance.instruct.formats import formats, rows, schema
from parlance.instruct.splitting import SPLITS

BATCH_ROWS: Final = 2_000


def write(frames: Iterable[pl.DataFrame], folder: Path, *, names: Sequence[str] = ()) -> dict[str, int]:
    """Writes `<format>/<split>.jsonl` and `.parquet` for every format (or those in `names`) and split.

    `frames` are rows of EXAMPLES in the order in which they shall stand; one batch of them is in memory. Returns rows
    by file; a split without rows has its files too.
    """
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        pairs = {
            (name, split): stack.enter_context(_Pair(folder / name / split, schema(name)))
            for name in names or formats()
            for split in SPLITS
        }
        for frame in frames:
            for batch in frame.iter_slices(BATCH_ROWS):
                for (name, split), pair in pairs.items():
                    written = pair.add(list(rows(batch.filter(pl.col("split") == split), name)))
                    counts.update({f"{name}/{split}.jsonl": written, f"{name}/{split}.parquet": written})
    files = [f"{name}/{split}.{ending}" for name, split in pairs for ending in _ENDINGS]
    return {file: counts[file] for file in files}


_ENDINGS: Final = ("jsonl", "parquet")


class _Pair:
    """The two files of one layout and split."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path, self._schema = path, schema
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines, table = (self._path.with_suffix(f".{ending}") for ending in _ENDINGS)
        self._lines: TextIO = self._stack.enter_context(lines.open("w", encoding="utf-8"))
        self._table = self._stack.enter_context(pq.ParquetWriter(table, self._schema, compression="zstd"))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def add(self, rows: list[dict[str, Any]]) -> int:
        """Appends `rows` to both; returns how many there are."""
        if rows:
            self._lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            self._table.write_batch(pa.RecordBatch.from_pylist(rows, schema=self._schema))
        return len(rows)
