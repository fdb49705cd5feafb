from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.errors import ConfigError
from parlance.instruct.splitting import Shares, Sides, author_days, sides
from tests.parlance.instruct.slack_threads import corpus

HALF = Shares(validation=0.25, test=0.25)
DAYS = {"document_id": pl.String, "author_day": pl.String, "day": pl.Date}


def split(
    documents: list[str],
    *,
    clusters: list[tuple[str, str]] = [],  # noqa: B006
    days: list[tuple[str, str, int]] = [],  # noqa: B006
    largest: float = 1.0,
    shares: Shares = HALF,
) -> Sides:
    """Sides of `documents`; `clusters` by document, `days` by document, author and day of October."""
    written = [(document, f"{author} on {day}", date(2026, 10, day)) for document, author, day in days]
    return sides(
        pl.DataFrame({"document_id": documents}, schema={"document_id": pl.String}),
        pl.DataFrame(clusters, schema={"document_id": pl.String, "cluster": pl.String}, orient="row"),
        pl.DataFrame(written, schema=DAYS, orient="row"),
        shares=shares,
        largest_share=largest,
    )


def by_document(found: Sides) -> dict[str, str]:
    return dict(found.split.rows())


def test_a_group_goes_by_its_smallest_document() -> None:
    found = split(["a", "b", "c"], clusters=[("b", "x"), ("c", "x")], days=[("a", "ann", 1), ("c", "ann", 1)])
    assert set(by_document(found).values()) == {HALF.side("a")}
    assert (found.groups, found.largest, found.cut) == (1, 3, 0)


def test_new_documents_move_nothing_but_what_they_tie() -> None:
    documents = [f"d{number:02d}" for number in range(40)]
    before = by_document(split(documents))
    apart = by_document(split([*documents, "e1", "e2"]))
    assert {name: apart[name] for name in documents} == before
    one = next(name for name in documents if before[name] != before["d00"])
    tied = by_document(split([*documents, "e1"], clusters=[("d00", "x"), ("e1", "x"), (one, "x")]))
    assert {name for name in documents if tied[name] != before[name]} == {one}
    assert tied[one] == before["d00"]


def days_of(side: str) -> list[int]:
    return [day for day in range(1, 29) if HALF.side(f"day {date(2026, 10, day)}") == side]


def test_a_group_that_is_too_large_is_cut_by_day() -> None:
    (train, *_), (test, *_) = days_of("train"), days_of("test")
    days = [("a", "ann", train), ("b", "ann", test), ("tie", "ann", train), ("tie", "ann", test)]
    whole = split(["a", "b", "tie", "z"], days=days)
    assert len(set(by_document(whole).values()) - {by_document(whole)["z"]}) <= 1
    cut = split(["a", "b", "tie", "z"], days=days, largest=0.5)
    assert (cut.largest, cut.cut) == (3, 1)
    assert {name: by_document(cut).get(name) for name in ("a", "b", "tie")} == {"a": "train", "b": "test", "tie": None}
    own, other = ("train", "test") if train < test else ("test", "train")
    assert cut.leaks.rows() == [("tie", f"ann on {max(train, test)} is on the side {other}, the document on {own}")]


def test_a_cluster_is_never_cut() -> None:
    found = split(["a", "b", "c"], clusters=[(name, "x") for name in "abc"], largest=0.1)
    assert len(set(by_document(found).values())) == 1
    assert found.cut == 0


TIES = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["x", "y", "z"]))
WRITTEN = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["ann", "bob"]), st.integers(1, 6))


@given(
    st.lists(st.sampled_from("abcdefgh"), max_size=12),
    st.lists(TIES, max_size=6),
    st.lists(WRITTEN, max_size=12),
    st.sampled_from([0.01, 0.3, 1.0]),
    st.integers(0, 5),
)
def test_no_tie_is_torn_and_no_document_is_lost(
    documents: list[str], clusters: list[tuple[str, str]], days: list[tuple[str, str, int]], largest: float, seed: int
) -> None:
    found = split(
        documents, clusters=clusters, days=days, largest=largest, shares=Shares(validation=0.3, test=0.3, seed=seed)
    )
    known = by_document(found)
    assert sorted([*known, *found.leaks["document_id"]]) == sorted(set(documents))
    ties: dict[object, set[str]] = {}
    for document, *tie in [*clusters, *days]:
        if document in known:
            ties.setdefault(tuple(tie), set()).add(known[document])
    assert all(len(split) == 1 for split in ties.values())
    if largest == 1.0:
        assert found.leaks.is_empty()


def test_who_wrote_when_is_read_from_the_messages_of_the_example() -> None:
    turns = [
        ("ann", "Where is it?", "question"),
        ("bob", ">It is in the wiki.", "representative"),
        ("helpbot", "Beep beep beep.", "representative"),
        ("cat", "Not in an example.", "representative"),
    ]
    documents, _ = corpus(turns)
    held = {"message_ids": ["t0-2"], "text": "", "score": 0.0}
    examples = pl.DataFrame({"document_id": ["t0"], "raw_ids": [["t0-0", "t0-1"]], "alternatives": [[held]]})
    assert author_days(examples, documents)["author_day"].to_list() == ["ann on 2026-10-07", "bob on 2026-10-08"]
    alternative = examples.with_columns(alternatives=pl.Series([[held | {"message_ids": ["t0-3"]}]]))
    assert "cat on 2026-10-07" in author_days(alternative, documents)["author_day"].to_list()


@pytest.mark.parametrize(("validation", "test"), [(-0.1, 0.1), (0.5, 0.5)])
def test_shares_leave_something_to_train(validation: float, test: float) -> None:
    with pytest.raises(ConfigError, match="below 1"):
        Shares(validation=validation, test=test)
