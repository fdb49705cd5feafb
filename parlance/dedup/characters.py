r"""What each code point is to the tokeniser: the tables by which compiled code follows Polars' `\w` and lower case."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

SEPARATOR = 0
PLAIN = 1  # a word character that is its own lower case
CAPITAL = 2  # one with another
ODD = 3  # one whose lower case depends on its neighbours or is several, or beyond the tables
UNSPACED = 4  # added to PLAIN where words of the script have no spaces between them

SCRIPTS_WITHOUT_SPACES = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
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
