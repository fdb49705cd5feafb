import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_threads import KEPT, UTTERANCES, TurnLine, corpus

from parlance import schemas
from parlance.errors import ConfigError, SchemaError
from parlance.instruct import build, reasons, unanswered

ASK = ("ann", "Where is the form?", "question")
ANSWER = ("bob", "It is in the wiki.", "representative")
THANKS = ("ann", "Thank you!", "expressive")


def example(*turns: TurnLine) -> tuple[str, str, str, list[int]]:
    """Instruction, input, output and the numbers of the messages of the one example of a thread."""
    rows = build(*corpus(list(turns)), kinds=["answer"])
    assert rows.height == 1, reasons(*corpus(list(turns)))
    row = rows.row(0, named=True)
    return row["instruction"], row["input"], row["output"], [int(name.split("-")[1]) for name in row["raw_ids"]]


def reason(*turns: TurnLine) -> str:
    threads, utterances = corpus(list(turns))
    assert build(threads, utterances).is_empty()
    return reasons(threads, utterances)["reason"].item()


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        pytest.param([ASK, ANSWER], ("Where is the form?", "", "It is in the wiki.", [0, 1]), id="question and answer"),
        pytest.param(
            [ASK, ("ann", "The one for leave.", "representative"), ANSWER],
            ("Where is the form?\nThe one for leave.", "", "It is in the wiki.", [0, 1, 2]),
            id="the asker's turns before the first reply are merged",
        ),
        pytest.param(
            [ASK, ("peoplebot", "Looks like a question.", "representative"), ANSWER],
            ("Where is the form?", "", "It is in the wiki.", [0, 2]),
            id="bots are passed over",
        ),
        pytest.param(
            [ASK, ANSWER, ("cat", "No, it moved to Tideline.", "representative"), THANKS],
            ("Where is the form?", "", "No, it moved to Tideline.", [0, 2]),
            id="the last answer before the thanks",
        ),
        pytest.param(
            [ASK, ANSWER, ("cat", "No, it moved to Tideline.", "representative")],
            ("Where is the form?", "", "It is in the wiki.", [0, 1]),
            id="the first answer where nobody thanks",
        ),
        pytest.param(
            [ASK, ANSWER, THANKS, ("cat", "I had the same problem.", "representative"), THANKS],
            ("Where is the form?", "", "It is in the wiki.", [0, 1]),
            id="the first thanks that follow an answer",
        ),
        pytest.param(
            [
                ASK,
                ("bob", "Which form do you mean?", "question"),
                ("ann", "The one for leave, thanks.", "representative"),
                ("bob", "That is in Tideline.", "representative"),
                THANKS,
            ],
            (
                "Where is the form?",
                "Helper: Which form do you mean?\nAsker: The one for leave, thanks.",
                "That is in Tideline.",
                [0, 1, 2, 3],
            ),
            id="a clarification is the input",
        ),
        pytest.param(
            [
                ASK,
                ("bob", "Could you send me your contract number?", "question/directive"),
                ("ann", "It is 1234.", "representative"),
                ("bob", "Then it is form B.", "representative"),
            ],
            (
                "Where is the form?",
                "Helper: Could you send me your contract number?\nAsker: It is 1234.",
                "Then it is form B.",
                [0, 1, 2, 3],
            ),
            id="a request in return is a clarification too",
        ),
        pytest.param(
            [
                ASK,
                ("bob", "Open Tideline first of all.", "directive"),
                ("bob", "Then press the green button.", "directive"),
            ],
            ("Where is the form?", "", "Open Tideline first of all.\nThen press the green button.", [0, 1, 2]),
            id="an answer in two messages",
        ),
        pytest.param(
            [
                ASK,
                ("bob", "Open Tideline first of all.", "directive"),
                ("bob", "Then press the green button.", "directive"),
                ("bob", "Good luck!", "expressive"),
                THANKS,
            ],
            ("Where is the form?", "", "Open Tideline first of all.\nThen press the green button.", [0, 1, 2]),
            id="with the message before the thanks, without small talk",
        ),
        pytest.param(
            [ASK, ("bob", "hmm", "none"), ("cat", "Yes.|It is in the wiki.", "representative representative")],
            ("Where is the form?", "", "Yes. It is in the wiki.", [0, 2]),
            id="short turns are no answers",
        ),
        pytest.param(
            [("ann", "Please open the door.", "directive"), ("bob", "I will do it now.", "commissive")],
            ("Please open the door.", "", "I will do it now.", [0, 1]),
            id="a request and a promise",
        ),
        pytest.param(
            [("ann", "I wonder where it is.", "representative/question"), ANSWER],
            ("I wonder where it is.", "", "It is in the wiki.", [0, 1]),
            id="a question by function",
        ),
        pytest.param(
            [ASK, ("bob", "", ""), ("bob", "It is in the wiki.", "representative")],
            ("Where is the form?", "", "It is in the wiki.", [0, 2]),
            id="empty turns",
        ),
    ],
)
def test_example(turns: list[TurnLine], expected: tuple[str, str, str, list[int]]) -> None:
    assert example(*turns) == expected


