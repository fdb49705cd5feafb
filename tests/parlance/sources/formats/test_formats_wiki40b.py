"""Wiki-40B in its three exports."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parlance.sources import files
from parlance.sources.formats import Head, wiki40b
from parlance.sources.formats.wiki40b import readable

FIXTURE = Path(__file__).parent / "data" / "wiki40b.txt"
TEXT = "\n_START_ARTICLE_\nLeave\n_START_SECTION_\nDays\n_START_PARAGRAPH_\nFünf._NEWLINE_Six."
RECORD = {"wikidata_id": "Q1", "text": TEXT, "version_id": "99"}
WANTED = {"text": "## Days\n\nFünf.\nSix.", "title": "Leave", "wikidata_id": "Q1", "version_id": "99"}


def rows(path: Path) -> list[dict[str, Any]]:
    return list(wiki40b.rows(files.expand(str(path))[0], partition="p"))


def written(folder: Path, data: bytes, name: str = "a.jsonl") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_text_of_articles_one_after_the_other() -> None:
    found = rows(FIXTURE)
    assert [row["position"] for row in found] == [1, 10]
    assert json.loads(found[0]["payload"]) == {
        "text": "Time off.\nWith pay.\n\n## Days\n\nFive days.",
        "title": "Paid leave",
    }


def test_json_lines(tmp_path: Path) -> None:
    as_bytes = {name: str(value.encode()) for name, value in RECORD.items()}
    lines = [json.dumps(one).encode() for one in (RECORD, as_bytes, {"text": "no mark"})] + [b"{broken"]
    found = rows(written(tmp_path, b"\n".join(lines)))
    assert [row["error"] for row in found[:3]] == [None, None, "no _START_ARTICLE_ in the text"]
    assert found[3]["error"].startswith("not JSON: ")
    assert [json.loads(row["payload"]) for row in found[:2]] == [WANTED, WANTED]
    assert found[0]["id"] == found[1]["id"] == "dump:p/Q1-99"


def test_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([RECORD]), tmp_path / "a.parquet")
    [row] = rows(tmp_path / "a.parquet")
    assert json.loads(row["payload"]) == WANTED


def test_recognised_by_its_first_mark() -> None:
    heads = [
        (Head(name="a.jsonl", start=b"{", record=RECORD), 100),
        (Head(name="a.txt", start=FIXTURE.read_bytes(), record=None), 100),
        (Head(name="a.jsonl", start=b"{", record={"text": "a"}), 0),
        (Head(name="a.jsonl", start=b"{", record={"text": None}), 0),
        (Head(name="a.txt", start=b"", record=None), 0),
    ]
    assert [wiki40b.FORMAT.recognise(head) for head, _ in heads] == [score for _, score in heads]


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_nothing_gives_no_rows(tmp_path: Path, data: bytes) -> None:
    assert rows(written(tmp_path, data)) == []


def test_text_before_the_first_article_is_counted(tmp_path: Path) -> None:
    found = rows(written(tmp_path, b"stray\n" + FIXTURE.read_bytes(), "a.txt"))
    assert [row["error"] for row in found] == ["text before the first _START_ARTICLE_", None, None]


@pytest.mark.parametrize(("spare", "error"), [(0, None), (1, "article over 40 bytes")])
def test_the_bound_of_an_article(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spare: int, error: str | None
) -> None:
    monkeypatch.setattr(wiki40b, "ARTICLE_BYTES", 40)
    head = b"_START_ARTICLE_\nA\n_START_PARAGRAPH_\n"
    [row] = rows(written(tmp_path, head + b"x" * (40 - len(head) - 1 + spare), "a.txt"))
    assert row["error"] == error


@pytest.mark.parametrize("text", ["b'", "b'" + "(" * 10_000, "b'\\xff'", ""])
def test_broken_bytes_are_text(text: str) -> None:
    assert readable(text)[0] is None
