"""A seeded corpus of web-like texts with planted near duplicates, for the benchmarks of deduplication and filters.

Words are drawn from a Zipf distribution over made-up and common words; lengths are log-normal, about 4.5 KB a
document. A third of the documents are edited copies of an earlier one: some words are replaced, so that their
Jaccard of word 5-grams lies anywhere between about 0.3 and 1, and the truth is computed, not assumed.
"""

import collections

import numpy as np
import pyarrow as pa

COMMON = """
the of and to a in is it you that he was for on are with as I his they be at one have this from or had by not
but some what there we can out other were all your when up use word how said an each she which do their time if
will way about many then them would write like so these her long make thing see him two has look more day could
go come did my sound no most number who over know water than call first people may down side been now find any
new work part take get place made live where after back little only round man year came show every good me give
our under name very through just form much great think say help low line before turn cause same mean differ move
""".split()  # noqa: SIM905
LETTERS = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
VOCABULARY = 30_000
COPY_SHARE = 1 / 3
CHANGES = (0, 0.002, 0.01, 0.02, 0.03, 0.05, 0.1)
REMEMBERED = 20_000


def texts(documents: int, *, seed: int = 1) -> pa.LargeStringArray:
    """`documents` texts; a copy comes after its original, in no fixed distance."""
    chance = np.random.default_rng(seed)
    words = _words(chance)
    weights = 1 / np.arange(2, VOCABULARY + 2) ** 1.05
    chances = np.cumsum(weights / weights.sum())
    chances[-1] = 1
    made: list[str] = []
    originals: collections.deque[tuple[np.ndarray, np.ndarray]] = collections.deque(maxlen=REMEMBERED)
    for _ in range(documents):
        if originals and chance.random() < COPY_SHARE:
            tokens, stops = originals[int(chance.integers(len(originals)))]
            tokens = edited(tokens, chance.choice(CHANGES), chance)
        else:
            length = int(np.clip(chance.lognormal(6.3, 0.8), 20, 20_000))
            tokens = np.searchsorted(chances, chance.random(length), side="right")
            stops = np.cumsum(chance.integers(5, 25, length // 5 + 1))
        originals.append((tokens, stops))
        made.append(_written(words[tokens].tolist(), stops))
    return pa.array(made, pa.large_string())


def edited(words: np.ndarray, share: float, chance: np.random.Generator) -> np.ndarray:
    """A copy in which `share` of the words, at random places, is drawn anew.

    A 5-gram stays if none of its words is hit, so that `(1 - share) ** 5 = k` of them do and Jaccard is `k / (2 - k)`.
    """
    own = words.copy()
    changes = int(len(own) * share)
    own[chance.integers(0, len(own), changes)] = chance.integers(0, VOCABULARY, changes)
    return own


def _words(chance: np.random.Generator) -> np.ndarray:
    lengths = np.clip(chance.normal(7, 2.5, VOCABULARY), 2, 16).astype(int)
    weights = 1 / np.arange(3, 29)
    weights /= weights.sum()
    made = ["".join(chance.choice(LETTERS, size, p=weights)) for size in lengths]
    made[: len(COMMON)] = COMMON
    for place in range(200, VOCABULARY, 37):
        made[place] = made[place].replace("e", "é").replace("o", "ö")
    return np.array(made, dtype=object)


def _written(words: list[str], stops: np.ndarray) -> str:
    """Sentences, some of which end a line; a copy keeps the stops of its original, so that only words differ."""
    parts: list[str] = []
    begin = 0
    for number, stop in enumerate(stops.tolist()):
        sentence = " ".join(words[begin:stop])
        parts.append(sentence[:1].upper() + sentence[1:] + (".\n" if number % 5 == 4 else ". "))
        begin = stop
        if begin >= len(words):
            break
    return "".join(parts).strip()
