r"""What each code point is to the tokeniser: the tables by which compiled code follows Polars' `\w` and lower case."""

import unicodedata
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

SEPARATOR = 0
PLAIN = 1  # a word character that is its own lower case
CAPITAL = 2  # one with another
ODD = 3  # one whose lower case depends on its neighbours or is several, or beyond the tables
UNSPACED = 4  # added to PLAIN where words of the script have no spaces between them
# Bits that the table of `composing` has besides.
MARK = 8  # of a combining class: has an order among others
JOINING = 16  # what `composed` joins to some characters before it
CHANGED = 32  # what it drops or makes another

SCRIPTS_WITHOUT_SPACES = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
INVISIBLE = "\u00ad\u200b\u2060\ufeff"  # within words: soft hyphens, spaces and joiners without width
SIZE = 0x32000

_SURROGATES = range(0xD800, 0xE000)
_SIGMA = 0x3A3  # in the end of a word its lower case is another


@lru_cache(maxsize=1)
def tables() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """The kind and the lower case of each code point below `SIZE`."""
    points = [point for point in range(SIZE) if point not in _SURROGATES]
    characters = pl.Series([chr(point) for point in points])
    lower = characters.str.to_lowercase()
    is_word = lower.str.contains(r"\w").to_numpy()  # Unicode versions differ: some capitals are newer than `\w`
    is_unspaced = characters.str.contains(SCRIPTS_WITHOUT_SPACES).to_numpy()
    is_single = (lower.str.len_chars() == 1).to_numpy()
    kinds = np.where(is_word, np.where((lower == characters).to_numpy(), PLAIN, CAPITAL), SEPARATOR)
    kinds = np.where(is_word & is_unspaced, kinds + UNSPACED, kinds)
    kinds[~is_single] = ODD
    all_kinds = np.full(SIZE, ODD, np.uint8)
    all_kinds[points] = kinds
    all_kinds[_SIGMA] = ODD
    lowers = np.zeros(SIZE, np.uint32)
    lowers[points] = [ord(text[0]) for text in lower]
    return all_kinds, lowers


def composed(texts: pl.Series) -> pl.Series:
    """Texts in NFC without what is invisible within words.

    >>> composed(pl.Series(["e\u0301", "co\u00adop"])).to_list()
    ['é', 'coop']
    """
    visible = texts.str.replace_all(f"[{INVISIBLE}]", "")
    # Python looks first whether there is anything to do: four times as fast as Polars.
    return pl.Series(texts.name, [unicodedata.normalize("NFC", text) for text in visible], dtype=pl.String)


@lru_cache(maxsize=1)
def composing() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The kinds of `tables` with those bits, and all that are joined: `second * SIZE + first`, sorted."""
    kinds, pairs = tables()[0].copy(), set[int]()
    for point in range(SIZE):
        character = chr(point)
        kinds[point] |= MARK * (unicodedata.combining(character) > 0)
        parts = unicodedata.normalize("NFD", character)
        if not unicodedata.is_normalized("NFC", character):
            kinds[point] |= CHANGED
        elif len(parts) > 1:
            for place, second in enumerate(parts[1:], start=1):
                first = unicodedata.normalize("NFC", parts[:place] + parts[place + 1 :])
                if len(first) == 1 and unicodedata.normalize("NFC", first + second) == character:
                    pairs.add(ord(second) * SIZE + ord(first))
    found = np.array(sorted(pairs), np.int64)
    kinds[np.unique(found // SIZE)] |= JOINING
    kinds[[ord(sign) for sign in INVISIBLE]] |= CHANGED
    return kinds, found
