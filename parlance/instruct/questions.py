"""What a thread asks, and which of its turns answer it.

Of several answers the accepted one is taken: that before the asker's thanks, that to which the asker reacted with
approval, or that which others approve of. The others are alternatives.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from parlance.instruct.example import Example
from parlance.instruct.threads import Act, Thread, Turn
from parlance.speech_acts import SpeechAct
from parlance.speech_acts.forms import CUES

ASKING: Final = (SpeechAct.QUESTION, SpeechAct.DIRECTIVE)
_NOT_ANSWERING: Final = frozenset({SpeechAct.QUESTION, SpeechAct.EXPRESSIVE, SpeechAct.NONE})
_SMALL_TALK: Final = frozenset({SpeechAct.QUESTION, SpeechAct.EXPRESSIVE})
_LEAST_WORDS: Final = 4
_HELP_CHANNEL: Final = re.compile(
    r"(?:^|[-_])(?:help|helpdesk|support|ask|questions?|hilfe|aide|ayuda|ajuda)(?:[-_]|$)"
)


# How sure it is that an answer is accepted, from 0 to 1; the first answer leads where nothing else tells.
_SCORED: Final = {"any": 0.4, "first": 0.05, "thanked": 0.3, "approved": 0.2, "by_others": 0.025}
_MOST_OTHERS: Final = 4


class Answer(NamedTuple):
    """Turns of one person that answer, from `start` to `end` in what follows the question; `score` from 0 to 1."""

    start: int
    end: int
    score: float


class Dialogue(NamedTuple):
    """The turns of an example: who asks what, what is said between, the answer, and other answers, the best first.

    `approved`: the asker reacted with approval to the answer; `approvals` counts the others who did.
    """

    question: Sequence[Turn]
    between: Sequence[Turn]
    answer: Sequence[Turn]
    thanked: bool
    promise: str | None
    others: Sequence[tuple[Sequence[Turn], float]] = ()
    approved: bool = False
    approvals: int = 0

    def evidence(self) -> dict[str, Any]:
        """What the labels say of it, as columns of EXAMPLES."""
        return {
            **evidence(self.question, self.answer, (*self.question, *self.between, *self.answer)),
            "thanked": self.thanked,
            "promise": self.promise,
        }

    def alternatives(self) -> list[dict[str, Any]]:
        """The other answers, as the column of EXAMPLES."""
        return [{"message_ids": ids_of(turns), "text": joined(turns), "score": score} for turns, score in self.others]

    def example(self) -> Example:
        """The texts; people appear as Asker and Helper only."""
        asker = self.question[0].author
        dialogue = (f"{'Asker' if turn.author == asker else 'Helper'}: {turn.text}" for turn in self.between)
        return Example(joined(self.question), "\n".join(dialogue), joined(self.answer))

    def message_ids(self) -> list[str]:
        """The messages whose text the example holds, in the order of the thread."""
        return ids_of((*self.question, *self.between, *self.answer))


def evidence(asking: Sequence[Turn], answering: Sequence[Turn], turns: Sequence[Turn]) -> Mapping[str, Any]:
    """`asks` of the turns that ask, `answers` of those that answer, and how many utterances of `turns` are unsure."""
    asks = [act for turn in asking for act in turn.acts if act.asks(*ASKING)]
    return {
        "asks": [{"form": act.form, "function": None if act.abstained else act.function} for act in asks],
        "answers": [act.function for turn in answering for act in turn.acts if not act.abstained],
        "unsure": sum(act.abstained for turn in turns for act in turn.acts),
    }


def dialogue(thread: Thread) -> Dialogue | str:
    """The question of `thread` and its best answer, or the reason why there is none.

    Reasons: `no_turns`, `bot_only` (no human wrote), `bot_root`, `no_author` (of the root), `no_question`,
    `no_reply` (no other known human wrote), `no_answer` (others wrote, but nothing that answers). What the classifier
    abstained from is no evidence: `unsure_question` and `unsure_answer` are threads that have it alone.
    """
    if reason := unusable(thread):
        return reason
    asker, opening, later = opened(thread)
    if reason := unasked(thread, opening):
        return reason
    if all(turn.author in {asker, None} for turn in later):
        return "no_reply"
    others = [place for place, turn in enumerate(later) if turn.author not in {asker, None}]
    places = [place for place in others if substantive(later[place])]
    if not places:
        return "unsure_answer" if any(substantive(later[place], unsure=True) for place in others) else "no_answer"
    thanks = next((place for place in range(places[0] + 1, len(later)) if _thanks(later[place], asker)), None)
    answers = _answered(later, places, asker, thanks)
    best = max(answers, key=lambda answer: (answer.score, -answer.start))
    # Without a question, and without another word of the asker, what lies between are other answers: it stands alone.
    clarified = any(turn.author == asker or turn.asks(SpeechAct.QUESTION) for turn in later[: best.start])
    told = best.start if clarified else 0
    chosen = later[best.start : best.end]
    ranked = sorted((one for one in answers if one.start >= told and one != best), key=lambda one: -one.score)
    return Dialogue(
        opening,
        later[:told],
        chosen,
        thanks is not None,
        _promise(later, asker),
        [(later[one.start : one.end], one.score) for one in ranked],
        any(asker in turn.approved_by for turn in chosen),
        len({person for turn in chosen for person in turn.approved_by} - {asker}),
    )


def unasked(thread: Thread, opening: Sequence[Turn]) -> str | None:
    """Why the opening asks nothing; null where it does, or stands where people ask."""
    if thread.is_request or any(turn.asks(*ASKING) for turn in opening):
        return None
    return "unsure_question" if any(turn.may_ask(*ASKING) for turn in opening) else "no_question"


def _answered(later: Sequence[Turn], places: Sequence[int], asker: str | None, thanks: int | None) -> list[Answer]:
    """The answers that the substantive turns at `places` belong to, in order; `thanks` is where the asker thanks."""
    last = None if thanks is None else max(place for place in places if place < thanks)
    found: list[Answer] = []
    for place in places:
        if found and place < found[-1].end:
            continue
        start, end = _run(later, place)
        approving = {person for turn in later[start:end] for person in turn.approved_by}
        score = _SCORED["any"] + _SCORED["first"] * (not found)
        score += _SCORED["thanked"] * (last is not None and start <= last < end)
        score += _SCORED["approved"] * (asker in approving)
        score += _SCORED["by_others"] * min(len(approving - {asker}), _MOST_OTHERS)
        found.append(Answer(start, end, round(score, 3)))
    return found


def unanswered_question(thread: Thread) -> str | None:
    """What the root of `thread` asks, where no other human has answered; None where nothing is open.

    A request counts as a question in a channel that is named for help. Thanks, bare reactions and questions in
    return are no answers; anything else, however short, is one.
    """
    if unusable(thread):
        return None
    asker, opening, later = opened(thread)
    asking = ASKING if _HELP_CHANNEL.search((thread.channel or "").lower()) else (SpeechAct.QUESTION,)
    answered = any(turn.author != asker and any(map(_answers, turn.acts)) for turn in later)
    if answered or not any(turn.asks(*asking) for turn in opening):
        return None
    return joined(opening)


def unusable(thread: Thread) -> str | None:
    """Why nothing can be made of `thread`, whatever it says; null where something may."""
    if not thread.turns:
        return "no_turns"
    if all(turn.is_bot for turn in thread.turns):
        return "bot_only"
    if thread.turns[0].is_bot:
        return "bot_root"
    return "no_author" if thread.turns[0].author is None else None


def opened(thread: Thread) -> tuple[str | None, list[Turn], list[Turn]]:
    """The asker, the turns before anybody else's, and the turns from there on; without bots and empty turns."""
    asker = thread.turns[0].author
    human = [turn for turn in thread.turns if turn.text and not turn.is_bot]
    first = next((place for place, turn in enumerate(human) if turn.author != asker), len(human))
    return asker, human[:first], human[first:]


