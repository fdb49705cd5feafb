"""The store follows the lake: new, changed and gone chunks, and what is known of them."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from parlance import schemas
from parlance.errors import ConfigError, SchemaError
from parlance.lake import Lake
from parlance.search import Store, search
from parlance.stages.vectors import Synced, chunks, difference, sync_vectors
from parlance.storage import record_batches
from tests.parlance.stages.conversations import DAY, TEXTS, keep


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(root=str(tmp_path))
    keep(made, TEXTS)
    assert sync_vectors(made, ["slack"]) == Synced(added=3, changed=0, removed=0, chunks=3)
    return made


def test_a_chunk_knows_its_document_and_its_speech_acts(lake: Lake) -> None:
    found = search(lake.vectors, "trains in France", k=1).row(0, named=True)
    assert (found["document_id"], found["channel"]) == ("trains", "travel")
    assert found["speech_acts"] == ["representative", "question"]
    assert difference(lake, ["slack"]).equal


def test_nothing_changed_writes_nothing(lake: Lake) -> None:
    before = Store(lake.vectors).table().version
    assert sync_vectors(lake, ["slack"]) == Synced(added=0, changed=0, removed=0, chunks=3)
    assert Store(lake.vectors).table().version == before


def test_new_changed_and_gone_documents(lake: Lake) -> None:
    keep(lake, {"bread": TEXTS["bread"], "tax": "The council lowered the tax.", "moon": "The moon is full tonight."})
    assert not difference(lake, ["slack"]).equal
    assert sync_vectors(lake, ["slack"]) == Synced(added=2, changed=0, removed=2, chunks=3)
    assert difference(lake, ["slack"]).equal
    assert set(search(lake.vectors, "anything")["document_id"]) == {"bread", "tax", "moon"}


def test_another_channel_changes_rows_and_not_vectors(lake: Lake) -> None:
    keep(lake, TEXTS, channel="archive")
    assert len(difference(lake, ["slack"]).differing) == 3
    assert sync_vectors(lake, ["slack"]) == Synced(added=0, changed=3, removed=0, chunks=3)
    assert search(lake.vectors, "anything")["channel"].to_list() == ["archive"] * 3


def test_a_crash_in_the_middle_is_made_good(lake: Lake) -> None:
    store = Store(lake.vectors)
    store.delete(pl.concat(store.rows(["id"]))["id"].head(2))
    assert len(difference(lake, ["slack"]).missing) == 2
    assert sync_vectors(lake, ["slack"]).added == 2
    assert difference(lake, ["slack"]).equal


@pytest.mark.parametrize(
    ("column", "value"),
    [("text", "Something else."), ("vector", None), ("speech_acts", ["directive"]), ("start", 7)],
)
def test_a_row_that_was_tampered_with_is_found(lake: Lake, column: str, value: object) -> None:
    table = Store(lake.vectors).table()
    row = table.search().where("document_id = 'tax'").to_arrow().to_pylist()[0]
    row[column] = [-number for number in row["vector"]] if column == "vector" else value
    tampered = pa.Table.from_pylist([row], schema=table.schema)
    table.merge_insert("id").when_matched_update_all().execute(tampered)
    found = difference(lake, ["slack"])
    assert (found.differing, found.stray, found.missing) == ([row["id"]], [], [])


def test_speech_acts_are_in_the_order_of_their_share(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    keep(lake, {"long": " ".join(["Is it so?", *(f"Valve {number} is and stays closed." for number in range(200))])})
    rows = chunks(lake, ["slack"]).sort("start").collect()
    assert rows["speech_acts"][0].to_list() == ["representative", "question"]
    assert rows.height > 5
    assert all(acts == ["representative"] for acts in rows["speech_acts"][1:].to_list())


def test_several_models_are_refused(lake: Lake) -> None:
    other = lake.table("slack/embeddings").scan().collect().with_columns(model_version=pl.lit("other"))
    lake.table("dump/embeddings").replace(record_batches(other, schemas.EMBEDDINGS), [DAY])
    with pytest.raises(ConfigError, match=r"of several models, \[\('minilm', "):
        sync_vectors(lake, ["slack", "dump"])


def test_one_id_in_two_lanes_is_refused(lake: Lake) -> None:
    same = lake.table("slack/embeddings").scan().collect()
    lake.table("dump/embeddings").replace(record_batches(same, schemas.EMBEDDINGS), [DAY])
    with pytest.raises(SchemaError, match="is in the lake twice"):
        sync_vectors(lake, ["slack", "dump"])


def test_lanes_without_chunks_make_an_empty_store(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    assert sync_vectors(lake, ["slack"]).chunks == 0
    assert difference(lake, ["slack"]).equal
    assert search(lake.vectors, "anything").is_empty()
