"""WARC files: every record of content or its error, whatever is damaged, from wherever it comes."""

import gzip
import http.server
import io
import json
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import ConfigError, TransientError
from parlance.schemas import DOCUMENTS, LEDGER, RAW, conform
from parlance.sources import dumps, warc, warc_frames, warc_window
from parlance.sources.warc_frames import Frame, Loss, frames

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "web" / "warc"
HTML = b"<html><body><p>Five days carry over into the next year.</p></body></html>"


def record(
    kind: str = "response",
    body: bytes = HTML,
    *,
    number: int = 1,
    status: str | None = "200 OK",
    headers: dict[str, str] | None = None,
    content_type: str = "text/html",
) -> bytes:
    """One WARC record; `status` None leaves out HTTP."""
    block = body
    declared = content_type
    if status is not None:
        lines = {"Content-Type": content_type} | (headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        block = f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body
        declared = "application/http; msgtype=response"
    return (
        (
            f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{number:08d}>\r\n"
            f"WARC-Target-URI: https://x.org/{number}\r\nWARC-Date: 2026-10-05T12:00:00Z\r\n"
            f"Content-Type: {declared}\r\nContent-Length: {len(block)}\r\n\r\n"
        ).encode()
        + block
        + b"\r\n\r\n"
    )


def members(*records: bytes) -> bytes:
    return b"".join(gzip.compress(one) for one in records)


def rows(path: Path | str, **more: str) -> list[dict[str, Any]]:
    batches = warc.raw(str(path), partition="p", **more)
    return [row for batch in batches for row in conform(batch, RAW, table="raw").to_pylist()]


def written(folder: Path, data: bytes, name: str = "a.warc.gz") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_response_is_one_row(tmp_path: Path) -> None:
    second = members(record())
    path = written(tmp_path, second + members(record(number=2)))
    assert rows(path)[1] == {
        "id": "dump:p/urn:uuid:00000002",
        "source": "dump",
        "shard": "a.warc.gz",
        "position": len(second),
        "media_type": "text/html",
        "url": "https://x.org/2",
        "created_at": datetime(2026, 10, 5, 12, tzinfo=UTC),
        "document_id": "dump:p/urn:uuid:00000002",
        "document_partition": "p",
        "payload": HTML,
        "error": None,
        "rights": None,
        "partition": "p",
    }
    assert rows(path, source="crawl")[0]["id"] == "crawl:p/urn:uuid:00000001"


@pytest.mark.parametrize("kind", ["warcinfo", "request", "metadata"])
def test_records_about_the_crawl_are_no_rows(tmp_path: Path, kind: str) -> None:
    assert rows(written(tmp_path, members(record(kind, status=None), record()))) != []
    assert rows(written(tmp_path, members(record(kind, status=None)))) == []


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (record(status="404 Not Found"), "http status 404"),
        (record(status="301 Moved"), "http status 301"),
        (record(status="206 Partial Content"), "http status 206"),
        (record(content_type="image/png"), "media type image/png"),
        (record(content_type=""), "media type missing"),
        (record("revisit", b"", headers={"Content-Length": "0"}), "revisit: unchanged since unknown"),
        (record("continuation", status=None), "continuation record"),
        (record("resource", status=None, content_type="image/png"), "media type image/png"),
        (record("response", b"10.0.0.1", status=None, content_type="text/dns"), "media type text/dns"),
        (record(body=b"no gzip", headers={"Content-Encoding": "gzip"}), "damaged: "),
    ],
)
def test_what_is_not_passed_on_says_why(tmp_path: Path, data: bytes, error: str) -> None:
    (row,) = rows(written(tmp_path, members(data)))
    assert row["error"].startswith(error)
    assert row["payload"] is None
    ((documents, ledger),) = dumps.documents(warc.raw(str(tmp_path / "a.warc.gz"), partition="p"))
    assert documents.num_rows == 0
    assert ledger["detail"].to_pylist() == [row["error"]]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (HTML, {}),
        (gzip.compress(HTML), {"Content-Encoding": "gzip"}),
        (b"%x\r\n%s\r\n0\r\n\r\n" % (len(HTML), HTML), {"Transfer-Encoding": "chunked"}),
        (
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(gzip.compress(HTML, mtime=0)), gzip.compress(HTML, mtime=0)),
            {"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"},
        ),
    ],
    ids=["plain", "gzip", "chunked", "both"],
)
def test_encodings_are_undone(tmp_path: Path, body: bytes, headers: dict[str, str]) -> None:
    (row,) = rows(written(tmp_path, members(record(body=body, headers=headers))))
    assert row["payload"] == HTML


