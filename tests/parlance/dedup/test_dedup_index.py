"""An index that is kept up to date says what one made anew says, over any history of additions and deletions."""

import random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.dedup import bands, content_hashes, near_duplicates, signatures
from parlance.dedup.index import Comparing, updated
from parlance.errors import SchemaError

WORDS = 40
NO_WORD = ["", "!", "?"]


def families(seed: int) -> list[str]:
    """Texts of which many are near others, in chains whose ends are apart, and some have no word."""
    chance = random.Random(seed)
    made = list(NO_WORD)
    for family in range(5):
        words = [f"w{family}x{i}" for i in range(WORDS)]
        for _ in range(8):
            words = list(words)
            words[chance.randrange(WORDS)] = f"y{chance.randrange(999)}"
            made.append(" ".join(words))
            if chance.random() < 0.2:
                made.append(made[-1].upper() + "  ")
    return made


def measured(texts: dict[tuple[str, str], str]) -> pl.DataFrame:
    """Signals of documents by (partition, id)."""
    series = pl.Series(list(texts.values()), dtype=pl.String)
    sketches = signatures(series)
    has_words = pl.Series((sketches != 2**32 - 1).any(axis=1), dtype=pl.Boolean)
    frame = pl.DataFrame(
        {
            "id": pl.Series([id for _, id in texts], dtype=pl.String),
            "source": pl.Series(["crawl"] * len(texts), dtype=pl.String),
            "partition": pl.Series([partition for partition, _ in texts], dtype=pl.String),
            "characters": series.str.len_chars().cast(pl.Int64),
            "content_hash": content_hashes(series),
            "signature": pl.Series([row.tobytes() for row in sketches], dtype=pl.Binary),
            "bands": pl.Series(bands(sketches), dtype=pl.Array(pl.Int64, 25)).cast(pl.List(pl.Int64)),
        }
    )
    return frame.with_columns(pl.when(has_words).then(pl.col("signature", "bands")))


class Corpus:
    """Documents that come and go, with an index that follows."""

    def __init__(self, block_rows: int) -> None:
        self.texts: dict[tuple[str, str], str] = {}
        self.index: pl.DataFrame | None = None
        self.block_rows = block_rows
        self.asked: list[str] = []

    def read(self, rows: pl.DataFrame) -> pl.Series:
        self.asked += rows["id"].to_list()
        return pl.Series([self.texts[key] for key in rows.select("partition", "id").iter_rows()], dtype=pl.String)

    def update(self, **settings: Any) -> dict[str, int]:
        how = Comparing(threshold=0.8, texts=self.read, block_rows=self.block_rows, **settings)
        result = updated(measured(self.texts).lazy(), self.index, how)
        self.index = result.index
        return result.counts

    def clusters(self) -> set[frozenset[str]]:
        assert self.index is not None
        grouped = self.index.group_by("group").agg("id")
        return {frozenset(ids) for ids in grouped["id"] if len(ids) > 1}


def full(corpus: Corpus) -> set[frozenset[str]]:
    anew = Corpus(block_rows=10**6)
    anew.texts = corpus.texts
    anew.update()
    return anew.clusters()


@settings(max_examples=30, deadline=None)
@given(data=st.data(), seed=st.integers(0, 5), block_rows=st.sampled_from([1, 3, 10, 1000]))
def test_incremental_equals_full(data: st.DataObject, seed: int, block_rows: int) -> None:
    pool, corpus = families(seed), Corpus(block_rows)
    for _ in range(data.draw(st.integers(1, 5))):
        partition = data.draw(st.sampled_from(["a", "b", "c"]))
        # A backfill: other documents, some of them under the same ids with another text.
        chosen = data.draw(st.lists(st.integers(0, len(pool) - 1), max_size=25))
        corpus.texts = {key: text for key, text in corpus.texts.items() if key[0] != partition}
        corpus.texts |= {(partition, f"{partition}{i}"): pool[text] for i, text in enumerate(chosen)}
        for key in data.draw(st.lists(st.sampled_from(sorted(corpus.texts) or [("", "")]), max_size=3)):
            corpus.texts.pop(key, None)
        counts = corpus.update()
        assert corpus.clusters() == full(corpus)
        assert corpus.update() == {"new": 0, "gone": 0, "compared": 0, "read": 0, "cut_short": 0}
        assert counts["new"] >= 0


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 20), places=st.randoms())
def test_the_order_of_rows_and_the_size_of_blocks_change_nothing(seed: int, places: random.Random) -> None:
    texts = families(seed)
    first, second = Corpus(10**6), Corpus(7)
    first.texts = {("p", str(i)): text for i, text in enumerate(texts)}
    shuffled = list(first.texts.items())
    places.shuffle(shuffled)
    second.texts = dict(shuffled)
    first.update(threads=1)
    second.update(threads=2)
    assert first.clusters() == second.clusters()
    found = near_duplicates(pl.Series(texts), pl.Series([str(i) for i in range(len(texts))]))
    grouped = found.group_by("cluster").agg("id")
    assert first.clusters() == {frozenset(ids) for ids in grouped["id"] if len(ids) > 1}


