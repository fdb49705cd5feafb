"""What datatrove's C4 filter makes of one line."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from parlance.dedup.vectors import load
from parlance.filters.compiled.datatrove_characters import DIGIT, character
from parlance.filters.datatrove_counting import COUNTED, POLICIES

SENTENCES, LOREM, CURLY, ANY_SENTENCES, ANY_LOREM, ANY_CURLY = (
    COUNTED.index(prefix + name) for prefix in ("", "any_end_") for name in ("sentences", "lorem_lines", "curly_lines")
)
KELVIN = np.uint64(0xAA84E2)  # its lower case is k
# A text that has none of these has no line that C4 judges by more than its sentences.
HINTS = r"(?i)lorem|javascript|terms of|policy|cookies|\[|\{"


@lru_cache(maxsize=1)
def phrase_bytes() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Lorem ipsum, Javascript and the policies, one after another, and where each begins."""
    phrases = [phrase.encode() for phrase in ("lorem ipsum", "javascript", *POLICIES)]
    ends = np.cumsum([0, *map(len, phrases)])
    return np.frombuffer(b"".join(phrases), np.uint8), ends.astype(np.int64)


@njit(nogil=True, cache=True)
def without_citations(data: Any, start: int, end: int, flags: Any, room: Any) -> Any:
    """Writes the bytes without `[12]`, `[]`, `[edit]` and `[citation needed]`; gives their number."""
    size = 0
    place: Any = start
    while place < end:
        if data[place] == 91:
            stop = place + 1
            while stop < end:
                _, width, flag = character(data, stop, flags)
                if not flag & DIGIT:
                    break
                stop += width
            if stop >= end or data[stop] != 93:
                stop = place + 5
                if stop >= end or load(data, place) & np.uint64(0xFFFFFFFFFFFF) != np.uint64(0x5D746964655B):
                    stop = place + 16
                    # "[citatio", "n needed" and "]"
                    if not (
                        stop < end
                        and load(data, place) == np.uint64(0x6F6974617469635B)
                        and load(data, place + 8) == np.uint64(0x64656465656E206E)
                        and data[stop] == 93
                    ):
                        stop = -1
            if stop >= 0:
                place = stop + 1
                continue
        room[size] = data[place]
        size += 1
        place += 1
    return size


@njit(inline="always", cache=True)
def _ends_sentence(byte: Any) -> Any:
    return (byte == 46) | (byte == 33) | (byte == 63)


@njit(nogil=True, cache=True)
def judge(data: Any, start: int, end: int, hint: bool, counts: Any, phrases: Any, bounds: Any) -> None:
    """One line: its sentences, and which of the phrases it has, in C4's order; without `hint` it has none."""
    if start == end:
        return
    sentences = np.int64(not _ends_sentence(data[start]))
    for place in range(start + 1, end):
        sentences += _ends_sentence(data[place - 1]) & ~_ends_sentence(data[place])
    byte = data[end - 1]
    ended = _ends_sentence(byte) or byte == 34 or byte == 39
    if end - start >= 3 and byte == 46 and data[end - 2] == 46 and data[end - 3] == 46:
        ended = False
    lorem = javascript = policy = curly = False
    if hint:
        for place in range(start, end):
            small = data[place] | 32
            curly |= data[place] == 123
            if small == 108:
                lorem |= _begins(data, place, end, phrases, bounds[0], bounds[1])
            elif small == 106:
                javascript |= _begins(data, place, end, phrases, bounds[1], bounds[2])
            else:
                for number in range(2, len(bounds) - 1):
                    if phrases[bounds[number]] == small:
                        policy |= _begins(data, place, end, phrases, bounds[number], bounds[number + 1])
    if lorem:
        counts[ANY_LOREM] += 1
        counts[LOREM] += ended
    elif javascript:
        return
    elif curly:
        counts[ANY_CURLY] += 1
        counts[CURLY] += ended
    elif not policy:
        counts[ANY_SENTENCES] += sentences
        if ended:
            counts[SENTENCES] += sentences


@njit(nogil=True, cache=True)
def _begins(data: Any, place: int, end: int, phrases: Any, first: int, last: int) -> Any:
    """Whether the phrase stands at `place`, in either case."""
    for at in range(first, last):
        if place >= end:
            return False
        wanted, byte = phrases[at], data[place]
        if byte == wanted or (wanted >= 97 and byte == wanted - 32):
            place += 1
        elif wanted == 107 and place + 3 <= end and load(data, place) & np.uint64(0xFFFFFF) == KELVIN:
            place += 3
        else:
            return False
    return True
