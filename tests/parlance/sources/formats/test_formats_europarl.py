"""Europarl: speeches with their speakers, and aligned files block by block."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from parlance.sources import files
from parlance.sources.formats import Head, europarl

DATA = Path(__file__).parent / "data"
START = b'<CHAPTER ID=1>\nTitle\n<SPEAKER ID=1 NAME="A">\n'


def rows(path: Path) -> list[dict[str, Any]]:
    return [row for file in files.expand(str(path)) for row in europarl.rows(file, partition="p")]


def written(folder: Path, data: bytes, name: str = "ep-09-10-22-009.txt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_speeches_with_speaker_title_day_and_language() -> None:
    found = rows(DATA / "europarl")
    records = [json.loads(row["payload"]) if row["error"] is None else row["error"] for row in found]
    assert records[0] == {
        "text": "I declare the session resumed. I wish you a happy new year.\n\nYou have asked for a debate.",
        "title": "Resumption of the session",
        "author": "President",
        "language": "en",
        "date": "2000-01-17",
    }
    assert records[1] == "broken tag '<SPEAKER ID='"
    assert (records[2]["author"], records[2]["affiliation"], records[2]["spoken_in"]) == ("Muster (ABC)", "ABC", "DE")
    assert records[2]["text"] == "Madam President, I agree."
    assert (records[3]["text"], records[3]["title"]) == ("Lost words.", "Resumption of the session")
    assert [(one["title"], one["text"]) for one in records[4:]] == [("Agenda", "We go on."), ("Agenda", "We stop.")]
    assert len({row["id"] for row in found}) == len(found)
    assert found[0]["id"] == "dump:p/europarl/en/ep-00-01-17/1/1"
    assert str(found[0]["created_at"]) == "2000-01-17 00:00:00+00:00"


def test_words_behind_a_broken_tag_have_no_author() -> None:
    [row] = [row for row in rows(DATA / "europarl") if b"Lost words" in (row["payload"] or b"")]
    assert "author" not in json.loads(row["payload"])


def test_aligned_files_keep_their_blocks_together(tmp_path: Path) -> None:
    for language in ("en", "de"):
        lines = "".join(f"{language} {number}\n" if number % 7 or language == "de" else "\n" for number in range(250))
        (tmp_path / f"europarl-v8.de-en.{language}").write_text(lines)
    found = {row["id"]: json.loads(row["payload"]) for row in rows(tmp_path)}
    blocks = [found[f"dump:p/europarl-v8.de-en/{language}/1"] for language in ("de", "en")]
    assert [one["first_line"] for one in blocks] == [100, 100]
    assert [one["lines"] for one in blocks] == [100, 100]
    assert blocks[0]["text"].startswith("de 100\n")
    assert "en 105" not in blocks[1]["text"]
    assert found["dump:p/europarl-v8.de-en/en/2"]["lines"] == 50
    assert len(found) == 6


def test_the_fixture_of_aligned_files() -> None:
    [row] = rows(DATA / "europarl-v7.de-en.de")
    assert json.loads(row["payload"])["text"].split("\n")[1] == "Ich erkläre die Sitzung für wieder aufgenommen."
    assert (row["id"], row["position"]) == ("dump:p/europarl-v7.de-en/de/0", 0)


@pytest.mark.parametrize(
    ("name", "start", "score"),
    [
        ("ep-00-01-17.txt", START, 100),
        ("x", b'\n<SPEAKER ID="1">', 100),
        ("europarl-v7.de-en.de", b"a", 90),
        ("training-monolingual/europarl-v7.fr.gz", b"a", 90),
        ("europarl.txt", b"a", 0),
        ("ep.txt", b"", 0),
    ],
)
def test_recognised_by_its_tags_or_the_name_of_an_aligned_file(name: str, start: bytes, score: int) -> None:
    assert europarl.FORMAT.recognise(Head(name=name, start=start, record=None)) == score


@pytest.mark.parametrize("name", ["ep-00-01-17.txt", "europarl-v7.de-en.de"])
def test_an_empty_file_has_no_rows(tmp_path: Path, name: str) -> None:
    assert rows(written(tmp_path, b"", name)) == []


@pytest.mark.parametrize("name", ["ep-00-01-17.txt.gz", "europarl-v7.de-en.de.gz"])
def test_a_cut_stream_is_counted(tmp_path: Path, name: str) -> None:
    data = gzip.compress(START + b"".join(b"%d is a sentence.\n" % (n * n) for n in range(20_000)))
    found = rows(written(tmp_path, data[: len(data) // 2], name))
    errors = [row["error"] for row in found if row["error"]]
    assert len(errors) == 1
    assert errors[0].startswith("damaged: ")
    assert any(b"0 is a sentence." in row["payload"] for row in found if row["payload"])


@pytest.mark.parametrize(("bound", "error"), [(5, None), (4, "speech over 4 bytes")])
def test_the_bound_of_a_speech(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: int, error: str | None) -> None:
    monkeypatch.setattr(europarl, "SPEECH_BYTES", bound)
    [row] = rows(written(tmp_path, START + b"12345\n"))
    assert row["error"] == error


@pytest.mark.parametrize("name", ["ep-00-13-99.txt", "debate.txt"])
def test_a_name_that_is_no_day_gives_no_date(tmp_path: Path, name: str) -> None:
    [row] = rows(written(tmp_path, START + b"Words.\n", name))
    assert row["created_at"] is None
    assert json.loads(row["payload"]) == json.loads(row["payload"]) | {"author": "A", "text": "Words."}


@pytest.mark.parametrize(
    "line", [b"<SPEAKER " + b"A=" * 50_000 + b">", b"<" * 100_000, b"<SPEAKER ID=1" + b" " * 99_999]
)
def test_hostile_tags(tmp_path: Path, line: bytes) -> None:
    assert isinstance(rows(written(tmp_path, START + line + b"\nWords.\n")), list)
