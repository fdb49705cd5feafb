"""What the ledger shows of a dropped row: the beginning of its text on one line, personal data and secrets masked."""

import re

import polars as pl

from parlance import pii

CHARACTERS = 200
HEAD = 2_000  # of these the excerpt is made: runs of spaces shrink
SEARCHED = 12_000  # what is searched of a text that was not measured: as far as the longest secret reaches

# Markup, and what stands in a page but is not read; what was cut off goes to the end.
_MARKUP = re.compile(r"<!--.*?(?:-->|$)|<(script|style|head|svg)\b.*?(?:</\1\s*>|$)|<[^>]*(?:>|$)", re.DOTALL | re.I)
_MOST_ODD = 0.1  # share of characters that no text has: more, and it is none


def excerpts(texts: pl.Series, spans: pl.Series | None = None) -> pl.Series:
    """The first 200 characters of each text on one line, masked; empty for null.

    `spans` as `pii.find` gives them for `texts`; null: they are looked for here.

    >>> excerpts(pl.Series(["Mail me:\\n ann@example.com", None])).to_list()
    ['Mail me: <EMAIL>', '']
    """
    texts = texts.cast(pl.String).fill_null("")
    if spans is None:
        texts = texts.str.slice(0, SEARCHED)
        spans = pii.find(texts)
    begins = pl.element().struct.field("start") < HEAD
    frame = pl.DataFrame({"text": texts, "spans": spans}).with_columns(
        pl.col("spans").list.eval(pl.element().filter(begins))
    )
    # A span that the head would cut is taken whole, and nothing behind it.
    end = pl.col("spans").list.last().struct.field("end").fill_null(0).clip(lower_bound=HEAD)
    frame = frame.with_columns(pl.col("text").str.slice(0, end))
    places = frame.select(pl.col("spans").list.len().fill_null(0) > 0)["spans"].arg_true()
    masked = [pii.mask(text, found)[0] for text, found in frame[places].iter_rows()]
    heads = frame["text"].scatter(places, masked) if masked else frame["text"]
    return (
        heads.str.replace_all(r"\s+", " ")
        .str.strip_chars_start()
        .str.slice(0, CHARACTERS)
        .str.strip_chars_end()
        .alias("excerpt")
    )


def readable(payload: bytes | None, media_type: str) -> str:
    """What of the beginning of a payload people can read, without markup; empty where it is no text.

    `media_type` may name a charset.

    >>> readable(b"<html><head><title>T</title></head><p>Hello <b>you</b>", "text/html")
    'Hello you'
    >>> readable(b"\\x89PNG\\x00", "text/html")
    ''
    """
    kind, _, charset = media_type.partition("; charset=")
    try:
        head = (payload or b"")[: 4 * SEARCHED].decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):  # no such charset, or one of no text, such as `undefined`
        head = (payload or b"")[: 4 * SEARCHED].decode("utf-8", "replace")
    odd = sum(char == "\ufffd" or (char < " " and not char.isspace()) for char in head)
    if "\0" in head or odd > _MOST_ODD * len(head):
        return ""
    text = head if kind in ("application/json", "text/plain") else _MARKUP.sub(" ", head)
    return " ".join(text.split())[:SEARCHED]
