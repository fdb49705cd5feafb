"""Raw rows to documents: pages, texts and objects in their order, and what becomes of pages that extraction loses."""

import os
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance import extraction
from parlance.errors import ConfigError
from parlance.extraction import Page, extract
from parlance.schemas import DOCUMENTS, LEDGER, RAW, conform
from parlance.sources.rows import Row, raw_row
from parlance.sources.web_documents import documents

ARTICLE = b"<html><title>Leave</title><p>Five days carry over to the next year.</p></html>"


def hostile(html: bytes, *, url: str | None, charset: str | None) -> Page:
    """`extract`, but for pages that name a deed."""
    match html:
        case b"sleep":
            time.sleep(60)
        case b"die":
            os._exit(9)
        case b"trip":
            return Page(text="", failure="RecursionError")
    return extract(html, url=url, charset=charset)


def row(number: int, payload: bytes | None = ARTICLE, media_type: str = "text/html", **more: Any) -> Row:
    return raw_row(
        f"d:{number}",
        source="d",
        shard="s",
        position=number,
        media_type=media_type,
        partition="p",
        url=f"https://x.example/{number}",
        payload=payload,
        **more,
    )


def told(rows: list[Row], rows_per_batch: int = 1_000, **settings: Any) -> tuple[list[Row], list[Row]]:
    batches = [
        pa.RecordBatch.from_pylist(rows[start : start + rows_per_batch], schema=RAW)
        for start in range(0, len(rows), rows_per_batch)
    ]
    kept, ledger = [], []
    for one, other in documents(batches, **settings):
        kept += conform(one, DOCUMENTS, table="documents").to_pylist()
        ledger += conform(other, LEDGER, table="ledger").to_pylist()
    return kept, ledger


def test_a_page_is_a_document_with_its_title() -> None:
    ((document,), ledger) = told([row(1)])
    assert ledger == []
    assert (document["id"], document["text"], document["title"], document["url"], document["raw_ids"]) == (
        "d:1",
        "Five days carry over to the next year.",
        "Leave",
        "https://x.example/1",
        ["d:1"],
    )


def test_pages_texts_and_objects_keep_their_order_and_charset() -> None:
    kinds = [
        (ARTICLE, "text/html"),
        ("Größe".encode("latin-1"), "text/plain; charset=iso-8859-1"),
        (b'{"text": "an object", "author": "Ada"}', "application/json"),
        ("<p>Größe der Tage und Wochen</p>".encode("cp1252"), "text/html; charset=windows-1252"),
    ]
    rows = [row(number, *kinds[number % 4]) for number in range(40)]
    for rows_per_batch in (1, 7, 40):
        kept, ledger = told(rows, rows_per_batch)
        assert ledger == []
        assert [one["id"] for one in kept] == [one["id"] for one in rows]
        assert [one["text"] for one in kept[:4]] == [
            "Five days carry over to the next year.",
            "Größe",
            "an object",
            "Größe der Tage und Wochen",
        ]
        assert kept[2]["author"] == "Ada"


@pytest.mark.parametrize("workers", [1, 2])
def test_pages_that_extraction_loses_are_rows_of_the_ledger(workers: int) -> None:
    deeds = {2: b"sleep", 5: b"die", 7: b"trip", 8: b"", 9: None}
    rows = [row(number, deeds.get(number, ARTICLE)) for number in range(25)]
    kept, ledger = told(rows, 10, extractor=hostile, timeout_s=2, workers=workers)
    assert [one["id"] for one in kept] == [f"d:{number}" for number in range(25) if number not in deeds]
    assert [(one["id"], one["rule"], one["detail"]) for one in ledger] == [
        ("d:2", "extraction_timeout", "over 2 s"),
        ("d:5", "extraction_crashed", "the worker ended with exit status 9"),
        ("d:7", "extraction_failed", "RecursionError"),
        ("d:8", "empty_text", None),
        ("d:9", "empty_text", None),
    ]
    assert all(
        (one["reason"], one["reasons"], one["step"]) == (one["rule"], [one["rule"]], "documents") for one in ledger
    )


