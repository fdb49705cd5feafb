"""Texts cut into utterances, by code-point offsets."""

import re
from collections.abc import Iterator
from itertools import pairwise

from parlance.speech_acts.masks import (
    EMOJI_PLACEHOLDER,
    LINE_BREAKS,
    code_blocks,
    inside_grapheme,
    is_whole,
    masked,
)
from parlance.speech_acts.sentences import sentence_starts

_LINE = re.compile(f"[^{LINE_BREAKS}]+")


def utterances(text: str) -> list[tuple[int, int]]:
    """Half-open code-point offsets of the utterances of `text`, in order and without overlap.

    A block of code is one utterance, and so is a row of a table or a line that quotes. A line break ends an utterance
    and so does the end of a sentence; addresses, code, mentions and emoji never do. Only white space is left out.

    >>> text = "Done! shall I open https://a.example/?q=1 too?\\n```\\na. b\\n```"
    >>> [text[start:end] for start, end in utterances(text)]
    ['Done!', 'shall I open https://a.example/?q=1 too?', '```\\na. b\\n```']
    """
    cuts = sorted({0, len(text), *_cuts(text)})
    starts = cuts if text.isascii() else [cut for cut in cuts if not inside_grapheme(text, cut)]
    pieces = (_trimmed(text, start, end) for start, end in pairwise(starts))
    return [(start, end) for start, end in pieces if start < end]


def _cuts(text: str) -> Iterator[int]:
    position, hidden = 0, masked(text)
    for start, end in code_blocks(text):
        yield from _line_cuts(text, hidden, position, start)
        yield start
        yield end
        position = end
    yield from _line_cuts(text, hidden, position, len(text))


def _line_cuts(text: str, hidden: str, start: int, end: int) -> Iterator[int]:
    for line in _LINE.finditer(hidden, start, end):
        yield line.start()
        yield line.end()
        if not is_whole(text, line.start(), line.end()):
            yield from (line.start() + cut for cut in sentence_starts(line[0], EMOJI_PLACEHOLDER))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace() and not inside_grapheme(text, start + 1):
        start += 1
    while start < end and text[end - 1].isspace() and not inside_grapheme(text, end - 1):
        end -= 1
    return start, end