def evidence(*turns: TurnLine) -> tuple[list[tuple[str, str | None]], list[str], bool, str | None, int]:
    row = (
        build(*corpus(list(turns)), kinds=["answer"])
        .select("asks", "answers", "thanked", "promise", "unsure")
        .row(0, named=True)
    )
    return [(ask["form"], ask["function"]) for ask in row["asks"]], *list(row.values())[1:]


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        pytest.param([ASK, ANSWER], ([("question", "question")], ["representative"], False, None, 0), id="answered"),
        pytest.param(
            [
                ("ann", "Hello.|Could you send it?|Where is it", "expressive question/directive ~question"),
                ANSWER,
                THANKS,
            ],
            ([("question", "directive")], ["representative"], True, None, 1),
            id="a request, thanks, and what is unsure",
        ),
        pytest.param(
            [("ann", "Where is the form?", "!~question/directive"), ANSWER],
            ([("question", None)], ["representative"], False, None, 1),
            id="a certain form of an unsure function",
        ),
        pytest.param(
            [("ann", "Open it.", "directive"), ("bob", "I will do it now.", "commissive")],
            ([("directive", "directive")], ["commissive"], False, "open", 0),
            id="a promise",
        ),
        pytest.param(
            [
                ("ann", "Open it.", "directive"),
                ("bob", "I will do it now.", "commissive"),
                ("ann", "It is still closed.", "representative"),
                ("bob", "Now it is.", "representative"),
            ],
            ([("directive", "directive")], ["commissive"], False, "kept", 0),
            id="a promise kept by who gave it",
        ),
        pytest.param(
            [
                ("ann", "Open it.", "directive"),
                ("bob", "I will do it now.", "commissive"),
                ("cat", "Now it is open.", "representative"),
            ],
            ([("directive", "directive")], ["commissive"], False, "open", 0),
            id="what another reports keeps no promise",
        ),
        pytest.param(
            [ASK, ANSWER, ("bob", "I will look.", "~commissive"), ("ann", "I will too.", "commissive")],
            ([("question", "question")], ["representative"], False, None, 1),
            id="unsure promises and those of the asker are none",
        ),
    ],
)
def test_what_labels_say_is_recorded(
    turns: list[TurnLine], expected: tuple[list[tuple[str, str | None]], list[str], bool, str | None, int]
) -> None:
    assert evidence(*turns) == expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        pytest.param([], "no_turns", id="no turns"),
        pytest.param([("deploybot", "Done it is now.", "representative")], "bot_only", id="bots"),
        pytest.param([("deploybot", "Is it done?", "question"), ANSWER], "bot_root", id="bot asks"),
        pytest.param([("-", "Where is it?", "question"), ANSWER], "no_author", id="unknown asker"),
        pytest.param([("ann", "The form is here.", "representative"), ANSWER], "no_question", id="no question"),
        pytest.param([ASK], "no_reply", id="alone"),
        pytest.param([ASK, ("ann", "I found it myself now.", "representative")], "no_reply", id="answers herself"),
        pytest.param([ASK, ("helpbot", "It is in the wiki.", "representative")], "no_reply", id="bot answers"),
        pytest.param([ASK, ("-", "It is in the wiki.", "representative")], "no_reply", id="unknown answers"),
        pytest.param([ASK, ("bob", "Which form do you mean?", "question")], "no_answer", id="clarifying question"),
        pytest.param([ASK, ("bob", "in the wiki", "representative")], "no_answer", id="three words"),
        pytest.param([ASK, ("bob", "oh I feel with you", "expressive")], "no_answer", id="sympathy"),
        pytest.param([("ann", "Where is it", "~question"), ANSWER], "unsure_question", id="unsure question"),
        pytest.param([ASK, ("bob", "It is in the wiki.", "~representative")], "unsure_answer", id="unsure answer"),
        pytest.param([ASK, ("bob", "I feel with you, Ann", "~expressive")], "no_answer", id="unsure, and no answer"),
    ],
)
def test_reason(turns: list[TurnLine], expected: str) -> None:
    assert reason(*turns) == expected


