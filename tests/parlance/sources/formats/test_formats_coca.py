"""COCA: linear text, columns, zip; what is cut out."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from parlance.sources import files
from parlance.sources.formats import Head, coca
from parlance.sources.formats.coca import readable

DATA = Path(__file__).parent / "data"
TEXT, COLUMNS = DATA / "text_acad_1990.txt", DATA / "wlp_acad_1990.txt"


def rows(path: Path) -> list[dict[str, Any]]:
    return list(coca.rows(files.expand(str(path))[0], partition="p"))


def written(folder: Path, data: bytes, name: str = "text_acad_1990.txt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def records(found: list[dict[str, Any]]) -> list[Any]:
    return [row["error"] or json.loads(row["payload"]) for row in found]


def zipped(folder: Path, **members: bytes) -> Path:
    path = folder / "coca-text.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.txt", data)
    return path


def test_linear_text() -> None:
    found = rows(TEXT)
    assert records(found) == [
        {
            "text": "Days of leave\n\nHe didn't say, of 200 words … are missing.\n\nMs-Muster Yes.",
            "cut_outs": 1,
            "text_id": "4000041",
        },
        {"text": "Remote work.", "cut_outs": 0, "text_id": "4000042"},
    ]
    assert [(row["id"], row["position"]) for row in found] == [("dump:p/coca/4000041", 0), ("dump:p/coca/4000042", 1)]


def test_columns() -> None:
    assert [(one["text_id"], one["text"], one["cut_outs"]) for one in records(rows(COLUMNS))] == [
        ("4000041", "Days … count.\n\nDone", 1),
        ("4000042", "Remote work", 0),
    ]


def test_columns_with_the_id_in_each_line(tmp_path: Path) -> None:
    data = b"11\t1\tOne\tone\tmc\n11\t2\t.\t.\t.\n12\t3\tTwo\ttwo\tmc\n"
    assert [(one["text_id"], one["text"]) for one in records(rows(written(tmp_path, data)))] == [
        ("11", "One."),
        ("12", "Two"),
    ]


def test_one_text_a_file_with_its_id_on_a_line_of_its_own(tmp_path: Path) -> None:
    assert [one["text"] for one in records(rows(written(tmp_path, b"@@10\r\n\r\nA text .\r\nMore .\r\n")))] == [
        "A text. More."
    ]


def test_a_zip_is_read_member_by_member(tmp_path: Path) -> None:
    path = zipped(tmp_path, text_acad_1990=TEXT.read_bytes(), lexicon=b"1\tswab\tswab\tnn1\n", w_b=b"##7 Seven .")
    found = rows(path)
    assert [one["text_id"] for one in records(found)] == ["4000041", "4000042", "7"]
    assert [one["file"] for one in records(found)] == ["text_acad_1990.txt"] * 2 + ["w_b.txt"]
    assert [row["position"] for row in found] == [0, 1, 2]


def test_damage_in_one_member_leaves_the_others(tmp_path: Path) -> None:
    words = b"@@1 " + b" ".join(b"%d" % (number * number) for number in range(3000))
    path = zipped(tmp_path, text_a=words, text_b=b"@@2 Two .")
    data = bytearray(path.read_bytes())
    data[2000] ^= 0xFF
    path.write_bytes(data)
    found = records(rows(path))
    assert [one["text_id"] for one in found if isinstance(one, dict)][-1] == "2"
    assert [one.startswith("damaged: 'text_a.txt' in zip: ") for one in found if isinstance(one, str)] == [True]


def test_a_cut_zip_is_one_error(tmp_path: Path) -> None:
    path = zipped(tmp_path, text_a=b"@@1 One .")
    path.write_bytes(path.read_bytes()[:-30])
    [row] = rows(path)
    assert row["error"].startswith("damaged: zip: ")


def test_a_cut_stream_is_counted(tmp_path: Path) -> None:
    data = gzip.compress(b"".join(b"@@%d Words %d .\n" % (n, n * n) for n in range(1, 20_000)))
    found = records(rows(written(tmp_path, data[: len(data) // 2], "text_a.txt.gz")))
    assert found[0]["text_id"] == "1"
    assert sum(isinstance(one, str) for one in found) == 1


def test_words_before_the_first_id_are_counted(tmp_path: Path) -> None:
    assert records(rows(written(tmp_path, b"Stray .\n@@1 One .\n")))[0] == "words before the first text's id"


@pytest.mark.parametrize(("bound", "error"), [(8, None), (7, "text over 7 bytes")])
def test_the_bound_of_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: int, error: str | None) -> None:
    monkeypatch.setattr(coca, "TEXT_BYTES", bound)
    [row] = rows(written(tmp_path, b"@@1 1234567"))
    assert row["error"] == error


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_nothing_gives_no_rows(tmp_path: Path, data: bytes) -> None:
    assert rows(written(tmp_path, data)) == []


@pytest.mark.parametrize(
    ("name", "start", "score"),
    [
        ("a.txt", b"@@4000041 Words", 95),
        ("a.txt", b"\n##4000041\t\t\n", 95),
        ("a.txt", b"## Heading", 0),
        ("a.txt", b"##1st", 0),
        ("a.txt", b"", 0),
        ("text_acad_1990.zip", b"PK\x03\x04", 90),
        ("a.zip", b"PK\x03\x04" + bytes(26) + b"wlp_acad_1990.txt", 90),
        ("a.zip", b"PK\x03\x04" + bytes(26) + b"readme.txt", 0),
    ],
)
def test_recognised_by_its_first_id(name: str, start: bytes, score: int) -> None:
    assert coca.FORMAT.recognise(Head(name=name, start=start, record=None)) == score


@pytest.mark.parametrize(
    ("tokens", "text", "cut_outs"),
    [
        ("", "", 0),
        ("a @ b", "a @ b", 0),
        ("@ @ @ @ a", "@ @ @ @ a", 0),
        ("@ @ @ @ @ @ @ @ @ @", "…", 1),
        ("a @ @ @ @ @ @ @ @ @ @ . <h> B <p> c", "a ….\n\nB\n\nc", 1),
    ],
)
def test_cut_outs_and_paragraphs(tokens: str, text: str, cut_outs: int) -> None:
    assert readable(tokens) == (text, cut_outs)
