r"""Sequences of words, and where they stand in texts.

A word is a run of `\w` in lower case; each character of a script without spaces (Chinese, Japanese, Thai ...) is a word
of its own, whatever stands around it, and a final sigma is a sigma. Letters and marks are composed, and what is
invisible within words is not there. So case, punctuation and line breaks do not count.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from parlance.dedup import characters
from parlance.dedup.tokens import READY, REWRITTEN, Texts, buffers, composed
from parlance.references.compiled import LARGEST, Places, occurrences, sequences, special, spread, table

Arrays = tuple[object, object, object, object, object]


class Phrases:
    """Texts of which each sequence of `size` words is known, all words of a text where it has fewer.

    `known` has one row for each sequence of each text: `text` (its number), `place` (of its first word), `key` (its
    number among the different sequences); `words` is the number of words of each text.
    """

    def __init__(self, texts: pl.Series, *, size: int = LARGEST) -> None:
        self.words: Places = np.zeros(len(texts), np.int64)
        found = []
        for numbers, arrays in _parts(texts):
            rows, places, keys, counts = sequences(*arrays, size)
            self.words[numbers] = counts
            found.append((numbers[rows], places, keys))
        text, place, keys = (np.concatenate(columns) for columns in zip(*found, strict=True))
        different, key = np.unique(keys, return_inverse=True)
        self.known = pl.DataFrame({"text": text, "place": place, "key": key.astype(np.int64)})
        self._sizes = np.zeros(min(size, int(self.words.max(initial=0))) + 1, np.bool_)
        self._sizes[np.minimum(self.words, size)] = True
        self._table = table(different)

    def occurrences(self, texts: pl.Series) -> pl.DataFrame:
        """One row for each place of `texts` where a known sequence stands: `row` and `key`, in no order."""
        found = [(numbers, occurrences(*arrays, self._sizes, *self._table)) for numbers, arrays in _parts(texts)]
        rows = np.concatenate([numbers[rows] for numbers, (rows, _) in found])
        return pl.DataFrame({"row": rows, "key": np.concatenate([keys for _, (_, keys) in found])})


def _parts(texts: pl.Series) -> Iterator[tuple[Places, Arrays]]:
    """Texts as compiled code reads them, with their places: most as they are, the special ones with words apart."""
    data, offsets = buffers(texts)
    is_special = special(data, offsets, characters.tables()[0])
    plain = texts if not is_special.any() else texts.filter(pl.Series(~is_special))
    yield np.flatnonzero(~is_special), Texts(plain).arrays
    if not is_special.any():
        return
    rows, some = np.flatnonzero(is_special), composed(texts.filter(pl.Series(is_special)))
    data, offsets, is_odd = spread(*buffers(some), characters.tables()[0])
    yield rows, (data, offsets, np.full(len(rows), REWRITTEN, np.uint8), *characters.tables())
    if is_odd.any():
        odd = _apart(some.filter(pl.Series(is_odd)))
        yield rows[is_odd], (*buffers(odd), np.full(len(odd), READY, np.uint8), *characters.tables())


def _apart(texts: pl.Series) -> pl.Series:
    """What `spread` makes of texts, and in lower case, for those that have characters beyond its tables."""
    lower = texts.str.to_lowercase().str.replace_all("ς", "σ", literal=True).str.replace_all(r"\W+", " ")
    return lower.str.replace_all(f"({characters.SCRIPTS_WITHOUT_SPACES})", " $1 ")
