"""What a character is to datatrove.

White space, line breaks, letters and digits are those of this Python, since datatrove's code asks Python.
"""

import re
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from parlance.dedup.tokens import decoded
from parlance.filters.compiled.counts import TABLE

SPACE, BREAK, ALPHABETIC, PUNCTUATION, TERMINAL, DIGIT = (1 << bit for bit in range(6))
BREAKS = "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
# Unicode's Sentence_Terminal before version 16, with three Khmer signs.
TERMINALS = (
    r"[\p{Sentence_Terminal}\u{17D6}\u{17D9}\u{17DA}--[\u{1B4E}\u{1B4F}\u{1B7F}\u{2024}\u{2CF9}-\u{2CFB}"
    r"\u{FE12}\u{FE15}\u{FE16}\u{113D4}\u{113D5}\u{16D6E}\u{16D6F}]]"
)
# What a word of nothing else is no word with; the digit one of full width is among them.
SYMBOLS = re.compile("[\x00-\x08\x0b-\x1f!-/:-@\\[-`{-\x9f«´»–—’“”„…∶━►、〈-」【】％（），１：；～]")


@lru_cache(maxsize=1)
def classes() -> npt.NDArray[np.uint8]:
    """What each code point below `TABLE` is, as sums of the classes."""
    points = [point for point in range(TABLE) if not 0xD800 <= point < 0xE000]
    characters = [chr(point) for point in points]
    flags = np.zeros(TABLE, np.uint8)
    terminal = pl.Series(characters).str.contains(TERMINALS).to_numpy()
    flags[points] = [
        SPACE * one.isspace()
        | BREAK * (one in BREAKS)
        | ALPHABETIC * one.isalpha()
        | PUNCTUATION * (ends or SYMBOLS.match(one) is not None)
        | TERMINAL * bool(ends)
        | DIGIT * one.isdecimal()
        for one, ends in zip(characters, terminal, strict=True)
    ]
    return flags


@njit(inline="always", cache=True)
def character(data: Any, place: int, flags: Any) -> Any:
    point, size = np.uint32(data[place]), 1
    if point >= 0x80:
        point, size = decoded(data, place)
    return point, size, flags[point] if point < TABLE else np.uint8(0)
