"""A record that cannot be read, or states what cannot be, is one row, and its neighbours stand: in every format."""

import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parlance.sources import dumps
from parlance.sources.formats import csv_table


def lines(*records: object) -> bytes:
    return b"".join((one.encode() if isinstance(one, str) else json.dumps(one).encode()) + b"\n" for one in records)


def parquet(**columns: pa.Array) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def unchecked(*texts: bytes) -> pa.Array:
    """A column of strings that says of no text whether it is UTF-8."""
    return pa.Array.from_buffers(pa.string(), len(texts), pa.array(texts).buffers())


def warc(*dates: str) -> bytes:
    return b"".join(
        b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Record-ID: <urn:%d>\r\nWARC-Date: %s\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nwords\r\n\r\n" % (number, date.encode())
        for number, date in enumerate(dates)
    )


def wiki(*pages: tuple[str, str], base: str = "https://x.example/wiki/Main_Page") -> bytes:
    found = "".join(
        f"<page><title>T</title><ns>0</ns><id>{id}</id><revision><id>1</id><timestamp>{time}</timestamp>"
        "<text>words</text></revision></page>"
        for id, time in pages
    )
    return f"<mediawiki><siteinfo><base>{base}</base></siteinfo>{found}</mediawiki>".encode()


def tar(*headers: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number, header in enumerate(headers):
            member = tarfile.TarInfo(f"{number}.txt")
            member.size, member.pax_headers = 5, header
            archive.addfile(member, io.BytesIO(b"words"))
    return lzma.compress(buffer.getvalue())


def zipped(compression: int, change: Callable[[bytearray], None]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("text_a.txt", "@@1 One .\n" * 50)
        archive.writestr("text_b.txt", "@@2 Two .\n")
    data = bytearray(buffer.getvalue())
    change(data)
    return bytes(data)


def damaged(data: bytearray) -> None:
    data[50:60] = bytes(10)


def of_version_25(data: bytearray) -> None:
    at = data.index(b"PK\x01\x02")
    data[at + 6 : at + 8] = b"\xff\xff"


DAYS = pa.array([0, 2**30, 0], pa.date32())
TIMES = pa.array([0, 2**60, 0], pa.timestamp("us"))
TEXTS = pa.array(["one", "two", "three"])
V1 = {"text": "words", "pred_label": "__label__cc", "wiki_prob": 0.3}
ARTICLE = {"text": "_START_ARTICLE_\nT\n_START_PARAGRAPH_\nwords", "wikidata_id": "Q1", "version_id": "1"}
SOON = "2026-10-05T12:00:00Z"
FIRST = "0001-01-01T00:00:00+05:00"

# Format, name, bytes, and how the error of each row begins; null where the row stands.
FILES: dict[str, tuple[str, str, bytes, list[str | None]]] = {
    "parquet, no UTF-8": (
        "parquet",
        "a.parquet",
        parquet(text=unchecked(b"one", b"t\xffo", b"three")),
        [None, "not readable: 'utf-8'", None],
    ),
    "parquet, a time": ("parquet", "a.parquet", parquet(text=TEXTS, at=TIMES), [None, "not readable: ", None]),
    "parquet, a day": ("parquet", "a.parquet", parquet(text=TEXTS, day=DAYS), [None, "not readable: ", None]),
    "parquet, the first row": (
        "c4",
        "a.parquet",
        parquet(text=unchecked(b"\xff", b"two"), url=unchecked(b"u", b"v"), timestamp=unchecked(b"", b"")),
        ["not readable: ", None],
    ),
    "json, lists for words": (
        "jsonl",
        "a.jsonl",
        lines({"text": "a", "meta": {"source": ["a"]}}, {"text": "b", "meta": {"source": {}}}, {"text": "c"}),
        [None, None, None],
    ),
    "json, numbers": (
        "jsonl",
        "a.jsonl",
        lines({"text": "a"}, '{"text": "b", "id": 1e999, "date": NaN}', '{"text": "c", "id": %s}' % ("9" * 5000)),
        [None, None, "not JSON: "],
    ),
    "redpajama_v1, text that is no object": (
        "redpajama_v1",
        "a.jsonl",
        lines(V1, {"text": "b", "meta": "{[]: 1}"}, {"text": "c", "meta": {"url": [], "timestamp": FIRST}}),
        [None, None, None],
    ),
    "wiki40b": (
        "wiki40b",
        "a.jsonl",
        lines(ARTICLE, {"text": "b'x', {[]: 1}"}, ARTICLE | {"wikidata_id": 5}),
        [None, "no _START_ARTICLE_", None],
    ),
    "warc, a date": ("warc", "a.warc", warc(SOON, FIRST, SOON), [None] * 3),
    "warc, a date in members": ("warc", "a.warc.gz", gzip.compress(warc(SOON, FIRST, SOON)), [None] * 3),
    "wikipedia, an id": ("wikipedia", "a.xml", wiki(("1", SOON), ("9" * 5000, FIRST), ("3", SOON)), [None] * 3),
    "wikipedia, its address": ("wikipedia", "a.xml", wiki(("1", SOON), base="https://[x/wiki/Main_Page"), [None]),
    "coca, bzip2": ("coca", "text_a.zip", zipped(zipfile.ZIP_BZIP2, damaged), ["damaged: 'text_a.txt' in zip", None]),
    "coca, lzma": ("coca", "text_a.zip", zipped(zipfile.ZIP_LZMA, damaged), ["damaged: 'text_a.txt' in zip", None]),
    "coca, a later zip": ("coca", "text_a.zip", zipped(zipfile.ZIP_STORED, of_version_25), ["damaged: zip: "]),
    "openwebtext, a header": (
        "openwebtext",
        "a_data.xz",
        tar({}, {"GNU.sparse.size": "many"}),
        [None, "damaged: the tar: "],
    ),
}


def raw(folder: Path, name: str, data: bytes) -> list[dict[str, Any]]:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    batches = dumps.raw(str(folder / name), partition="p")
    return [row for batch in batches for row in batch.to_pylist()]


def same(found: list[dict[str, Any]], wanted: list[str | None]) -> None:
    assert [row["error"] and row["error"][: len(one or "")] for row, one in zip(found, wanted, strict=True)] == wanted


@pytest.mark.parametrize("case", FILES)
def test_a_hostile_record_is_one_row_and_its_neighbours_stand(tmp_path: Path, case: str) -> None:
    format, name, data, wanted = FILES[case]
    found = raw(tmp_path, name, data)
    same(found, wanted)
    named = dumps.raw(str(tmp_path / name), partition="p", format=format)
    assert [row for batch in named for row in batch.to_pylist()] == found
    told = dumps.documents(dumps.raw(str(tmp_path / name), partition="p"))
    assert sum(batch.num_rows for pair in told for batch in pair) == len(found)


def test_quality_signals_of_another_kind_join_nothing(tmp_path: Path) -> None:
    record = {"url": "u", "raw_content": "words", "digest": "d", "cc_segment": "c"}
    signals = [
        {"id": "a/0", "quality_signals": {"n": 1}},
        {"id": 5, "quality_signals": {}},
        {"quality_signals": {}},
        [],
    ]
    raw(tmp_path, "quality_signals/a.signals.json", lines(*signals, {"id": "a/4", "quality_signals": {"n": 5}}))
    found = raw(tmp_path, "documents/a.json", lines(*[record] * 5))
    same(found, [None] * 5)
    assert ["quality_signals" in json.loads(row["payload"]) for row in found] == [True, False, False, False, True]


@pytest.mark.parametrize(
    "entry",
    [
        '{"headers": {}, "offset": 3, "nb_sentences": -1}',
        '{"headers": {}, "offset": 1e999, "nb_sentences": 1}',
        '{"headers": {}, "offset": 3, "nb_sentences": 1%s}' % ("0" * 30),
        '{"headers": {}, "offset": -3, "nb_sentences": 1}',
        '{"headers": [], "offset": 3, "nb_sentences": 1}',
        '{"offset": "x"}',
        "[]",
        "{",
    ],
)
def test_metadata_of_oscar_that_is_none_is_one_row(tmp_path: Path, entry: str) -> None:
    first, last = ({"headers": {}, "offset": at, "nb_sentences": 2} for at in (0, 5))
    raw(tmp_path, "en_meta_part_1.jsonl", lines(first, entry, last))
    found = raw(tmp_path, "en_part_1.txt", b"one\none\n\ntwo\n\nthree\nthree\n")
    same(found, [None, "not metadata of a document", "1 lines that no metadata names", None])
    assert found[1]["payload"] == entry.encode()


def test_a_field_of_csv_that_is_too_long_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "FIELD_BYTES", 10)
    found = raw(tmp_path, "a.csv", b"id,text\n1,one\n2,eleven char\n3,three\n")
    same(found, [None, "not CSV: field larger", None])
    assert [row["position"] for row in found] == [0, 1, 2]
