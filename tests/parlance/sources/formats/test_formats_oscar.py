"""OSCAR's releases of text: which files they are, and that every line of them is in a row or counted."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from parlance.sources import dumps, files
from parlance.sources.formats import oscar

LONG = b"a line of " * 10
SHORT = b"How do I ask for leave?\n\nWrite to the desk, and name the days.\n"
Entry = tuple[int, int]


def rows(path: Path) -> list[dict[str, Any]]:
    return [row for batch in dumps.raw(str(path), partition="p", format="oscar") for row in batch.to_pylist()]


def texts(found: list[dict[str, Any]]) -> list[str]:
    return [row["error"] or json.loads(row["payload"])["text"] for row in found]


def released(folder: Path, text: bytes, *entries: Entry) -> Path:
    """A part of 21.09."""
    meta = [
        {"headers": {"warc-record-id": f"<urn:{number}>"}, "offset": offset, "nb_sentences": count}
        for number, (offset, count) in enumerate(entries)
    ]
    (folder / "en_meta_part_1.jsonl.gz").write_bytes(
        gzip.compress(b"".join(json.dumps(one).encode() + b"\n" for one in meta))
    )
    path = folder / "en_part_1.txt.gz"
    path.write_bytes(text if text.startswith(b"\x1f\x8b") else gzip.compress(text))
    return path


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("en_part_1.txt.gz", SHORT, "oscar"),
        ("en_part_1.txt", SHORT, "oscar"),
        ("en_dedup.txt.gz", SHORT, "oscar"),
        ("als_dedup_part_12.txt.gz", SHORT, "oscar"),
        ("hr.txt.gz", LONG + b"\n\n" + LONG + b"\n", "oscar"),
        ("hr.txt.gz", "ćevapčići ".encode() * 10 + b"\n", "oscar"),
        ("hr.txt.gz", LONG[:-1] + b"\n", "plain_text"),
        ("hr.txt.gz", LONG, "plain_text"),
        ("hr.txt.gz", SHORT, "plain_text"),
        ("hr.txt", LONG + b"\n", "plain_text"),
        ("faq.txt", SHORT, "plain_text"),
        ("log.txt", SHORT, "plain_text"),
        ("handbook_part_1.txt", SHORT, "plain_text"),
    ],
)
def test_text_is_known_by_its_name_and_a_language_alone_by_its_lines_too(
    tmp_path: Path, name: str, text: bytes, format: str
) -> None:
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    assert dumps.format_of(files.expand(str(tmp_path / name))[0]) == format


def test_one_line_of_ten_may_be_short(tmp_path: Path) -> None:
    path = tmp_path / "hr.txt.gz"
    for short, format in ((1, "oscar"), (2, "plain_text")):
        path.write_bytes(gzip.compress((LONG + b"\n") * (10 - short) + b"short\n" * short))
        assert dumps.format_of(files.expand(str(path))[0]) == format


def test_a_file_whose_format_is_named_is_read_whatever_it_looks_like(tmp_path: Path) -> None:
    (tmp_path / "hr.txt").write_bytes(b"one\n\ntwo\ntwo\n")
    found = rows(tmp_path / "hr.txt")
    assert ([row["position"] for row in found], texts(found)) == ([0, 2], ["one", "two\ntwo"])


def test_documents_stand_where_the_metadata_has_them(tmp_path: Path) -> None:
    found = rows(released(tmp_path, b"one\none\n\ntwo\n\nthree\nthree\n", (0, 2), (3, 1), (5, 2)))
    assert texts(found) == ["one\none", "two", "three\nthree"]
    assert [(row["id"], row["position"]) for row in found] == [
        ("dump:p/urn:0", 0),
        ("dump:p/urn:1", 3),
        ("dump:p/urn:2", 5),
    ]


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ([(3, 1), (5, 2)], ["2 lines that no metadata names", "two", "three\nthree"]),
        ([(0, 2), (5, 2)], ["one\none", "1 lines that no metadata names", "three\nthree"]),
        ([(0, 2), (3, 1)], ["one\none", "two", "2 lines that no metadata names"]),
        ([(0, 1), (3, 4)], ["one", "1 lines that no metadata names", "two\n\nthree\nthree"]),
        ([(0, 4), (3, 1), (5, 2)], ["one\none\n\ntwo", "a document at line 3; the last ends at 4", "three\nthree"]),
        (
            [(0, 7), (7, 1), (7, 2)],
            ["one\none\n\ntwo\n\nthree\nthree", "1 lines missing", "a document at line 7; the "],
        ),
        ([(0, 2), (3, 1), (5, 9)], ["one\none", "two", "three\nthree", "7 lines missing"]),
        ([], ["5 lines that no metadata names"]),
    ],
)
def test_a_line_that_no_metadata_names_is_counted(tmp_path: Path, entries: list[Entry], wanted: list[str]) -> None:
    found = rows(released(tmp_path, b"one\none\n\ntwo\n\nthree\nthree\n", *entries))
    assert [text[: len(one)] for text, one in zip(texts(found), wanted, strict=True)] == wanted
    assert len({row["id"] for row in found}) == len(found)


def test_what_is_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parlance.sources.formats.plain_text.LINE_BYTES", 100)
    monkeypatch.setattr(oscar, "DOCUMENT_BYTES", 120)
    long, half = b"x" * 101, b"y" * 61
    text = b"\n".join([b"one", long, b"", b"two", b"", half, half, b"", long, b""])
    found = rows(released(tmp_path, text, (0, 2), (3, 1), (5, 2)))
    lost = "line over 100 bytes"
    assert texts(found) == [lost, "two", "document over 120 bytes", lost]
    assert [row["position"] for row in found] == [0, 3, 5, 8]
    (tmp_path / "en_meta_part_1.jsonl.gz").unlink()
    found = rows(tmp_path / "en_part_1.txt.gz")
    assert texts(found) == ["one", lost, "two", half.decode(), half.decode(), lost]
    assert [row["position"] for row in found] == [0, 1, 3, 5, 6, 8]


def test_damage_is_told_with_each_document_behind_it(tmp_path: Path) -> None:
    text = b"".join(b"%d\n%d\n\n" % (number, number * number) for number in range(40_000))
    path = released(tmp_path, gzip.compress(text)[:-20_000], *((number * 3, 2) for number in range(40_000)))
    found = rows(path)
    errors = [row["error"] for row in found if row["error"]]
    assert len(found) == 40_000
    assert errors[0].startswith("damaged: ")
    assert set(errors[1:]) == {"2 lines missing"}


@pytest.mark.parametrize("is_described", [False, True])
def test_memory_is_bounded_whatever_the_length_of_a_line(tmp_path: Path, is_described: bool) -> None:
    path = released(tmp_path, b"", (0, 1), (2, 2**40))
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(60):
            file.write(b"a " * (512 * 1024))
        file.write(b"\n\n" + b"short\n" * 200_000)
    if not is_described:
        (tmp_path / "en_meta_part_1.jsonl.gz").unlink()
    tracemalloc.start()
    found = texts(rows(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0] == "line over 8388608 bytes"
    assert peak < 60_000_000
