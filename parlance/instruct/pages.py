"""Pages to sections: a heading, or a question that stands alone, and the passage below it.

Kept documents are plain text. What was a heading is a short line without a full stop before a line of prose; which
lines ask is what their speech acts say.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from parlance.instruct.threads import Act
from parlance.speech_acts import SpeechAct

LEAST_WORDS: Final = 20  # of a passage
LEAST_ANSWER_WORDS: Final = 4
MOST_WORDS: Final = 1_000
_HEADING_CHARACTERS, _HEADING_WORDS, _HEADING_LETTERS = 100, 14, 0.75
_QUESTION_CHARACTERS = 200
_MOST_HEADINGS_TOGETHER = 2  # more short lines in a row are a menu or a list
_BEGINS: Final = re.compile(r"[^\W_a-zà-öø-ÿ]|[¿¡\"“«„'‘]")
_PROSE: Final = re.compile(r"[.!?…。！？:;,|]$|^\W*[-*•·|>#]|\||[{}=<>]")
_ASKS: Final = re.compile(r"[?？؟;]$")
_LABELLED_QUESTION: Final = re.compile(
    r"^(?:Q|F|P|Question|Frage|Pregunta|Pergunta)\s?\d{0,3}\s?[:.)]\s+", re.IGNORECASE
)
_LABELLED_ANSWER: Final = re.compile(
    r"^(?:A|R|Answer|Antwort|Réponse|Respuesta|Resposta)\s?\d{0,3}\s?[:.)]\s+", re.IGNORECASE
)
# A question that begins so goes on from something said before.
_LEANS: Final = re.compile(
    r"[¿\"“«„\s]*(?:and|but|so|or|then|und|aber|oder|also|dann|et|mais|ou|alors|donc|y|pero|o|entonces|e|mas|então)\b",
    re.IGNORECASE,
)
# What asks for a passage by its heading, in the language of the page; in others the heading alone does.
ASKING_FOR: Final = {
    "de": "Schreibe einen Abschnitt mit der Überschrift „{}“.",
    "en": "Write a passage with the heading “{}”.",
    "es": "Escribe un pasaje con el título «{}».",
    "fr": "Écris un passage sous le titre « {} ».",
    "pt": "Escreve um trecho com o título «{}».",
}


class Line(NamedTuple):
    """A line that is not blank; `start` counts code points of the document's text, `written` keeps its indentation."""

    start: int
    text: str
    acts: Sequence[Act]
    written: str

    @property
    def asks(self) -> bool:
        """Whether it is a question and nothing else: one sentence, short, by its mark or where a rule says so."""
        if len(self.text) > _QUESTION_CHARACTERS or len(self.acts) > 1 or not _BEGINS.match(self.text):
            return False
        by_rule = any(act.certain_form and act.form == SpeechAct.QUESTION for act in self.acts)
        return by_rule or bool(_ASKS.search(self.text))


class Section(NamedTuple):
    """A heading with its acts and the lines below it; `title` is that of the page, where the heading is another.

    `asks`: the heading is a question.
    """

    heading: str
    title: str | None
    lines: Sequence[Line]
    asks: bool
    acts: Sequence[Act] = ()

    @property
    def text(self) -> str:
        return "\n".join(line.written for line in self.lines).strip()

    @property
    def words(self) -> int:
        return sum(len(line.text.split()) for line in self.lines)

    @property
    def leans(self) -> bool:
        """Whether its question needs what stands before it."""
        return self.asks and bool(_LEANS.match(self.heading))

    def instruction(self, language: str | None) -> str:
        """What asks for the passage: the question, or the heading in the words of `language`."""
        if self.asks:
            return self.heading
        named = f"{self.title}: {self.heading}" if self.title else self.heading
        template = ASKING_FOR.get(language or "")
        return template.format(named) if template else named


