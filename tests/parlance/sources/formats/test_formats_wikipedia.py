"""MediaWiki dumps: pages, refusals, and what damage costs."""

import bz2
import gzip
import json
import lzma
import tracemalloc
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parlance.sources import files
from parlance.sources.formats import Head, wikipedia

FIXTURE = Path(__file__).parent / "data" / "pages-articles.xml"
REAL = Path(__file__).parents[5] / "shared" / "data" / "web" / "wikipedia"
BROKEN = "not XML: not well-formed (invalid token): line 5, column 56"
PAGE = "<page><title>T{0}</title><ns>0</ns><id>{0}</id><revision><id>1</id><text>{1}</text></revision></page>\n"
HEADER = "<mediawiki><siteinfo><dbname>xwiki</dbname></siteinfo>\n"
FOOTER = "</mediawiki>\n"


def rows(path: Path) -> list[dict[str, Any]]:
    return list(wikipedia.rows(files.expand(str(path))[0], partition="p"))


def written(folder: Path, data: bytes, name: str = "xwiki-pages-articles.xml") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def outcomes(found: list[dict[str, Any]]) -> list[str]:
    return [row["error"] or json.loads(row["payload"])["title"] for row in found]


def payloads(found: list[dict[str, Any]]) -> list[bytes]:
    return [row["payload"] for row in found if row["error"] is None]


def dump(pages: int, words: int = 300) -> list[bytes]:
    """Header, groups of ten pages that differ, footer."""
    texts = [" ".join(f"w{number * 7 % 97}x{word * number % 89}" for word in range(words)) for number in range(pages)]
    found = [PAGE.format(number, text) for number, text in enumerate(texts)]
    groups = ["".join(found[at : at + 10]) for at in range(0, pages, 10)]
    return [part.encode() for part in (HEADER, *groups, FOOTER)]


def test_pages_refusals_and_a_broken_page() -> None:
    found = rows(FIXTURE)
    assert outcomes(found) == [
        "Bezahlter Urlaub",
        "refused: namespace 10",
        "refused: redirect",
        BROKEN,
        "Zwei Fassungen",
    ]
    assert [row["position"] for row in found] == [0, 1, 2, 3, 4]
    assert [row["id"] for row in found[:3]] == ["dump:p/dewiki:7", "dump:p/dewiki:8", "dump:p/dewiki:9"]
    assert found[0]["url"] == found[1]["url"].replace("Vorlage:Commons", "Bezahlter_Urlaub")
    assert json.loads(found[0]["payload"]) == {
        "text": "Urlaub ist freie Zeit.\n\n## Tage\n- fünf\n- sechs",
        "title": "Bezahlter Urlaub",
        "url": "https://de.wikipedia.org/wiki/Bezahlter_Urlaub",
        "date": "2026-10-05T12:00:00Z",
        "id": 7,
        "revision": "70",
        "wiki": "dewiki",
    }
    assert str(found[0]["created_at"]) == "2026-10-05 12:00:00+00:00"


def test_of_a_history_the_last_revision_counts() -> None:
    assert json.loads(rows(FIXTURE)[-1]["payload"])["text"] == "neu"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress, lzma.compress], ids=["plain", "bz2", "gz", "xz"])
def test_encodings_and_packings_give_the_same_rows(tmp_path: Path, encoding: str, pack: Any) -> None:
    data = FIXTURE.read_text(encoding="utf-8").encode(encoding)
    found = rows(written(tmp_path, pack(data), FIXTURE.name))
    assert found == rows(FIXTURE)


def test_recognised_by_its_root_in_any_encoding() -> None:
    text = FIXTURE.read_text(encoding="utf-8")
    for encoding in ("utf-8", "utf-16"):
        assert wikipedia.FORMAT.recognise(Head(name="x", start=text.encode(encoding), record=None)) == 100
    assert wikipedia.FORMAT.recognise(Head(name="pages-articles.xml", start=b"<html>", record=None)) == 0


def test_an_empty_file_has_no_rows_and_other_xml_one_error(tmp_path: Path) -> None:
    assert rows(written(tmp_path, b"")) == []
    assert outcomes(rows(written(tmp_path, b"<html></html>"))) == ["the file ends without </mediawiki>"]


