"""Picking: the same whatever the order, nothing twice, and a random sample that is one."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from parlance.annotation.drawing import positions, reserved
from parlance.annotation.items import assigned, shown, with_before
from parlance.annotation.picking import ALREADY, pick
from parlance.errors import ConfigError, SchemaError
from parlance.speech_acts.labels import LABELS

COLUMNS = {
    "id": pl.String,
    "is_bot": pl.Boolean,
    "form": pl.String,
    "form_score": pl.Float32,
    "function": pl.String,
    "function_score": pl.Float32,
    "function_alone": pl.String,
}
rows = st.tuples(
    st.text("abcdef#-", min_size=1, max_size=8),
    st.booleans(),
    st.sampled_from(LABELS),
    st.floats(0, 1, width=32),
    st.sampled_from(LABELS),
    st.floats(0, 1, width=32),
    st.sampled_from(LABELS),
)
corpora = st.lists(rows, max_size=60, unique_by=lambda row: row[0]).map(
    lambda made: pl.DataFrame(made, schema=COLUMNS, orient="row")
)


def corpus(size: int, *, score: float = 0.9, function: str = "representative") -> pl.DataFrame:
    ids = [f"d{number}#0-9" for number in range(size)]
    return pl.DataFrame({"id": ids}).select(
        "id",
        is_bot=pl.lit(False),
        form=pl.lit(function),
        form_score=pl.lit(score, dtype=pl.Float32),
        function=pl.lit(function),
        function_score=pl.lit(score, dtype=pl.Float32),
        function_alone=pl.lit(function),
    )


def given_out(picked: pl.DataFrame, before: pl.DataFrame | None = None) -> pl.DataFrame:
    now = picked.select(*ALREADY)
    return now if before is None else pl.concat([before, now])


@given(utterances=corpora, size=st.integers(1, 40), share=st.floats(0, 1), seed=st.integers(0, 9))
def test_the_order_of_the_rows_does_not_matter(utterances: pl.DataFrame, size: int, share: float, seed: int) -> None:
    settings = {"size": size, "random_share": share, "shared": 0.3, "seed": seed}
    one = pick(utterances, **settings)
    other = pick(utterances.sample(fraction=1, shuffle=True, seed=seed), **settings)
    assert_frame_equal(one, other)


@given(utterances=corpora, size=st.integers(1, 20), share=st.floats(0, 1))
def test_batches_never_overlap_and_bots_are_left_out(utterances: pl.DataFrame, size: int, share: float) -> None:
    already = None
    exported: list[str] = []
    for _ in range(4):
        picked = pick(utterances, size=size, random_share=share, shared=0.5, seed=1, already=already)
        exported += picked.filter("exported")["id"].to_list()
        assert picked["id"].is_unique().all()
        already = given_out(picked, already)
    assert len(set(exported)) == len(exported)
    assert not set(exported) & set(utterances.filter("is_bot")["id"])


@given(utterances=corpora, sizes=st.lists(st.integers(1, 15), min_size=1, max_size=4))
def test_the_random_sample_is_everything_below_one_bound(utterances: pl.DataFrame, sizes: list[int]) -> None:
    """However many batches there were, and whatever else was picked in between."""
    already, picked = None, None
    for size in sizes:
        picked = pick(utterances, size=size, random_share=0.5, shared=0, seed=3, already=already)
        already = given_out(picked, already)
    assert already is not None
    assert picked is not None
    people = utterances.filter(~pl.col("is_bot"))
    people = people.with_columns(place=positions(people["id"], seed=3, use="random")).sort("place", "id")
    random = already.filter(reason="random")
    assert set(random["id"]) == set(people["id"].head(random.height))
    said = picked.filter(reason="random")["probability"]
    assert said.is_in([random.height / people.height] if people.height else []).all()


def test_every_utterance_is_drawn_as_often_as_its_probability_says() -> None:
    utterances = corpus(60)
    counts = dict.fromkeys(utterances["id"], 0)
    draws = 400
    for seed in range(draws):
        picked = pick(utterances, size=30, random_share=0.5, shared=0, seed=seed)
        random = picked.filter(reason="random")
        assert random["probability"].unique().to_list() == [15 / 60]
        for each in random["id"]:
            counts[each] += 1
    expected, spread = draws * 0.25, (draws * 0.25 * 0.75) ** 0.5
    assert max(abs(count - expected) for count in counts.values()) < 4.5 * spread
    chi_square = sum((count - expected) ** 2 / (expected * 0.75) for count in counts.values())
    assert 30 < chi_square < 100  # 59 degrees of freedom: beyond these 1 in 1,000


def test_what_the_exam_may_ask_is_never_picked() -> None:
    utterances = corpus(400, score=0.2)
    picked = pick(utterances, size=150, random_share=0.2, shared=0, seed=1).filter(pl.col("reason") != "random")
    assert picked.height == 120
    assert not reserved(picked["id"]).any()


def test_an_utterance_that_was_picked_and_is_then_drawn_is_not_given_out_again() -> None:
    utterances = corpus(40, score=0.2)
    first = pick(utterances, size=10, random_share=0, shared=0, seed=1)
    second = pick(utterances, size=40, random_share=1, shared=0, seed=1, already=given_out(first))
    assert second.height == 40
    assert second["reason"].unique().to_list() == ["random"]
    assert set(second.filter(~pl.col("exported"))["id"]) == set(first["id"])


def test_reasons() -> None:
    utterances = corpus(300).with_row_index("row")
    free = utterances.filter(~reserved(utterances["id"]))["row"]
    unsure, torn, rare = free[0], free[1], free[2]
    utterances = utterances.with_columns(
        function_score=pl.when(pl.col("row") == unsure).then(0.3).otherwise("function_score").cast(pl.Float32),
        function_alone=pl.when(pl.col("row") == torn).then(pl.lit("none")).otherwise("function_alone"),
        function=pl.when(pl.col("row") == rare).then(pl.lit("declaration")).otherwise("function"),
    )
    reason = dict(pick(utterances, size=3, random_share=0, shared=0, seed=1).select("id", "reason").iter_rows())
    ids = utterances["id"]
    assert reason == {ids[unsure]: "uncertain", ids[torn]: "disagreeing", ids[rare]: "rare"}


def test_weak_labels_disagree() -> None:
    utterances = corpus(50)
    (one, *_) = utterances.filter(~reserved(utterances["id"]))["id"]
    weak = pl.DataFrame({"id": [one], "label": ["question"]})
    picked = pick(utterances, size=1, random_share=0, shared=0, seed=1, weak=weak)
    assert picked.select("id", "reason").rows() == [(one, "disagreeing")]


def test_shares_are_counted() -> None:
    picked = pick(corpus(500), size=100, random_share=0.4, shared=0.3, seed=1)
    assert picked.height == 100
    assert picked.filter(reason="random").height == 40
    assert picked["shared"].sum() == 30
    items = assigned(picked, ["ann", "ben"], seed=1)
    each = dict(items["annotators"].explode().value_counts().iter_rows())
    assert each == {"ann": 65, "ben": 65}
    assert (items.filter("shared")["annotators"].list.len() == 2).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"size": 0}, "size is 0"), ({"random_share": 1.5}, "random_share is 1.5"), ({"shared": -1}, "shared is -1")],
)
def test_wrong_settings_say_so(changed: dict[str, float], said: str) -> None:
    settings = {"size": 1, "random_share": 0.5, "shared": 0.5, "seed": 1} | changed
    with pytest.raises(ConfigError, match=said):
        pick(corpus(3), **settings)


def test_missing_columns_are_named() -> None:
    with pytest.raises(SchemaError, match="function_alone"):
        pick(corpus(3).drop("function_alone"), size=1, random_share=0, shared=0, seed=1)


@pytest.mark.parametrize("names", [[], ["ann", "ann"], ["../ann"], ["a b"], [".hidden"]])
def test_annotators_that_cannot_be(names: list[str]) -> None:
    with pytest.raises(ConfigError, match="annotators"):
        assigned(pick(corpus(3), size=1, random_share=0, shared=0, seed=1), names, seed=1)


def test_what_stands_before() -> None:
    said = [("d", number * 10, f"d#{number}", "ann" if number % 2 else None, f"t{number}") for number in range(5)]
    said += [("e", 0, "e#0", "ben", "alone")]
    rows = pl.DataFrame(said, schema=["document_id", "start", "id", "author", "text"], orient="row")
    picked = rows.filter(pl.col("id").is_in(["d#0", "d#1", "d#4", "e#0"]))
    found = with_before(picked, rows.sample(fraction=1, shuffle=True, seed=4))
    before = {row["id"]: [(turn["author"], turn["text"]) for turn in row["before"]] for row in found.to_dicts()}
    assert before == {
        "d#0": [],
        "d#1": [(None, "t0")],
        "d#4": [("ann", "t1"), (None, "t2"), ("ann", "t3")],
        "e#0": [],
    }
    items = found.with_columns(annotators=pl.lit(["ann"]), batch=pl.lit("1"), guide_version=pl.lit("1"))
    texts = {row["utterance_id"]: row["before"] for row in shown(items, "ann")}
    assert texts["d#4"] == "ann: t1\nt2\nann: t3"
