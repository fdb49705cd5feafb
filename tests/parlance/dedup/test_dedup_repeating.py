"""Lines that a site repeats: counted right whatever the batches, and taken out with offsets that still fit."""

import random
from collections import Counter
from collections.abc import Callable, Iterable

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.dedup.cutting import cut
from parlance.dedup.repeating import repeated
from parlance.errors import ConfigError

TYPES = {"id": pl.String, "source": pl.String, "text": pl.String, "site": pl.String}
TURNS = pl.List(pl.Struct({"message_id": pl.String, "start": pl.Int32, "end": pl.Int32}))
PII = pl.List(pl.Struct({"start": pl.Int32, "end": pl.Int32, "kind": pl.String}))


def documents(rows: Iterable[tuple[str | None, str]]) -> pl.DataFrame:
    """Documents of sites and texts, in turn of the lanes crawl and dump."""
    made = [(f"d{i:04}", ("crawl", "dump")[i % 2], text, site) for i, (site, text) in enumerate(rows)]
    return pl.DataFrame(made, schema=TYPES, orient="row")


def batches(frame: pl.DataFrame, size: int) -> Callable[[], list[pl.DataFrame]]:
    return lambda: list(frame.iter_slices(size))


SITE = documents(
    [
        *(("a.example", f"Home | News\nStory {i}\nread  MORE") for i in range(4)),
        ("a.example", "Home | News\nHome | News\nno more"),
        *(("b.example", f"Story {i}\nRead more") for i in range(2)),
        *((None, "Home | News") for _ in range(9)),
    ]
)


def test_lines_are_counted_by_site() -> None:
    found, shares = repeated(batches(SITE, 5), documents=3)
    rows = found.drop("hash").sort("documents").rows(named=True)
    assert [row["excerpt"] for row in rows] == ["read MORE", "Home | News"]
    assert rows[1] == {
        "site_hash": rows[0]["site_hash"],
        "site": "a.example",
        "documents": 5,
        "documents_everywhere": 14,
        "sites": 1,
        "example_id": "d0000",
        "excerpt": "Home | News",
    }
    assert (rows[0]["documents"], rows[0]["documents_everywhere"], rows[0]["sites"]) == (4, 6, 2)
    sizes = {row["source"]: (row["documents"], row["lines"], row["bytes"]) for row in shares.iter_rows(named=True)}
    assert sizes == {"crawl": (3, 6, 4 * 12 + 2 * 10), "dump": (2, 4, 2 * 12 + 2 * 10)}
    assert shares["all_documents"].sum() == SITE.height
    assert shares["all_bytes"].sum() == SITE["text"].str.len_bytes().sum()


@pytest.mark.parametrize("more_than", [3, 4, 5], ids=["below", "at", "above"])
def test_the_bound_is_exclusive(more_than: int) -> None:
    found, _ = repeated(batches(SITE, 100), documents=more_than)
    assert sorted(found["documents"]) == [count for count in (4, 5) if count > more_than]


LINES = st.sampled_from(["home", "HOME ", "é", "E\u0301", "read more", "---", "", "x\r", "İ"])
TEXTS = st.lists(LINES, max_size=6).map("\n".join)
SITES = st.sampled_from(["a.example", "b.example", None, "???"])


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(st.tuples(SITES, TEXTS), max_size=12), chance=st.randoms(), run_rows=st.integers(1, 8))
def test_neither_batches_nor_order_nor_runs_matter(
    rows: list[tuple[str | None, str]], chance: random.Random, run_rows: int
) -> None:
    frame = documents(rows)
    shuffled = frame[chance.sample(range(frame.height), frame.height)]
    found, shares = repeated(batches(frame, 100), documents=1)
    again, shares_again = repeated(batches(shuffled, 2), documents=1, run_rows=run_rows)
    assert found.equals(again)
    assert shares.equals(shares_again)
    wanted = Counter((site, line) for site, text in rows for line in {_plain(one) for one in text.split("\n")} if line)
    said = {
        (site, _plain(text)): count for site, text, count in found.select("site", "excerpt", "documents").iter_rows()
    }
    assert said == {key: count for key, count in wanted.items() if count > 1 and key[0] not in (None, "???")}