@pytest.mark.parametrize(
    ("declared", "media_type"),
    [
        ("text/html; charset=UTF-8", "text/html"),
        ('TEXT/HTML;charset="windows-1251"', "text/html; charset=windows-1251"),
        ("application/xhtml+xml", "application/xhtml+xml"),
    ],
)
def test_a_charset_other_than_utf_8_is_kept_for_reading(tmp_path: Path, declared: str, media_type: str) -> None:
    body = "<html><body><p>Пять дней переносятся</p></body></html>".encode(
        "windows-1251" if "1251" in media_type else "utf-8"
    )
    path = written(tmp_path, members(record(body=body, content_type=declared)))
    assert rows(path)[0]["media_type"] == media_type
    assert [text for batch in warc.read(str(path)) for text in batch["text"].to_pylist()] == ["Пять дней переносятся"]


def test_a_body_beyond_the_bound_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, members(record(body=gzip.compress(b"x" * 1_000), headers={"Content-Encoding": "gzip"})))
    monkeypatch.setattr(warc, "BODY_BYTES", 1_000)
    assert rows(path)[0]["error"] is None
    monkeypatch.setattr(warc, "BODY_BYTES", 999)
    assert rows(path)[0]["error"] == "body over 999 bytes"


def test_a_record_beyond_the_bound_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    long = record(body=b"x" * 400_000, number=2)
    data = members(record(), long, record(number=3))
    monkeypatch.setattr(warc_frames, "RECORD_BYTES", len(long) - 4)
    assert [type(one) for one in frames(io.BytesIO(data))] == [Frame, Frame, Frame]
    monkeypatch.setattr(warc_frames, "RECORD_BYTES", len(long) - 5)
    for stream in (data, gzip.compress(record() + long + record(number=3)), record() + long + record(number=3)):
        found = list(frames(io.BytesIO(stream)))
        assert [type(one) for one in found] == [Frame, Loss, Frame]
        assert isinstance(found[1], Loss)
        assert f"a record of {len(long) - 4} bytes" in found[1].what


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "one-member.warc.gz", "split.warc.gz"])
def test_members_may_hold_a_record_or_all_or_parts(tmp_path: Path, name: str) -> None:
    records = [record(number=number, body=bytes(str(number) * 50_000, "ascii")) for number in range(1, 8)]
    joined = b"".join(records)
    split = members(joined[:100_000], b"", joined[100_000:100_010], joined[100_010:])
    data = {"a.warc": joined, "a.warc.gz": members(*records), "one-member.warc.gz": members(joined)}.get(name, split)
    found = rows(written(tmp_path, data, name))
    assert [row["error"] for row in found] == [None] * 7
    assert [row["payload"][:1] for row in found] == [b"%d" % number for number in range(1, 8)]
    if name == "a.warc":
        assert [row["position"] for row in found] == [sum(map(len, records[:index])) for index in range(7)]


def broken(member: bytes) -> bytes:
    return member[:-6] + bytes([member[-6] ^ 0xFF]) + member[-5:]


ONE, TWO, THREE = (members(record(number=number)) for number in (1, 2, 3))
NO_LENGTH = record(number=2).replace(b"Content-Length: ", b"Content-Size: ")


