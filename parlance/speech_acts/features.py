"""The line of tokens that the classifier reads for an utterance."""

import re
import unicodedata
from typing import Final

from parlance.speech_acts.forms import cues
from parlance.speech_acts.masks import OPENING, emoji_replaced

# Raised whenever the tokens change: a model reads only what it was trained on.
FEATURES_VERSION: Final = 1

# By the places of OPENING.
_NAMES: Final = ("<code>", "<code>", "<link>", "<link>", "<mail>", "<name>")
_TOKEN = re.compile(r"<(?:code|link|mail|name)>|[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|[^\w\s]")
_LONGEST = 200


def form_line(text: str) -> str:
    """Tokens for the model of forms: words, kinds of masked stretches, and cues; never empty, one line."""
    words = _words(text)
    return " ".join([*words, *_edges(words), *(f"<cue:{name}>" for name in cues(text))])


def function_line(line: str, previous: str | None) -> str:
    """Tokens for the model of functions: the `line` of the form and how the previous utterance ended.

    >>> function_line(form_line("Sure"), "Can you?")
    'sure <first:sure> <second:sure,-> <last:word> <short> <previous:?>'
    """
    return f"{line} <previous:{_ending(previous)}>"


def _words(text: str) -> list[str]:
    text = text[: _LONGEST * 20]
    text = (text if text.isascii() else unicodedata.normalize("NFKC", text)).lower()
    for (pattern, signs), name in zip(OPENING, _NAMES, strict=True):
        if any(sign in text for sign in signs):
            text = pattern.sub(f" {name} ", text)
    tokens = _TOKEN.findall(emoji_replaced(text, lambda match: f" {match[0].strip(':').replace('_', ' ')} "))
    return ["0" if token.isdigit() else token for token in tokens[:_LONGEST]]


def _edges(words: list[str]) -> list[str]:
    first, second = [*words[:2], "-", "-"][:2]
    last = _ending(words[-1] if words else None)
    length = "short" if len(words) <= 3 else "middle" if len(words) <= 12 else "long"
    return [f"<first:{first}>", f"<second:{first},{second}>", f"<last:{last}>", f"<{length}>"]


def _ending(text: str | None) -> str:
    """How a text ends: its last mark, `word` without one, `nothing` where there is no text."""
    stripped = (text or "").rstrip()
    if not stripped:
        return "nothing"
    stripped = unicodedata.normalize("NFKC", stripped[-1])
    return stripped[-1] if stripped[-1] in "?!.:…" else "word"
