"""How much of a text stands in another: ROUGE-L for requests, 5-grams for answers."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

_WORDS: Final = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|\w+")  # scripts without spaces by character
COMPARED: Final = 20


class Nearest(NamedTuple):
    """The id of the text that is most alike, empty where none is, and by how much, 0 to 1."""

    id: str
    share: float


def words(text: str) -> list[str]:
    """Words in lower case, without marks.

    >>> words("Isn't it?")
    ['isn', 't', 'it']
    """
    return _WORDS.findall(text.lower())


def rouge_l(one: Sequence[str], other: Sequence[str]) -> float:
    """F1 of the longest common subsequence (Lin 2004, section 3).

    >>> rouge_l("the cat sat here".split(), "the cat lay here".split())
    0.75
    """
    if not (one and other):
        return 0.0
    return float(_scorer().score(" ".join(other), " ".join(one))["rougeL"].fmeasure)


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Spaced())


class _Spaced:
    """What `words` made, as it is."""

    def tokenize(self, text: str) -> list[str]:
        return text.split(" ")


def repeated_share(text: str, *, size: int = 3) -> float:
    """The share of n-grams of `size` words that stood before in the text.

    >>> repeated_share("go on and on and on and on")
    0.5
    """
    grams = _grams(words(text), size)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


class Requests:
    """Texts to compare short requests with: ROUGE-L with those that share most pairs of words."""

    def __init__(self) -> None:
        self._words: dict[str, list[str]] = {}
        self._places: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)

    def add(self, id: str, text: str) -> None:
        self._words[id] = words(text)
        for gram in set(_grams(self._words[id], 2)):
            self._places[gram].append(id)

    def nearest(self, text: str, *, but: Collection[str] = ()) -> Nearest:
        """The most alike, leaving out the ids in `but`."""
        asked = words(text)
        shared = Counter(id for gram in set(_grams(asked, 2)) for id in self._places.get(gram, ()) if id not in but)
        likely = sorted(shared, key=lambda id: (-shared[id], id))[:COMPARED]
        found = [Nearest(id, rouge_l(asked, self._words[id])) for id in likely]
        return max(found, key=lambda one: one.share, default=Nearest("", 0.0))


class Answers:
    """Texts to compare long answers with: the share of 5-grams that stand in one of them."""

    def __init__(self) -> None:
        self._places: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)

    def add(self, id: str, text: str) -> None:
        for gram in set(_grams(words(text), 5)):
            self._places[gram].append(id)

    def nearest(self, text: str) -> Nearest:
        """The text that holds the most of `text`; a text of fewer than five words is nobody's."""
        grams = set(_grams(words(text), 5))
        shared = Counter(id for gram in grams for id in self._places.get(gram, ()))
        found = sorted(shared, key=lambda id: (-shared[id], id))[:1]
        return Nearest(found[0], shared[found[0]] / len(grams)) if found else Nearest("", 0.0)


def shared_grams(text: str, other: str, *, size: int = 5) -> float:
    """The share of the n-grams of `text` that stand in `other`.

    >>> shared_grams("a b c d e f", "x a b c d e")
    0.5
    """
    grams = set(_grams(words(text), size))
    return len(grams & set(_grams(words(other), size))) / len(grams) if grams else 0.0


def _grams(text: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(text[start : start + size]) for start in range(len(text) - size + 1)]
