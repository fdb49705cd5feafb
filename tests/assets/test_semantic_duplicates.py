"""Semantic duplicates through Dagster, over documents that the embedding model reads."""

from pathlib import Path

import dagster as dg
import polars as pl
import pyarrow as pa
import pytest

from assets.semantic import semantic_assets
from orchestration.lanes import lanes
from parlance import embedding, schemas
from parlance.lake import Lake
from parlance.stages.embeddings import write_embeddings
from parlance.storage import record_batches
from resources.lake import LakeResource

TEXTS = {
    "dump": {
        "trains": "The train to Lyon leaves at nine in the morning from platform four.",
        "bread": "Knead the dough for ten minutes, then let it rise until it has doubled in size.",
    },
    "crawl": {
        "again": "The train to Lyon leaves at nine in the morning, from platform 4.",
        "tax": "The council raised the property tax by two percent after a long debate.",
    },
}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(root=str(tmp_path / "lake"))
    for lane, texts in TEXTS.items():
        rows = [
            {"id": f"{lane}:{name}", "source": lane, "text": text, "raw_ids": [name], "partition": "p"}
            | {"masked": 0, "removed_lines": 0, "removed_characters": 0}
            for name, text in texts.items()
        ]
        lake.table(f"{lane}/kept").replace([pa.RecordBatch.from_pylist(rows, schema=schemas.KEPT)], ["p"])
        write_embeddings(lake, lane, "minilm", ["p"])
    return lake


def materialized(lake: Lake, **config: object) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        semantic_assets(list(lanes().values())),
        resources={"lake": LakeResource(root=lake.root)},
        run_config={"ops": {"corpus__semantic_duplicates": {"config": config}}},
        raise_on_error=False,
    )


def test_what_says_the_same_is_one_cluster(lake: Lake) -> None:
    result = materialized(lake)
    assert result.success
    rows = lake.table("corpus/semantic_duplicates").scan().collect()
    assert rows.select("id", "source", "cluster", "keep", "kind", "matched_id").rows() == [
        ("crawl:again", "crawl", "crawl:again", True, "semantic", None),
        ("dump:trains", "dump", "crawl:again", False, "semantic", "crawl:again"),
    ]
    vectors = embedding.embed(pl.Series([TEXTS["dump"]["trains"], TEXTS["crawl"]["again"]]))
    assert rows["cosine"][1] == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-3)
    (event,) = result.asset_materializations_for_node("corpus__semantic_duplicates")
    assert "platform four" in event.metadata["pairs"].value
    assert "platform 4" in event.metadata["pairs"].value


def test_a_document_stands_for_the_mean_of_its_chunks(lake: Lake) -> None:
    """A copy that is cut into two chunks in the other order, with another document's chunk between, is found."""
    chunks = lake.table("dump/embeddings").scan().collect()
    kept = lake.table("dump/kept").scan().collect()
    both = [
        chunks.with_columns(document_id=pl.lit(f"dump:both{n}"), start=pl.Series([n, 1 - n], dtype=pl.Int32))
        for n in (0, 1)
    ]
    lake.table("dump/embeddings").replace(
        record_batches(pl.concat([both[0], both[1].reverse()]), schemas.EMBEDDINGS), ["p"]
    )
    twice = pl.concat([kept.head(1).with_columns(id=pl.lit(f"dump:both{n}")) for n in (0, 1)])
    lake.table("dump/kept").replace(record_batches(twice, schemas.KEPT), ["p"])
    assert materialized(lake, lanes=["dump"], threshold=1.0).success
    rows = lake.table("corpus/semantic_duplicates").scan().collect()
    assert rows["id"].to_list() == ["dump:both0", "dump:both1"]


def test_the_threshold_is_obeyed(lake: Lake) -> None:
    assert materialized(lake, threshold=1.0).success
    assert lake.table("corpus/semantic_duplicates").scan().collect().is_empty()


def test_documents_without_chunks_and_lanes_without_documents(lake: Lake, tmp_path: Path) -> None:
    lake.table("dump/embeddings").replace([], ["p"])
    assert materialized(lake).success
    assert lake.table("corpus/semantic_duplicates").scan().collect().is_empty()
    assert materialized(Lake(root=str(tmp_path / "nothing"))).success


def test_embeddings_of_two_models_are_refused(lake: Lake) -> None:
    other = lake.table("crawl/embeddings").scan().collect().with_columns(model=pl.lit("other"))
    lake.table("crawl/embeddings").replace(record_batches(other, schemas.EMBEDDINGS), ["p"])
    result = materialized(lake)
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "are of several models, [('minilm'" in str(failure.step_failure_data)
