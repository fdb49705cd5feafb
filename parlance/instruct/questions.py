"""What a thread asks, and which of its turns answer it."""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from parlance.instruct.example import Example
from parlance.instruct.threads import Act, Thread, Turn
from parlance.speech_acts import SpeechAct
from parlance.speech_acts.forms import CUES

_ASKING: Final = (SpeechAct.QUESTION, SpeechAct.DIRECTIVE)
_NOT_ANSWERING: Final = frozenset({SpeechAct.QUESTION, SpeechAct.EXPRESSIVE, SpeechAct.NONE})
_SMALL_TALK: Final = frozenset({SpeechAct.QUESTION, SpeechAct.EXPRESSIVE})
_LEAST_WORDS: Final = 4
_HELP_CHANNEL: Final = re.compile(
    r"(?:^|[-_])(?:help|helpdesk|support|ask|questions?|hilfe|aide|ayuda|ajuda)(?:[-_]|$)"
)


class Dialogue(NamedTuple):
    """The turns of an example: who asks what, what is said between, and the answer."""

    question: Sequence[Turn]
    between: Sequence[Turn]
    answer: Sequence[Turn]
    thanked: bool
    promise: str | None

    def evidence(self) -> dict[str, Any]:
        """What the labels say of it, as columns of EXAMPLES."""
        asking = [act for turn in self.question for act in turn.acts if act.asks(*_ASKING)]
        answering = [act for turn in self.answer for act in turn.acts if not act.abstained]
        turns = (*self.question, *self.between, *self.answer)
        return {
            "asks": [{"form": act.form, "function": None if act.abstained else act.function} for act in asking],
            "answers": [act.function for act in answering],
            "thanked": self.thanked,
            "promise": self.promise,
            "unsure": sum(act.abstained for turn in turns for act in turn.acts),
        }

    def example(self) -> Example:
        """The texts; people appear as Asker and Helper only."""
        asker = self.question[0].author
        dialogue = (f"{'Asker' if turn.author == asker else 'Helper'}: {turn.text}" for turn in self.between)
        return Example(_joined(self.question), "\n".join(dialogue), _joined(self.answer))

    def message_ids(self) -> list[str]:
        """The messages whose text the example holds, in the order of the thread."""
        return [turn.message_id for turn in (*self.question, *self.between, *self.answer)]


def dialogue(thread: Thread) -> Dialogue | str:
    """The question of `thread` and its best answer, or the reason why there is none.

    Reasons: `no_turns`, `bot_only` (no human wrote), `bot_root`, `no_author` (of the root), `no_question`,
    `no_reply` (no other known human wrote), `no_answer` (others wrote, but nothing that answers). What the classifier
    abstained from is no evidence: `unsure_question` and `unsure_answer` are threads that have it alone.
    """
    if reason := _unusable(thread):
        return reason
    asker, opening, later = _opened(thread)
    if not any(turn.asks(*_ASKING) for turn in opening):
        return "unsure_question" if any(turn.may_ask(*_ASKING) for turn in opening) else "no_question"
    if all(turn.author in {asker, None} for turn in later):
        return "no_reply"
    others = [place for place, turn in enumerate(later) if turn.author not in {asker, None}]
    answers = [place for place in others if _substantive(later[place])]
    if not answers:
        return "unsure_answer" if any(_substantive(later[place], unsure=True) for place in others) else "no_answer"
    thanks = next((place for place in range(answers[0] + 1, len(later)) if _thanks(later[place], asker)), None)
    best = answers[0] if thanks is None else max(place for place in answers if place < thanks)
    start, end = _run(later, best)
    between = later[:start]
    # Without a question what lies between are other answers, and the chosen one stands alone.
    clarified = any(turn.asks(SpeechAct.QUESTION) for turn in between)
    promise = _promise(later, asker)
    return Dialogue(opening, between if clarified else (), later[start:end], thanks is not None, promise)


def unanswered_question(thread: Thread) -> str | None:
    """What the root of `thread` asks, where no other human has answered; None where nothing is open.

    A request counts as a question in a channel that is named for help. Thanks, bare reactions and questions in
    return are no answers; anything else, however short, is one.
    """
    if _unusable(thread):
        return None
    asker, opening, later = _opened(thread)
    asking = _ASKING if _HELP_CHANNEL.search((thread.channel or "").lower()) else (SpeechAct.QUESTION,)
    answered = any(turn.author != asker and any(map(_answers, turn.acts)) for turn in later)
    if answered or not any(turn.asks(*asking) for turn in opening):
        return None
    return _joined(opening)


def _unusable(thread: Thread) -> str | None:
    if not thread.turns:
        return "no_turns"
    if all(turn.is_bot for turn in thread.turns):
        return "bot_only"
    if thread.turns[0].is_bot:
        return "bot_root"
    return "no_author" if thread.turns[0].author is None else None


def _opened(thread: Thread) -> tuple[str | None, list[Turn], list[Turn]]:
    """The asker, the turns before anybody else's, and the turns from there on; without bots and empty turns."""
    asker = thread.turns[0].author
    human = [turn for turn in thread.turns if turn.text and not turn.is_bot]
    first = next((place for place, turn in enumerate(human) if turn.author != asker), len(human))
    return asker, human[:first], human[first:]


def _answers(act: Act) -> bool:
    """Whether an utterance may answer: "could you send me the number?" asks back, whatever it does."""
    asks_back = act.form == SpeechAct.QUESTION and act.function == SpeechAct.DIRECTIVE
    return act.function not in _NOT_ANSWERING and not asks_back


def _substantive(turn: Turn, *, unsure: bool = False) -> bool:
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
    while start and later[start - 1].author == later[place].author and _substantive(later[start - 1]):
        start -= 1
    while end < len(later) and later[end].author == later[place].author and later[end].functions() - _SMALL_TALK:
        end += 1
    return start, end


def _joined(turns: Sequence[Turn]) -> str:
    return "\n".join(turn.text for turn in turns)
