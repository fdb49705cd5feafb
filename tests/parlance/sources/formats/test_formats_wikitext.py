"""WikiText: where an article begins, and what the tokeniser did."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from parlance.sources import files
from parlance.sources.formats import Head, wikitext
from parlance.sources.formats.wikitext import untokenised

FIXTURE = Path(__file__).parent / "data" / "wiki.valid.tokens"


def rows(path: Path) -> list[dict[str, Any]]:
    return list(wikitext.rows(files.expand(str(path))[0], partition="p"))


def written(folder: Path, data: bytes, name: str = "wiki.train.raw") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def titles(found: list[dict[str, Any]]) -> list[str | None]:
    return [json.loads(row["payload"]).get("title") if row["error"] is None else row["error"] for row in found]


def test_articles_sections_and_body_lines_that_look_like_titles() -> None:
    found = rows(FIXTURE)
    assert [row["position"] for row in found] == [1, 19]
    assert json.loads(found[0]["payload"]) == {
        "title": "Paid leave",
        "text": "Paid leave is a well-known <unk>; some 2,500 firms (3.5%) give it, it's said.\n\n= x =\n\n"
        'It is "time off".\n\n## Days\n\nFive days.\n\n### Half days\n\nTwo halves.\n\n= a = b =\n\nNot a title.',
    }
    assert json.loads(found[1]["payload"]) == {"title": "Remote work", "text": "From home."}
    assert len({row["id"] for row in found}) == 2


def test_the_same_article_has_the_same_id(tmp_path: Path) -> None:
    data = FIXTURE.read_bytes()
    assert {row["id"] for row in rows(written(tmp_path, data + data))} == {row["id"] for row in rows(FIXTURE)}


def test_recognised_by_name_or_by_a_first_title() -> None:
    start = FIXTURE.read_bytes()
    assert wikitext.FORMAT.recognise(Head(name="WikiText-2/wiki.train.raw.gz", start=b"", record=None)) == 100
    assert wikitext.FORMAT.recognise(Head(name="a.txt", start=start, record=None)) == 80
    assert wikitext.FORMAT.recognise(Head(name="a.txt", start=b"= a =\nb", record=None)) == 0
    assert wikitext.FORMAT.recognise(Head(name="a.txt", start=b"", record=None)) == 0


@pytest.mark.parametrize("data", [b"", b" \n \n"])
def test_nothing_gives_no_rows(tmp_path: Path, data: bytes) -> None:
    assert rows(written(tmp_path, data)) == []


def test_text_before_the_first_title_is_kept(tmp_path: Path) -> None:
    assert titles(rows(written(tmp_path, b" a \n \n = B = \n \n"))) == [None, "B"]


def test_a_title_may_be_the_last_line(tmp_path: Path) -> None:
    assert titles(rows(written(tmp_path, b" \n = B = "))) == ["B"]


def test_a_cut_stream_is_counted(tmp_path: Path) -> None:
    data = gzip.compress(b"".join(b" \n = Title %d = \n \n body %d \n" % (n, n * n) for n in range(5000)))
    found = titles(rows(written(tmp_path, data[: len(data) // 2], "wiki.train.raw.gz")))
    assert found[0] == "Title 0"
    assert len(found) > 1000
    assert sum(str(title).startswith("damaged: ") for title in found) == 1


@pytest.mark.parametrize(("bound", "error"), [(8, None), (7, "article over 7 bytes")])
def test_the_bound_of_an_article(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: int, error: str | None
) -> None:
    monkeypatch.setattr(wikitext, "ARTICLE_BYTES", bound)
    [row] = rows(written(tmp_path, b"12345678"))
    assert row["error"] == error


def test_memory_is_bounded(tmp_path: Path) -> None:
    path = written(tmp_path, b" \n = T = \n \n" + b" one two three four \n" * 1_000_000)
    tracemalloc.start()
    found = rows(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert titles(found) == ["article over 8388608 bytes"]
    assert peak < 48_000_000


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("", ""),
        ("3 @.@ 5 @,@ x @-@ y", "3.5,x-y"),
        ("( a ) [ b ] $ 5 , £ 6 !", "(a) [b] $5, £6!"),
        ("I 'm sure they do n't , it 's", "I'm sure they don't, it's"),
        ('say " yes " or " no "', 'say "yes" or "no"'),
        ("a : b ; c ?", "a: b; c?"),
        ("x 'smart' .5", "x 'smart' .5"),
    ],
)
def test_what_the_tokeniser_did_is_undone(tokens: str, text: str) -> None:
    assert untokenised(tokens) == text


@pytest.mark.parametrize("piece", [" @-@", '" ', "( ", " ,", "  "])
def test_hostile_tokens_are_read_in_bounded_time(piece: str) -> None:
    assert len(untokenised(piece * 100_000)) <= 500_000
