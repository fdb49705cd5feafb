"""Excerpts: how they begin, and that what they show is masked."""

from encodings.aliases import aliases

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance import pii
from parlance.excerpts import CHARACTERS, HEAD, SEARCHED, excerpts, readable

KEY = "-----BEGIN PRIVATE KEY-----\n" + "MIIBVQIBADANBgkqhkiG9w0BAQEFAASC\n" * 200


def excerpt(text: str | None) -> str:
    (found,) = excerpts(pl.Series([text], dtype=pl.String))
    (measured,) = excerpts(pl.Series([text], dtype=pl.String), pii.find(pl.Series([text], dtype=pl.String)))
    assert found == measured
    return str(found)


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        (None, ""),
        ("", ""),
        (" \n\t ", ""),
        ("one\n\n two\tthree", "one two three"),
        ("x" * 300, "x" * CHARACTERS),
        ("mail ann@example.com now", "mail <EMAIL> now"),
        ("ä" * 150 + " 4111 1111 1111 1111 " + "ö" * 300, ("ä" * 150 + " <CARD> " + "ö" * 300)[:CHARACTERS]),
        ("key " + KEY, "key <SECRET>"),
        ("key " + KEY + "-----END PRIVATE KEY----- ann@example.com", "key <SECRET>"),
        ("\n" * (HEAD - 5) + "ann@example.com " + "x" * 300, "<EMAIL>"),
    ],
)
def test_it_is_the_beginning_masked_on_one_line(text: str | None, begins: str) -> None:
    assert excerpt(text) == begins


def test_a_secret_at_the_edge_is_masked_whole() -> None:
    secret = "ghp_" + "a1B2" * 9
    for before in range(CHARACTERS - 45, CHARACTERS + 5):
        shown = excerpt("x" * (before - 1) + " " + secret + " after")
        assert "ghp_" not in shown
        assert shown.startswith("x" * min(before - 1, CHARACTERS))


def test_rows_without_spans_stay_as_they_are() -> None:
    texts = pl.Series(["plain", "ann@example.com", "plain too", "bob@example.com", None])
    assert excerpts(texts).to_list() == ["plain", "<EMAIL>", "plain too", "<EMAIL>", ""]
    assert excerpts(texts.clear()).to_list() == []


@pytest.mark.parametrize(
    ("payload", "media_type", "text"),
    [
        (None, "text/html", ""),
        (b'{"text": 1', "application/json", '{"text": 1'),
        (b"a < b\n c", "text/plain", "a < b c"),
        ("é".encode("latin-1") * 3, "text/plain; charset=latin-1", "ééé"),
        (b"word", "text/plain; charset=unheard-of", "word"),
        (b"<p>One<script>var a = '<p>'</script><!-- no --> two</p><style>p {", "text/html", "One two"),
        (b"\x00\x01 text", "text/plain", ""),
        (b"\xff\xfe\xfd\xfc text", "text/plain", ""),
        (b"x" * 10 * SEARCHED, "text/plain", "x" * SEARCHED),
    ],
)
def test_payloads_are_shown_as_far_as_they_are_text(payload: bytes | None, media_type: str, text: str) -> None:
    assert readable(payload, media_type) == text


# `unicode_escape` would warn of what it finds in bytes.
CODECS = sorted({*aliases, *aliases.values(), "idna", "undefined", "punycode"} - {"unicode_escape", "unicodeescape"})


@given(charset=st.sampled_from(CODECS) | st.text(max_size=20), payload=st.binary(max_size=50))
def test_no_charset_that_a_server_names_is_an_error(charset: str, payload: bytes) -> None:
    assert isinstance(readable(payload, f"text/html; charset={charset}"), str)


def test_charsets_that_are_none_are_read_as_utf8() -> None:
    for charset in ("undefined", "idna", "hex", "a\0b"):
        assert readable("größe".encode(), f"text/plain; charset={charset}") == "größe"
