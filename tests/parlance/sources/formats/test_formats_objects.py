"""The formats of JSON, Parquet, CSV and tar: each recognised from its own layout among all, and read row by row."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.frame
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from parlance.errors import ConfigError
from parlance.sources import dumps, files

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
    ".lz4": lz4.frame.compress,
}
WARC_HEADERS = {
    "warc-record-id": "<urn:uuid:0001>",
    "warc-date": "2022-11-26T10:00:00Z",
    "warc-target-uri": "https://a.example/1",
}


def lines(*records: object) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def tar_of(members: dict[str, bytes], mode: Any = "w:xz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def parquet_of(*records: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(records)), buffer)
    return buffer.getvalue()


C4 = [{"text": f"page {n}", "timestamp": "2019-04-25T12:57:54Z", "url": f"http://c4.example/{n}"} for n in range(2)]
PILE = [{"text": f"text {n}", "meta": {"pile_set_name": "StackExchange"}} for n in range(2)]
V1 = [
    {"text": "a paper", "meta": {"timestamp": "2023-03-01T00:00:00", "arxiv_id": "2301.00001", "source": "arxiv"}},
    {
        "text": "a repository",
        "meta": str({"content_hash": "0a1b", "repo_name": "a/b", "path": "x.py", "source": "github"}),
    },
]
CC = [
    {
        "text": "a crawl page",
        "pred_label": "__label__cc",
        "pred_label_prob": 0.9,
        "wiki_prob": 0.1,
        "source": "cc/2019-30/en_head_0000.json.gz/line1",
    }
]
V2 = [
    {
        "url": f"https://v2.example/{n}",
        "date_download": "2023-01-26T22:02:39Z",
        "digest": f"sha1:{n}",
        "raw_content": f"words {n}",
        "title": f"t{n}",
        "cc_segment": "crawl-data/x",
        "language": "en",
    }
    for n in range(2)
]
OSCAR = [
    {
        "content": "der Text",
        "warc_headers": WARC_HEADERS,
        "metadata": {
            "identification": {"label": "de", "prob": 0.9},
            "tlsh": None,
            "quality_warnings": ["short_sentences"],
        },
    }
]
INNER = tar_of({"0000001-aa.txt": b"first text", "0000002-bb.txt": "zw\u00f6lf".encode()})

FILES: dict[str, tuple[str, str, bytes, list[str]]] = {
    "jsonl": ("jsonl", "mine.jsonl", lines({"id": "1", "text": "one"}, {"content": "two"}), ["one", "two"]),
    "parquet": ("parquet", "train-00000.parquet", parquet_of({"text": "one", "meta": {"a": 1}}), ["one"]),
    "csv": ("csv", "notes.csv", b'id,text\r\n1,"one, and\nmore"\r\n2,two\r\n', ["one, and\nmore", "two"]),
    "tsv": ("csv", "notes.tsv", b"text\tid\none\t1\n", ["one"]),
    "c4": ("c4", "c4-train.00000-of-01024.json", lines(*C4), ["page 0", "page 1"]),
    "c4 parquet": ("c4", "0000.parquet", parquet_of(*C4), ["page 0", "page 1"]),
    "pile": ("pile", "00.jsonl", lines(*PILE), ["text 0", "text 1"]),
    "redpajama_v1": ("redpajama_v1", "arxiv_0.jsonl", lines(*V1), ["a paper", "a repository"]),
    "redpajama_v1 cc": ("redpajama_v1", "en_head_0000.json", lines(*CC), ["a crawl page"]),
    "redpajama_v2": ("redpajama_v2", "en_head.json", lines(*V2), ["words 0", "words 1"]),
    "oscar 23.01": ("oscar", "de_part_1.jsonl", lines(*OSCAR), ["der Text"]),
    "oscar 2019": (
        "oscar",
        "en_part_1.txt",
        b"first line\nsecond\n\nother document\n",
        ["first line\nsecond", "other document"],
    ),
    "openwebtext": (
        "openwebtext",
        "openwebtext.tar.xz",
        tar_of({"openwebtext/urlsf_subset00-1_data.xz": INNER}),
        ["first text", "zw\u00f6lf"],
    ),
    "openwebtext inner": ("openwebtext", "urlsf_subset00-1_data.xz", INNER, ["first text", "zw\u00f6lf"]),
    "plain text": ("plain_text", "story.txt", b"Once upon a time.", ["Once upon a time."]),
}


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def raw(path: Path) -> list[dict[str, Any]]:
    return [row for batch in dumps.raw(str(path), partition="p") for row in batch.to_pylist()]


def texts(path: Path) -> list[str]:
    return [row["text"] for batch in dumps.read(str(path)) for row in batch.to_pylist()]


@pytest.mark.parametrize("case", FILES)
def test_each_layout_is_recognised_among_all_and_read(tmp_path: Path, case: str) -> None:
    format, name, data, wanted = FILES[case]
    path = written(tmp_path, name, data)
    assert dumps.format_of(files.expand(str(path))[0]) == format
    assert texts(path) == wanted
    rows = raw(path)
    assert [row["error"] for row in rows] == [None] * len(wanted)
    assert len({row["id"] for row in rows}) == len(rows)
    assert raw(path) == rows


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("case", ["jsonl", "c4", "pile", "redpajama_v2", "oscar 23.01", "csv", "plain text"])
def test_compression_is_known_by_content(tmp_path: Path, case: str, packing: str) -> None:
    format, name, data, wanted = FILES[case]
    for as_name in (name + packing, name):
        path = written(tmp_path, as_name, PACK[packing](data))
        assert dumps.format_of(files.expand(str(path))[0]) == format
        assert texts(path) == wanted


def test_keys_urls_and_dates_come_from_where_the_format_states_them(tmp_path: Path) -> None:
    (row, _) = raw(written(tmp_path, "c4.json", lines(*C4)))
    assert (row["id"], row["url"]) == ("dump:p/http://c4.example/0", "http://c4.example/0")
    assert row["created_at"].isoformat().startswith("2019-04-25T12:57:54")
    (row,) = raw(written(tmp_path, "de_part_1.jsonl", lines(*OSCAR)))
    assert (row["id"], row["url"]) == ("dump:p/urn:uuid:0001", "https://a.example/1")
    paper, code = raw(written(tmp_path, "v1.jsonl", lines(*V1)))
    assert (paper["id"], code["id"]) == ("dump:p/2301.00001", "dump:p/0a1b")


@pytest.mark.parametrize("case", ["jsonl", "c4", "pile", "redpajama_v1", "redpajama_v2", "oscar 23.01"])
def test_a_broken_line_is_a_counted_row(tmp_path: Path, case: str) -> None:
    _, name, data, wanted = FILES[case]
    rows = raw(written(tmp_path, name, data + b"{broken\n" + lines(["a list"], {"text": ""})))
    assert [row["error"] is None for row in rows] == [True] * len(wanted) + [False] * 3
    assert rows[len(wanted)]["error"].startswith("not JSON")


@pytest.mark.parametrize("packing", [".gz", ".bz2", ".xz", ".zst", ".lz4"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "en_part_1.txt"])
def test_a_cut_stream_is_told(tmp_path: Path, name: str, packing: str) -> None:
    body = b"text\n" if name.endswith("csv") else b""
    one = lines({"text": "x" * 50}) if name.endswith("jsonl") else b"y" * 50 + b"\n"
    data = PACK[packing](body + b"".join(one.replace(b"x" * 9, str(n).zfill(9).encode(), 1) for n in range(20_000)))
    rows = raw(written(tmp_path, name + packing, data[: len(data) * 3 // 4]))
    assert rows[-1]["error"] is not None
    assert rows[-1]["error"].startswith("damaged")
    assert [row for row in rows[:-1] if row["error"]] == []


def test_empty_files_have_no_rows(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.csv", "c.txt", "d.json.gz"):
        assert raw(written(tmp_path, name, b"")) == []


def test_what_no_format_knows_is_an_error_that_names_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no format known for 'a\.bin'; name one of c4, coca"):
        raw(written(tmp_path, "a.bin", b"\x00\x01\x02"))


def test_quality_signals_join_their_documents(tmp_path: Path) -> None:
    document = written(tmp_path, "documents/2023-06/0000/en_head.json.gz", gzip.compress(lines(*V2)))
    signals = [
        {
            "id": f"2023-06/0000/en_head.json.gz/{n}",
            "id_int": n,
            "metadata": {},
            "quality_signals": {"rps_doc_word_count": [[0, 7, n]]},
        }
        for n in range(2)
    ]
    beside = written(tmp_path, "quality_signals/2023-06/0000/en_head.signals.json.gz", gzip.compress(lines(*signals)))
    rows = raw(document)
    assert [json.loads(row["payload"])["quality_signals"]["rps_doc_word_count"][0][2] for row in rows] == [0, 1]
    assert rows[1]["id"].endswith("en_head.json.gz/1")
    (refused,) = raw(beside)
    assert refused["error"].startswith("refused: quality signals")


def test_csv_rows_of_another_length_are_counted(tmp_path: Path) -> None:
    rows = raw(written(tmp_path, "a.csv", b"text;id\none;1\ntwo\nthree;3;3\n"))
    assert [row["error"] for row in rows] == [None, "1 fields, the header has 2", "3 fields, the header has 2"]
    (row,) = raw(written(tmp_path, "b.csv", b"words,id\none,1\n"))
    assert row["error"].startswith("no column text, content, raw_content among")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_is_in_any_encoding_that_plain_text_may_have(tmp_path: Path, encoding: str) -> None:
    wanted = ["Größe und Länge " * 20, 'a "quoted",\nlater café ' * 20] * 2_000
    quoted = (text.replace('"', '""') for text in wanted)
    data = "id,text\n" + "".join(f'{number},"{text}"\n' for number, text in enumerate(quoted))
    path = written(tmp_path, "a.csv", data.encode(encoding))
    assert path.stat().st_size > 2**20
    assert [json.loads(row["payload"])["text"] for row in raw(path)] == wanted


def test_a_few_broken_bytes_of_csv_leave_the_rest(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", b"text\n" + "größe\n".encode() * 30 + b"caf\xe9\n")
    assert texts(path)[-1] == "caf\ufffd"
    assert {json.loads(row["payload"])["text"] for row in raw(path)} == {"größe", "caf\ufffd"}


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_cut_tar_is_told(tmp_path: Path, cut: float) -> None:
    texts_in = {f"{n:07d}-aa.txt": bytes(str(n) * 3000, "ascii") for n in range(60)}
    data = tar_of({"openwebtext/urlsf_subset00-1_data.xz": tar_of(texts_in)}, mode="w:xz")
    rows = raw(written(tmp_path, "openwebtext.tar.xz", data[: int(len(data) * cut)]))
    assert str(rows[-1]["error"]).startswith("damaged") or len(rows) == 60


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz", "en_part_1.txt.gz"])
def test_memory_is_bounded(tmp_path: Path, name: str) -> None:
    words = b"words " * 200 + b"\n"
    line = {"a.jsonl.gz": lines({"text": "words " * 200}), "a.csv.gz": words}.get(name, words + b"\n")
    path = tmp_path / name
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"text\n" if "csv" in name else b"")
        for _ in range(30):
            file.write(line * 1000)
    tracemalloc.start()
    rows = sum(batch.num_rows for batch in dumps.raw(str(path), partition="p"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 30_000
    assert peak < 40_000_000