@pytest.mark.parametrize(
    ("data", "intact", "losses"),
    [
        (b"", 0, ["an empty file at byte 0"]),
        (ONE + TWO[:-1], 1, [f"the file ends inside a gzip member at byte {len(ONE)}"]),
        (ONE + TWO[:20] + THREE, 2, [f"at byte {len(ONE)}"]),
        (ONE + broken(TWO) + THREE, 2, [f"incorrect data check at byte {len(ONE)}"]),
        (broken(ONE) + broken(TWO) + THREE, 1, ["at byte 0", f"at byte {len(ONE)}"]),
        (ONE + b"garbage" * 9 + TWO, 2, [f"incorrect header check at byte {len(ONE)}"]),
        (b"garbage" + ONE, 1, ["at byte 0"]),
        (ONE + gzip.compress(b"") + TWO, 2, []),
        (ONE + members(b"no record") + TWO, 2, [f"no WARC record at byte {len(ONE)}"]),
        (ONE + members(NO_LENGTH) + THREE, 2, [f"without Content-Length at byte {len(ONE)}"]),
        (ONE + members(b"WARC/1.0\r\n" + b"x" * 70_000) + TWO, 2, ["a WARC header without an end"]),
        (b"<Error>SlowDown</Error>", 0, ["at byte 0"]),
        (record() + record(number=2)[:-40] + record(number=3), 2, ["Content-Length that does not lead"]),
        (record() + record(number=2)[:-40], 1, ["a record shorter than its Content-Length"]),
        (record() + b"garbage\r\n" + record(number=2), 2, [f"no WARC record at byte {len(record())}"]),
    ],
)
def test_damage_costs_what_it_hits_and_is_told(tmp_path: Path, data: bytes, intact: int, losses: list[str]) -> None:
    found = rows(written(tmp_path, data))
    errors = [row["error"] for row in found if row["error"] is not None]
    assert len(found) - len(errors) == intact
    assert len(errors) == len(losses)
    for error, loss in zip(errors, losses, strict=True):
        assert error.startswith("damaged: ")
        assert loss in error
    assert len({row["id"] for row in found}) == len(found)