def test_an_old_dump_says_namespace_and_redirect_by_title_and_text_alone(tmp_path: Path) -> None:
    spaces = '<siteinfo><base>http://bg.wikipedia.org/wiki/A</base><namespace key="10">Шаблон</namespace></siteinfo>'
    page = "<page><title>{}</title><id>{}</id><revision><id>1</id><text>{}</text></revision></page>"
    pages = [("Шаблон:А", "x"), ("Б", "#виж [[А]]"), ("В:г", "в")]
    body = "".join(page.format(title, id, text) for id, (title, text) in enumerate(pages))
    found = rows(written(tmp_path, f"<mediawiki>{spaces}{body}</mediawiki>".encode(), "x.xml"))
    assert outcomes(found) == ["refused: namespace 10", "refused: redirect", "В:г"]
    assert found[2]["id"] == "dump:p/bg.wikipedia.org:2"


def test_hidden_text_and_other_models_are_refused(tmp_path: Path) -> None:
    page = "<page><title>A</title><ns>0</ns><id>1</id><revision>{}</revision></page>"
    revisions = ['<text deleted="deleted" />', "<model>css</model><text>a</text>"]
    data = f"<mediawiki>{''.join(map(page.format, revisions))}</mediawiki>".encode()
    assert outcomes(rows(written(tmp_path, data))) == ["refused: text deleted", "refused: model css"]


@given(cuts=st.lists(st.integers(1, 3000), max_size=8))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_rows_do_not_depend_on_where_streams_are_cut(tmp_path: Path, cuts: list[int]) -> None:
    data = FIXTURE.read_bytes()
    edges = [0, *sorted(cuts), len(data)]
    packed = b"".join(bz2.compress(data[start:end]) for start, end in pairwise(edges))
    assert rows(written(tmp_path, packed, FIXTURE.name)) == rows(FIXTURE)


def test_damage_in_one_stream_costs_its_pages_alone(tmp_path: Path) -> None:
    streams = [bytearray(bz2.compress(part)) for part in dump(100)]
    streams[3][len(streams[3]) // 2] ^= 0xFF
    found = rows(written(tmp_path, b"".join(streams)))
    kept = [number for number in range(100) if not 20 <= number < 30]
    offset, after = sum(map(len, streams[:3])), sum(map(len, streams[:4]))
    assert [title for title in outcomes(found) if title.startswith("T")] == [f"T{number}" for number in kept]
    [error] = [row["error"] for row in found if row["error"]]
    assert error.startswith(f"damaged bz2 stream near byte {offset}: ")
    assert error.endswith(f"; read on at byte {after}")


@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_flipped_bit_is_counted_and_never_gives_other_text(tmp_path: Path, at: float, bit: int) -> None:
    data = bytearray(b"".join(bz2.compress(part) for part in dump(40, words=40)))
    whole = payloads(rows(written(tmp_path, bytes(data))))
    data[int(at * len(data))] ^= 1 << bit
    found = rows(written(tmp_path, bytes(data)))
    assert set(payloads(found)) <= set(whole)
    assert any(row["error"] for row in found) or payloads(found) == whole


@given(at=st.floats(0, 1, exclude_max=True))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress], ids=["plain", "bz2", "gz"])
def test_a_cut_file_keeps_what_came_before_and_says_so(tmp_path: Path, pack: Any, at: float) -> None:
    data = pack(b"".join(dump(20, words=30)))
    whole = payloads(rows(written(tmp_path, data)))
    size = int(at * len(data))
    found = rows(written(tmp_path, data[:size]))
    assert payloads(found) == whole[: len(payloads(found))]
    assert len(payloads(found)) < len(whole) or not found or found[-1]["error"] or size > len(data) - 12
    assert sum(row["error"] is not None for row in found) <= 1
    assert not size or found[-1]["error"] or payloads(found) == whole


def test_garbage_between_and_behind_streams_is_counted(tmp_path: Path) -> None:
    header, first, second, footer = (bz2.compress(part) for part in dump(20))
    found = rows(written(tmp_path, header + first + b"junk" + second + footer + b"\0" * 20))
    assert sum(row["error"] is None for row in found) == 20
    reasons = [row["error"] for row in found if row["error"]]
    assert [reason.partition(" at ")[0] for reason in reasons] == ["no bz2 stream"] * 2
    assert reasons[1].endswith("no stream follows")


