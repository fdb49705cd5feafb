"""Requests that a table on S3 takes, after as many commits as it had: to write, open and read it, and to read it again.

A partition is written and read, the first time by a process that has not seen the table.

The table is Parlance's own; beside it one with the checkpoint interval that delta-rs has by default.

Run: python -m benchmarks.s3_requests [commits] (100 where not given).
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pyarrow as pa
from flask import Flask
from rich.console import Console
from rich.table import Table as Grid

from parlance.storage import Table, snapshots, tables
from tests.servers.s3 import s3

SCHEMA = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("partition", pa.string(), nullable=False)])
SHOWN = (1, 10, 20, 50, 75, 100, 150, 200)
DEFAULT_INTERVAL = "100"


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """A bucket `lake` on loopback; counts what its server is asked for."""
    asked: Counter[str] = Counter()
    serve = Flask.__call__

    def noted(self: Any, environ: dict[str, Any], start: Any) -> Any:
        asked[environ["REQUEST_METHOD"]] += 1
        return serve(self, environ, start)

    with s3("lake"), mock.patch.object(Flask, "__call__", noted):
        yield asked


def requests(asked: Counter[str], act: Callable[[], object]) -> int:
    asked.clear()
    act()
    return asked.total()


def measured(asked: Counter[str], table: Table, commits: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Commits so far; requests of the last write, to open and to read it as another process, and to read it again."""
    for number in range(1, commits + 1):
        day = f"{number:04}"
        batch = pa.RecordBatch.from_pylist([{"id": day, "partition": day}], schema=SCHEMA)
        written = requests(asked, lambda: table.replace([batch], [day]))  # noqa: B023 - called at once
        if number in SHOWN:
            read: list[int] = []
            for act in (table.version, lambda: table.scan([day]).collect()):  # noqa: B023
                snapshots._seen.clear()
                read.append(requests(asked, act))
            yield number, written, *read, requests(asked, lambda: table.scan([day]).collect())  # noqa: B023


def main(commits: int) -> None:
    columns = ("checkpoint every", "commits", "write", "open", "read", "read again")
    grid = Grid(*columns, title="Requests", title_justify="left")
    with counted() as asked:
        for interval in (tables.CONFIGURATION["delta.checkpointInterval"], DEFAULT_INTERVAL):
            with mock.patch.dict(tables.CONFIGURATION, {"delta.checkpointInterval": interval}):
                table = Table(uri=f"s3://lake/{interval}", name="t", schema=SCHEMA)
                for row in measured(asked, table, commits):
                    grid.add_row(interval, *map(str, row))
    Console().print(grid)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