TURN = st.tuples(
    st.sampled_from(["ann", "bob", "cat", "helpbot", "-"]),
    st.sampled_from(["It is in the wiki.", "Where?", "Thanks!", "ok", "🎉 done it is now", "x"]),
    st.sampled_from(
        ["question", "representative", "expressive", "directive", "none", "question/directive", "verdictive"]
    ),
)
THREADS = st.lists(st.lists(TURN, max_size=6), max_size=8)


@settings(deadline=None)
@given(THREADS)
def test_examples_and_reasons_cover_every_thread_once(threads: list[list[TurnLine]]) -> None:
    frames = corpus(*threads)
    ids = build(*frames)["document_id"].unique().to_list() + reasons(*frames)["id"].to_list()
    assert sorted(ids) == sorted(frames[0]["id"].to_list())


@settings(deadline=None)
@given(THREADS)
def test_an_example_holds_messages_of_its_thread_in_order(threads: list[list[TurnLine]]) -> None:
    documents, utterances = corpus(*threads)
    rows = build(documents, utterances.sample(fraction=1, shuffle=True, seed=1))
    assert rows.equals(build(documents, utterances))
    for row in rows.iter_rows(named=True):
        known = {turn["message_id"]: turn for turn in documents.filter(id=row["document_id"])["turns"].item()}
        turns = [known[name] for name in row["raw_ids"]]
        assert row["raw_ids"] == sorted(row["raw_ids"])
        assert turns[0]["author"] != turns[-1]["author"]
        assert not any(turn["is_bot"] for turn in turns)
        assert row["instruction"]
        assert row["output"]
    assert rows["id"].is_unique().all()


def test_rows_are_those_of_the_table() -> None:
    rows = build(*corpus([ASK, ANSWER]))
    assert rows.schema == pl.Schema(schemas.EXAMPLES)
    for batch in rows.to_arrow().to_batches():
        schemas.conform(batch, schemas.EXAMPLES, table="examples")
    assert rows.select("document_id", "channel", "language").row(0) == ("t0", "engineering", "en")


