"""Rows to write, and an S3 server on loopback."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from parlance.storage import Table
from tests.servers.s3 import s3

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("n", pa.int64()),
        pa.field("partition", pa.string(), nullable=False),
    ]
)


class Rows:
    """Shorthand for what most tests of tables need: a partitioned table of `id`, `n` and `partition`."""

    schema = SCHEMA

    def table(self, uri: object, schema: pa.Schema = SCHEMA) -> Table:
        return Table(uri=str(uri), name="numbers", schema=schema)

    def batch(self, partition: str, *ids: str, n: int | None = 1) -> pa.RecordBatch:
        return pa.RecordBatch.from_pylist([{"id": i, "n": n, "partition": partition} for i in ids], schema=SCHEMA)

    def of(self, table: Table, **scan: object) -> list[tuple[str, str]]:
        """(partition, id) of every row, sorted."""
        return sorted(table.scan(**scan).select("partition", "id").collect().iter_rows())  # type: ignore[arg-type]


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """`s3://` URL of an empty bucket on a server of this process; the environment points to it meanwhile."""
    with s3("lake"):
        yield "s3://lake"
