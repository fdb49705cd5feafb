"""Clusters over signals: survivors, kinds, independence of order, and no quadratic work."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.dedup import bands, clusters, content_hashes, near_duplicates, signatures
from parlance.errors import ConfigError, SchemaError
from parlance.schemas import DUPLICATES, conform

WORDS = [f"word{i}" for i in range(60)]
BASE = " ".join(WORDS)
NEAR = " ".join([*WORDS[:-1], "other"])
FAR = " ".join(reversed(WORDS))
START = datetime(2026, 10, 5, tzinfo=UTC)


def signals(texts: list[str], **columns: list[object]) -> pl.DataFrame:
    count = len(texts)
    series = pl.Series(texts, dtype=pl.String)
    sketches = signatures(series)
    frame = pl.DataFrame(
        {
            "id": columns.get("id", [f"d{i:05}" for i in range(count)]),
            "source": ["slack" if i % 2 else "crawl" for i in range(count)],
            "created_at": columns.get("created_at", [START + timedelta(days=i) for i in range(count)]),
            "characters": series.str.len_chars(),
            "content_hash": content_hashes(series),
            "signature": [row.tobytes() for row in sketches],
            "bands": bands(sketches).tolist(),
            "partition": ["2026-10-05"] * count,
            "good": columns.get("good", [True] * count),
        },
        schema_overrides={
            "id": pl.String,
            "source": pl.String,
            "created_at": pl.Datetime("us", "UTC"),
            "signature": pl.Binary,
            "bands": pl.List(pl.Int64),
            "partition": pl.String,
            "good": pl.Boolean,
        },
    )
    has_words = (sketches != 2**32 - 1).any(axis=1)
    return frame.with_columns(pl.when(pl.Series(has_words)).then(pl.col("signature", "bands")))


def test_exact_and_near_members_stand_with_their_survivor() -> None:
    found = clusters(signals([BASE, FAR, NEAR, BASE.upper()]).lazy())
    assert found.drop("jaccard").rows() == [
        ("d00000", "crawl", "d00000", True, "exact", None, None, "2026-10-05"),
        ("d00002", "crawl", "d00000", False, "near", "d00000", 0.8, "2026-10-05"),
        ("d00003", "slack", "d00000", False, "exact", "d00000", None, "2026-10-05"),
    ]
    assert found["jaccard"][0] is None
    assert 0.8 <= found["jaccard"][1] < 1.0
    assert found["jaccard"][2] == 1.0
    conform(found.to_arrow().combine_chunks().to_batches()[0], DUPLICATES, table="duplicates")


@pytest.mark.parametrize(
    ("columns", "survivor"),
    [
        ({}, "d00000"),
        ({"good": [False, True, True]}, "d00001"),
        ({"good": [None, None, True]}, "d00002"),
        ({"good": [False, False, False]}, "d00000"),
        ({"created_at": [None, START, START]}, "d00001"),
        ({"created_at": [None, None, None], "id": ["c", "b", "a"]}, "a"),
    ],
    ids=["earliest", "eligible", "null-is-not-eligible", "none-eligible", "unknown-time-last", "smallest-id"],
)
def test_survivor(columns: dict[str, list[object]], survivor: str) -> None:
    found = clusters(signals([BASE, NEAR, BASE], **columns).lazy(), eligible=pl.col("good"))
    assert found["cluster"].unique().to_list() == [survivor]
    assert found.filter("keep")["id"].to_list() == [survivor]


@pytest.mark.parametrize(("threshold", "members"), [(0.8, 2), (0.99, 0)])
def test_threshold(threshold: float, members: int) -> None:
    assert len(clusters(signals([BASE, NEAR]).lazy(), threshold=threshold)) == members


@settings(max_examples=25, deadline=None)
@given(data=st.data(), kinds=st.lists(st.integers(0, 9), min_size=1, max_size=20))
def test_result_does_not_depend_on_row_order(data: st.DataObject, kinds: list[int]) -> None:
    texts = ["" if kind == 9 else " ".join([*WORDS[kind:], *WORDS[:kind]]) for kind in kinds]
    good = [data.draw(st.booleans()) for _ in texts]
    times = [data.draw(st.sampled_from([None, START, START + timedelta(days=1)])) for _ in texts]
    frame = signals(texts, good=good, created_at=times)
    shuffled = frame[data.draw(st.permutations(range(len(texts))))]
    first = clusters(frame.lazy(), eligible=pl.col("good"))
    assert clusters(shuffled.lazy(), eligible=pl.col("good")).equals(first)
    assert first.group_by("cluster").agg(pl.col("keep").sum())["keep"].to_list() == [1] * first["cluster"].n_unique()
    # Where any member passes, the survivor does.
    judged = first.join(frame.select("id", "good"), on="id").group_by("cluster")
    assert judged.agg((pl.col("good").any() == (pl.col("good") & pl.col("keep")).any()).alias("right"))["right"].all()


def test_documents_without_a_word_are_only_exact_duplicates() -> None:
    found = clusters(signals(["", "!", "", "?"]).lazy())
    assert found.select("id", "kind").rows() == [("d00000", "exact"), ("d00002", "exact")]


def test_texts_decide_where_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    bodies, families = [], 60
    for family in range(families):  # around the threshold, where sketches alone are often wrong
        words = [f"w{family}x{i}" for i in range(200)]
        other = list(words)
        for place in random.choice(200, size=int(random.integers(2, 9)), replace=False):
            other[place] = f"y{family}x{place}"
        bodies += [" ".join(words), " ".join(other)]
    frame, asked = signals(bodies), []

    def texts(rows: pl.DataFrame) -> pl.Series:
        asked.append(len(rows))
        return pl.Series([bodies[int(id[1:])] for id in rows["id"]])

    exact = near_duplicates(pl.Series(bodies), pl.Series(frame["id"]))
    near = set(exact.filter(~pl.col("keep"))["id"])
    found = clusters(frame.lazy(), texts=texts)
    assert set(found.filter(~pl.col("keep"))["id"]) == near
    assert 0 < len(near) < families
    assert set(clusters(frame.lazy()).filter(~pl.col("keep"))["id"]) != near
    monkeypatch.setattr("parlance.dedup.index.CHARACTERS_AT_ONCE", 5_000)
    before = len(asked)
    assert clusters(frame.lazy(), texts=texts).equals(found)
    assert max(asked[before:]) <= 8


def test_huge_bands_of_boilerplate_end_quickly() -> None:
    same = [BASE] * 10_000
    variants = [" ".join([*reversed(WORDS), str(i)]) for i in range(2_000)]
    found = clusters(signals([*same, *variants]).lazy())
    assert found["cluster"].n_unique() == 2
    assert len(found) == 12_000


def test_no_signals_give_no_rows() -> None:
    found = clusters(signals([]).lazy())
    assert len(found) == 0
    table = found.to_arrow()
    assert table.schema.names == DUPLICATES.names


def test_missing_column_and_wrong_threshold_are_refused() -> None:
    with pytest.raises(SchemaError, match="bands"):
        clusters(signals([BASE]).lazy().drop("bands"))
    with pytest.raises(ConfigError, match="threshold"):
        clusters(signals([BASE]).lazy(), threshold=0)


def test_signatures_of_different_length_are_refused() -> None:
    frame = signals([BASE, NEAR])
    short = np.zeros(64, dtype=np.uint32).tobytes()
    mixed = frame.with_columns(signature=pl.Series([frame["signature"][0], short]))
    with pytest.raises(SchemaError, match="one length"):
        clusters(mixed.lazy())


def test_bands_without_a_signature_are_refused() -> None:
    frame = signals([BASE, NEAR]).with_columns(signature=pl.Series([None, b"\0" * 512]))
    with pytest.raises(SchemaError, match="one length"):
        clusters(frame.lazy())