@pytest.mark.parametrize(
    ("html", "rule"),
    [
        (b"<html></html>", "extraction_failed"),
        (b"<p>Five days carry over to the next year.</p>", None),
    ],
)
def test_a_page_that_trips_trafilatura_fails_where_resiliparse_finds_nothing(
    html: bytes, rule: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tripped(*_: object, **__: object) -> str:
        raise RecursionError

    monkeypatch.setattr(extraction, "_trafilatura", tripped)
    kept, ledger = told([row(1, html)], workers=0)
    assert ([(one["rule"], one["detail"]) for one in ledger], len(kept)) == (
        ([("extraction_failed", "RecursionError")], 0) if rule else ([], 1)
    )


def test_rows_with_errors_and_second_ids_are_not_extracted() -> None:
    refused = row(2, b"die", error="refused: user opted out")
    kept, ledger = told([row(1), refused, row(1, b"die"), row(3)], extractor=hostile, workers=1)
    assert [one["id"] for one in kept] == ["d:1", "d:3"]
    assert [(one["rule"], one["detail"]) for one in ledger] == [
        ("refused", "refused: user opted out"),
        ("duplicate_id", "s#1"),
    ]


def test_the_ledger_shows_what_people_can_read_of_a_payload() -> None:
    rows = [
        row(1, b"<html><head><title>T</title></head><body><b>No</b> main: ann@x.example", error="not readable"),
        row(2, b'{"id": 7, "note": "no text"}', "application/json", error="no text in text"),
        row(3, b"must not be shown", "text/plain", error="refused: robots.txt"),
        row(4, b"\x00\x01\x02", "application/octet-stream", error="damaged"),
        row(
            5,
            "a lone surrogate and enough words \ud800".encode("utf-8", "surrogatepass"),
            "text/plain",
            error="damaged",
        ),
    ]
    _, ledger = told(rows, workers=0)
    assert [one["excerpt"] for one in ledger] == [
        "No main: <EMAIL>",
        '{"id": 7, "note": "no text"}',
        "",
        "",
        "a lone surrogate and enough words \ufffd\ufffd\ufffd",
    ]


KINDS = ("text/html", "text/plain", "application/json", "application/xhtml+xml; charset=utf-16")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 9),
            st.none() | st.binary(max_size=30) | st.sampled_from([ARTICLE, b'{"text": "a"}', b"[]"]),
            st.sampled_from(KINDS),
            st.none() | st.sampled_from(["not JSON", "revisit: x"]),
        ),
        max_size=25,
    ),
    st.integers(1, 30),
)
def test_every_row_is_told_of_once(found: list[tuple[int, bytes | None, str, str | None]], rows_per_batch: int) -> None:
    rows = [row(number, payload, kind, error=error) for number, payload, kind, error in found]
    kept, ledger = told(rows, rows_per_batch, workers=0)
    assert len(kept) + len(ledger) == len(rows)
    assert sorted(one["id"] for one in kept + ledger) == sorted(one["id"] for one in rows)
    assert len({one["id"] for one in kept}) == len(kept)


def test_nothing_in_nothing_out_and_no_process() -> None:
    before = psutil.Process().children()
    assert list(documents([])) == []
    told([row(1, b"{}", "application/json"), row(2, b"text", "text/plain")])
    given = documents(iter([pa.RecordBatch.from_pylist([row(1)], schema=RAW)]))
    assert psutil.Process().children() == before
    assert isinstance(given, Iterator)


def test_documents_that_nobody_waits_for_leave_no_process() -> None:
    before = psutil.Process().children()
    batch = pa.RecordBatch.from_pylist([row(number) for number in range(2_100)], schema=RAW)
    found = documents([batch], workers=1, extractor=hostile)
    assert next(found)[0].num_rows == 2_000
    assert len(psutil.Process().children()) == len(before) + 1
    found.close()  # type: ignore[attr-defined]
    assert psutil.Process().children() == before


def test_settings_are_checked_at_once() -> None:
    with pytest.raises(ConfigError, match="timeout_s is 0; allowed is a number of seconds above 0"):
        documents([], timeout_s=0)


def test_what_a_page_states_goes_with_its_document() -> None:
    page = (
        b"<html lang='en'><head><title>Leave</title><link rel=canonical href='/leave'><meta property='og:site_name' "
        b"content='Brightwater'><link rel=license href='https://creativecommons.org/licenses/by/4.0/'>"
        b"<meta name=date content='2026-03-05'></head><p>Five days carry over to the next year.</p></html>"
    )
    kept, _ = told([row(1, page), row(2, b"Just words.", "text/plain")])
    assert [one["page"] for one in kept] == [
        {
            "canonical_url": "https://x.example/leave",
            "site": "Brightwater",
            "published": "2026-03-05",
            "language": "en",
            "licence": "https://creativecommons.org/licenses/by/4.0/",
        },
        None,
    ]