def _plain(line: str) -> str:
    plain = str(pl.Series([line]).str.normalize("NFC").str.to_lowercase().str.strip_chars().item())
    return "" if plain == "---" else plain


@pytest.mark.parametrize(
    "frame", [documents([]), documents([("a.example", "")]), SITE.head(1)], ids=["none", "blank", "one"]
)
def test_nothing_is_repeated(frame: pl.DataFrame) -> None:
    found, shares = repeated(batches(frame, 10), documents=1)
    assert found.is_empty()
    assert shares["lines"].sum() == 0


def test_paragraphs() -> None:
    frame = documents([("a.example", f"One\nand two\n \nThree {i}") for i in range(3)])
    found, _ = repeated(batches(frame, 2), unit="paragraph", documents=2)
    assert found["excerpt"].to_list() == ["One and two"]


def test_a_bound_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="documents must be at least 1, got 0"):
        repeated(batches(SITE, 10), documents=0)


def with_offsets(frame: pl.DataFrame) -> pl.DataFrame:
    """Each line as a turn, and each `@` as personal data."""
    turns, pii = [], []
    for text in frame["text"]:
        starts = [0, *(place + 1 for place, char in enumerate(text) if char == "\n")]
        ends = [*starts[1:], len(text)]
        turns.append(
            [{"message_id": str(i), "start": s, "end": e} for i, (s, e) in enumerate(zip(starts, ends, strict=True))]
        )
        pii.append([{"start": i, "end": i + 1, "kind": "email"} for i, char in enumerate(text) if char == "@"])
    return frame.with_columns(turns=pl.Series(turns, dtype=TURNS), pii=pl.Series(pii, dtype=PII))


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(
        st.tuples(SITES, st.lists(LINES | st.sampled_from(["@", "a@日本", "home@"]), max_size=6).map("\n".join)),
        max_size=8,
    )
)
def test_offsets_fit_what_is_left(rows: list[tuple[str | None, str]]) -> None:
    frame = with_offsets(documents(rows))
    found, _ = repeated(batches(frame, 100), documents=1)
    left = cut(frame, found)
    assert left["id"].to_list() == frame["id"].to_list()
    before, after = frame["text"].str.len_chars(), left["text"].str.len_chars()
    assert (before - after).to_list() == left["removed_characters"].to_list()
    for text, turns, pii, old_text, old_turns in zip(
        *left.select("text", "turns", "pii"), *frame.select("text", "turns"), strict=True
    ):
        pieces = [text[turn["start"] : turn["end"]] for turn in turns]
        assert "".join(pieces) == text
        whole = [old_text[turn["start"] : turn["end"]] for turn in old_turns]
        assert all(piece in ("", line) for piece, line in zip(pieces, whole, strict=True))
        assert [text[span["start"] : span["end"]] for span in pii] == ["@"] * text.count("@")
    remaining, _ = repeated(batches(left, 100), documents=1)
    assert remaining.is_empty()


def test_only_the_lines_of_the_own_site_leave() -> None:
    found, _ = repeated(batches(SITE, 10), documents=3)
    left = cut(with_offsets(SITE), found)
    assert left["text"][0] == "Story 0\n"
    assert left["text"][4] == "no more"
    assert left["removed_lines"].to_list() == [2, 2, 2, 2, 2, *([0] * 11)]
    assert left["text"][5:].to_list() == SITE["text"][5:].to_list()


def test_documents_without_turns_and_frames_without_rows() -> None:
    found, _ = repeated(batches(SITE, 10), documents=3)
    bare = SITE.with_columns(turns=pl.lit(None, TURNS), pii=pl.lit([], PII))
    left = cut(bare, found)
    assert left["turns"].null_count() == left.height
    assert cut(bare.head(0), found).is_empty()
    assert cut(bare, found.head(0))["text"].equals(bare["text"])
