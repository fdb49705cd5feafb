"""Common Crawl's lists and columnar index on loopback, from a real WARC file of it."""

import gzip
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parlance.errors import ConfigError
from parlance.sources import common_crawl, dumps
from tests.servers.sites import Page, World, served

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "data" / "web" / "warc" / "commoncrawl" / "whirlwind.warc.gz"
CRAWL, WARC = "CC-MAIN-2024-22", "crawl-data/CC-MAIN-2024-22/segments/1/warc/x-00000.warc.gz"


def octets(body: bytes, **more: object) -> Page:
    return Page(body=body, media_type="application/octet-stream", **more)  # type: ignore[arg-type]


def index(warc: bytes, path: Path) -> bytes:
    """The columnar index of one file, two rows a row group, with a page of another domain and one that failed."""
    path.write_bytes(warc)
    rows = [row for batch in dumps.raw(str(path), partition="p") for row in batch.to_pylist() if row["url"]]
    ends = [*(row["position"] for row in rows[1:]), len(warc)]
    found = [
        {
            "url_host_registered_domain": ".".join((urlsplit(row["url"]).hostname or "").split(".")[-2:]),
            "fetch_status": 200,
            "content_languages": "arg,spa",
            "warc_filename": WARC,
            "warc_record_offset": row["position"],
            "warc_record_length": end - row["position"],
            "url": row["url"],
        }
        for row, end in zip(rows, ends, strict=True)
    ]
    found.append(found[0] | {"url_host_registered_domain": "other.example"})
    found.append(found[0] | {"fetch_status": 404})
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(found), buffer, row_group_size=2)
    return buffer.getvalue()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    if not REAL.exists():
        pytest.skip(f"the test data {REAL.name} is not here")
    warc = REAL.read_bytes()
    listed = "\n".join(WARC.replace("00000", f"{n:05d}") for n in range(10))
    table = f"cc-index/table/cc-main/warc/crawl={CRAWL}/subset=warc/part-00000.parquet"
    other = table.replace("subset=warc", "subset=robotstxt")
    site = {
        f"/crawl-data/{CRAWL}/warc.paths.gz": octets(gzip.compress(listed.encode())),
        f"/crawl-data/{CRAWL}/cc-index-table.paths.gz": octets(gzip.compress(f"{table}\n{other}\n".encode())),
        f"/{table}": octets(index(warc, tmp_path / "real.warc.gz")),
        f"/{WARC}": octets(warc),
    }
    with served({"127.0.0.1": site}) as found:
        yield found


def base(world: World) -> str:
    return f"{world.origin}/"


def test_paths_and_a_sample_of_them(world: World) -> None:
    listed = common_crawl.paths(CRAWL, base_url=base(world))
    assert len(listed) == 10
    some = common_crawl.sample(listed, 4, seed=7)
    assert some == common_crawl.sample(listed, 4, seed=7)
    assert some == sorted(some)
    assert common_crawl.sample(listed, 10) == listed
    for count in (0, 11):
        with pytest.raises(ConfigError, match="allowed: 1 to 10"):
            common_crawl.sample(listed, count)


def test_records_of_a_domain_become_a_dump(world: World, tmp_path: Path) -> None:
    found = list(common_crawl.query(CRAWL, domain="wikipedia.org", base_url=base(world)))
    assert found
    assert list(common_crawl.query(CRAWL, domain="nowhere.example", base_url=base(world))) == []
    assert list(common_crawl.query(CRAWL, domain="wikipedia.org", language="deu", base_url=base(world))) == []
    (manifest,) = common_crawl.group(found, tmp_path / "inbox", name="wiki", each=1000, base_url=base(world))
    rows = [row for batch in dumps.raw(str(manifest), partition="p") for row in batch.to_pylist()]
    direct = [row for batch in dumps.raw(str(REAL), partition="p") for row in batch.to_pylist()]
    wanted = {row["id"] for row in direct if "wikipedia.org" in (row["url"] or "")}
    assert wanted <= {row["id"] for row in rows}


def test_whole_files_in_manifests(world: World, tmp_path: Path) -> None:
    listed = common_crawl.paths(CRAWL, base_url=base(world))
    made = common_crawl.group(listed, tmp_path / "inbox", name=CRAWL, each=4, base_url=base(world))
    assert [path.name for path in made] == [f"{CRAWL}-{n:05d}.paths" for n in range(3)]
    (one,) = common_crawl.group(listed[:1], tmp_path / "one", name=CRAWL, each=1, base_url=base(world))
    rows = sum(batch.num_rows for batch in dumps.raw(str(one), partition="p"))
    assert rows == sum(batch.num_rows for batch in dumps.raw(str(REAL), partition="p"))
    with pytest.raises(ConfigError, match="allowed: 1 and more"):
        common_crawl.group(listed, tmp_path, name="x", each=0)


def test_a_server_that_is_busy_is_asked_again_after_a_second(tmp_path: Path) -> None:
    listed = octets(gzip.compress(b"a.warc.gz\n"))
    path = f"/crawl-data/{CRAWL}/warc.paths.gz"
    with served({"127.0.0.1": {path: lambda before: Page(status=503) if before < 2 else listed}}) as found:
        assert common_crawl.paths(CRAWL, base_url=base(found)) == ["a.warc.gz"]
        times = [one.at for one in found.log]
    assert times[-1] - times[0] > 0.9


def test_an_unknown_crawl_is_an_error(world: World) -> None:
    with pytest.raises(ConfigError, match="CC-MAIN-1999-01"):
        common_crawl.paths("CC-MAIN-1999-01", base_url=base(world))


def test_the_command_says_what_it_wrote_and_what_comes_next(world: World, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "parlance.sources.common_crawl", "--crawl", CRAWL, "--files", "3", "--each", "2"]
    command += ["--inbox", str(tmp_path / "inbox"), "--base-url", base(world)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"2 manifests. Next: make run DUMPS={tmp_path / 'inbox'}" in done.stdout
