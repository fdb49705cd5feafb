"""The compiled pass behind `parlance.filters.rps_counting`.

What a character is and how it decomposes is asked of this Python, since RedPajama's code asks Python. Two things
differ: a capital sigma is always σ, and combining marks stay in the order in which they stand.
"""

import string
import unicodedata
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from parlance.dedup.tokens import CHUNK_FACTOR, LENGTH_FACTOR, MAXIMUM, ONE, buffers, decoded, mixed
from parlance.dedup.vectors import BLOCK, load
from parlance.filters.compiled.counts import ELLIPSIS, TABLE
from parlance.filters.rps_counting import COUNTED, DUPLICATE, STOP_WORDS, TOP

SPACE, WORD, UPPER, LOWER, NUMERICAL, PUNCTUATION, BULLET = (1 << bit for bit in range(7))
# Round and triangular bullets, triangles to either side, squares, and the en dash.
BULLETS = "\u2022\u2023\u25b6\u25c0\u25e6\u25a0\u25a1\u25aa\u25ab\u2013"
QUOTATION_MARK = 0x201D
STOP_SLOTS = 1024
FIVE = np.uint64(0xFFFFFFFFFF)
LOREM, IPSUM, JAVASCRI, VASCRIPT = (
    np.uint64(int.from_bytes(word, "big")) for word in (b"lorem", b"ipsum", b"javascri", b"vascript")
)

(
    CHARACTERS, RAW_WORDS, RAW_ALPHABETIC, RAW_UPPER, RAW_STOP, SYMBOLS, CURLY, WORDS, WORD_CHARACTERS, UNIQUE_WORDS,
    ENTROPY, LOREMS, SENTENCES, LINES, ELLIPSIS_LINES, TERMINAL_LINES, BULLET_LINES, JAVASCRIPTS, NUMERICALS, UPPERS,
    FIRST_TOP, *_,
) = range(len(COUNTED))  # fmt: skip
FIRST_DUPLICATE = FIRST_TOP + len(TOP)


def counts(texts: pl.Series) -> npt.NDArray[np.float64]:
    """`(texts, COUNTED)`."""
    data, offsets = buffers(texts)
    result = np.zeros((len(texts), len(COUNTED)), np.float64)
    _count(data, offsets, *_characters(), _stop_words(), result)
    return result


@lru_cache(maxsize=1)
def _characters() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], npt.NDArray[np.uint32]]:
    """What each code point below `TABLE` is, and where among the small decomposed ones its own begin."""
    flags = np.zeros(TABLE, np.uint8)
    small: list[str] = []
    for point in range(TABLE):
        if 0xD800 <= point < 0xE000:
            small.append("")
            continue
        one = chr(point)
        lower = unicodedata.normalize("NFD", one.lower()).replace("ς", "σ")
        small.append(lower)
        flags[point] = (
            SPACE * one.isspace()
            | WORD * (one.isalnum() or one == "_")
            | UPPER * one.isupper()
            | LOWER * (one.islower() or (one.istitle() and not one.isupper()))
            | NUMERICAL * lower.isnumeric()
            | PUNCTUATION * (one in string.punctuation)
            | BULLET * (one in BULLETS)
        )
    begins = np.cumsum([0, *map(len, small)], dtype=np.int32)
    return flags, begins, np.frombuffer("".join(small).encode("utf-32-le"), np.uint32)


@lru_cache(maxsize=1)
def _stop_words() -> npt.NDArray[np.uint64]:
    """A table of the words as the bytes of a number."""
    table = np.zeros(STOP_SLOTS, np.uint64)
    for word in STOP_WORDS:
        value = int.from_bytes(word.encode(), "little")
        slot = int(_slot(np.uint64(value)))
        while table[slot]:
            slot = (slot + 1) % STOP_SLOTS
        table[slot] = value
    return table


@njit(inline="always", cache=True)
def _slot(value: Any) -> Any:
    return np.int64((value * CHUNK_FACTOR) >> np.uint64(54))


@njit(inline="always", cache=True)
def _is_stop_word(data: Any, start: int, end: int, table: Any) -> bool:
    if end - start > 8:
        return False
    value = load(data, start) & (MAXIMUM >> np.uint64(64 - 8 * (end - start)))
    slot = _slot(value)
    while table[slot] != 0:
        if table[slot] == value:
            return True
        slot = (slot + 1) % STOP_SLOTS
    return False


