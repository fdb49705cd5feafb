"""Plain text: documents, encodings, packings, and where a long file is split."""

import bz2
import gzip
import lzma
import tracemalloc
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from parlance.sources import files
from parlance.sources.formats import Head, plain_text
from parlance.sources.formats.plain_text import DOCUMENT_BYTES, Lost, buffered, lines

PACKERS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
PACKERS |= {".zst": zstandard.compress, ".lz4": lz4.frame.compress}


def rows(path: Path) -> list[dict[str, Any]]:
    return list(plain_text.rows(files.expand(str(path))[0], partition="p"))


def written(folder: Path, data: bytes, name: str = "a.txt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_small_file_is_one_document(tmp_path: Path, suffix: str) -> None:
    [row] = rows(written(tmp_path, PACKERS[suffix]("Fünf Tage.\n\nSechs.\n".encode()), f"a.txt{suffix}"))
    assert row["payload"].decode() == "Fünf Tage.\n\nSechs."
    assert (row["position"], row["media_type"], row["error"], row["shard"]) == (0, "text/plain", None, f"a.txt{suffix}")
    assert row["id"].startswith("dump:p/")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    [row] = rows(written(tmp_path, "Größe: fünf Tage im Jahr.".encode(encoding)))
    assert row["payload"].decode() == "Größe: fünf Tage im Jahr."


@pytest.mark.parametrize("data", [b"", b" \n\n\n", b"\xff\xfe", b"\xef\xbb\xbf"])
def test_nothing_gives_no_rows(tmp_path: Path, data: bytes) -> None:
    assert rows(written(tmp_path, data)) == []


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    [row] = rows(written(tmp_path, b"MZ\0\0\1"))
    assert row["error"] == "not text: it has NUL bytes"


@pytest.mark.parametrize(("extra", "count"), [(0, 1), (1, 2)])
def test_the_bound_of_a_document(tmp_path: Path, extra: int, count: int) -> None:
    assert len(rows(written(tmp_path, b"a" * (DOCUMENT_BYTES + extra)))) == count


@pytest.mark.parametrize(
    ("separator", "cut"), [(b"\n\n", 702), (b"\r\n\r\n", 704), (b"\n", 701)], ids=["blank", "windows", "line"]
)
def test_a_long_file_is_split_at_a_blank_line_else_a_line(tmp_path: Path, separator: bytes, cut: int) -> None:
    data = b"a" * 700 + separator + b"b" * DOCUMENT_BYTES
    assert [row["position"] for row in rows(written(tmp_path, data))] == [0, cut]


def test_no_character_is_split(tmp_path: Path) -> None:
    text = "a" + "€" * DOCUMENT_BYTES
    found = rows(written(tmp_path, text.encode()))
    assert "".join(row["payload"].decode() for row in found) == text
    assert all(len(row["payload"]) <= DOCUMENT_BYTES for row in found)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst", ".lz4"])
def test_a_cut_stream_is_counted(tmp_path: Path, suffix: str) -> None:
    text = b"".join(b"%d is a number.\n" % number for number in range(400_000))
    data = PACKERS[suffix](text)
    found = rows(written(tmp_path, data[: len(data) // 2], f"a.txt{suffix}"))
    assert [row["error"] is None for row in found] == [*([True] * (len(found) - 1)), False]
    assert found[-1]["error"].startswith("damaged: ")
    assert found[-1]["error"].endswith(" uncompressed bytes")
    if suffix != ".lz4":  # its frames come in blocks of up to 4 MB
        assert len(found) > 1
        assert text.startswith(found[0]["payload"])


def test_memory_is_bounded(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"One line of text that is repeated.\n" * 1_200_000, 1), "a.txt.gz")
    tracemalloc.start()
    count = sum(1 for _ in plain_text.rows(files.expand(str(path))[0], partition="p"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 41
    assert peak < 16_000_000


@pytest.mark.parametrize(
    ("name", "start", "score"),
    [
        ("a.txt", b"a", 10),
        ("A.MD.ZST", b"a", 10),
        ("a.txt", b"a\0b", 0),
        ("a.txt", "a".encode("utf-16"), 10),
        ("a.html", b"a", 0),
    ],
)
def test_recognised_by_name_and_little(name: str, start: bytes, score: int) -> None:
    assert plain_text.FORMAT.recognise(Head(name=name, start=start, record=None)) == score


def test_lines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_text, "LINE_BYTES", 4)
    found = list(lines(buffered([b"abc\nab", b"cd\n\n", b"abcdefghi\r\nx"])))
    assert found == [b"abc", Lost("line over 4 bytes"), b"", Lost("line over 4 bytes"), b"x"]


@given(pieces=st.lists(st.binary(max_size=5)), encoding=st.sampled_from(["utf-8", "utf-16", "utf-32"]), text=st.text())
def test_turning_to_utf_8_does_not_depend_on_pieces(pieces: list[bytes], encoding: str, text: str) -> None:
    data = text.encode(encoding)
    edges = [0]
    for piece in pieces:
        edges.append(edges[-1] + len(piece))
    parts = [data[start:end] for start, end in zip(edges, [*edges[1:], len(data)], strict=True)]
    assert b"".join(plain_text.as_utf8(parts)) == b"".join(plain_text.as_utf8([data]))
    if encoding != "utf-8":
        assert b"".join(plain_text.as_utf8(parts)).decode() == text