def test_streams_without_blocks_are_nothing(tmp_path: Path) -> None:
    empty = bz2.compress(b"")
    data = empty.join(bz2.compress(part) for part in dump(20)) + empty
    assert all(row["error"] is None for row in rows(written(tmp_path, data)))


def test_damage_within_the_plain_file_costs_one_page(tmp_path: Path) -> None:
    data = b"".join(dump(20))
    end = data.index(b"</page>", 5000)
    found = rows(written(tmp_path, data[:end] + data[end + 7 :]))
    assert Counter(row["error"] for row in found) == {None: 19, "a page has no end": 1}


def test_a_page_over_the_bound_is_counted_and_not_held(tmp_path: Path) -> None:
    huge = PAGE.format(1, "a" * (wikipedia.PAGE_BYTES * 3))
    small = PAGE.format(2, "b" * 1000)
    path = written(tmp_path, (HEADER + huge + small + FOOTER).encode())
    del huge
    tracemalloc.start()
    found = rows(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcomes(found) == [f"page over {wikipedia.PAGE_BYTES} bytes", "T2"]
    assert peak < 5 * wikipedia.PAGE_BYTES


@pytest.mark.parametrize("length", [100, 400_000], ids=["in one piece", "in pieces"])
@pytest.mark.parametrize(("spare", "error"), [(0, None), (-1, "page over")])
def test_the_bound_of_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, spare: int, error: str | None
) -> None:
    page = PAGE.format(1, "x" * length).strip()
    monkeypatch.setattr(wikipedia, "PAGE_BYTES", len(page) + spare)
    [row] = rows(written(tmp_path, (HEADER + page + FOOTER).encode()))
    assert row["error"] is None if error is None else row["error"].startswith(error)


def test_memory_is_bounded_by_pages_and_not_by_the_file(tmp_path: Path) -> None:
    part = dump(200, words=700)
    packed = bz2.compress(part[0]) + bz2.compress(b"".join(part[1:-1])) * 20 + bz2.compress(part[-1])
    path = written(tmp_path, packed, "xwiki-pages-articles.xml.bz2")
    tracemalloc.start()
    count = sum(1 for _ in wikipedia.rows(files.expand(str(path))[0], partition="p"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 4000
    assert peak < 16_000_000


def test_no_entities_and_no_document_type(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    body = PAGE.format(1, "&b;") + "<page>" + bomb + "</page>" + PAGE.format(2, "fine")
    found = rows(written(tmp_path, (bomb + HEADER + body + FOOTER).encode()))
    assert [row["error"] is None for row in found] == [False, False, True]


def real(name: str) -> list[dict[str, Any]]:
    path = REAL / name
    if not path.exists():
        pytest.skip(f"no test data at {path}")
    return rows(path)


def test_real_english_pages() -> None:
    found = real("enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2")
    assert len(found) == 206
    reasons = Counter(row["error"] for row in found)
    assert reasons == {None: 106, "refused: redirect": 99, "refused: namespace 4": 1}


@pytest.mark.parametrize(
    "name",
    [
        "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2",
        "bgwiki-latest-pages-articles-shortened.xml.bz2",
        "enwiki-table-markup.xml.bz2",
    ],
)
def test_no_markup_is_left_in_real_pages(name: str) -> None:
    texts = {one["title"]: one["text"] for one in map(json.loads, payloads(real(name)))}
    marks = ("[[", "{{", "{|", "|-", "thumb|", "px|", "<ref", "</ref>", "'''", "__NOTOC__", "Category:", "<!--")
    assert [(title, mark) for title, text in texts.items() for mark in marks if mark in text] == []
    assert all(len(text) > 200 for text in texts.values())


def test_a_real_dump_in_utf_16() -> None:
    found = real("bgwiki-latest-pages-articles-shortened.xml.bz2")
    assert Counter(row["error"] for row in found) == {"refused: namespace 4": 2, None: 1}
    assert json.loads(found[0]["payload"])["text"].startswith("Григорианският календар")