@njit(nogil=True, cache=True)
def _count(data: Any, offsets: Any, flags: Any, begins: Any, small: Any, stop_words: Any, into: Any) -> None:
    most = 0
    for row in range(len(into)):
        most = max(most, offsets[row + 1] - offsets[row])
    entries = most // 2 + 2
    room = np.zeros(most + BLOCK, np.uint8)
    words, lengths = np.empty(entries, np.uint64), np.empty(entries, np.int64)
    slots = 16
    while slots < 2 * entries:
        slots *= 2
    table, seen, firsts = np.zeros(slots, np.uint64), np.zeros(slots, np.int32), np.zeros(slots, np.int32)
    active, keys, places = np.empty(entries, np.int32), np.empty(entries, np.uint64), np.empty(entries, np.int64)
    for row in range(len(into)):
        start, end = offsets[row], offsets[row + 1]
        text = data
        if end + BLOCK > len(data):  # loads would read beyond the buffer
            room[: end - start] = data[start:end]
            start, end, text = 0, end - start, room
        _scan(text, start, end, flags, begins, small, stop_words, into[row], words, lengths)
        _grams(words, lengths, into[row], table, seen, firsts, active, keys, places)


@njit(nogil=True, cache=True)
def _scan(
    data: Any, start: int, end: int, flags: Any, begins: Any, small: Any, stop_words: Any,
    counts: Any, words: Any, lengths: Any,
) -> None:  # fmt: skip
    characters = count = total = raw = raw_alphabetic = raw_upper = raw_stop = symbols = curly = np.int64(0)
    lorem = sentences = lines = ellipsis_lines = terminal_lines = bullet_lines = javascripts = np.int64(0)
    numerical_share = upper_share = 0.0
    token_at = np.int64(-1)
    token_kind = np.uint8(0)
    has_ascii: Any = False
    has_upper = has_lower = in_sentence = after_lorem = False
    line_from = line_upper = line_numerical = line_words = line_characters = dots = line_dots = np.int64(0)
    first_flag = np.uint8(0)
    last = np.uint32(0)
    value, recent, early = np.uint64(0), np.uint64(0), np.uint64(0)
    length = np.int64(0)  # of the normalised word so far
    starts_ipsum = False
    place = np.int64(start)
    while place <= end:
        size: Any = 1
        point, flag = np.uint32(10), np.uint8(SPACE)
        if place < end:
            point = np.uint32(data[place])
            if point >= 0x80:
                point, size = decoded(data, place)
            flag = flags[point] if point < TABLE else np.uint8(0)
        kind = np.uint8(flag & WORD or 64) if not flag & SPACE else np.uint8(0)
        if token_at >= 0 and kind != token_kind:
            raw += 1
            raw_alphabetic += has_ascii
            raw_upper += has_upper and not has_lower
            if token_kind == WORD:
                raw_stop += _is_stop_word(data, token_at, place, stop_words)
            token_at, has_upper, has_lower, has_ascii = np.int64(-1), False, False, False
        if flag & SPACE:
            dots = np.int64(0)
            if length:
                # With the length, since a null character leaves the value as it is.
                words[count], lengths[count] = mixed(value ^ (np.uint64(length) * LENGTH_FACTOR)) | ONE, length
                count += 1
                total += length
                line_words += 1
                line_characters += length
                javascripts += length == 10 and early == JAVASCRI and recent == VASCRIPT
                lorem += after_lorem and starts_ipsum
                after_lorem = recent & FIVE == LOREM
                value, recent, early = np.uint64(0), np.uint64(0), np.uint64(0)
                length, starts_ipsum = np.int64(0), False
            if point == 10:
                whole = characters - line_from + (place < end)
                if whole:
                    lines += 1
                    ellipsis_lines += line_dots >= 3 or last == ELLIPSIS
                    terminal_lines += last == 46 or last == 33 or last == 63 or last == QUOTATION_MARK
                    bullet_lines += (first_flag & BULLET) != 0
                    upper_share += line_upper / whole
                    if line_words:
                        numerical_share += line_numerical / (line_characters + line_words - 1)
                line_from = characters + 1
                line_upper = line_numerical = line_words = line_characters = line_dots = np.int64(0)
                first_flag, last = np.uint8(0), np.uint32(0)
        else:
            if token_at < 0:
                token_at, token_kind = place, kind
            if last == 0:
                first_flag = flag
            ascii_letter = 97 <= (point | 32) <= 122
            has_ascii |= ascii_letter
            has_upper |= (flag & UPPER) != 0
            has_lower |= (flag & LOWER) != 0
            line_upper += (flag & UPPER) != 0
            line_numerical += (flag & NUMERICAL) != 0
            symbols += point == 35 or point == ELLIPSIS
            curly += point == 123 or point == 125
            if point == 46:
                dots += 1
                symbols += dots % 3 == 0
            else:
                dots = np.int64(0)
            line_dots = dots
            last = max(point, np.uint32(1))
            if not flag & PUNCTUATION:
                if point < 0x80:
                    code = point | 32 if flag & UPPER else point
                    value = (value ^ np.uint64(code)) * CHUNK_FACTOR
                    recent = (recent << np.uint64(8)) | np.uint64(code)
                    length += 1
                    if length == 5:
                        starts_ipsum = recent == IPSUM
                    elif length == 8:
                        early = recent
                else:
                    first = begins[point] if point < TABLE else 0
                    until = begins[point + 1] if point < TABLE else 1
                    for at in range(first, until):
                        code = small[at] if point < TABLE else point
                        value = (value ^ np.uint64(code)) * CHUNK_FACTOR
                        recent = (recent << np.uint64(8)) | np.uint64(code if code < 0x80 else 0xFF)
                        length += 1
                        if length == 5:
                            starts_ipsum = recent == IPSUM
                        elif length == 8:
                            early = recent
        if point == 46 or point == 33 or point == 63:
            in_sentence = False
        elif flag & WORD and not in_sentence:
            in_sentence = True
            sentences += 1
        characters += place < end
        place += size
    counts[CHARACTERS], counts[SYMBOLS], counts[CURLY] = characters, symbols, curly
    counts[RAW_WORDS], counts[RAW_ALPHABETIC], counts[RAW_UPPER], counts[RAW_STOP] = (
        raw, raw_alphabetic, raw_upper, raw_stop,
    )  # fmt: skip
    counts[WORDS], counts[WORD_CHARACTERS], counts[LOREMS], counts[SENTENCES] = count, total, lorem, sentences
    counts[LINES], counts[ELLIPSIS_LINES], counts[TERMINAL_LINES] = lines, ellipsis_lines, terminal_lines
    counts[BULLET_LINES], counts[JAVASCRIPTS] = bullet_lines, javascripts
    counts[NUMERICALS], counts[UPPERS] = numerical_share, upper_share


