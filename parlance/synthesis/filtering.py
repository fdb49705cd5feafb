"""Which generated texts become no example, and why.

The bounds follow self-instruct (section 2.2: ROUGE-L below 0.7 to every earlier request) and evol-instruct (section
3.2: no refusal, no words of the prompt, not the request it was made of), and add copies of answers.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from parlance.synthesis import prompts
from parlance.synthesis.endpoint import Answer
from parlance.synthesis.overlap import Answers, Requests, repeated_share, rouge_l, shared_grams, words

LEAST_WORDS, MOST_REQUEST_WORDS = 3, 300
MOST_REPEATED, MOST_ECHOED, UNCHANGED = 0.5, 0.3, 0.9
_REFUSES: Final = re.compile(
    r"\b(?:i(?:['’]m| am) (?:sorry|unable|not able)|i (?:can(?:['’]t|not)|won['’]t)|as an? (?:ai|language model))\b"
    r"|\b(?:es tut mir leid|als ki|ich kann (?:dir|ihnen) (?:dabei )?nicht)\b"
    r"|\b(?:je suis désolée?|lo siento|desculpe|mi dispiace)\b",
    re.IGNORECASE,
)
# A refusal says so at its beginning; further on, "I can't" may be part of an answer.
_BEGINNING: Final = 160
_LABELS: Final = re.compile(r"\brequest \d+:|-{5}|\bthe resulting request\b", re.IGNORECASE)


class Rejection(NamedTuple):
    """Why a candidate is no example; `detail` is a number or the id of what it copies."""

    reason: str
    detail: str | None = None


class Judge:
    """Compares candidates with the real examples and with what was accepted before.

    Reasons: `cut_off`, `empty`, `too_short`, `too_long`, `repeats_itself`, `refusal`, `prompt_echo`, `unchanged` (as
    its seed), `copies_example`, `copies_synthetic`, `echoes_request`.
    """

    def __init__(self, real: Iterable[tuple[str, str, str]], *, copied: float) -> None:
        self._copied = copied
        self._requests, self._answers = Requests(), Answers()
        self._synthetic: set[str] = set()
        for id, request, answer in real:
            self._requests.add(id, request)
            self._answers.add(id, answer)

    def accept(self, id: str, request: str, answer: str) -> None:
        """From here on nothing may copy it."""
        self._synthetic.add(id)
        self._requests.add(id, request)
        self._answers.add(id, answer)

    def request(self, said: Answer, *, seeds: dict[str, str], evolved: bool) -> Rejection | None:
        """Of a new request, made with the requests `seeds` by id; `evolved`: from the one of them."""
        text = said.text.strip()
        if found := _degenerate(said) or _echoes(text):
            return found
        if len(words(text)) > MOST_REQUEST_WORDS:
            return Rejection("too_long", f"{len(words(text))} words")
        if evolved:
            alike = max(rouge_l(words(text), words(seed)) for seed in seeds.values())
            if alike >= UNCHANGED:
                return Rejection("unchanged", f"{alike:.2f}")
        # What was rewritten shares words with its seed, as it should.
        return self._copies(*self._requests.nearest(text, but=seeds if evolved else ()))

    def answer(self, said: Answer, *, request: str) -> Rejection | None:
        """Of the answer to a request that was let through."""
        text = said.text.strip()
        if found := _degenerate(said) or _echoes(text):
            return found
        echoed = shared_grams(text, request)
        if echoed >= self._copied:
            return Rejection("echoes_request", f"{echoed:.2f}")
        return self._copies(*self._answers.nearest(text))

    def _copies(self, id: str, share: float) -> Rejection | None:
        if share < self._copied:
            return None
        return Rejection("copies_synthetic" if id in self._synthetic else "copies_example", f"{id} {share:.2f}")


def reasons(rejections: Collection[Rejection]) -> dict[str, int]:
    """How many have which reason, the most frequent first.

    >>> reasons([Rejection("empty"), Rejection("refusal"), Rejection("refusal")])
    {'refusal': 2, 'empty': 1}
    """
    names = [one.reason for one in rejections]
    return {name: names.count(name) for name in sorted(set(names), key=lambda name: (-names.count(name), name))}


def _degenerate(said: Answer) -> Rejection | None:
    text = said.text.strip()
    if not text:
        return Rejection("empty")
    if said.finish == "length":
        return Rejection("cut_off", f"{said.answer_tokens} tokens")
    if _REFUSES.search(text[:_BEGINNING]):
        return Rejection("refusal")
    if len(words(text)) < LEAST_WORDS:
        return Rejection("too_short", f"{len(words(text))} words")
    repeated = repeated_share(text)
    return Rejection("repeats_itself", f"{repeated:.2f}") if repeated > MOST_REPEATED else None


def _echoes(text: str) -> Rejection | None:
    """Whether the text is made of what the model was told to do."""
    if _LABELS.search(text):
        return Rejection("prompt_echo", "label")
    echoed = max(shared_grams(text, prompt) for prompt in prompts.INSTRUCTIONS)
    return Rejection("prompt_echo", f"{echoed:.2f}") if echoed >= MOST_ECHOED else None