def chain() -> dict[tuple[str, str], str]:
    """`left` and `right` are near `middle` and not near each other; `alone` is near nothing."""
    words = [f"w{i}" for i in range(100)]
    middle = " ".join(words)
    left = " ".join(["x", *words[1:50], "x", *words[51:]])
    right = " ".join([*words[:25], "x", *words[26:75], "x", *words[76:]])
    texts = {"left": left, "middle": middle, "right": right, "alone": " ".join(reversed(words))}
    return {("p", id): text for id, text in texts.items()}


def test_deleting_what_held_a_cluster_together_revives_the_others() -> None:
    corpus = Corpus(100)
    corpus.texts = chain()
    corpus.update()
    assert corpus.clusters() == {frozenset(["left", "middle", "right"])}
    middle = corpus.texts.pop(("p", "middle"))
    counts = corpus.update()
    assert (counts["new"], counts["gone"]) == (2, 1)
    assert corpus.clusters() == set()
    corpus.texts["q", "middle"] = middle
    counts = corpus.update()
    assert (counts["new"], counts["gone"]) == (1, 0)
    assert corpus.clusters() == {frozenset(["left", "middle", "right"])}


def test_of_old_texts_only_candidates_are_read() -> None:
    corpus = Corpus(100)
    corpus.texts = {("p", f"old{i}"): " ".join(f"w{i}x{j}" for j in range(50)) for i in range(500)}
    corpus.update()
    assert corpus.asked == []
    corpus.texts["q", "new"] = corpus.texts["p", "old7"] + " more"
    counts = corpus.update()
    assert sorted(corpus.asked) == ["new", "old7"]
    assert counts["new"] == 1
    assert 1 <= counts["compared"] < 10
    assert corpus.clusters() == {frozenset(["new", "old7"])}


def test_a_changed_text_is_compared_anew() -> None:
    corpus = Corpus(100)
    corpus.texts = chain()
    corpus.update()
    corpus.texts["p", "middle"] = corpus.texts["p", "alone"]
    corpus.update()
    assert corpus.clusters() == {frozenset(["middle", "alone"])}


def test_a_document_that_is_gone_while_texts_are_read_links_nothing() -> None:
    texts = chain()
    how = Comparing(threshold=0.8, texts=lambda rows: pl.Series([None] * len(rows), dtype=pl.String))
    found = updated(measured(texts).lazy(), None, how).index
    assert found["group"].n_unique() == len(texts)


def test_nothing_and_an_empty_index() -> None:
    corpus = Corpus(5)
    assert corpus.update()["new"] == 0
    corpus.texts = chain()
    corpus.update()
    corpus.texts = {}
    assert corpus.update() == {"new": 0, "gone": 4, "compared": 0, "read": 0, "cut_short": 0}
    assert corpus.index is not None
    assert corpus.index.is_empty()


def test_sketches_of_two_lengths_are_refused() -> None:
    texts = chain()
    frame = measured(texts)
    short = pl.Series([np.zeros(64, np.uint32).tobytes()])
    one = frame.with_columns(signature=frame["signature"].scatter([0], short))
    with pytest.raises(SchemaError, match="one length"):
        updated(one.lazy(), None, Comparing(threshold=0.8))
    with pytest.raises(SchemaError, match="lack columns"):
        updated(frame.drop("characters").lazy(), None, Comparing(threshold=0.8))
