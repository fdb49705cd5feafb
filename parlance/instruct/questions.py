"""What a thread asks, and which of its turns answer it."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

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
    `no_reply` (no other known human wrote), `no_answer` (others wrote, but nothing that answers).
    """
    if reason := _unusable(thread):
        return reason
    asker, opening, later = _opened(thread)
    if not any(turn.asks(*_ASKING) for turn in opening):
        return "no_question"
    if all(turn.author in {asker, None} for turn in later):
        return "no_reply"
    answers = [place for place, turn in enumerate(later) if turn.author not in {asker, None} and _substantive(turn)]
    if not answers:
        return "no_answer"
    start, end = _run(later, _best(later, answers, asker))
    between = later[:start]
    # Without a question what lies between are other answers, and the chosen one stands alone.
    clarified = any(turn.asks(SpeechAct.QUESTION) for turn in between)
    return Dialogue(opening, between if clarified else (), later[start:end])


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


def _substantive(turn: Turn) -> bool:
    """Whether at least four words of the turn may answer, so that a clarifying question is no answer."""
    return sum(len(act.text.split()) for act in turn.acts if _answers(act)) >= _LEAST_WORDS


def _best(later: Sequence[Turn], answers: Sequence[int], asker: str | None) -> int:
    """The last answer before the asker thanks for one, else the first."""
    for place, turn in enumerate(later):
        # Words, not the function: expressive utterances are greetings and apologies as well.
        if turn.author == asker and place > answers[0] and CUES["thanks"].search(turn.text):
            return max(answer for answer in answers if answer < place)
    return answers[0]


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
