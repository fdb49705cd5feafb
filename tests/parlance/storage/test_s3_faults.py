"""S3 that fails: what is read is whole, what is written is there wholly or not at all, a retry leaves it once."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from parlance.errors import TransientError
from parlance.sources import dumps
from parlance.storage import Files, Table
from parlance.transience import is_transient
from tests.servers import s3_faults
from tests.servers.s3 import s3
from tests.servers.s3_faults import Fault, Proxy, failing

SAMPLE = Path(__file__).parents[3] / "sample" / "dumps" / "site.warc.gz"
SCHEMA = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("partition", pa.string(), nullable=False)])
FAULTS: tuple[Fault, ...] = ("503", "500", "cut", "reset", "slow")


@pytest.fixture(scope="module", name="s3")
def proxied() -> Iterator[Proxy]:
    """A bucket `lake` behind the proxy; the environment points to it meanwhile."""
    with (
        s3("lake") as settings,
        failing(settings["AWS_ENDPOINT_URL"].removeprefix("http://")) as proxy,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture(autouse=True)
def calm(s3: Proxy) -> Iterator[None]:
    yield
    s3.faults = ()


def rows(path: str) -> list[tuple[str, bytes]]:
    found = [row for batch in dumps.raw(path, partition="p") for row in batch.to_pylist()]
    assert [row["error"] for row in found if str(row["error"]).startswith("damaged")] == []
    return [(row["id"], row["payload"]) for row in found]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_dump_is_read_whole(s3: Proxy, fault: Fault) -> None:
    import s3fs

    s3fs.S3FileSystem().put_file(str(SAMPLE), "lake/dumps/site.warc.gz")
    wanted = rows(str(SAMPLE))
    before = s3.injected[fault]
    s3.faults, s3.share = (fault,), 0.7
    found = [rows("s3://lake/dumps/site.warc.gz") for _ in range(3)]
    assert s3.injected[fault] > before
    assert found == [wanted] * 3


@pytest.mark.parametrize("fault", ["503", "500", "reset", "slow"])
def test_a_table_has_the_rows_once(s3: Proxy, fault: Fault) -> None:
    table = Table(uri=f"s3://lake/tables/{fault}", name="t", schema=SCHEMA)
    s3.faults, s3.share = (fault,), 0.3
    for turn in range(4):
        batch = pa.RecordBatch.from_pylist([{"id": f"{turn}-{n}", "partition": "a"} for n in range(50)], schema=SCHEMA)
        for _ in range(6):
            try:
                table.replace([batch], ["a"])
                break
            except TransientError:  # what a step's retry policy is for
                continue
        s3.faults = ()
        assert sorted(table.scan().collect()["id"]) == sorted(f"{turn}-{n}" for n in range(50))
        s3.faults = (fault,)


@pytest.mark.parametrize("fault", ["503", "reset"])
def test_a_read_that_fails_for_long_may_be_tried_again(
    s3: Proxy, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table(uri=f"s3://lake/reads/{fault}", name="t", schema=SCHEMA)
    table.replace([pa.RecordBatch.from_pylist([{"id": "1", "partition": "a"}], schema=SCHEMA)], ["a"])
    frame = table.scan(["a"])
    monkeypatch.setattr(s3_faults, "IN_A_ROW", 10**9)
    s3.faults, s3.share = (fault,), 1.0
    with pytest.raises(OSError, match="Generic S3 error") as failed:
        frame.collect()
    assert is_transient(failed.value)
    s3.faults = ()
    with pytest.raises(OSError, match="not found") as failed:
        pl.scan_parquet("s3://absent/a.parquet").collect()
    assert not is_transient(failed.value)
    assert frame.collect().height == 1


@pytest.mark.parametrize("seed", range(4))
def test_published_files_are_whole_or_not_there(s3: Proxy, tmp_path: Path, seed: int) -> None:
    files = Files(root=f"s3://lake/files/{seed}")
    with files.publish("model", "old") as folder:
        (folder / "a.bin").write_bytes(b"old" * 1000)
    s3.faults, s3.share = ("503", "500", "reset"), 0.4
    s3.seed = seed
    for _ in range(8):
        try:
            with files.publish("model", "new") as folder:
                for name in ("a.bin", "b.bin"):
                    (folder / name).write_bytes(b"new" * 1000)
            break
        except TransientError:
            s3.faults = ()
            latest = files.latest("model")
            assert latest in ("old", "new")
            content = (files.folder("model") / "a.bin").read_bytes()
            assert content == {"old": b"old", "new": b"new"}[str(latest)] * 1000
            s3.faults = ("503", "500", "reset")
    s3.faults = ()
    assert files.latest("model") == "new"
    assert (files.folder("model") / "b.bin").read_bytes() == b"new" * 1000