def test_reading_finds_the_next_member_behind_a_long_damaged_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((warc_frames, "CHUNK_BYTES"), (warc_window, "CHUNK_BYTES"), (warc_frames, "KEPT_BYTES")):
        monkeypatch.setattr(module, name, 1_000)
    noise = zlib.compressobj(0, wbits=31)
    long = noise.compress(record(body=bytes(range(256)) * 100)) + noise.flush()
    found = list(frames(io.BytesIO(ONE + broken(long) + THREE)))
    assert [type(one) for one in found] == [Frame, Loss, Frame]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_records_before_and_behind_any_damage_survive(data: st.DataObject) -> None:
    whole = [members(record(number=number, body=HTML * number)) for number in range(1, 6)]
    hit = data.draw(st.integers(0, 4))
    at = data.draw(st.integers(0, len(whole[hit]) - 1))
    junk = data.draw(st.binary(max_size=12))
    cut = data.draw(st.integers(0, len(whole[hit]) - at))
    damaged = [*whole[:hit], whole[hit][:at] + junk + whole[hit][at + cut :], *whole[hit + 1 :]]
    kept = {one.data for one in frames(io.BytesIO(b"".join(damaged))) if isinstance(one, Frame)}
    for index, one in enumerate(whole):
        if index != hit:
            assert gzip.decompress(one)[:-4] in kept


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=400) | st.binary(max_size=200).map(lambda junk: b"WARC/1.0\r\nContent-Length: 9\r\n\r\n" + junk)
)
def test_any_bytes_end(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    for name, content in (("a.warc", data), ("a.warc.gz", gzip.compress(data))):
        pairs = list(dumps.documents(warc.raw(str(written(folder, content, name)), partition="p")))
        assert sum(one.num_rows + other.num_rows for one, other in pairs) == len(rows(folder / name))


@contextmanager
def served(answer: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def handler(data: bytes, *, status: int = 200, short: int = 0) -> type[http.server.BaseHTTPRequestHandler]:
    """Answers with `data`, and with `short` bytes less than it promises."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(data[: len(data) - short])

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def test_a_web_server_without_ranges_will_do() -> None:
    with served(handler(ONE + TWO)) as url:
        found = rows(f"{url}/a.warc.gz?signature=secret")
    assert [row["error"] for row in found] == [None, None]
    assert found[0]["shard"] == f"{url}/a.warc.gz"


def test_a_server_that_lacks_the_file_is_no_retry() -> None:
    for status in (403, 404):
        with served(handler(b"", status=status)) as url, pytest.raises(ConfigError, match="cannot read"):
            rows(f"{url}/a.warc.gz")


def test_a_server_that_fails_is_worth_a_retry() -> None:
    with served(handler(b"", status=503)) as url, pytest.raises(TransientError, match="failed"):
        rows(f"{url}/a.warc.gz")
    with served(handler(ONE + TWO, short=10)) as url, pytest.raises(TransientError, match="failed"):
        rows(f"{url}/a.warc.gz")
    with pytest.raises(TransientError, match="failed"):
        rows(f"{url}/a.warc.gz")


@pytest.mark.parametrize("path", ["/nowhere/a.warc.gz", "nosuch://a/b.warc", ""])
def test_paths_that_cannot_be_read(path: str) -> None:
    with pytest.raises(ConfigError, match=r"no file|cannot read"):
        warc.raw(path, partition="p")


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name, number in (("b.warc.gz", 2), ("sub/c.warc.gz", 3), ("a.warc.gz", 1), ("_SUCCESS", 9), (".hidden", 9)):
        written(tmp_path, members(record(number=number)), name)
    assert [row["shard"] for row in rows(tmp_path)] == ["a.warc.gz", "b.warc.gz", "sub/c.warc.gz"]
    assert rows(tmp_path) == rows(f"{tmp_path}/")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no files in the folder"):
        warc.raw(str(tmp_path / "empty"), partition="p")


def real(name: str) -> str:
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is not on this machine")
    return str(DATA / name)


def expected_intact() -> list[tuple[str, int]]:
    path = DATA / "corrupt" / "expected.json"
    return (
        [(name, one["records_intact"]) for name, one in json.loads(path.read_text()).items()] if path.exists() else []
    )


@pytest.mark.parametrize(("name", "intact"), expected_intact() or [("expected", -1)])
def test_damaged_files_give_every_intact_record(name: str, intact: int) -> None:
    real("corrupt/expected.json")
    found = rows(real(f"corrupt/{name}.warc.gz"))
    assert sum(row["error"] is None for row in found) == intact
    is_damaged = name not in ("ok", "single-member", "empty-member-after-12")
    assert any((row["error"] or "").startswith("damaged: ") for row in found) == is_damaged


@pytest.mark.parametrize(
    ("name", "errors", "documents"),
    [
        (
            "pages-00000.warc.gz",
            {
                None: 140,
                "http status 404": 7,
                "http status 301": 7,
                "revisit: unchanged since 2026-11-19T00:00:00Z": 7,
                "media type image/png": 7,
            },
            139,
        ),
        ("commoncrawl/whirlwind.warc.gz", {None: 1}, 1),
        ("commoncrawl/whirlwind.warc.wet.gz", {None: 1}, 1),
        ("commoncrawl/whirlwind.warc.wat.gz", {}, 0),
    ],
)
def test_real_files(name: str, errors: dict[str | None, int], documents: int) -> None:
    table = pa.Table.from_batches(warc.raw(real(name), partition="p"), schema=RAW)
    assert Counter(table["error"].to_pylist()) == Counter(errors)
    pairs = list(dumps.documents(table.to_batches()))
    for one, other in pairs:
        conform(one, DOCUMENTS, table="documents")
        conform(other, LEDGER, table="ledger")
    assert sum(one.num_rows for one, _ in pairs) == documents
    assert sum(other.num_rows for _, other in pairs) == table.num_rows - documents


@pytest.mark.parametrize(
    "name",
    [
        "example-bad-non-chunked.warc.gz",
        "example-iana.org-chunked.warc",
        "example-resource.warc.gz",
        "example-wget-bad-target-uri.warc.gz",
        "example-wrong-chunks.warc.gz",
        "example.warc",
    ],
)
def test_odd_files_of_other_tools(name: str) -> None:
    found = rows(real(f"warcio-fixtures/{name}"))
    assert any(row["error"] is None and row["payload"] for row in found)
    assert not any("<" in (row["url"] or "") for row in found)
