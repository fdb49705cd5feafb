"""The exam: who goes live, by which figures."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.annotation import exam
from parlance.annotation.drawing import EXAM_SHARE, reserved
from parlance.speech_acts.labels import LABELS


def said(functions: list[str], *, forms: list[str] | None = None) -> pl.DataFrame:
    ids = [f"u{number:03}" for number in range(len(functions))]
    return pl.DataFrame({"id": ids, "form": forms or ["none"] * len(functions), "function": functions})


TRUTH = ["question", "directive", "none", "expressive"] * 10


def test_better_goes_live() -> None:
    live = ["question", "question", "none", "none"] * 10
    verdict = exam.judged(said(TRUTH), said(live), said(TRUTH), sure=0.5)
    assert verdict.goes_live
    assert verdict.sure == 1
    function = verdict.scores.filter(target="function")
    assert dict(function.select("classifier", "accuracy").iter_rows()) == {"live": 0.5, "candidate": 1.0}
    # F1 of question and none is 2/3 each, of the two others 0.
    assert function.filter(classifier="live")["macro_f1"].item() == pytest.approx(1 / 3)
    assert verdict.labels.filter(label="question").rows() == [("question", pytest.approx(2 / 3), 1.0)]
    assert verdict.labels.filter(label="verdictive").rows() == [("verdictive", None, None)]


def test_equal_is_not_better() -> None:
    verdict = exam.judged(said(TRUTH), said(TRUTH), said(TRUTH), sure=0)
    assert not verdict.goes_live
    assert "strictly higher" in verdict.why


def test_worse_does_not_go_live() -> None:
    assert not exam.judged(said(TRUTH), said(TRUTH), said(["none"] * 40), sure=0).goes_live


def test_better_by_one_item_is_not_sure_enough_where_more_is_asked() -> None:
    live = ["none" if place == 0 else label for place, label in enumerate(TRUTH)]
    verdict = exam.judged(said(TRUTH), said(live), said(TRUTH), sure=0.99)
    assert not verdict.goes_live
    assert verdict.sure == pytest.approx(1 - (1 - 1 / 40) ** 40, abs=0.05)
    assert exam.judged(said(TRUTH), said(live), said(TRUTH), sure=0.5).goes_live


def test_form_alone_does_not_decide() -> None:
    bad_form = said(TRUTH, forms=["question"] * 40)
    assert not exam.judged(said(TRUTH), bad_form, said(TRUTH), sure=0).goes_live


labels = st.lists(st.tuples(*[st.sampled_from(LABELS)] * 2), min_size=1, max_size=30)


@given(pairs=labels)
@settings(max_examples=50)
def test_f1_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    gold, guess = ([LABELS.index(pair[side]) for pair in pairs] for side in (0, 1))
    ours = exam.f1(np.array(gold), np.array(guess), np.ones((1, len(pairs))))[0]
    occurring = sorted(set(gold))
    theirs = metrics.f1_score(gold, guess, labels=occurring, average=None, zero_division=0)
    np.testing.assert_allclose(ours[occurring], theirs)
    assert np.isnan(np.delete(ours, occurring)).all()


def test_the_exam_is_the_random_gold_that_its_hash_chooses() -> None:
    gold = pl.DataFrame({"id": [str(number) for number in range(2_000)]})
    gold = gold.with_columns(
        sample=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("random")).otherwise(pl.lit("picked"))
    )
    train, asked = exam.split(gold)
    assert asked["sample"].unique().to_list() == ["random"]
    assert reserved(asked["id"]).all()
    assert not reserved(train["id"]).any()
    assert asked.height == pytest.approx(1_000 * EXAM_SHARE, abs=70)
    more = exam.split(pl.concat([gold, pl.DataFrame({"id": ["new"], "sample": ["random"]})]))[1]
    assert set(asked["id"]) <= set(more["id"])
