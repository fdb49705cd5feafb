"""Dumps of objects: JSON lines and Parquet, compressed or not, and what becomes of bad rows."""

import gzip
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import ConfigError
from parlance.schemas import DOCUMENTS, LEDGER, RAW, conform
from parlance.sources import dumps, json_rows, rows
from parlance.sources.compression import DamageError, inflated
from tests.servers.s3 import s3


def raw(path: Path | str, format: str | None = None) -> list[dict[str, Any]]:
    batches = dumps.raw(str(path), partition="p", format=format)
    return [row for batch in batches for row in conform(batch, RAW, table="raw").to_pylist()]


def told(path: Path | str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    documents, ledger = [], []
    for one, other in dumps.documents(dumps.raw(str(path), partition="p")):
        documents += conform(one, DOCUMENTS, table="documents").to_pylist()
        ledger += conform(other, LEDGER, table="ledger").to_pylist()
    return documents, ledger


def lines(*records: object) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in records)


def written(folder: Path, data: bytes, name: str = "a.jsonl") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


PAGE = {"id": "d1", "text": "Five days.", "url": "https://x.org", "date": "2026-10-05T12:00:00Z", "title": "Leave"}
FRAMES = [zstandard.compress(part) for part in (b'{"text": "a"}\n{"te', b'xt": "b"}\n')]


def test_an_object_is_a_row_and_a_document(tmp_path: Path) -> None:
    path = written(tmp_path, lines(PAGE))
    assert raw(path) == [
        {
            "id": "dump:p/d1",
            "source": "dump",
            "shard": "a.jsonl",
            "position": 0,
            "media_type": "application/json",
            "url": "https://x.org",
            "created_at": datetime(2026, 10, 5, 12, tzinfo=UTC),
            "document_id": "dump:p/d1",
            "document_partition": "p",
            "payload": json.dumps(PAGE).encode(),
            "error": None,
            "rights": None,
            "partition": "p",
        }
    ]
    ((document,), ledger) = told(path)
    assert ledger == []
    assert document == {
        "id": "dump:p/d1",
        "source": "dump",
        "text": "Five days.",
        "title": "Leave",
        "url": "https://x.org",
        "channel": None,
        "author": None,
        "created_at": datetime(2026, 10, 5, 12, tzinfo=UTC),
        "turns": None,
        "page": None,
        "raw_ids": ["dump:p/d1"],
        "partition": "p",
    }


@pytest.mark.parametrize(
    ("record", "id"),
    [
        ({"text": "a", "doc_id": 7}, "7"),
        ({"text": "a", "url": "https://x.org"}, "https://x.org"),
        ({"text": "a", "id": "", "doc_id": None}, hashlib.md5(b"a").hexdigest()),
        ({"content": "a"}, hashlib.md5(b"a").hexdigest()),
        ({"text": " ", "raw_content": "a"}, hashlib.md5(b"a").hexdigest()),
        ({"text": "a", "id": True}, hashlib.md5(b"a").hexdigest()),
    ],
)
def test_ids_come_from_the_object_or_its_text(tmp_path: Path, record: dict[str, object], id: str) -> None:
    (row,) = raw(written(tmp_path, lines(record)))
    assert (row["id"], row["error"]) == (f"dump:p/{id}", None)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"{", "not JSON: "),
        (b"\xff\xfe", "not JSON: "),
        (b"[" * 100_000, "not JSON: "),
        (b"[1]", "not a JSON object but list"),
        (b"null", "not a JSON object but NoneType"),
        (b"{}", "no text in text, content, raw_content"),
        (b'{"text": 5}', "no text in "),
        (b'{"text": " "}', "no text in "),
    ],
)
def test_a_bad_line_is_a_row_with_its_bytes_and_hurts_no_other(tmp_path: Path, line: bytes, error: str) -> None:
    path = written(tmp_path, lines(PAGE, line, PAGE | {"id": "d2"}))
    first, bad, last = raw(path)
    assert (first["error"], last["error"], last["position"]) == (None, None, 2)
    assert bad["error"].startswith(error)
    assert bad["payload"].strip() == line
    documents, (row,) = told(path)
    assert (len(documents), row["rule"], row["detail"]) == (2, "unreadable", bad["error"])


@pytest.mark.parametrize("value", ["soon", "0001-01-01T00:00:00+14:00", 5, None, ""])
def test_dates_that_are_none(tmp_path: Path, value: object) -> None:
    (row,) = raw(written(tmp_path, lines({"text": "a", "date": value})))
    assert row["created_at"] is None


