"""What two texts share, for people to look at."""

import re
from dataclasses import dataclass

WORD = re.compile(r"\w+")
NGRAM = 5

Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The Jaccard of two texts' word 5-grams, and the spans (start, end) in each that common ones cover."""

    jaccard: float
    left: list[Span]
    right: list[Span]


def shared(left: str, right: str, *, ngram: int = NGRAM) -> Shared:
    """Compares the lower-cased words of two texts; a text of fewer than `ngram` words is one n-gram.

    Words are Python's, which differ from those of `signatures` in some scripts: this is a picture, not the verdict.

    >>> shared("He said: to be or not to be.", "TO BE or not to be?", ngram=3).left
    [(9, 27)]
    """
    ours, theirs = _grams(left, ngram), _grams(right, ngram)
    common = {gram for gram, _ in ours} & {gram for gram, _ in theirs}
    union = {gram for gram, _ in ours} | {gram for gram, _ in theirs}
    return Shared(
        jaccard=len(common) / len(union) if union else 1.0,
        left=_covered(ours, common),
        right=_covered(theirs, common),
    )


def _grams(text: str, ngram: int) -> list[tuple[tuple[str, ...], Span]]:
    words = [(match[0].lower(), match.span()) for match in WORD.finditer(text)]
    size = min(ngram, len(words))
    return [
        (tuple(word for word, _ in words[i : i + size]), (words[i][1][0], words[i + size - 1][1][1]))
        for i in range(len(words) - size + 1 if words else 0)
    ]


def _covered(grams: list[tuple[tuple[str, ...], Span]], common: set[tuple[str, ...]]) -> list[Span]:
    """The spans of the n-grams that are common, united where they meet."""
    spans: list[Span] = []
    for gram, (start, end) in grams:
        if gram not in common:
            continue
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans
