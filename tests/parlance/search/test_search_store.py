from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from parlance import search
from parlance.errors import SchemaError
from parlance.search import Store, store
from tests.parlance.search.conftest import CHUNKS, Chunks


def held(made: Store) -> dict[str, str]:
    return dict(pl.concat(made.rows(["id", "channel"])).iter_rows())


def test_upsert_puts_new_rows_and_replaces_others(chunks: Chunks, tmp_path: Path) -> None:
    made = Store(str(tmp_path))
    assert made.upsert(chunks()) == 5
    made.tidy()
    assert made.upsert(chunks(CHUNKS[:2], channel="moved") + chunks.texts("A new one.", channel="new")) == 3
    made.tidy()
    rows = held(made)
    assert len(rows) == 6
    assert [rows[f"c{text}"] for _, text, *_ in CHUNKS[:3]] == ["moved", "moved", "random"]
    assert search.search(made.uri, "A new one.", k=1)["channel"].to_list() == ["new"]
    assert search.search(made.uri, "new", mode="text")["channel"].to_list() == ["new"]


def test_what_is_deleted_is_found_no_more_and_leaves_the_disk(chunks: Chunks, tmp_path: Path) -> None:
    made = Store(str(tmp_path))
    secret = "The secret word is xylophone, it's said."
    made.upsert(chunks.texts(secret, "Nothing to see here."))
    made.tidy()
    made.delete(pl.Series([f"c{secret}", "never there", "it's"]))
    assert list(held(made)) == ["cNothing to see here."]
    made.tidy()
    assert search.search(made.uri, "xylophone", mode="text").is_empty()
    assert search.search(made.uri, "xylophone")["text"].to_list() == ["Nothing to see here."]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"xylophone" in path.read_bytes()]


def test_an_empty_store_finds_nothing(chunks: Chunks, tmp_path: Path) -> None:
    made = Store(str(tmp_path))
    assert not made.exists()
    assert list(made.rows(["id"])) == []
    made.delete(pl.Series(["a"]))
    made.tidy()
    assert made.exists()
    for mode in ("vector", "text", "hybrid"):
        assert search.search(made.uri, "anything", mode=mode).is_empty()
    assert made.recall(queries=5, k=10, seed=1) == 1
    assert made.upsert(chunks()[:1]) == 2


def test_vectors_of_another_length_make_a_new_store(chunks: Chunks, tmp_path: Path) -> None:
    made = Store(str(tmp_path))
    made.upsert(chunks())
    short = pl.DataFrame(chunks.texts("short")[0]).with_columns(pl.col("vector").arr.head(8))
    made.upsert(short.to_arrow().to_batches())
    assert list(held(made)) == ["cshort"]


def cut(batches: list[pa.RecordBatch], **columns: pl.Expr) -> list[pa.RecordBatch]:
    return pl.DataFrame(batches[0]).with_columns(**columns).to_arrow().to_batches()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda chunks: [batch.drop_columns(["text"]) for batch in chunks()], r"lacks the columns \['text'\]"),
        (lambda chunks: cut(chunks(), id=pl.lit("same")), "id 'same' is in a batch twice"),
        (lambda chunks: cut(chunks(), source=pl.lit(None, pl.String)), r"have nulls: \{'source': 2\}"),
        (lambda chunks: cut(chunks(), vector=pl.lit("no")), "column 'vector' has type"),
        (lambda chunks: cut(chunks(), start=pl.lit("no")), "does not fit the vector store"),
    ],
    ids=["column", "twice", "null", "vector", "type"],
)
def test_batches_that_do_not_fit_are_named(make: object, message: str, chunks: Chunks, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=message):
        Store(str(tmp_path)).upsert(make(chunks))  # type: ignore[operator]


def test_many_rows_get_an_index(chunks: Chunks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "EXACT_ROWS", 2000)
    monkeypatch.setattr(store, "ROWS_PER_LIST", 100)
    rows = chunks.numbered(2000)
    made = Store(str(tmp_path))
    made.upsert([rows[0].slice(0, 1999)])
    made.tidy()
    kinds = {found.columns[0]: found.index_type for found in made.table().list_indices()}
    assert kinds == {"text": "FTS", "id": "BTree"}
    assert made.recall(queries=20, k=10, seed=1) == 1
    made.upsert([rows[0].slice(1999)])
    made.tidy()
    kinds = {found.columns[0]: found.index_type for found in made.table().list_indices()}
    assert kinds == {"text": "FTS", "id": "BTree", "vector": "IvfSq"}
    assert made.recall(queries=20, k=10, seed=1) > 0.9


def test_recall_counts_what_an_index_misses(chunks: Chunks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lancedb.index import IvfFlat

    made = Store(str(tmp_path))
    made.upsert(chunks.numbered(2000))
    made.table().create_index("vector", config=IvfFlat(distance_type="cosine", num_partitions=20))
    monkeypatch.setattr(store, "PROBES", 1)
    assert 0.1 < made.recall(queries=20, k=10, seed=1) < 0.9


def test_fingerprints_follow_what_a_row_says(chunks: Chunks) -> None:
    first, again, moved = (
        pl.concat([pl.DataFrame(batch) for batch in chunks(**columns)])["fingerprint"]
        for columns in ({}, {}, {"partition": "2026-11-03"})
    )
    assert first.to_list() == again.to_list()
    assert not set(first) & set(moved)
    assert np.unique(first.to_numpy()).size == len(CHUNKS)
