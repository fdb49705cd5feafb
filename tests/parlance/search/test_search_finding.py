import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance import embedding, search
from parlance.errors import ConfigError
from parlance.search import Where
from parlance.search.__main__ import main

GUIDE = "A guide to forgotten passwords."
RESET = "How do I reset my password?"


def texts(uri: str, query: str = "anything", **settings: object) -> list[str]:
    return search.search(uri, query, **settings)["text"].to_list()


def test_the_nearest_chunk_comes_first(index: str) -> None:
    found = search.nearest(index, "I forgot my password", k=3)
    assert found.schema == pl.Schema(search.HITS)
    assert found["rank"].to_list() == [1, 2, 3]
    assert found["score"].is_sorted(descending=True)
    assert set(found["text"][:2]) == {RESET, GUIDE}
    assert found.row(0, named=True)["end"] == len(found["text"][0])


def test_score_is_the_cosine(index: str) -> None:
    query = "Where is my lunch?"
    found = search.search(index, query)
    vectors = embedding.embed(found["text"])
    expected = vectors @ embedding.embed(pl.Series([query]))[0]
    assert found["score"].to_list() == pytest.approx(expected.tolist(), abs=2e-3)


def test_words_are_found_by_their_stems(index: str) -> None:
    assert texts(index, "passwords", mode="text") == [GUIDE, RESET] or texts(index, "password", mode="text") == [
        RESET,
        GUIDE,
    ]
    assert texts(index, "xylophone", mode="text") == []


def test_hybrid_finds_by_words_and_by_meaning(index: str) -> None:
    found = texts(index, "felines noon", mode="hybrid", k=5)
    assert set(found[:2]) == {"Lunch is at noon, please be there.", "Cats sleep most of the day."}
    assert len(found) == 5


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
@pytest.mark.parametrize("query", ['"', "a AND (b", "text:x~ ^", "'; DROP TABLE chunks", "日本 👩‍👩‍👧", "\x00"])
def test_no_query_has_a_meaning_of_its_own(index: str, query: str, mode: search.Mode) -> None:
    assert len(texts(index, query, mode=mode)) <= 5


@pytest.mark.parametrize(("k", "found"), [(1, 1), (5, 5), (search.MAX_K, 5)])
def test_k_bounds_what_is_found(index: str, k: int, found: int) -> None:
    assert len(texts(index, k=k)) == found


@pytest.mark.parametrize("mode", ["vector", "hybrid"])
@pytest.mark.parametrize(
    ("where", "count"),
    [
        (Where(), 5),
        (Where(source="slack"), 3),
        (Where(source="o'web"), 2),
        (Where(source=""), 0),
        (Where(language="en"), 4),
        (Where(channel="help"), 2),
        (Where(since=dt.date(2026, 11, 3)), 3),
        (Where(until=dt.date(2026, 11, 3)), 2),
        (Where(since=dt.date(2026, 11, 4), until=dt.date(2026, 11, 4)), 1),
        (Where(speech_act="representative"), 3),
        (Where(speech_act="directive"), 1),
        (Where(source="slack", speech_act="question", channel="help"), 1),
    ],
    ids=str,
)
def test_filters_bound_what_is_found(index: str, where: Where, count: int, mode: search.Mode) -> None:
    assert len(texts(index, where=where, mode=mode)) == count


@settings(max_examples=40)
@given(
    value=st.one_of(
        st.text(),
        st.sampled_from(["' OR '1'='1", "slack' --", "slack\\' OR 1=1", "''", "'; DROP TABLE chunks", '"slack"']),
    )
)
def test_filters_cannot_inject(index: str, value: str) -> None:
    assert set(search.search(index, "anything", where=Where(source=value))["source"]) <= {value}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k 0 is out of range; 1 to 1000"),
        ({"k": search.MAX_K + 1}, "k 1001 is out of range; 1 to 1000"),
        ({"query": " \n"}, "the query is blank"),
        ({"mode": "guess"}, "unknown mode 'guess'; known: vector, text, hybrid"),
    ],
)
def test_bad_requests_are_named(index: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        search.search(index, **({"query": "anything"} | arguments))


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"speech_act": "shouting"}, "unknown speech act 'shouting'; known: expressive, "),
        ({"since": dt.date(2026, 11, 3), "until": dt.date(2026, 11, 2)}, "since 2026-11-03 is after until 2026-11-02"),
    ],
)
def test_bad_bounds_are_named(bounds: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Where(**bounds)


def test_a_missing_store_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no vector store at .*: materialise search/vector_index"):
        search.search(str(tmp_path / "none"), "anything")
    assert not (tmp_path / "none").exists()


def test_command_prints_a_table(index: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([index, "forgotten password", "--k", "2", "--source", "o'web", "--mode", "hybrid", "--since", "2026-11-01"])
    printed = capsys.readouterr().out
    assert GUIDE in printed
    assert "printer" not in printed


def test_command_ends_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"parlance\.search: no vector store"):
        main([str(tmp_path / "none"), "anything"])
    with pytest.raises(SystemExit, match=r"parlance\.search: unknown speech act"):
        main([str(tmp_path / "none"), "anything", "--speech-act", "shouting"])