def _answers(act: Act) -> bool:
    """Whether an utterance may answer: "could you send me the number?" asks back, whatever it does."""
    asks_back = act.form == SpeechAct.QUESTION and act.function == SpeechAct.DIRECTIVE
    return act.function not in _NOT_ANSWERING and not asks_back


def substantive(turn: Turn, *, unsure: bool = False) -> bool:
    """Whether at least four words of the turn may answer, so that a clarifying question is no answer.

    `unsure`: words of utterances count that the classifier abstained from.
    """
    answering = (act for act in turn.acts if _answers(act) and (unsure or not act.abstained))
    return sum(len(act.text.split()) for act in answering) >= _LEAST_WORDS


def _thanks(turn: Turn, asker: str | None) -> bool:
    """Whether the asker thanks in it.

    By words, not by labels: of the sample's 176 utterances with such a word 173 thank, as was read; to 10 the
    classifier gives another function than expressive.
    """
    return turn.author == asker and bool(CUES["thanks"].search(turn.text.lower()))


def _promise(later: Sequence[Turn], asker: str | None) -> str | None:
    """`kept` where another than the asker commits to something and reports in a later turn, `open` where nobody does.

    Null where nobody commits.
    """
    promises = [
        (place, turn.author)
        for place, turn in enumerate(later)
        if turn.author not in {asker, None} and any(_is(act, SpeechAct.COMMISSIVE) for act in turn.acts)
    ]
    reports = [
        (place, turn.author)
        for place, turn in enumerate(later)
        if any(_is(act, SpeechAct.REPRESENTATIVE, SpeechAct.DECLARATION) for act in turn.acts)
    ]
    if not promises:
        return None
    kept = any(by == author and place > when for when, author in promises for place, by in reports)
    return "kept" if kept else "open"


def _is(act: Act, *functions: SpeechAct) -> bool:
    """Whether its function is surely one of `functions`."""
    return not act.abstained and act.function in functions


def _run(later: Sequence[Turn], place: int) -> tuple[int, int]:
    """The answer with the turns of the same person around it that belong to it."""
    start, end = place, place + 1
    while start and later[start - 1].author == later[place].author and substantive(later[start - 1]):
        start -= 1
    while end < len(later) and later[end].author == later[place].author and later[end].functions() - _SMALL_TALK:
        end += 1
    return start, end


def ids_of(turns: Sequence[Turn]) -> list[str]:
    """The messages of the turns."""
    return [turn.message_id for turn in turns]


def joined(turns: Sequence[Turn]) -> str:
    """What the turns say, one below the other."""
    return "\n".join(turn.text for turn in turns)
