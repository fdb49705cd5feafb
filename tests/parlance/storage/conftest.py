"""Rows to write, and an S3 server on loopback."""

import logging
from collections.abc import Iterator

import pyarrow as pa
import pytest

from parlance.storage import Table

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
    import boto3
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    requests = logging.getLogger("werkzeug")
    level = requests.level
    requests.setLevel(logging.ERROR)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "parlance",
            "AWS_SECRET_ACCESS_KEY": "parlance",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            environment.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()  # an instance keeps the endpoint that it was made with
        boto3.client("s3").create_bucket(Bucket="lake")
        yield "s3://lake"
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()
    requests.setLevel(level)
