"""Decisions: both sides of a bound, undefined values, languages, and reasons that fit their values."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import ConfigError, SchemaError
from parlance.filters import compare, decide, rules
from parlance.filters.recipes import Bound

NAMES = ["conversation_letters_share", "gopher_words", "language_score"]
COLUMNS = ["id", "reason", "rule", "value", "bound", "reasons", "version"]
values = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 3.0, 10.0])
limits = st.lists(st.sampled_from([-1.0, 0.0, 3.0, 3.5, 10.0]), min_size=2, max_size=2).map(sorted)


def signals(**columns: list[object]) -> pl.DataFrame:
    count = len(next(iter(columns.values())))
    return pl.DataFrame(
        {"id": [str(i) for i in range(count)], "language": ["en"] * count} | columns,
        schema_overrides={"language": pl.String} | {name: pl.Float64 for name in columns if name in NAMES},
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2.999, "gopher_words<3.0"),
        (3.0, None),
        (10.0, None),
        (10.001, "gopher_words>10.0"),
        (None, "gopher_words:undefined"),
        (math.nan, "gopher_words:undefined"),
        (math.inf, "gopher_words>10.0"),
    ],
)
def test_both_sides_of_the_bounds(value: float | None, reason: str | None) -> None:
    found = decide(signals(gopher_words=[value]), [Bound("gopher_words", 3, 10)])
    assert found["reason"].to_list() == [reason]


def test_the_first_broken_bound_is_the_reason_and_all_are_listed() -> None:
    frame = signals(gopher_words=[1.0, 5.0, None], language_score=[0.1, 0.9, 0.9])
    found = decide(frame, [Bound("language_score", 0.5), Bound("gopher_words", 3, 10)])
    assert found.columns == COLUMNS
    assert found.rows() == [
        ("0", "language_score<0.5", "language_score", 0.1, 0.5, ["language_score<0.5", "gopher_words<3.0"], 1),
        ("1", None, None, None, None, [], None),
        ("2", "gopher_words:undefined", "gopher_words", None, None, ["gopher_words:undefined"], 1),
    ]


def test_a_bound_with_languages_holds_for_them_only() -> None:
    frame = signals(gopher_words=[1.0, 1.0, 1.0], language=["en", "de", None])
    found = decide(frame, [Bound("gopher_words", 3, languages=("en",))])
    assert found["reason"].is_null().to_list() == [False, True, True]


def test_rules_over_words_do_not_hold_for_languages_without_spaces() -> None:
    frame = signals(
        gopher_words=[1.0] * 5,
        words=[1] * 5,
        conversation_letters_share=[0.0] * 5,
        language=["ja", "zh", "th", "en", None],
    )
    by_words = decide(frame, [Bound("gopher_words", 3), Bound("words", 3)])
    assert by_words["reasons"].list.len().to_list() == [0, 0, 0, 2, 2]
    assert decide(frame, [Bound("conversation_letters_share", 0.3)])["reason"].is_not_null().all()


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(values, values, st.sampled_from(["en", "ja", None])), max_size=6),
    bounds=st.lists(st.builds(lambda name, sides: Bound(name, *sides), st.sampled_from(NAMES), limits), max_size=5),
)
def test_reasons_never_contradict_values(rows: list[tuple[object, ...]], bounds: list[Bound]) -> None:
    frame = signals(
        gopher_words=[row[0] for row in rows],
        language_score=[row[1] for row in rows],
        conversation_letters_share=[1.0 for _ in rows],
        language=[row[2] for row in rows],
    )
    found = decide(frame, bounds)
    assert found["id"].to_list() == frame["id"].to_list()
    lazily = decide(frame.lazy(), bounds)
    assert lazily.collect().equals(found)
    for row, measured in zip(found.iter_rows(named=True), frame.iter_rows(named=True), strict=True):
        expected = [reason for bound in bounds for reason in broken(bound, measured)]
        assert row["reasons"] == expected
        assert row["reason"] == (expected[0] if expected else None)
        assert (row["version"] is None) == (row["rule"] is None) == (not expected)
        if row["bound"] is not None:
            assert row["value"] == measured[row["rule"]]
            assert row["value"] < row["bound"] if "<" in row["reason"] else row["value"] > row["bound"]


def broken(bound: Bound, measured: dict[str, object]) -> list[str]:
    value = measured[bound.rule]
    if bound.rule == "gopher_words" and measured["language"] == "ja":
        return []
    if value is None or math.isnan(value):
        return [f"{bound.rule}:undefined"]
    if value < bound.at_least:
        return [f"{bound.rule}<{bound.at_least}"]
    return [f"{bound.rule}>{bound.at_most}"] if value > bound.at_most else []


def test_no_bounds_keep_everything_and_no_rows_give_no_rows() -> None:
    assert decide(signals(gopher_words=[None]), [])["reason"].to_list() == [None]
    empty = decide(signals(gopher_words=[]), [Bound("gopher_words", 3)])
    assert len(empty) == 0
    assert empty.schema == decide(signals(gopher_words=[]), []).schema


def test_unknown_rule_and_missing_column_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown rule 'gophr'; known rules: .*gopher_words"):
        decide(signals(gopher_words=[1.0]), [Bound("gophr", 1)])
    with pytest.raises(SchemaError, match="c4_sentences"):
        decide(signals(gopher_words=[1.0]), [Bound("c4_sentences", 1)])


@pytest.mark.parametrize("name", rules())
def test_every_rule_can_be_decided_on(name: str) -> None:
    frame = pl.DataFrame({"id": ["a"], "language": ["en"], name: [None]}, schema_overrides={name: pl.Float64})
    assert decide(frame, [Bound(name, 0)])["reason"].to_list() == [f"{name}:undefined"]


def test_two_recipes_differ_where_one_keeps_and_the_other_drops() -> None:
    strict, lax = [Bound("gopher_words", at_least=10)], [Bound("gopher_words", at_least=5)]
    frame = signals(gopher_words=[4.0, 7.0, 12.0])
    assert compare(frame, strict, lax).rows() == [(frame["id"][1], "gopher_words<10.0", None)]
    assert compare(frame, lax, strict).rows() == [(frame["id"][1], None, "gopher_words<10.0")]
    assert compare(frame, lax, lax).is_empty()
