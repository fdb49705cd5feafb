from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_threads import TurnLine, corpus

from parlance import schemas
from parlance.instruct import build
from parlance.instruct.conversations import persona

ASK = ("ann", "Where is the form?", "question")
WHICH = ("bob", "The one for leave is in Tideline.", "representative")
BACK = ("ann", "And the one for travel?", "question")
TELLS = ("cat", "That one is in the wiki.", "representative")
THANKS = ("ann", "Thank you!", "expressive")


def chats(*turns: TurnLine, kind: str, people: dict[str, str] | None = None) -> list[list[tuple[str, str]]]:
    rows = build(*corpus(list(turns)), kinds=[kind], people=people)
    return [[(one["role"], one["content"]) for one in messages] for messages in rows["messages"].to_list()]


def test_a_dialogue_merges_the_turns_of_a_side() -> None:
    more = ("bob", "It is under Absence.", "representative")
    assert chats(ASK, WHICH, more, BACK, TELLS, THANKS, kind="dialogue") == [
        [
            ("user", "Where is the form?"),
            ("assistant", "The one for leave is in Tideline.\nIt is under Absence."),
            ("user", "And the one for travel?"),
            ("assistant", "That one is in the wiki."),
        ]
    ]


@pytest.mark.parametrize(
    "turns",
    [
        pytest.param([ASK, WHICH], id="one answer"),
        pytest.param([ASK, WHICH, THANKS, ("bob", "Bye!", "expressive")], id="small talk at the end"),
        pytest.param([ASK, WHICH, BACK, ("helpbot", "That one is in the wiki.", "representative")], id="a bot"),
        pytest.param([ASK, WHICH, BACK, ("-", "That one is in the wiki.", "representative")], id="nobody knows who"),
    ],
)
def test_what_is_no_dialogue(turns: list[TurnLine]) -> None:
    assert chats(*turns, kind="dialogue") == []


def test_of_a_dialogue_the_input_is_what_was_said_before() -> None:
    row = build(*corpus([ASK, WHICH, BACK, TELLS]), kinds=["dialogue"]).row(0, named=True)
    assert (row["instruction"], row["output"]) == ("Where is the form?", "That one is in the wiki.")
    assert row["input"] == "Helper: The one for leave is in Tideline.\nAsker: And the one for travel?"
    assert row["raw_ids"] == ["t0-0", "t0-1", "t0-2", "t0-3"]


def test_nobody_is_imitated_who_did_not_agree() -> None:
    assert chats(ASK, WHICH, BACK, TELLS, kind="person") == []
    assert chats(ASK, WHICH, BACK, TELLS, kind="person", people={"dan": "Dan"}) == []


def test_a_person_answers_what_the_others_say() -> None:
    assert chats(ASK, WHICH, BACK, TELLS, kind="person", people={"cat": "Cat"}) == [
        [
            ("system", persona("Cat", "en")["content"]),
            ("user", "Where is the form?\nThe one for leave is in Tideline.\nAnd the one for travel?"),
            ("assistant", "That one is in the wiki."),
        ]
    ]


def test_who_began_a_thread_answers_nobody() -> None:
    assert chats(ASK, WHICH, BACK, TELLS, kind="person", people={"ann": "Ann"}) == []


TURN = st.tuples(
    st.sampled_from(["ann", "bob", "cat", "helpbot", "-"]),
    st.sampled_from(["It is in the wiki.", "Where?", "Thanks!", "ok", "x"]),
    st.sampled_from(["question", "representative", "expressive", "directive"]),
)


@given(st.lists(st.lists(TURN, max_size=7), max_size=5))
def test_messages_alternate_and_the_assistant_ends(threads: list[list[TurnLine]]) -> None:
    rows = build(*corpus(*threads), people={"bob": "Bob"})
    for messages in rows["messages"].to_list():
        roles = [message["role"] for message in messages if message["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert all(message["content"].strip() for message in messages)
    assert rows.filter(kind="person")["messages"].list.first().struct.field("role").eq("system").all()


def said(id: str, *, reactions: dict[str, list[str]] | None = None, edited: str | None = None) -> dict[str, object]:
    return {
        "id": id, "team": "T", "channel": "C", "ts": "1", "channel_kind": "public", "edited_ts": edited,
        "reactions": [{"name": name, "users": users} for name, users in (reactions or {}).items()],
    }  # fmt: skip


def answers(*messages: dict[str, object], turns: list[TurnLine]) -> dict[str, object]:
    frame = pl.DataFrame(list(messages), schema=pl.Schema(schemas.SLACK_MESSAGES))
    return build(*corpus(turns), frame, kinds=["answer"]).row(0, named=True)


OTHER = ("cat", "No, it moved to the wiki.", "representative")


def test_other_answers_are_ranked() -> None:
    row = answers(turns=[ASK, WHICH, OTHER])
    assert row["output"] == WHICH[1]
    assert [(one["text"], one["message_ids"]) for one in row["alternatives"]] == [(OTHER[1], ["t0-2"])]  # type: ignore[attr-defined]
    thanked = answers(turns=[ASK, WHICH, OTHER, THANKS])
    assert (thanked["output"], [one["text"] for one in thanked["alternatives"]]) == (OTHER[1], [WHICH[1]])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("reactions", "expected"),
    [
        pytest.param({"white_check_mark": ["ann"]}, OTHER[1], id="the asker approves"),
        pytest.param({"+1::skin-tone-3": ["ann"]}, OTHER[1], id="with a skin"),
        pytest.param({"eyes": ["ann"]}, WHICH[1], id="eyes approve of nothing"),
        pytest.param({"+1": ["dan", "eve"]}, WHICH[1], id="two others are not more than the first answer"),
        pytest.param({"+1": ["dan"], "heart": ["eve", "fay"]}, OTHER[1], id="three others are"),
    ],
)
def test_reactions_choose_the_answer(reactions: dict[str, list[str]], expected: str) -> None:
    assert answers(said("t0-2", reactions=reactions), turns=[ASK, WHICH, OTHER])["output"] == expected


def test_approval_of_the_asker_confirms() -> None:
    confirmed = answers(said("t0-1", reactions={"tada": ["ann"]}), turns=[ASK, WHICH])
    assert "not_confirmed" not in confirmed["quality_reasons"]  # type: ignore[operator]
    by_other = answers(said("t0-1", reactions={"tada": ["dan"]}), turns=[ASK, WHICH])
    alone = answers(turns=[ASK, WHICH])
    assert alone["quality"] < by_other["quality"] < confirmed["quality"]  # type: ignore[operator]


def test_a_question_that_was_edited_after_its_answer_is_worth_less() -> None:
    later = str(datetime(2026, 10, 8, tzinfo=UTC).timestamp())
    earlier = str(datetime(2026, 10, 6, tzinfo=UTC).timestamp())
    assert "question_edited" in answers(said("t0-0", edited=later), turns=[ASK, WHICH])["quality_reasons"]  # type: ignore[operator]
    assert "question_edited" not in answers(said("t0-0", edited=earlier), turns=[ASK, WHICH])["quality_reasons"]  # type: ignore[operator]
