import pytest

from parlance.synthesis import Answer
from parlance.synthesis.filtering import Judge, Rejection
from parlance.synthesis.prompts import INSTRUCTIONS

REAL = [
    ("e1", "Where do I find the form for parental leave?", "It lies in the folder of the works council, third shelf."),
]
SEEDS = {"e1": REAL[0][1]}
GOOD = "Which of the two meeting rooms has a projector that works with old laptops?"
ANSWER = "The small one downstairs; its cable fits every laptop that was bought before the move."


@pytest.fixture
def judge() -> Judge:
    return Judge(REAL, copied=0.7)


def said(text: str, finish: str = "stop") -> Answer:
    return Answer(text, finish, 1, 9)


def reason(found: Rejection | None) -> str | None:
    return found.reason if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, None),
        ("", "empty"),
        (" \n", "empty"),
        ("Why not?", "too_short"),
        ("word " * 2 + " ".join(f"w{number}" for number in range(300)), "too_long"),
        ("Tell me again, " + "and again and again " * 20, "repeats_itself"),
        ("I'm sorry, but I cannot make up such a request.", "refusal"),
        ("As an AI language model I have no colleagues at all.", "refusal"),
        ("Es tut mir leid, dazu fällt mir leider gar nichts ein.", "refusal"),
        ("Request 9: Which room has a projector that works?", "prompt_echo"),
        (INSTRUCTIONS[0].replace("{shown}", ""), "prompt_echo"),
        ("Where do I find the form for parental leave today?", "copies_example"),
    ],
)
def test_requests(judge: Judge, text: str, expected: str | None) -> None:
    assert reason(judge.request(said(text), seeds=SEEDS, evolved=False)) == expected


def test_what_was_cut_off(judge: Judge) -> None:
    assert judge.request(said(GOOD, "length"), seeds=SEEDS, evolved=False) == ("cut_off", "9 tokens")


def test_a_rewriting_may_resemble_its_seed_but_not_be_it(judge: Judge) -> None:
    longer = f"{REAL[0][1]} It must be the one for parents who work part time."
    assert judge.request(said(longer), seeds=SEEDS, evolved=True) is None
    assert reason(judge.request(said(REAL[0][1]), seeds=SEEDS, evolved=True)) == "unchanged"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ANSWER, None),
        ("As said: it lies in the folder of the works council, third shelf.", "copies_example"),
        (GOOD, "echoes_request"),
        ("I can't help with that.", "refusal"),
        ("Yes, downstairs.", "too_short"),
        (f"{ANSWER} {ANSWER.upper()[:60]}, so to speak, and of the large one I can't say more.", None),
    ],
)
def test_answers(judge: Judge, text: str, expected: str | None) -> None:
    assert reason(judge.answer(said(text), request=GOOD)) == expected


def test_nothing_copies_what_was_accepted(judge: Judge) -> None:
    judge.accept("s1", GOOD, ANSWER)
    found = judge.request(said(GOOD.replace("two", "three")), seeds=SEEDS, evolved=False)
    assert found is not None
    assert (found.reason, found.detail) == ("copies_synthetic", "s1 0.93")
    assert reason(judge.answer(said(f"{ANSWER} Really."), request="Where?")) == "copies_synthetic"
