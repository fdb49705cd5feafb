"""What becomes gold, what stays open, and what waits."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from parlance import schemas
from parlance.annotation import deciding
from parlance.annotation.judging import KEY, latest
from parlance.speech_acts.labels import LABELS
from parlance.storage import record_batches
from parlance.storage.tables import empty_frame

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def items(**annotators: list[str]) -> pl.DataFrame:
    rows = pl.DataFrame({"id": list(annotators), "annotators": list(annotators.values())})
    rows = rows.with_columns(
        number=pl.lit(1, dtype=pl.Int32),
        source=pl.lit("slack"),
        document_id=pl.lit("d"),
        text=pl.lit("words"),
        before=pl.lit([], dtype=empty_frame(schemas.ANNOTATION_ITEMS).schema["before"]),
        medium=pl.lit("chat"),
        reason=pl.lit("uncertain"),
        guide_version=pl.lit("1"),
    )
    empty = empty_frame(schemas.ANNOTATION_ITEMS)
    return pl.concat([empty, rows], how="diagonal_relaxed").select(empty.columns)


def annotations(*rows: tuple[str, str, str, str], guide: str = "1", day: int = 1) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["id", "annotator", "form", "function"], orient="row")
    frame = frame.with_columns(
        guide_version=pl.lit(guide),
        annotated_at=pl.lit(START + dt.timedelta(days=day), dtype=pl.Datetime("us", "UTC")),
        tool=pl.lit("doccano"),
    )
    empty = empty_frame(schemas.ANNOTATIONS)
    return pl.concat([empty, frame], how="diagonal_relaxed").select(empty.columns)


def status(said: pl.DataFrame, asked: pl.DataFrame) -> dict[str, tuple[str, str | None, str | None]]:
    found = deciding.decided(said, asked, adjudicator="judge")
    return {row["id"]: (row["status"], row["form"], row["function"]) for row in found.iter_rows(named=True)}


BOTH = ["ann", "ben"]


def test_both_must_agree_in_form_and_in_function() -> None:
    said = annotations(
        ("same", "ann", "question", "directive"),
        ("same", "ben", "question", "directive"),
        ("form", "ann", "question", "none"),
        ("form", "ben", "directive", "none"),
        ("function", "ann", "none", "none"),
        ("function", "ben", "none", "question"),
        ("alone", "ann", "none", "none"),
        ("half", "ben", "none", "none"),
    )
    assert status(said, items(same=BOTH, form=BOTH, function=BOTH, alone=["ann"], half=BOTH)) == {
        "same": ("gold", "question", "directive"),
        "form": ("open", None, "none"),
        "function": ("open", "none", None),
        "alone": ("gold", "none", "none"),
        "half": ("waiting", "none", "none"),
    }


def test_of_three_two_are_enough_and_of_four_two_are_not() -> None:
    three = [("a", name, "none", label) for name, label in zip("xyz", ["question", "none", "question"], strict=True)]
    four = [
        ("b", name, "none", label) for name, label in zip("wxyz", ["none", "none", "question", "question"], strict=True)
    ]
    found = status(annotations(*three, *four), items(a=list("xyz"), b=list("wxyz")))
    assert found == {"a": ("gold", "none", "question"), "b": ("open", "none", None)}


def test_the_adjudicator_decides_alone() -> None:
    said = annotations(
        ("a", "ann", "none", "question"), ("a", "ben", "none", "directive"), ("a", "judge", "question", "expressive")
    )
    said = pl.concat([said, annotations(("b", "judge", "none", "none"), day=2)])
    found = deciding.decided(said, items(a=BOTH, b=BOTH), adjudicator="judge")
    assert found["status"].to_list() == ["gold", "gold"]
    assert found["adjudicated"].to_list() == [True, True]
    assert found.select("form", "function").rows() == [("question", "expressive"), ("none", "none")]
    assert found["annotators"].to_list() == [["ann", "ben", "judge"], ["judge"]]
    assert found["decided_at"].to_list() == [START + dt.timedelta(days=1), START + dt.timedelta(days=2)]
    assert "ann: none / question" in found["labels_so_far"][0]


def test_the_newest_version_of_the_guide_counts() -> None:
    old = annotations(("a", "ann", "none", "none"), ("a", "ben", "none", "question"), guide="2", day=9)
    new = annotations(("a", "ann", "question", "question"), ("a", "ben", "question", "question"), guide="10")
    found = deciding.decided(pl.concat([old, new]), items(a=BOTH), adjudicator="judge")
    assert found.select("status", "guide_version", "form").rows() == [("gold", "10", "question")]


def test_the_sample_and_its_probability() -> None:
    picked = items(a=["ann"], b=["ann"])
    random = items(b=[], c=["ann"]).with_columns(
        number=pl.lit(2, dtype=pl.Int32), reason=pl.lit("random"), probability=pl.lit(0.25)
    )
    later = items(d=["ann"]).with_columns(
        number=pl.lit(3, dtype=pl.Int32), reason=pl.lit("random"), probability=pl.lit(0.5)
    )
    said = annotations(*((each, "ann", "none", "none") for each in "abcd"))
    found = deciding.decided(said, pl.concat([picked, random, later]), adjudicator="judge")
    assert found.select("id", "sample", "probability").rows() == [
        ("a", "picked", None),
        ("b", "random", 0.5),
        ("c", "random", 0.5),
        ("d", "random", 0.5),
    ]
    record_batches(found, schemas.GOLD)


said_rows = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["ann", "ben", "judge"]),
        st.sampled_from(LABELS),
        st.sampled_from(LABELS),
    ),
    max_size=12,
    unique_by=lambda row: row[:2],
)


@given(rows=said_rows, seed=st.integers(0, 9))
def test_the_order_of_annotations_does_not_matter(rows: list[tuple[str, str, str, str]], seed: int) -> None:
    said, asked = annotations(*rows), items(a=BOTH, b=["ann"], c=BOTH)
    one = deciding.decided(said, asked, adjudicator="judge")
    other = deciding.decided(said.sample(fraction=1, shuffle=True, seed=seed), asked, adjudicator="judge")
    assert_frame_equal(one, other)
    assert set(one["id"]) == {row[0] for row in rows}
    gold = one.filter(status=deciding.GOLD)
    record_batches(gold, schemas.GOLD)


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from("12"), st.integers(1, 5)), max_size=10
    )
)
def test_one_row_for_each_key_the_last(rows: list[tuple[str, str, str, int]]) -> None:
    frames = [annotations((each, name, "none", "none"), guide=guide, day=day) for each, name, guide, day in rows]
    merged = latest([empty_frame(schemas.ANNOTATIONS), *frames])
    newest: dict[tuple[str, str, str], int] = {}
    for each, name, guide, day in rows:
        newest[each, name, guide] = max(day, newest.get((each, name, guide), 0))
    found = {
        key: (time - START).days
        for *key_parts, time in merged.select(*KEY, "annotated_at").rows()
        if (key := tuple(key_parts))
    }
    assert found == newest
    assert_frame_equal(latest([merged, *frames]), merged)


@pytest.mark.parametrize("name", ["judge", "ann"])
def test_nothing_said_decides_nothing(name: str) -> None:
    assert deciding.decided(empty_frame(schemas.ANNOTATIONS), items(a=BOTH), adjudicator=name).is_empty()
    assert deciding.decided(empty_frame(schemas.ANNOTATIONS), items(), adjudicator=name).is_empty()
