"""The patterns of `cuts` as compiled code: where the pre-token ends that begins at a place."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from parlance.dedup.tokens import decoded
from parlance.dedup.vectors import load, lowest

OTHER, LETTER, NUMBER, SPACE, BREAK = range(5)
LLAMA3, GPT2, WORDS = range(3)
STYLES = {"llama3": LLAMA3, "gpt2": GPT2}
# `\p{N}+` has no bound; groups of Llama 3 do.
MOST_DIGITS = {("llama3", "groups"): 3, ("gpt2", "groups"): 1 << 40, ("llama3", "single"): 1, ("gpt2", "single"): 1}
TABLE = 0x34000  # beyond it there are neither letters nor numbers nor white space
ONES = np.uint64(0x0101010101010101)
LONG_S = 0x17F  # an s to a pattern that ignores case


@lru_cache(maxsize=1)
def classes() -> npt.NDArray[np.uint8]:
    """The class of each code point below `TABLE`, as the regular expressions of `tokenizers` see it."""
    from tokenizers import Regex, normalizers

    points = [point for point in range(TABLE) if not 0xD800 <= point < 0xE000]
    text = "".join(map(chr, points))
    found = np.zeros(TABLE, np.uint8)
    for regex, kind in ((r"\p{L}", LETTER), (r"\p{N}", NUMBER), (r"\s", SPACE), (r"[\r\n]", BREAK)):
        marked = normalizers.Replace(Regex(regex), "\U000f0000").normalize_str(text)
        is_kind = np.frombuffer(marked.encode("utf-32-le"), np.uint32) == 0xF0000
        found[np.array(points)[is_kind]] = kind
    return found


@njit(inline="always", cache=True)
def _class(data: Any, place: int, table: Any) -> Any:
    """The class of the character at `place` and its size in bytes."""
    if data[place] < 0x80:
        return table[data[place]], 1
    point, size = decoded(data, place)
    return (table[point] if point < TABLE else np.uint8(OTHER)), size


@njit(inline="always", cache=True)
def is_space(data: Any, place: int, table: Any) -> Any:
    """Whether the character at `place` is white space."""
    return _class(data, place, table)[0] >= SPACE


@njit(inline="always", cache=True)
def _run(data: Any, place: int, end: int, table: Any, kind: int) -> Any:
    """Where the run of characters of `kind` ends that goes on at `place`."""
    while place < end:
        found, size = _class(data, place, table)
        if found != kind:
            break
        place += size
    return place


@njit(inline="always", cache=True)
def _others(word: Any) -> Any:
    """The highest bit of each of eight bytes that is no ASCII letter."""
    small = (word | (ONES << np.uint64(5))) & (ONES * np.uint64(0x7F))
    from_a, behind_z = small + ONES * np.uint64(0x1F), small + ONES * np.uint64(0x05)
    return (~from_a | behind_z | word) & (ONES << np.uint64(7))


@njit(inline="always", cache=True)
def _letters(data: Any, place: Any, end: int, table: Any) -> Any:
    """Where the run of letters ends that goes on at `place`: eight bytes at a time as long as they are ASCII."""
    others = np.uint64(0)
    while others == 0 and place < end:
        others = _others(load(data, place))
        place += np.int64(lowest(others)) >> 3 if others else 8
    if place >= end:
        return end
    return place if data[place] < 0x80 else _run(data, place, end, table, LETTER)


@njit(inline="always", cache=True)
def _numbers(data: Any, place: int, end: int, table: Any, most: int) -> Any:
    count = 0
    while place < end and count < most:
        found, size = _class(data, place, table)
        if found != NUMBER:
            break
        place += size
        count += 1
    return place


@njit(inline="always", cache=True)
def _small(byte: Any, any_case: bool) -> Any:
    return byte | np.uint8(32) if any_case and 65 <= byte <= 90 else byte


@njit(cache=True)
def _contraction(data: Any, place: int, end: int, any_case: bool) -> Any:
    """Where `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` ends that begins at `place`; `place` where there is none."""
    if data[place] != 39 or place + 1 >= end:
        return place
    first = _small(data[place + 1], any_case)
    if first in (115, 116, 109, 100):  # s t m d
        return place + 2
    if place + 2 >= end:
        return place
    second = _small(data[place + 2], any_case)
    if any_case and first == 0xC5 and data[place + 2] == 0xBF:
        return place + 3
    if (first in (114, 118) and second == 101) or (first == 108 and second == 108):  # re ve ll
        return place + 3
    return place


@njit(inline="always", cache=True)
def _spaces(data: Any, place: int, end: int, table: Any, to_break: bool) -> Any:
    """Where a pre-token of white space ends: at its last line break, or before what a word takes with it."""
    after = place
    before_last = place
    broken = place
    while after < end:
        kind, size = _class(data, after, table)
        if kind < SPACE:
            break
        before_last = after
        after += size
        if kind == BREAK:
            broken = after
    if to_break and broken > place:
        return broken
    return after if after == end or before_last == place else before_last


@njit(cache=True)
def cut(data: Any, place: int, end: int, table: Any, style: int, most: int) -> Any:
    """Where the pre-token of `data[:end]` ends that begins at `place`; `most` is the most digits of one.

    Eight bytes beyond `end` must be there.
    """
    kind, size = _class(data, place, table)
    if style == WORDS:
        if kind == LETTER:
            return _letters(data, place + size, end, table)
        if kind == NUMBER:
            return _numbers(data, place, end, table, most)
        if kind == OTHER:
            return place + size
        return place + size
    if kind == LETTER:
        return _letters(data, place + size, end, table)
    stop = _contraction(data, place, end, style == LLAMA3)
    if stop > place:
        return stop
    after = place + size
    following, wide = _class(data, after, table) if after < end else (np.uint8(BREAK), 0)
    is_blank = data[place] == 32
    if following == LETTER and (is_blank or (style == LLAMA3 and kind in (OTHER, SPACE))):
        return _letters(data, after + wide, end, table)
    if kind == NUMBER:
        return _numbers(data, place, end, table, most)
    if style == GPT2 and is_blank and following == NUMBER:
        return _numbers(data, after, end, table, most)
    if kind == OTHER or (is_blank and following == OTHER):
        stop = _run(data, after, end, table, OTHER)
        while style == LLAMA3 and stop < end and data[stop] in (10, 13):
            stop += 1
        return stop
    return _spaces(data, place, end, table, style == LLAMA3)