def test_text_that_utf_8_cannot_hold(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"text": "a\\ud800", "id": "\\udfff", "title": "\\ud800", "url": "\\ud800"}\n')
    ((document,), _) = told(path)
    assert (document["text"], document["title"], document["url"]) == ("a�", "�", "�")


def test_second_ids_are_dropped(tmp_path: Path) -> None:
    documents, (row,) = told(written(tmp_path, lines(PAGE, PAGE | {"text": "Other."})))
    assert [one["text"] for one in documents] == ["Five days."]
    assert (row["rule"], row["detail"], row["id"]) == ("duplicate_id", "a.jsonl#1", "dump:p/d1")


def test_pages_without_text_are_dropped() -> None:
    page = rows.raw_row("dump:p/1", source="dump", shard="a", position=0, media_type="text/html", partition="p")
    batch = pa.RecordBatch.from_pylist([page | {"payload": b"<html></html>"}, page | {"id": "dump:p/2"}], schema=RAW)
    ((documents, ledger),) = dumps.documents([batch])
    assert (documents.num_rows, ledger["rule"].to_pylist()) == (0, ["empty_text"] * 2)
    assert list(dumps.documents([])) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", b'{"text": "a"}\n{"text": "b"}'),
        ("a.jsonl", b'\n{"text": "a"}\r\n  \n{"text": "b"}\n'),
        ("a.jsonl.gz", gzip.compress(b'{"text": "a"}\n') + gzip.compress(b'{"text": "b"}')),
        ("a.json.gz", gzip.compress(b'{"text": "a"}\n{"text": "b"}')),
        ("a.jsonl.zst", FRAMES[0] + FRAMES[1]),
        ("a.JSONL.GZ", b'{"text": "a"}\n{"text": "b"}\n'),
    ],
    ids=["none", "blank lines", "two gzip members", "gzip", "two zstd frames", "only named so"],
)
def test_compression_is_seen(tmp_path: Path, name: str, data: bytes) -> None:
    documents, ledger = told(written(tmp_path, data, name))
    assert ([one["text"] for one in documents], ledger) == (["a", "b"], [])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl.gz", gzip.compress(lines(PAGE)) + gzip.compress(lines(PAGE))[:-9]),
        ("a.jsonl.gz", gzip.compress(lines(PAGE)) + b"garbage"),
        ("a.jsonl.zst", zstandard.compress(lines(PAGE)) + zstandard.compress(lines(PAGE))[:-3]),
        ("a.jsonl.zst", zstandard.compress(lines(PAGE)) + b"garbage"),
    ],
)
def test_damage_in_a_compressed_file_is_one_row(tmp_path: Path, name: str, data: bytes) -> None:
    found = raw(written(tmp_path, data, name))
    assert found[0]["error"] is None
    assert found[-1]["error"].startswith("damaged: ")
    assert sum(row["error"] is not None for row in found) == 1


def test_a_line_beyond_the_bound_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "LINE_BYTES", 40)
    long = {"text": "x" * 27}
    assert len(lines(long)) == 40
    found = raw(written(tmp_path, lines(long, {"text": "x" * 28}, {"text": "x" * 90}, {"text": "a"})))
    assert [row["error"] for row in found] == [None, "line over 40 bytes", "line over 40 bytes", None]
    assert raw(written(tmp_path, b'{"text": "%s' % (b"x" * 90)))[0]["error"] == "line over 40 bytes"


def test_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["Five days.", None, "Other."],
            "id": [1, 2, 3],
            "date": [datetime(2026, 10, 5, 12, tzinfo=UTC)] * 3,
            "day": [date(2026, 10, 5)] * 3,
            "bytes": [b"\xff"] * 3,
            "cost": [Decimal("1.5")] * 3,
            "tags": [[{"a": 1}]] * 3,
        }
    )
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, row_group_size=2)
    documents, (row,) = told(path)
    assert [(one["id"], one["text"]) for one in documents] == [("dump:p/1", "Five days."), ("dump:p/3", "Other.")]
    assert documents[0]["created_at"] == datetime(2026, 10, 5, 12, tzinfo=UTC)
    assert row["detail"] == "no text in text, content, raw_content"
    assert json.loads(raw(path)[0]["payload"])["tags"] == [{"a": 1}]


