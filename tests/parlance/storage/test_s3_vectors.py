"""The vector store, and what a crashed step leaves, on an object store."""

import polars as pl

from parlance import search
from parlance.search import Store
from parlance.storage import Pending
from tests.parlance.search.conftest import CHUNKS, Chunks


def test_a_store_on_s3_is_written_searched_and_tidied(bucket: str) -> None:
    store, chunks = Store(f"{bucket}/lake/vectors"), Chunks()
    assert not store.exists()
    store.upsert(chunks())
    store.tidy()
    store.upsert(chunks(CHUNKS[:1], channel="moved"))
    store.delete(pl.Series([f"c{CHUNKS[1][1]}"]))
    store.tidy()
    found = search.search(store.uri, "I forgot my password", k=10)
    assert len(found) == 4
    assert dict(found.select("text", "channel").iter_rows())[CHUNKS[0][1]] == "moved"
    for mode in ("text", "hybrid"):
        assert search.search(store.uri, "password", mode=mode)["text"].to_list()


def test_shards_on_s3_are_whole_and_go_away(bucket: str) -> None:
    pending = Pending(f"{bucket}/lake/pending/slack/embeddings", ["a", "b"])
    assert list(pending.rows()) == []
    rows = pl.DataFrame({"id": ["1", "2"], "partition": ["a", "b"]})
    pending.add(rows)
    after = Pending(f"{bucket}/lake/pending/slack/embeddings", ["a"])
    assert pl.concat(after.rows())["id"].to_list() == ["1"]
    after.clear()  # holds rows of `b`
    again = Pending(f"{bucket}/lake/pending/slack/embeddings", ["a", "b", "c"])
    assert pl.concat(again.rows()).equals(rows)
    again.clear()
    assert list(Pending(f"{bucket}/lake/pending/slack/embeddings", ["a", "b"]).rows()) == []
