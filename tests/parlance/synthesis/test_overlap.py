import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from parlance.synthesis.overlap import Answers, Requests, repeated_share, rouge_l, words

LINE = st.lists(st.sampled_from("abcde"), max_size=12)


@given(LINE, LINE)
def test_rouge_l_is_that_of_rouge_score(one: list[str], other: list[str]) -> None:
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    expected = scorer.score(" ".join(one), " ".join(other))["rougeL"].fmeasure
    assert rouge_l(one, other) == pytest.approx(expected)


def test_the_nearest_request() -> None:
    requests = Requests()
    requests.add("one", "Where do I find the form for leave?")
    requests.add("two", "How does the printer on the second floor work?")
    found = requests.nearest("How does the printer on the third floor work?")
    assert found == ("two", pytest.approx(8 / 9))
    assert requests.nearest("How do I find the printer?", but={"two"}).id == "one"
    assert requests.nearest("Entirely unlike") == ("", 0.0)
    assert requests.nearest("") == ("", 0.0)


def test_the_nearest_answer() -> None:
    answers = Answers()
    answers.add("one", "Go to the desk on floor two and ask for Ada.")
    assert answers.nearest("Please go to the desk on floor two, she said.") == ("one", pytest.approx(3 / 6))
    assert answers.nearest("Go to the desk") == ("", 0.0)


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    assert words("鍵はどこ? key") == ["鍵", "は", "ど", "こ", "key"]


def test_repetition() -> None:
    assert repeated_share("one two three four five six seven") == 0
    assert repeated_share("ha " * 50) > 0.9
    assert repeated_share("") == 0
