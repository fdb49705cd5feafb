"""Search through Dagster: the store follows the lake and is checked, the map and the nearest examples are shown."""

import base64
import re
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.lanes import lane_assets
from assets.search import search_assets, search_checks
from orchestration.lanes import lanes
from parlance.lake import Lake
from parlance.search import Store
from parlance.stages import vectors as stages
from resources.embedder import Embedder
from resources.lake import LakeResource
from tests.assets.tickets import lane as tickets
from tests.parlance.stages.conversations import DAY, TEXTS, keep

LANES = list(lanes().values())
INDEX, NEAREST, MAP = (dg.AssetKey(["search", name]) for name in ("vector_index", "nearest_examples", "map"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(root=str(tmp_path / "lake"))
    keep(made, TEXTS)
    return made


def run(lake: Lake, *keys: dg.AssetKey, config: dict[str, object] | None = None) -> dg.ExecuteInProcessResult:
    """Materialises `keys` with their checks; `config` is that of the last of them."""
    return dg.materialize(
        [*search_assets(LANES), *search_checks(LANES)],
        selection=dg.AssetSelection.assets(*keys),
        resources={"lake": LakeResource(root=lake.root)},
        run_config={"ops": {"__".join(keys[-1].path): {"config": config or {}}}},
        raise_on_error=False,
    )


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def shown(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node("__".join(key.path))
    return {name: value.value for name, value in event.metadata.items()}


def test_the_store_follows_the_lake(lake: Lake) -> None:
    first = run(lake, INDEX)
    assert first.success
    assert shown(first, INDEX)["chunks_added"] == 3
    assert evaluations(first)["finds_what_is_nearest"].metadata["recall_at_10"].value == 1.0
    assert evaluations(first)["store_equals_lake"].passed
    again = shown(run(lake, INDEX), INDEX)
    assert [again[f"chunks_{what}"] for what in ("added", "changed", "removed")] == [0, 0, 0]


def test_a_stray_vector_is_caught_and_holds_back_what_comes_after(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    store, sync = Store(lake.vectors), stages.sync_vectors

    def and_a_stray(*args: object, **settings: object) -> object:
        done = sync(*args, **settings)
        row = store.table().search().limit(1).to_arrow()
        store.table().add(row.set_column(0, "id", [["stray"]]))
        return done

    monkeypatch.setattr(stages, "sync_vectors", and_a_stray)
    result = run(lake, INDEX, NEAREST)
    assert not result.success
    assert evaluations(result)["store_equals_lake"].description == "1 stray: stray"
    assert not result.asset_materializations_for_node("search__nearest_examples")
    monkeypatch.undo()
    result = run(lake, INDEX, NEAREST)
    assert result.success
    assert shown(result, INDEX)["chunks_removed"] == 1
    assert len(result.asset_materializations_for_node("search__nearest_examples")) == 1


def test_a_deleted_document_leaves_embeddings_and_store(tmp_path: Path) -> None:
    lake, made = Lake(root=str(tmp_path / "lake")), tickets(tmp_path)
    (step,) = [asset for asset in lane_assets(made) if made.key("embeddings") in asset.keys]

    def materialized() -> dict[str, object]:
        result = dg.materialize(
            [step, *search_assets([made]), *search_checks([made])],
            selection=dg.AssetSelection.assets(made.key("embeddings")),
            partition_key=DAY,
            resources={"lake": LakeResource(root=lake.root), "embedder": Embedder(model="minilm")},
        )
        after = dg.materialize(
            [*search_assets([made]), *search_checks([made])],
            selection=dg.AssetSelection.assets(INDEX),
            resources={"lake": LakeResource(root=lake.root)},
        )
        assert evaluations(after)["store_equals_lake"].passed
        return shown(result, made.key("embeddings")) | shown(after, INDEX)

    keep(lake, TEXTS, lane="tickets")
    assert materialized()["chunks_added"] == 3
    kept = lake.table("tickets/kept").scan().collect()
    lake.table("tickets/kept").replace(kept.filter(pl.col("id") != "bread").to_arrow().to_batches(), [DAY])
    metadata = materialized()
    assert (metadata["chunks_removed"], metadata["chunks_added"], metadata["chunks_changed"]) == (1, 0, 0)
    assert (metadata["hit_rate"], metadata["chunks_embedded"]) == (1.0, 0)
    assert set(pl.concat(Store(lake.vectors).rows(["document_id"]))["document_id"]) == {"trains", "tax"}


def test_nearest_examples_are_shown(lake: Lake) -> None:
    config = {"text": "When does the train go?", "k": 2, "speech_act": "question", "channel": "travel"}
    result = run(lake, INDEX, NEAREST, config=config)
    assert result.success
    metadata = shown(result, NEAREST)
    assert metadata["found"] == 1
    assert "The train to Lyon" in str(metadata["nearest"])
    assert "representative, question" in str(metadata["nearest"])
    assert metadata["filters"] == "channel = 'travel' AND array_has_any(speech_acts, ['question'])"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"since": "yesterday"}, "since is 'yesterday'; it must be a day such as 2026-10-05"),
        ({"speech_act": "shouting"}, "unknown speech act 'shouting'"),
        ({"text": " "}, "the query is blank"),
    ],
)
def test_bad_questions_are_named(lake: Lake, config: dict[str, object], message: str) -> None:
    result = run(lake, INDEX, NEAREST, config=config)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert message in str(failure.step_failure_data)


def test_the_map_is_the_same_each_time(lake: Lake) -> None:
    numbered = {f"d{n}": f"Is pump {n} on?" if n % 2 else f"Valve {n} is closed." for n in range(30)}
    keep(lake, numbered)
    first = run(lake, MAP, config={"most": 20})
    points = lake.table("search/map").scan().collect()
    assert points.height == 20
    assert points.select("x", "y").n_unique() == 20
    assert set(points["speech_act"]) == {"representative", "question"}
    again = run(lake, MAP, config={"most": 20})
    assert lake.table("search/map").scan().collect().equals(points)
    assert shown(first, MAP)["by_source"] == shown(again, MAP)["by_source"]
    for column in ("by_source", "by_speech_act"):
        (coded,) = re.findall(r"base64,(.*)\)", str(shown(first, MAP)[column]))
        assert {"by_source": b"slack (20)", "by_speech_act": b"question ("}[column] in base64.b64decode(coded)


@pytest.mark.parametrize("documents", [0, 1, 3, 4])
def test_a_map_of_few_or_none(tmp_path: Path, documents: int) -> None:
    lake = Lake(root=str(tmp_path))
    if documents:
        keep(lake, {f"d{number}": f"Valve {number} is closed." for number in range(documents)})
    assert run(lake, MAP).success
    assert lake.table("search/map").scan().collect().height == documents
