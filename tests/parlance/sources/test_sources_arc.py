"""ARC files, both versions: as WARC files, each record or its loss."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.faults_dumps import read
from parlance.sources import arc, warc
from tests.parlance.sources.test_sources_warc import real

BODY = b"<html><body><p>Five days.</p></body></html>"
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + BODY
VERSION = b"1 0 Parlance\nURL IP-address Archive-date Content-type Archive-length\n"


def record(url: bytes, block: bytes = HTTP, *, version: int = 1, length: int | None = None) -> bytes:
    later = b"200 - - 0 a.arc.gz " if version == 2 else b""
    size = len(block) if length is None else length
    return b"%b 10.0.0.1 20140216050221 text/html %b%d\n%b\n" % (url, later, size, block)


HEAD = record(b"filedesc://a.arc", VERSION)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("packing", ["plain", "members", "one member"])
def test_both_versions_are_read(tmp_path: Path, version: int, packing: str) -> None:
    parts = [HEAD, *(record(b"http://x.org/%d" % number, version=version) for number in range(4))]
    data = b"".join(parts if packing == "plain" else map(gzip.compress, parts))
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(b"".join(parts)) if packing == "one member" else data)
    found = read(path)
    assert [(row["url"], row["error"], row["payload"]) for row in found] == [
        (f"http://x.org/{number}", None, BODY) for number in range(4)
    ]
    assert found[0]["created_at"] == datetime(2014, 2, 16, 5, 2, 21, tzinfo=UTC)
    assert len({row["id"] for row in found}) == 4
    for row in found:
        assert warc.record(str(path), row["position"], partition="p", id=row["id"]) == row


@pytest.mark.parametrize(
    ("data", "urls", "losses"),
    [
        (record(b"http://x.org/1") + record(b"http://x.org/2")[:-20], ["http://x.org/1"], 1),
        (record(b"http://x.org/1", length=10) + record(b"http://x.org/2"), ["http://x.org/2"], 1),
        (record(b"http://x.org/1", length=len(HTTP) + 10) + record(b"http://x.org/2"), ["http://x.org/2"], 1),
        (record(b"http://x.org/1") + b"junk\n" + record(b"http://x.org/2"), ["http://x.org/1", "http://x.org/2"], 1),
        (record(b"http://x.org/a b?c=d e"), ["http://x.org/a b?c=d e"], 0),
        (record(b"dns:x.org", b"10.0.0.1\n"), ["dns:x.org"], 0),
    ],
    ids=["cut", "length too short", "length too long", "junk", "spaces", "no HTTP"],
)
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gzip"])
def test_damage_costs_what_it_hits(tmp_path: Path, data: bytes, urls: list[str], losses: int, is_packed: bool) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(HEAD + data) if is_packed else HEAD + data)
    found = read(tmp_path / "a")
    assert [row["url"] for row in found if row["error"] is None] == urls
    assert sum((row["error"] or "").startswith("damaged: ") for row in found) == losses


@pytest.mark.parametrize(
    ("name", "intact", "losses"), [("example.arc", 1, 0), ("example.arc.gz", 1, 0), ("bad.arc", 1, 2)]
)
def test_files_of_other_tools(name: str, intact: int, losses: int) -> None:
    found = read(Path(real(f"warcio-fixtures/{name}")))
    assert sum(row["error"] is None for row in found) == intact
    assert sum((row["error"] or "").startswith("damaged: ") for row in found) == losses


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_line_ends(data: bytes) -> None:
    found = arc.line(data)
    assert found is None or found.size_bytes <= len(data)
    at = arc.mark(data)
    assert at is None or arc.line(data[at:]) is not None
