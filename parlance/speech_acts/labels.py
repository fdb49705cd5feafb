"""The eight labels that a form or a function has."""

from enum import StrEnum


class SpeechAct(StrEnum):
    """What an utterance looks like (its form) or does (its function)."""

    EXPRESSIVE = "expressive"
    COMMISSIVE = "commissive"
    DIRECTIVE = "directive"
    DECLARATION = "declaration"
    VERDICTIVE = "verdictive"
    QUESTION = "question"
    REPRESENTATIVE = "representative"
    NONE = "none"


LABELS: tuple[str, ...] = tuple(SpeechAct)
