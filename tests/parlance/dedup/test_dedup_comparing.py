"""Near duplicates among texts: thresholds, survivors, and agreement with comparing everything."""

import random

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.dedup import near_duplicates, pairs
from parlance.errors import ConfigError

A = "zero one two three four five six seven eight"
B = "zero one two three four five six seven nine"


def variants(count: int, seed: int) -> list[str]:
    """Texts of 60 words in families that share most of them."""
    generator = random.Random(seed)
    made = []
    for _ in range(count // 6):
        words = [f"w{generator.randrange(3000)}" for _ in range(60)]
        for _ in range(6):
            changed = list(words)
            for _ in range(generator.randrange(4)):
                changed[generator.randrange(60)] = f"x{generator.randrange(9999)}"
            made.append(" ".join(changed))
    generator.shuffle(made)
    return made


def brute_force(texts: list[str], threshold: float) -> list[int]:
    """The first row of each text's cluster, by comparing all pairs."""
    words = [text.split() for text in texts]
    sets = [{tuple(row[i : i + 5]) for i in range(max(len(row) - 4, 1))} for row in words]
    label = list(range(len(texts)))
    for b in range(len(texts)):
        for a in range(b):
            if len(sets[a] & sets[b]) >= threshold * len(sets[a] | sets[b]):
                low, high = sorted((label[a], label[b]))
                label = [low if value == high else value for value in label]
    return label


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_clusters_equal_comparing_everything(threshold: float) -> None:
    texts = variants(240, seed=3)
    found = near_duplicates(pl.Series(texts), threshold=threshold)
    assert found["cluster"].to_list() == brute_force(texts, threshold)
    assert found["keep"].to_list() == [row == first for row, first in enumerate(found["cluster"])]


@pytest.mark.parametrize(("threshold", "keep"), [(0.8, [True, False]), (0.81, [True, True])])
def test_threshold_is_included(threshold: float, keep: list[bool]) -> None:
    # 8 of 10 words are common.
    assert near_duplicates(pl.Series([A, B]), threshold=threshold, ngram=1)["keep"].to_list() == keep


def test_survivor_is_the_first_row_or_the_smallest_by_order_and_id() -> None:
    texts, ids = pl.Series([A, A, A]), pl.Series(["c", "b", "a"])
    assert near_duplicates(texts, ids)["cluster"].to_list() == ["c", "c", "c"]
    ordered = near_duplicates(texts, ids, order=pl.Series([None, 2, 2]))
    assert ordered.to_dict(as_series=False) == {
        "id": ["c", "b", "a"],
        "cluster": ["a", "a", "a"],
        "keep": [False, False, True],
    }


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(12)))
def test_with_an_order_the_result_does_not_depend_on_the_rows(places: list[int]) -> None:
    frame = pl.DataFrame({"text": variants(12, seed=5), "id": range(12), "order": [i % 3 for i in range(12)]})
    shuffled = frame[places]
    first = near_duplicates(frame["text"], frame["id"], order=frame["order"])
    second = near_duplicates(shuffled["text"], shuffled["id"], order=shuffled["order"])
    assert second["id"].to_list() == shuffled["id"].to_list()
    assert second.sort("id").equals(first)


def test_pairs_carry_exact_jaccard() -> None:
    found = pairs(pl.Series([A, A.upper(), B]), pl.Series(["a", "a2", "b"]), ngram=1)
    assert found.sort("left", "right").rows() == [("a", "a2", 1.0), ("a", "b", 0.8), ("a2", "b", 0.8)]


def test_texts_without_a_word_match_only_exact_copies() -> None:
    found = near_duplicates(pl.Series(["", "!", None, "?", "!"]))
    assert found["cluster"].to_list() == [0, 1, 0, 3, 1]


def test_ten_thousand_copies_are_one_cluster() -> None:
    texts = pl.Series([f"{A} {B}" + " " * (i % 5) for i in range(10_000)] + ["other"])
    assert near_duplicates(texts)["keep"].sum() == 2


def test_nothing_gives_no_rows() -> None:
    found = near_duplicates(pa.array([], pa.string()))
    assert found.schema == {"id": pl.Int64, "cluster": pl.Int64, "keep": pl.Boolean}
    assert len(found) == 0
    assert len(pairs(pl.Series([], dtype=pl.String))) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ids": pl.Series(["a"])}, "2 texts but 1 ids"),
        ({"ids": pl.Series(["a", "a"])}, "unique"),
        ({"ids": pl.Series(["a", None])}, "unique"),
        ({"order": pl.Series([1])}, "1 values in order"),
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": 1.1}, "threshold"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        near_duplicates(pl.Series([A, B]), **settings)
