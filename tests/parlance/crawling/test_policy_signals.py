import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.crawling.signals import nofollow, reservation, tdmrep

BOT = "ParlanceBot"


def meta(name: str, content: str) -> bytes:
    return f'<html><head><meta name="{name}" content="{content}"></head><body>text</body></html>'.encode()


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({}, b"", None),
        ({}, b"<p>noindex</p>", None),
        ({}, meta("robots", "index, follow"), None),
        ({}, meta("robots", "noindex"), "noindex"),
        ({}, meta("ROBOTS", "NOFOLLOW , NoIndex"), "noindex"),
        ({}, meta("robots", "none"), "noindex"),
        ({}, meta("robots", "noai, noimageai"), "noai"),
        ({}, meta("robots", "noimageai"), None),
        ({}, meta("parlancebot", "noai"), "noai"),
        ({}, meta("otherbot", "noindex"), None),
        ({}, meta("description", "noindex"), None),
        ({}, b"<META content=noindex name=robots>", "noindex"),
        ({}, b"<meta content='noai' name='robots'/>", "noai"),
        ({}, meta("tdm-reservation", "1"), "tdm_reservation"),
        ({}, meta("tdm-reservation", "0"), None),
        ({"x-robots-tag": ["noindex"]}, b"", "noindex"),
        ({"x-robots-tag": ["googlebot: noindex"]}, b"", None),
        ({"x-robots-tag": ["ParlanceBot: noindex"]}, b"", "noindex"),
        ({"x-robots-tag": ["unavailable_after: 25 Jun 2030 15:00:00 PST"]}, b"", None),
        ({"x-robots-tag": ["max-snippet: 10", "noai"]}, b"", "noai"),
        ({"x-robots-tag": ["noarchive, noai"]}, b"", "noai"),
        ({"tdm-reservation": ["1"]}, b"", "tdm_reservation"),
        ({"tdm-reservation": ["0"]}, b"", None),
    ],
)
def test_reservation(headers: dict[str, list[str]], body: bytes, expected: str | None) -> None:
    assert reservation(headers, body, BOT) == expected


@pytest.mark.parametrize(
    ("content", "expected"), [("nofollow", True), ("none", True), ("noindex", False), ("follow", False)]
)
def test_nofollow(content: str, expected: bool) -> None:
    assert nofollow({}, meta("robots", content), BOT) is expected
    assert nofollow({"x-robots-tag": [content]}, b"", BOT) is expected


@pytest.mark.parametrize(
    ("location", "value", "path", "expected"),
    [
        ("/", 1, "/a", True),
        ("/news/", 1, "/news/today?x=1", True),
        ("/news/", 1, "/blog/today", False),
        ("/news/", 0, "/news/today", False),
        ("/*.html$", 1, "/a/b.html", True),
        ("/*.html$", 1, "/a/b.html.gz", False),
        ("/a\nUser-agent: *\nDisallow: /", 1, "/other", False),
    ],
)
def test_tdmrep(location: str, value: int, path: str, expected: bool) -> None:
    assert tdmrep(json.dumps([{"location": location, "tdm-reservation": value}]).encode(), path) is expected


@pytest.mark.parametrize(
    "data", [b"", b"[", b"null", b"[1, null, {}]", b'{"location": 3, "tdm-reservation": 1}', b"[" * 100_000]
)
def test_a_broken_tdmrep_reserves_nothing(data: bytes) -> None:
    assert tdmrep(data, "/a") is False


@given(body=st.binary(max_size=400))
def test_any_bytes_are_taken(body: bytes) -> None:
    assert reservation({}, body, BOT) in (None, "noindex", "noai", "tdm_reservation")


@pytest.mark.parametrize("piece", [b"<meta ", b"<meta name=", b"<meta x='", b'<meta name="robots" content="a">'])
def test_hostile_pages_cost_no_more_than_their_reading(piece: bytes) -> None:
    page = piece * (2_000_000 // len(piece))
    started = time.process_time()
    assert reservation({}, page, BOT) is None
    assert time.process_time() - started < 20  # quadratic time would take hours
