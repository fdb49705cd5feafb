from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.instruct.candidates import CANDIDATES
from parlance.instruct.quality import DEDUCTIONS, graded

QUESTION = "Where do I find the form for leave in summer?"
ANSWER = "It is in the wiki, on the page about absence, and whoever is back late has to ask for a copy."
ACT = {"form": "question", "function": "question"}


def candidate(**changed: Any) -> dict[str, Any]:
    return {
        "id": "e", "document_id": "t", "kind": "answer", "source": "slack", "instruction": QUESTION, "input": "",
        "output": ANSWER, "messages": [], "alternatives": [], "asks": [ACT], "answers": ["representative"],
        "thanked": True, "unsure": 0, "raw_ids": [], "confirmed": True, "approvals": 0, "edited": False, "holes": 0,
        "helpers": 1, "made": False, "leans": False, **changed,
    }  # fmt: skip


def grade(**changed: Any) -> tuple[float, list[str]]:
    row = graded(pl.DataFrame([candidate(**changed)], schema=CANDIDATES)).row(0, named=True)
    return round(row["quality"], 3), row["quality_reasons"]


def test_nothing_lowers_a_good_answer() -> None:
    assert grade() == (1.0, [])


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        pytest.param({"output": "<https://wiki.example/form|here>"}, ["link_only", "very_short"], id="link only"),
        pytest.param({"output": f"{ANSWER} https://wiki.example"}, [], id="a link beside words"),
        pytest.param({"output": f"{QUESTION} Where, where, where?"}, ["echo"], id="echo"),
        pytest.param({"output": "In the wiki."}, ["very_short"], id="three words"),
        pytest.param({"output": "In the wiki, under W."}, ["short"], id="five words"),
        pytest.param({"instruction": "用紙はどこですか？", "output": "ウィキの休暇のページにあります。"}, [], id="ja"),
        pytest.param({"output": f"{ANSWER} " * 20 + "!!"}, ["long"], id="long"),
        pytest.param({"output": "WIN a cup NOW!!! And one more for your mother, or friend!!!"}, ["shouting"], id="!"),
        pytest.param({"output": ANSWER.upper()}, ["shouting"], id="large letters"),
        pytest.param({"kind": "faq", "output": "Home\nNews\nShop\nHelp\nJobs\n" * 3}, ["no_sentences"], id="menu"),
        pytest.param({"output": "Das steht im Wiki auf der Seite über Urlaub, ganz unten, und ist schnell gefunden."},
                     ["other_language"], id="other language"),
        pytest.param({"leans": True}, ["leans_on_context"], id="leans"),
        pytest.param({"edited": True}, ["question_edited"], id="edited"),
        pytest.param({"confirmed": False}, ["not_confirmed"], id="not confirmed"),
        pytest.param({"asks": [ACT, ACT]}, ["asks_uncovered"], id="two questions, one answer"),
        pytest.param({"unsure": 3}, ["unsure_labels"], id="unsure"),
        pytest.param({"helpers": 3}, ["many_helpers"], id="helpers"),
        pytest.param({"holes": 1}, ["message_deleted"], id="deleted"),
        pytest.param({"output": f"{ANSWER} Ask <EMAIL>."}, ["masked"], id="masked"),
        pytest.param({"made": True}, ["made_instruction"], id="made"),
    ],
)  # fmt: skip
def test_what_lowers_it(changed: dict[str, Any], reasons: list[str]) -> None:
    quality, found = grade(**changed)
    assert found == reasons
    assert quality == pytest.approx(max(0.0, 1 - sum(DEDUCTIONS[reason] for reason in reasons)), abs=0.001)


def test_approval_of_others_halves_the_doubt() -> None:
    assert grade(confirmed=False, approvals=1)[0] == pytest.approx(1 - DEDUCTIONS["not_confirmed"] / 2, abs=0.001)


@given(
    st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40), st.booleans()), max_size=5),
)
def test_a_quality_is_a_share_and_does_not_depend_on_the_others(texts: list[tuple[str, str, bool]]) -> None:
    rows = [candidate(instruction=asked, output=told, confirmed=sure) for asked, told, sure in texts]
    together = graded(pl.DataFrame(rows, schema=CANDIDATES))
    assert together["quality"].is_between(0, 1).all()
    alone = [graded(pl.DataFrame([row], schema=CANDIDATES)) for row in rows]
    assert together["quality"].to_list() == [one["quality"].item() for one in alone]
    assert together["quality_reasons"].to_list() == [one["quality_reasons"].item().to_list() for one in alone]
    assert (together["quality_reasons"].list.len() > 0).to_list() == (together["quality"] < 1).to_list()
