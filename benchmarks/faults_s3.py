"""Faults of S3 (moto behind a proxy that fails) and of a web server: records read, rows written, files published."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import s3fs

from benchmarks.fault import Fault
from parlance.errors import TransientError
from parlance.sources import dumps
from parlance.storage import Files, Table
from tests.servers import s3_faults
from tests.servers.s3 import s3
from tests.servers.s3_faults import Proxy, failing
from tests.servers.sites import Page, served

SAMPLE = Path(__file__).parents[1] / "sample" / "dumps" / "site.warc.gz"
SCHEMA = pa.schema([pa.field("id", pa.string()), pa.field("partition", pa.string())])
ROWS, TRIES = 200, 10


def rows() -> list[Fault]:
    """Each fault in seven of ten requests, at most twice in a row for an object."""
    with s3("lake") as settings, failing(settings["AWS_ENDPOINT_URL"].removeprefix("http://")) as proxy:
        os.environ["AWS_ENDPOINT_URL"] = proxy.url
        s3fs.S3FileSystem().put_file(str(SAMPLE), "lake/site.warc.gz")
        faults: tuple[s3_faults.Fault, ...] = ("503", "500", "cut", "reset", "slow")
        found = [
            _injected(proxy, fault, _read, what="read a WARC", unit="records", readable=_records(SAMPLE))
            for fault in faults
        ]
        writing = tuple(fault for fault in faults if fault != "cut")
        found += [
            _injected(proxy, fault, _replaced, what="replace a table", unit="rows", readable=ROWS) for fault in writing
        ]
        found += [
            _injected(proxy, fault, _published, what="publish files", unit="files", readable=3) for fault in writing
        ]
    return [*found, *_over_http()]


def _injected(
    proxy: Proxy,
    fault: s3_faults.Fault,
    act: Callable[[str], Callable[[], int]],
    *,
    what: str,
    unit: str,
    readable: int,
) -> Fault:
    """`act` works under the fault, as a step with retries does; what it gives counts what is there afterwards."""
    before = proxy.injected[fault]
    proxy.faults, proxy.share = (fault,), 0.7
    count = act(fault)
    proxy.faults = ()
    note = f"{proxy.injected[fault] - before} times"
    return Fault(area="s3", what=f"{fault}: {what}", unit=unit, readable=readable, got=count(), note=note)


def _records(path: object) -> int:
    found = [row for batch in dumps.raw(str(path), partition="p") for row in batch.to_pylist()]
    return sum(not str(row["error"]).startswith("damaged") for row in found)


def _read(fault: str) -> Callable[[], int]:
    found = _records("s3://lake/site.warc.gz")
    return lambda: found


def _replaced(fault: str) -> Callable[[], int]:
    table = Table(uri=f"s3://lake/tables/{fault}", name="t", schema=SCHEMA)
    batch = pa.RecordBatch.from_pylist([{"id": str(n), "partition": "a"} for n in range(ROWS)], schema=SCHEMA)
    _tried(lambda: table.replace([batch], ["a"]))
    return lambda: table.scan().collect()["id"].n_unique() if table.scan().collect().height == ROWS else -1


def _published(fault: str) -> Callable[[], int]:
    files = Files(root=f"s3://lake/files/{fault}")

    def publish() -> None:
        with files.publish("model", "one") as folder:
            for name in "abc":
                (folder / name).write_bytes(name.encode() * 100_000)

    _tried(publish)
    return lambda: len(list(files.folder("model", "one").iterdir()))


def _tried(act: Callable[[], object]) -> None:
    for _ in range(TRIES):
        try:
            act()
        except TransientError:
            continue
        return


def _over_http() -> list[Fault]:
    """The same WARC from a web server that fails twice before each answer."""
    good = Page(body=SAMPLE.read_bytes(), media_type="application/octet-stream")
    found = []
    for what, bad in {
        "503, twice": Page(status=503),
        "body cut in the middle, twice": Page(body=good.body, media_type=good.media_type, fault="cut"),
        "connection reset, twice": Page(fault="reset"),
    }.items():
        site = {"/site.warc.gz": lambda before, bad=bad: bad if before in (2, 3) else good}
        with served({"127.0.0.1": site}) as world, tempfile.TemporaryDirectory():
            got = _records(f"{world.origin}/site.warc.gz")
        found.append(Fault(area="http", what=what, unit="records", readable=_records(SAMPLE), got=got))
    return found