@njit(nogil=True, cache=True)
def _grams(
    words: Any, lengths: Any, counts: Any,
    table: Any, seen: Any, firsts: Any, active: Any, keys: Any, places: Any,
) -> None:  # fmt: skip
    """Different words and their entropy, and characters in the top n-gram and in all that occur twice.

    An n-gram that occurs again begins with an (n-1)-gram that does: only those places are looked at again.
    """
    total = np.int64(counts[WORDS])
    remaining: Any = total
    if total == 0:
        return
    for i in range(total):
        active[i], keys[i] = i, words[i]
    for n in range(1, DUPLICATE[-1] + 1):
        slots = 16
        while slots < 2 * remaining:
            slots *= 2
        last = np.uint64(slots - 1)
        table[:slots] = 0
        kept = 0
        for i in range(remaining):
            at = active[i]
            if at + n > total:
                continue
            key = keys[i] if n == 1 else mixed(keys[i] * LENGTH_FACTOR + words[at + n - 1]) | ONE
            slot = (key >> np.uint64(32)) & last
            while table[slot] != 0 and table[slot] != key:
                slot = (slot + ONE) & last
            if table[slot] == 0:
                table[slot], seen[slot], firsts[slot] = key, 0, at
            seen[slot] += 1
            active[kept], keys[kept], places[kept] = at, key, np.int64(slot)
            kept += 1
        remaining = 0
        until: Any = np.int64(0)
        best, first = np.int64(1), np.int64(0)
        covered = 0.0
        for i in range(kept):
            at, slot_of = np.int64(active[i]), places[i]
            if seen[slot_of] < 2:
                counts[UNIQUE_WORDS] += n == 1
                continue
            if n == 1 and firsts[slot_of] == at:
                counts[UNIQUE_WORDS] += 1
                counts[ENTROPY] -= seen[slot_of] / total * np.log(seen[slot_of])
            if seen[slot_of] > best or (seen[slot_of] == best and firsts[slot_of] < first):
                best, first = np.int64(seen[slot_of]), np.int64(firsts[slot_of])
            if n >= DUPLICATE[0]:
                for word in range(max(at, until), at + n):
                    covered += lengths[word]
                until = at + n
            active[remaining], keys[remaining] = at, keys[i]
            remaining += 1
        if n == 1:
            counts[ENTROPY] += np.log(total)
        elif n <= TOP[-1] and best > 1:
            counts[FIRST_TOP + n - TOP[0]] = best * lengths[first : first + n].sum()
        elif n >= DUPLICATE[0]:
            counts[FIRST_DUPLICATE + n - DUPLICATE[0]] = covered
        if remaining == 0:
            return
