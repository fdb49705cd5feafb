"""Semantic duplicates: the clusters of brute force, survivors by a rule that order cannot change."""

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import torch

from parlance.dedup import semantic
from parlance.dedup.linking import components
from parlance.dedup.semantic import semantic_duplicates
from parlance.errors import ConfigError, SchemaError
from parlance.schemas import SEMANTIC_DUPLICATES, conform

START = datetime(2026, 10, 5, tzinfo=UTC)
Vectors = npt.NDArray[np.float32]


def frame(count: int, **columns: list[object]) -> pl.DataFrame:
    made = {
        "id": columns.get("id", [f"d{i:05}" for i in range(count)]),
        "source": ["dump"] * count,
        "created_at": columns.get("created_at", [START + timedelta(days=i) for i in range(count)]),
        "partition": ["p"] * count,
    }
    return pl.DataFrame(
        made,
        schema={"id": pl.String, "source": pl.String, "created_at": pl.Datetime("us", "UTC"), "partition": pl.String},
    )


def unit(vectors: npt.NDArray[np.float64]) -> Vectors:
    made: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return made


def planted(count: int, *, seed: int = 1, dimension: int = 96) -> Vectors:
    """Topics with documents about them, a third of which say nearly what an earlier one says."""
    chance = np.random.default_rng(seed)
    topics = chance.normal(size=(40, dimension))
    vectors = topics[chance.integers(0, 40, count)] + chance.normal(size=(count, dimension))
    for row in range(1, count):
        if chance.random() < 1 / 3:
            vectors[row] = vectors[chance.integers(0, row)] + chance.normal(size=dimension) * chance.uniform(0, 0.6)
    return unit(vectors)


def pairs_in(clusters: pl.Series) -> set[tuple[int, int]]:
    members: dict[str, list[int]] = {}
    for row, cluster in enumerate(clusters):
        if cluster is not None:
            members.setdefault(cluster, []).append(row)
    return {(one, other) for rows in members.values() for one in rows for other in rows if one < other}


def clusters_of(rows: pl.DataFrame, found: pl.DataFrame) -> pl.Series:
    return rows.select("id").join(found, on="id", how="left", maintain_order="left")["cluster"]


def test_a_pair_and_its_survivor() -> None:
    vectors = unit(np.array([[1, 0, 0], [0, 1, 0], [1, 0.1, 0], [0, 0, 1]], np.float64))
    found = semantic_duplicates(frame(4), vectors)
    cosine = 1 / 1.01**0.5
    assert found.drop("cosine").rows() == [
        ("d00000", "dump", "d00000", True, "semantic", None, "p"),
        ("d00002", "dump", "d00000", False, "semantic", "d00000", "p"),
    ]
    assert found["cosine"].to_list() == [None, pytest.approx(cosine)]
    conform(found.to_arrow().combine_chunks().to_batches()[0], SEMANTIC_DUPLICATES, table="semantic_duplicates")


@pytest.mark.parametrize(
    ("columns", "survivor"),
    [
        ({}, "d00000"),
        ({"created_at": [START, START - timedelta(days=1)]}, "d00001"),
        ({"created_at": [None, START]}, "d00001"),
        ({"created_at": [None, None], "id": ["b", "a"]}, "a"),
    ],
    ids=["earliest", "earlier-second", "unknown-time-last", "smallest-id"],
)
def test_survivor(columns: dict[str, list[object]], survivor: str) -> None:
    found = semantic_duplicates(frame(2, **columns), unit(np.ones((2, 8))))
    assert found["cluster"].unique().to_list() == [survivor]
    assert found.filter("keep")["id"].to_list() == [survivor]


def test_up_to_some_thousands_nothing_is_missed() -> None:
    vectors = planted(5000)
    rows = frame(5000)
    left, right = np.nonzero(np.triu(vectors @ vectors.T >= 0.95, 1))
    labels = components(5000, left, right)
    wanted = [None if (labels == label).sum() == 1 else f"d{label:05}" for label in labels.tolist()]
    found = semantic_duplicates(rows, vectors)
    assert clusters_of(rows, found).to_list() == wanted
    assert sum(cluster is not None for cluster in wanted) > 500


@pytest.mark.parametrize("clusters", [16, 71, 300])
def test_k_means_misses_little(clusters: int) -> None:
    vectors = planted(5000)
    rows = frame(5000)
    exact = pairs_in(clusters_of(rows, semantic_duplicates(rows, vectors)))
    found = pairs_in(clusters_of(rows, semantic_duplicates(rows, vectors, clusters=clusters)))
    assert found <= exact
    assert len(found) >= 0.99 * len(exact)


@pytest.mark.parametrize("clusters", [1, 20])
def test_order_and_blocks_do_not_matter(clusters: int, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, rows = planted(1200), frame(1200)
    found = semantic_duplicates(rows, vectors, clusters=clusters)
    assert found.equals(semantic_duplicates(rows, vectors, clusters=clusters))
    shuffled = np.random.default_rng(2).permutation(1200)
    assert found.equals(semantic_duplicates(rows[shuffled], vectors[shuffled], clusters=clusters))
    monkeypatch.setattr(semantic, "BLOCK", 100)
    monkeypatch.setattr(semantic, "PAIRS", 50)
    assert found.drop("cosine").equals(semantic_duplicates(rows, vectors, clusters=clusters).drop("cosine"))


def test_a_chain_is_one_cluster() -> None:
    angles = np.arange(6) * np.arccos(0.96)
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    found = semantic_duplicates(frame(6), vectors)
    assert found["cluster"].to_list() == ["d00000"] * 6
    assert found["cosine"].drop_nulls().min() < 0.5


def test_thousands_of_equal_vectors_are_one_cluster() -> None:
    found = semantic_duplicates(frame(6000), unit(np.ones((6000, 16))), threshold=1.0)
    assert found["keep"].sum() == 1
    assert found["cosine"].drop_nulls().min() > 1 - 1e-6
    assert found.height == 6000


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_to_compare(count: int) -> None:
    found = semantic_duplicates(frame(count), unit(np.ones((count, 4))), clusters=3)
    assert found.is_empty()
    assert found.columns == SEMANTIC_DUPLICATES.names


def test_vectors_without_a_direction_are_near_to_nothing() -> None:
    assert semantic_duplicates(frame(3), np.zeros((3, 4), np.float32), clusters=2).is_empty()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"threshold": 0.0}, "above 0 and at most 1, got 0.0"), ({"clusters": 0}, "at least 1, got 0")],
)
def test_settings_that_cannot_work_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        semantic_duplicates(frame(1), unit(np.ones((1, 4))), **arguments)  # type: ignore[arg-type]


def test_vectors_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SchemaError, match="2 rows need as many float32 vectors"):
        semantic_duplicates(frame(2), unit(np.ones((3, 4))))
    with pytest.raises(SchemaError, match="lack columns \\['partition'\\]"):
        semantic_duplicates(frame(1).drop("partition"), unit(np.ones((1, 4))))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_finds_what_the_cpu_finds() -> None:
    vectors, rows = planted(5000), frame(5000)
    on_cpu, on_gpu = (semantic_duplicates(rows, vectors, device=device) for device in ("cpu", "cuda"))
    assert on_gpu.drop("cosine").equals(on_cpu.drop("cosine"))