def test_damaged_parquet_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a" * 1_000] * 3}), path)
    data = path.read_bytes()
    for content in (b"", b"PAR1", data[:-20], data[:10] + bytes(60) + data[70:]):
        found = raw(written(tmp_path, content, "a.parquet"))
        assert [row["error"][:9] for row in found if row["error"]] == ["damaged: "]


def test_formats_are_recognised_or_named(tmp_path: Path) -> None:
    path = written(tmp_path, lines(PAGE), "dump.bin")
    assert len(raw(path)) == 1
    assert [batch.num_rows for batch in dumps.read(str(path), format="jsonl")] == [1]
    nothing = written(tmp_path, b"\x00\x01", "nothing.bin")
    with pytest.raises(ConfigError, match=r"no format known for 'nothing.bin'; name one of c4, .*warc"):
        dumps.raw(str(nothing), partition="p")
    with pytest.raises(ConfigError, match=r"unknown format 'docx'; known formats: c4, .*warc"):
        dumps.raw(str(path), partition="p", format="docx")
    with pytest.raises(ConfigError, match="no file or folder at"):
        dumps.raw(str(tmp_path / "gone.jsonl"), partition="p")


def test_a_folder_may_mix_formats(tmp_path: Path) -> None:
    written(tmp_path, lines(PAGE), "b.jsonl")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    assert [row["shard"] for row in raw(tmp_path)] == ["a.parquet", "b.jsonl"]


def test_other_file_systems(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/dumps/a.jsonl": lines(PAGE), "/dumps/b.jsonl": lines(PAGE | {"id": "d2"})})
    try:
        assert [row["shard"] for row in raw("memory://dumps")] == ["memory://dumps/a.jsonl", "memory://dumps/b.jsonl"]
        assert len(raw("memory://dumps/a.jsonl")) == 1
    finally:
        memory.rm("/dumps", recursive=True)


@pytest.fixture
def bucket() -> Iterator[str]:
    with s3("corpus"):
        yield "s3://corpus"


def test_s3(bucket: str) -> None:
    fsspec.filesystem("s3").pipe({"corpus/d/a.jsonl.gz": gzip.compress(lines(PAGE)), "corpus/d/b.jsonl": lines(PAGE)})
    assert [row["shard"] for row in raw(f"{bucket}/d")] == [f"{bucket}/d/a.jsonl.gz", f"{bucket}/d/b.jsonl"]
    with pytest.raises(ConfigError, match="no file or folder"):
        raw(f"{bucket}/gone.jsonl")


def test_batches_are_bounded_in_rows_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = pa.schema([("text", pa.string())])
    monkeypatch.setattr(rows, "BYTES_PER_BATCH", 10)
    monkeypatch.setattr(rows, "ROWS_PER_BATCH", 3)
    sizes = [9, 1, 20, 1, 1, 1, 1]
    batches = list(rows.batches(({"text": "x" * size} for size in sizes), schema))
    assert [batch.num_rows for batch in batches] == [2, 1, 3, 1]
    assert list(rows.batches([], schema)) == []


@settings(max_examples=60, deadline=None)
@given(
    data=st.binary(max_size=4_000) | st.integers(1, 3_000_000).map(bytes),
    cut=st.integers(0, 30),
    compression=st.sampled_from(["gzip", "zstd"]),
)
def test_inflated_gives_all_or_raises(data: bytes, cut: int, compression: Any) -> None:
    packed = gzip.compress(data) if compression == "gzip" else zstandard.compress(data)
    assert inflated(io.BytesIO(packed * 2), compression).read() == data * 2
    if 0 < cut < len(packed):
        with pytest.raises(DamageError):
            inflated(io.BytesIO(packed[:-cut]), compression).read()


records = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "text": st.text(max_size=5) | st.none() | st.integers(),
            "content": st.text(max_size=5),
            "id": st.sampled_from(["a", "b", 1, None]),
        },
    ),
    st.none(),
    st.lists(st.integers(), max_size=2),
    st.sampled_from([b"{", b"\xff", b""]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(records, max_size=8))
def test_every_raw_row_is_one_document_or_one_ledger_row(
    tmp_path_factory: pytest.TempPathFactory, found: list[object]
) -> None:
    path = written(tmp_path_factory.mktemp("dump"), lines(*found))
    documents, ledger = told(path)
    ids = [one["raw_ids"][0] for one in documents] + [one["id"] for one in ledger]
    assert Counter(ids) == Counter(row["id"] for row in raw(path))
    assert len({one["id"] for one in documents}) == len(documents)