def several(count: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Threads of different people about different things, so that nothing ties them."""
    asks = [(f"ann{number}", f"Where is form {number * 7919}?", "question") for number in range(count)]
    tells = [(f"bob{number}", f"In folder {number * 104729} of the wiki.", "representative") for number in range(count)]
    return corpus(*([ask, tell] for ask, tell in zip(asks, tells, strict=True)))


def test_ids_and_splits_come_from_content() -> None:
    threads, utterances = several(300)
    rows = build(threads, utterances)
    backwards = build(threads.reverse().head(100), utterances)
    both = rows.join(backwards, on="document_id")
    assert both.height == 100
    assert (
        both.select((pl.col("id") == pl.col("id_right")) & (pl.col("split") == pl.col("split_right"))).to_series().all()
    )
    assert rows["id"].n_unique() == 300
    shares = dict(rows["split"].value_counts(normalize=True).iter_rows())
    assert 0.7 < shares["train"] < 0.9
    assert 0.04 < shares["validation"] < 0.16
    assert 0.04 < shares["test"] < 0.16
    assert not build(threads, utterances, seed=2)["split"].equals(rows["split"])
    assert set(build(threads, utterances, validation=0, test=0)["split"]) == {"train"}


@pytest.mark.parametrize(("validation", "test"), [(-0.1, 0.1), (0.1, -0.1), (0.5, 0.5), (1.0, 0.0)])
def test_shares_leave_something_to_train(validation: float, test: float) -> None:
    with pytest.raises(ConfigError, match="below 1"):
        build(*corpus([ASK, ANSWER]), validation=validation, test=test)


def test_missing_columns_are_named() -> None:
    threads, utterances = corpus([ASK, ANSWER])
    with pytest.raises(SchemaError, match="turns"):
        build(threads.drop("turns"), utterances)
    with pytest.raises(SchemaError, match="function"):
        unanswered(threads, utterances.drop("function"))


def test_nothing_gives_nothing() -> None:
    frames = KEPT.to_frame(), UTTERANCES.to_frame()
    assert build(*frames).schema == pl.Schema(schemas.EXAMPLES)
    assert reasons(*frames).columns == ["id", "reason"]
    assert unanswered(*frames).columns == ["document_id", "message_id", "channel", "question"]


def test_a_document_without_turns_is_a_page() -> None:
    threads, utterances = corpus([ASK, ANSWER])
    page = threads.with_columns(turns=pl.lit(None, dtype=KEPT["turns"]))
    assert build(page, utterances)["kind"].to_list() == ["faq"]
    assert reasons(page.with_columns(text=pl.lit("It is in the wiki.")), utterances).rows() == [("t0", "no_heading")]


@pytest.mark.parametrize(
    ("channel", "turns", "is_open"),
    [
        pytest.param("engineering", [ASK], True, id="alone"),
        pytest.param("engineering", [ASK, ANSWER], False, id="answered"),
        pytest.param("engineering", [ASK, ("bob", "yes", "representative")], False, id="answered in a word"),
        pytest.param("engineering", [ASK, ("bob", "Which one?", "question")], True, id="asked back"),
        pytest.param("engineering", [ASK, ("bob", "👍", "none")], True, id="reaction"),
        pytest.param("engineering", [ASK, ("helpbot", "It is in the wiki.", "representative")], True, id="bot"),
        pytest.param("engineering", [ASK, ("ann", "Anybody at all here?", "representative")], True, id="repeats"),
        pytest.param("engineering", [("ann", "You had one job.", "representative")], False, id="no question"),
        pytest.param("engineering", [("ann", "Open the door.", "directive")], False, id="request elsewhere"),
        pytest.param("hr-help", [("ann", "Open the door.", "directive")], True, id="request in a help channel"),
        pytest.param("helpful-cats", [("ann", "Open the door.", "directive")], False, id="not a help channel"),
        pytest.param("engineering", [("ann", "Is it so.", "question/representative")], True, id="form alone"),
        pytest.param("engineering", [("deploybot", "Is it done?", "question")], False, id="bot asks"),
        pytest.param("engineering", [("ann", "Is it done", "~question")], False, id="unsure question"),
        pytest.param("engineering", [("ann", "Is it done?", "!~question")], True, id="certain form"),
        pytest.param("engineering", [ASK, ("bob", "yes", "~representative")], False, id="perhaps answered"),
        pytest.param("engineering", [], False, id="no turns"),
    ],
)
def test_unanswered(channel: str, turns: list[TurnLine], is_open: bool) -> None:
    rows = unanswered(*corpus(turns, channel=channel)).rows()
    questions = "\n".join(said for author, said, _ in turns if author == "ann")
    assert rows == ([("t0", "t0-0", channel, questions)] if is_open else [])
