"""Lines and paragraphs: their hashes equal what Polars says of them slowly, and lie where they are said to lie."""

import re

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parlance.dedup.lines import Unit, units
from parlance.errors import ConfigError

PIECES = [
    "a", "B", "the", "THE", "Éa", "E\u0301", "É", "İ", "ß", "ΟΔΟΣ", "日本", "😀", "\u037e", "\u1fef", ";", "`", "1",
    "-", "...", "\u1100\u1161", "가", "\U000e0101", "\U00020000", "Ⱥ", "Å", "\ufb01", " ", "  ", "\t", "\u00a0",
    "\u2003", "\u2028", "\x85", "\x1c", "\x0b", "\0", "\r", "\r\n", "\n", "\n", "\n\n", "\n \t\n", "x" * 200,
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=30).map("".join)
BREAK = "<paragraph>"  # longer than what is drawn
MARKS = re.compile("[\x00-\x7f\u037e\u1fef]")


def plain(text: str) -> str:
    """The text as content hashes read it."""
    series = pl.Series([text]).str.normalize("NFC").str.to_lowercase()
    return str(series.str.replace_all(r"\s+", " ").str.strip_chars(" ").item())


def slowly(text: str, unit: Unit) -> list[str]:
    break_, cut = (
        ("\n", text) if unit == "line" else (BREAK, pl.Series([text]).str.replace_all(r"\n\s*\n", BREAK).item())
    )
    return [piece for piece in cut.split(break_) if says(piece)]


def says(text: str) -> bool:
    return bool(re.search("[A-Za-z0-9]", text)) or plain(MARKS.sub("", text)) != ""


@pytest.mark.parametrize("unit", ["line", "paragraph"])
@example(some=["a\0\na"])
@given(some=st.lists(texts, max_size=5))
def test_units_equal_when_their_plain_texts_do(unit: Unit, some: list[str]) -> None:
    found = units(pl.Series(some, dtype=pl.String), unit)
    wanted = [(row, plain(piece)) for row, text in enumerate(some) for piece in slowly(text, unit)]
    assert found["row"].to_list() == [row for row, _ in wanted]
    pairs = set(zip(found["hash"], (text for _, text in wanted), strict=True))
    assert len(pairs) == found["hash"].n_unique() == len({text for _, text in wanted})
    seen: set[tuple[int, str]] = set()
    for piece, first in zip(wanted, found["first"], strict=True):
        assert first == (piece not in seen)
        seen.add(piece)


@pytest.mark.parametrize("unit", ["line", "paragraph"])
@settings(deadline=None)  # the first call compiles
@given(some=st.lists(texts, max_size=5))
def test_units_lie_where_they_are_said_to_lie(unit: Unit, some: list[str]) -> None:
    for row, hash, start, end, _ in units(pl.Series(some, dtype=pl.String), unit).iter_rows():
        piece = some[row].encode()[start:end].decode()
        assert units(pl.Series([piece]), unit)["hash"].to_list() == [hash]


@settings(deadline=None)  # the first call compiles
@given(some=st.lists(texts, max_size=5), start=st.integers(0, 4))
def test_hashes_do_not_depend_on_batches(some: list[str], start: int) -> None:
    whole = pl.Series(some, dtype=pl.String)
    apart = [hash for text in some for hash in units(pl.Series([text]))["hash"]]
    assert units(whole)["hash"].to_list() == apart
    later = units(whole.slice(start))
    assert later["hash"].to_list() == units(whole).filter(pl.col("row") >= start)["hash"].to_list()


@pytest.mark.parametrize(
    "some",
    [[], [None], ["", "\n\n\n", "\r\n", " ", "---\n***"]],
    ids=["no-text", "null", "blank"],
)
@pytest.mark.parametrize("unit", ["line", "paragraph"])
def test_texts_without_lines(unit: Unit, some: list[str | None]) -> None:
    assert units(pl.Series(some, dtype=pl.String), unit).is_empty()


def test_carriage_returns_do_not_count() -> None:
    windows, unix = (units(pl.Series([text]))["hash"].to_list() for text in ("One\r\nTwo\r\n", "one\ntwo"))
    assert windows == unix


def test_a_very_long_line_is_one_unit() -> None:
    text = "word " * 1_000_000
    found = units(pl.Series([text, text.strip() + "\nword"]))
    assert found["row"].to_list() == [0, 1, 1]
    assert found["hash"][0] == found["hash"][1] != found["hash"][2]


def test_many_equal_lines_have_one_first() -> None:
    assert units(pl.Series(["same\n" * 100_000]))["first"].sum() == 1


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown unit 'word'; allowed: line, paragraph"):
        units(pl.Series(["a"]), "word")  # type: ignore[arg-type]
