"""Threads as chats: turns of the two sides in alternation, those of a side that follow each other merged."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from parlance.instruct.questions import joined, opened, substantive, unasked, unusable
from parlance.instruct.threads import Thread, Turn

Message = dict[str, str]

LEAST_MESSAGES: Final = 4
LEAST_WORDS: Final = 4
PERSONA: Final = {
    "de": "Du bist {}. Antworte so, wie {} schreibt.",
    "en": "You are {}. Answer the way {} writes.",
    "es": "Eres {}. Responde como escribe {}.",
    "fr": "Tu es {}. Réponds comme {} écrit.",
    "pt": "És {}. Responde como {} escreve.",
}


class Conversation(NamedTuple):
    """Turns of a user and of an assistant; `sides` are runs of turns, the user's first, the assistant's last."""

    sides: Sequence[Sequence[Turn]]

    @property
    def turns(self) -> list[Turn]:
        return [turn for side in self.sides for turn in side]

    @property
    def asking(self) -> list[Turn]:
        return [turn for side in self.sides[::2] for turn in side]

    @property
    def answering(self) -> list[Turn]:
        return [turn for side in self.sides[1::2] for turn in side]

    def messages(self) -> list[Message]:
        """What the two say, in turns."""
        roles = ("user", "assistant")
        return [{"role": roles[place % 2], "content": joined(side)} for place, side in enumerate(self.sides)]


def conversation(thread: Thread) -> Conversation | None:
    """The asker of `thread` as user, everybody else as assistant; null where they do not talk to and fro.

    It begins with what the asker asks and ends with the last turn of a helper that says something; bots and unknown
    authors are left out. There are at least four messages.
    """
    if unusable(thread):
        return None
    asker, opening, later = opened(thread)
    if unasked(thread, opening):
        return None
    known = [*opening, *(turn for turn in later if turn.author is not None)]
    found = _alternating(known, is_answer=lambda turn: turn.author != asker, ends=substantive)
    return found if found is not None and len(found.sides) >= LEAST_MESSAGES else None


def imitation(thread: Thread, person: str) -> Conversation | None:
    """What `person` wrote in answer to others as assistant, the others as user; null where there is no such thing.

    A thread that `person` began gives none: nothing asks for its root.
    """
    human = [turn for turn in thread.turns if turn.text and not turn.is_bot]
    first = next((place for place, turn in enumerate(human) if turn.author != person), len(human))
    if first:
        return None
    found = _alternating(human, is_answer=lambda turn: turn.author == person, ends=_says_something)
    return found if found is not None and len(found.sides) > 1 else None


def persona(name: str, language: str | None) -> Message:
    """The system message that names whom to imitate.

    >>> persona("Ada", "en")["content"]
    'You are Ada. Answer the way Ada writes.'
    """
    return {"role": "system", "content": PERSONA.get(language or "en", PERSONA["en"]).format(name, name)}


def _alternating(
    turns: Sequence[Turn], *, is_answer: Callable[[Turn], bool], ends: Callable[[Turn], bool]
) -> Conversation | None:
    """The turns up to the last answer that `ends` holds for; null where there is none."""
    last = next(
        (place for place in reversed(range(len(turns))) if is_answer(turns[place]) and ends(turns[place])), None
    )
    if last is None:
        return None
    sides = [list(side) for _, side in groupby(turns[: last + 1], key=is_answer)]
    return Conversation(sides)


def _says_something(turn: Turn) -> bool:
    return len(turn.text.split()) >= LEAST_WORDS


def transcript(messages: Sequence[Mapping[str, str]]) -> str:
    """Messages as one text, people as Asker and Helper only: the `input` of a layout that has no turns."""
    names = {"user": "Asker", "assistant": "Helper"}
    return "\n".join(f"{names[message['role']]}: {message['content']}" for message in messages)