def lines(text: str, acts: Sequence[tuple[int, Act]]) -> list[Line]:
    """The lines of `text` that are not blank, each with the `acts` that begin in it, which are in their order."""
    found, start, place = [], 0, 0
    for whole in text.split("\n"):
        end = start + len(whole)
        first = place
        while place < len(acts) and acts[place][0] <= end:
            place += 1
        if stripped := whole.strip():
            found.append(Line(start, stripped, [act for _, act in acts[first:place]], whole.rstrip()))
        start = end + 1
    return found


def sections(found: Sequence[Line], title: str | None) -> Iterator[Section]:
    """The sections of a page in their order; what stands before the first heading belongs to `title`."""
    title = (title or "").strip() or None
    is_question = [_is_question(found, place) for place in range(len(found))]
    kept = [line for place, line in enumerate(found) if line.text != title or is_question[place]]
    is_question = [_is_question(kept, place) for place in range(len(kept))]
    is_heading = _headings(kept, is_question)
    heads = [place for place in range(len(kept)) if is_question[place] or is_heading[place]]
    if title and (not heads or heads[0] > 0):
        asks = bool(_ASKS.search(title))
        yield Section(title, None, _answering(kept[: heads[0] if heads else None]), asks)
    for place, end in pairwise([*heads, len(kept)]):
        line = kept[place]
        heading = _LABELLED_QUESTION.sub("", line.text) if is_question[place] else line.text
        yield Section(heading, title, _answering(kept[place + 1 : end]), is_question[place], line.acts)


def _answering(below: Sequence[Line]) -> list[Line]:
    """The lines without the mark of an answer at their beginning."""
    if not below or not _LABELLED_ANSWER.match(below[0].text):
        return list(below)
    bare = _LABELLED_ANSWER.sub("", below[0].text)
    return [below[0]._replace(text=bare, written=bare), *below[1:]]


def _is_question(found: Sequence[Line], place: int) -> bool:
    """Whether the line asks, and what follows does not."""
    if place + 1 >= len(found) or found[place + 1].asks:
        return False
    line = found[place]
    return line.asks or bool(_LABELLED_QUESTION.match(line.text) and _LABELLED_ANSWER.match(found[place + 1].text))


def _headings(found: Sequence[Line], is_question: Sequence[bool]) -> list[bool]:
    """Which lines are headings: short lines, two in a row at most, before a line that is none."""
    short = [not asks and _looks_like_heading(line.text) for line, asks in zip(found, is_question, strict=True)]
    headings, run = [False] * len(found), 0
    for place, is_short in enumerate(short):
        run = run + 1 if is_short else 0
        ends = is_short and place + 1 < len(found) and not short[place + 1] and not is_question[place + 1]
        headings[place] = ends and run <= _MOST_HEADINGS_TOGETHER
    return headings


def _looks_like_heading(text: str) -> bool:
    words = text.split()
    if not 1 < len(text) <= _HEADING_CHARACTERS or len(words) > _HEADING_WORDS:
        return False
    if not _BEGINS.match(text) or _PROSE.search(text):
        return False
    return sum(character.isalpha() or character == " " for character in text) >= _HEADING_LETTERS * len(text)


def usable(section: Section) -> str | None:
    """Why `section` is no example; null where it is one. `short_passage` and `long_passage` go by words."""
    least = LEAST_ANSWER_WORDS if section.asks else LEAST_WORDS
    if section.words < least:
        return "short_passage"
    return "long_passage" if section.words > MOST_WORDS else None


def evidence(section: Section) -> Mapping[str, Any]:
    """What the labels say of a section, as columns of EXAMPLES."""
    answering = [act for line in section.lines for act in line.acts]
    return {
        "asks": [
            {"form": act.form, "function": None if act.abstained else act.function}
            for act in section.acts
            if act.asks(SpeechAct.QUESTION, SpeechAct.DIRECTIVE)
        ],
        "answers": [act.function for act in answering if not act.abstained],
        "thanked": False,
        "promise": None,
        "unsure": sum(act.abstained for act in (*section.acts, *answering)),
    }
