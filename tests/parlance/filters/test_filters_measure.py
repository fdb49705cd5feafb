"""Signals: the table's schema, independence of the batch, and empty or hostile documents."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import SchemaError
from parlance.filters import decide, measure, rules
from parlance.filters.recipes import RECIPES
from parlance.references import SIGNALS, References
from parlance.references.hosts import Hosts
from parlance.references.words import Words
from parlance.schemas import DOCUMENTS, conform, signals_schema

TALK = "Where do I find the form for parental leave? It is in the handbook, and HR can help with that: hr@example.com."


def documents(texts: list[str]) -> pl.DataFrame:
    count = len(texts)
    columns = {name: [None] * count for name in DOCUMENTS.names} | {
        "id": [f"d{i}" for i in range(count)],
        "source": ["slack"] * count,
        "text": texts,
        "raw_ids": [[] for _ in texts],
        "partition": ["2026-10-05"] * count,
    }
    return pl.DataFrame(columns, schema=pl.from_arrow(DOCUMENTS.empty_table()).schema)


@pytest.mark.parametrize("texts", [[], [""], [TALK, "", "日本語のテキスト"]], ids=["none", "empty", "several"])
def test_signals_have_the_schema_of_their_table(texts: list[str]) -> None:
    found = measure(documents(texts))
    for batch in found.to_arrow().to_batches():
        assert conform(batch, signals_schema(rules()), table="signals").num_rows == len(texts)
    assert found.columns == signals_schema(rules()).names


def test_signals_of_one_document() -> None:
    row = measure(documents([TALK])).row(0, named=True)
    assert (row["id"], row["characters"], row["words"], row["language"]) == ("d0", len(TALK), 21, "en")
    assert row["pii"] == [{"start": 95, "end": 109, "kind": "email"}]
    assert len(row["content_hash"]) == 32
    assert np.frombuffer(row["signature"], dtype="<u4").shape == (128,)
    assert len(row["bands"]) == 25


def test_a_document_without_a_word_has_no_signature() -> None:
    row = measure(documents([" … "])).row(0, named=True)
    assert row["signature"] is None
    assert row["bands"] is None
    assert row["pii"] == []


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(max_size=50) | st.sampled_from([TALK, "", "\x00\n"]), max_size=5))
def test_a_row_does_not_depend_on_the_batch(texts: list[str]) -> None:
    frame = documents(texts)
    together = measure(frame)
    alone = [measure(frame[i : i + 1]) for i in range(len(texts))]
    assert together.equals(pl.concat([together.clear(), *alone]))
    assert measure(frame.lazy()).equals(together)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_decides_on_what_is_measured(name: str) -> None:
    found = decide(measure(documents([TALK, "", "{} {} {}"])), RECIPES[name])
    assert found["reason"].is_not_null().to_list()[1:] == [True, True]


def test_slack_recipe_keeps_talk() -> None:
    talk = [TALK, "今日は。手伝ってくれますか？", "thanks a lot :tada:"]
    assert decide(measure(documents(talk)), RECIPES["slack"])["reason"].to_list() == [None, None, None]


def test_missing_column_is_refused() -> None:
    with pytest.raises(SchemaError, match="created_at"):
        measure(documents([TALK]).drop("created_at"))


def test_references_fill_their_columns_and_nothing_else() -> None:
    urls = pl.Series(["https://a.example/1", "https://b.example", None])
    frame = documents([TALK, f"{TALK} x", ""]).with_columns(url=urls)
    references = References(hosts=Hosts(pl.Series(["a.example"])), words=Words(pl.Series(["x"])))
    found, without = measure(frame, references=references), measure(frame)
    assert found.select("blocked_host", "blocked_words").rows() == [(1.0, 0), (0.0, 1), (0.0, 0)]
    assert without.select(*SIGNALS).rows() == [(0.0, 0, 0.0, None, None)] * 3
    assert found.drop(*SIGNALS).equals(without.drop(*SIGNALS))
    assert measure(frame.drop("url")).equals(without)


def test_blocked_hosts_need_urls() -> None:
    with pytest.raises(SchemaError, match="'url', which is needed where hosts are blocked"):
        measure(documents([TALK]).drop("url"), references=References(hosts=Hosts(pl.Series(["a.example"]))))
