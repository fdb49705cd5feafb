"""Threads of people and of machines: what each rule on turns and lines says, and on which side of its bound."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.filters import decide
from parlance.filters.deciding import COLUMNS
from parlance.filters.recipes import RECIPES
from parlance.filters.registry import scores
from parlance.schemas import DOCUMENTS

TURNS = pl.from_arrow(DOCUMENTS.empty_table()).schema["turns"]
# Without what is compared with references.
RULES = [bound for bound in RECIPES["slack"] if bound.rule not in COLUMNS]
NAMES = [bound.rule for bound in RULES]
QUESTION = ("Does anybody know where the form for parental leave is?", False)
ANSWER = ("It is in the handbook, second page.", False)
ALERT = ("ALERT: ingest lag is 120 s", True)
TRACE = (
    'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\n  File "b.py", line 9, in run\nKeyError: 7'
)
LOG = "\n".join(f"2026-10-05 12:00:0{i} ERROR disk {i} is full" for i in range(5))
SYSLOG = "\n".join(f"Oct  5 12:00:0{i} host sshd[12]: closed" for i in range(4))
JAVA = "\n".join(["java.io.IOException: gone", *(f"\tat org.example.Disk.read(Disk.java:{i})" for i in range(4))])
TABLE = "\n".join(["| name | size |", "|---|---|", *(f"| disk{i} | {i} GB |" for i in range(4))])
TSV = "\n".join(f"disk{i}\t{i}\tGB" for i in range(4))


def thread(*said: tuple[str, bool]) -> tuple[str, list[dict[str, Any]]]:
    text, turns = "", []
    for i, (one, is_bot) in enumerate(said):
        text += "\n\n" if i else ""
        start, text = len(text), text + one
        turns.append({"message_id": str(i), "author": "U1", "is_bot": is_bot, "start": start, "end": len(text)})
    return text, turns


def measured(*threads: tuple[str, list[dict[str, Any]] | None]) -> pl.DataFrame:
    turns = pl.Series([turns for _, turns in threads], dtype=TURNS)
    return scores(pl.Series([text for text, _ in threads], dtype=pl.String), NAMES, turns=turns)


def reason(*said: tuple[str, bool]) -> str | None:
    signals = measured(thread(*said)).with_columns(id=pl.lit("a"), language=pl.lit("en"))
    return decide(signals, RULES)["rule"][0]


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ([QUESTION, ANSWER], None),
        ([QUESTION, ("ok", False), ("thanks! :tada:", False), ("👍", False), ("<@U012> np", False)], None),
        ([QUESTION, *[(":+1:", False)] * 5], "conversation_brief_turn_share"),
        ([ALERT], "conversation_bot_turn_share"),
        ([ALERT, *[ALERT] * 3, ANSWER], None),
        ([ALERT, *[ALERT] * 4, ANSWER], "conversation_bot_turn_share"),
        ([("Ana Lima has joined the channel", False)], "conversation_event_turn_share"),
        ([("@ana left #general.", False)], "conversation_event_turn_share"),
        ([("set the channel topic: all about tides", False)], "conversation_event_turn_share"),
        ([("Ana has joined the channel", False), ("Welcome to all of us!", False)], None),
        ([("I have joined the channel of the data people, and it is great. Who is coming?", False)], None),
        ([("hi, I had left this channel by accident", False)], None),
        ([("We left the channel", False)], None),
        ([("Ana Lima added Tom to this channel", False)], None),
        ([("Why is this so?\n" + LOG, False)], "conversation_log_line_share"),
        ([("Why is this so?\n" + TRACE, False)], None),
        ([(TRACE, False)], "conversation_log_line_share"),
        ([(SYSLOG, False)], "conversation_log_line_share"),
        ([(JAVA, False)], "conversation_log_line_share"),
        ([("KeyError: 'a' is what I get, why?", False)], None),
        ([(TABLE, False)], "conversation_table_line_share"),
        ([(TSV, False)], "conversation_table_line_share"),
        ([("Our disks so far, what do you think?\nIs it enough?\n" + TABLE, False)], None),
        ([("either a || b || c will do", False)], None),
    ],
)  # fmt: skip
def test_thread(said: list[tuple[str, bool]], rule: str | None) -> None:
    assert reason(*said) == rule


def test_a_text_without_turns_is_one_turn_of_a_person() -> None:
    of_nothing, of_none = measured((QUESTION[0], None), (QUESTION[0], []))[:2].to_dicts()
    alone = scores(pl.Series([QUESTION[0]]), NAMES).to_dicts()[0]
    assert of_nothing == of_none == alone
    assert alone["conversation_bot_turn_share"] == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.tuples(st.text(max_size=30) | st.just("ok"), st.booleans()), max_size=4), max_size=4))
def test_a_thread_does_not_depend_on_the_others(threads: list[list[tuple[str, bool]]]) -> None:
    made = [thread(*said) for said in threads]
    together = measured(*made)
    assert together.equals(pl.concat([together.clear(), *(measured(one) for one in made)]), null_equal=True)
    for said, share in zip(threads, together["conversation_bot_turn_share"], strict=True):
        assert share is None or share == pytest.approx(sum(bot for _, bot in said) / max(1, len(said)))
