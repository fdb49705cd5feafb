"""The compiled passes behind `parlance.filters.datatrove`."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from parlance.dedup.tokens import MAXIMUM, buffers
from parlance.dedup.vectors import BLOCK, load
from parlance.filters.compiled.counts import ELLIPSIS, hashed, repeated
from parlance.filters.compiled.datatrove_c4 import HINTS, judge, phrase_bytes, without_citations
from parlance.filters.compiled.datatrove_characters import (
    ALPHABETIC,
    BREAK,
    PUNCTUATION,
    SPACE,
    TERMINAL,
    character,
    classes,
)  # fmt: skip
from parlance.filters.compiled.datatrove_grams import FACTOR, duplicates, tops
from parlance.filters.counting import STOP_WORDS
from parlance.filters.datatrove_counting import COUNTED, DUPLICATE

TOO_LONG = 1000  # characters of a word
FEWEST_WORDS = 3  # of a line
SHORT = 30

(
    CHARACTERS, NEWLINES, WORDS, PLAIN_WORDS, PLAIN_CHARACTERS, ALPHABETIC_WORDS, STOPS, HASHES, ELLIPSES,
    LINES, BULLET_LINES, ELLIPSIS_LINES, PARAGRAPHS, DUPLICATE_PARAGRAPHS, DUPLICATE_PARAGRAPH_CHARACTERS,
    PARTS, DUPLICATE_PARTS, DUPLICATE_PART_CHARACTERS, FULL_LINES, PUNCTUATED_LINES, SHORT_LINES,
    DUPLICATE_FULL_CHARACTERS, *_,
) = range(len(COUNTED))  # fmt: skip
FIRST_DUPLICATE = COUNTED.index(f"duplicate_{DUPLICATE[0]}")


def counts(texts: pl.Series) -> npt.NDArray[np.int64]:
    """`(texts, COUNTED)`."""
    data, offsets = buffers(texts)
    result = np.zeros((len(texts), len(COUNTED)), np.int64)
    hints: Any = texts.fill_null("").str.contains(HINTS).to_numpy()
    _count(data, offsets, classes(), _stop_words(), *phrase_bytes(), hints, result)
    return result


@lru_cache(maxsize=1)
def _stop_words() -> npt.NDArray[np.uint64]:
    return np.array([int.from_bytes(word.encode(), "little") for word in STOP_WORDS], np.uint64)


@njit(nogil=True, cache=True)
def _count(
    data: Any, offsets: Any, flags: Any, stop_words: Any, phrases: Any, bounds: Any, hints: Any, into: Any
) -> None:
    most = 0
    for row in range(len(into)):
        most = max(most, offsets[row + 1] - offsets[row])
    entries = most // 2 + 2
    room, line = np.zeros(most + BLOCK, np.uint8), np.zeros(most + BLOCK, np.uint8)
    words, lengths = np.empty(entries, np.uint64), np.zeros(entries + 1, np.int64)
    sums, bytes_before = np.zeros(entries + 1, np.uint64), np.zeros(entries + 1, np.int64)
    powers = np.ones(most + 1, np.uint64)
    for i in range(most):
        powers[i + 1] = powers[i] * FACTOR
    parts, part_characters = np.empty(entries, np.uint64), np.empty(entries, np.int64)
    full, full_characters = np.empty(entries, np.uint64), np.empty(entries, np.int64)
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
        counts = into[row]
        first, last, lines, full_lines = _scan(
            text, start, end, flags, stop_words, phrases, bounds, hints[row], counts, line,
            words, lengths, sums, bytes_before, parts, part_characters, full, full_characters,
        )  # fmt: skip
        if counts[WORDS] == 0:
            counts[:] = 0
            continue
        found, characters = repeated(parts, part_characters, lines, table)
        edges = np.int64(text[start] == 10) + np.int64(text[end - 1] == 10)
        counts[PARTS] = lines + edges
        counts[DUPLICATE_PARTS], counts[DUPLICATE_PART_CHARACTERS] = found + (edges == 2), characters
        counts[FULL_LINES] = full_lines
        counts[DUPLICATE_FULL_CHARACTERS] = repeated(full, full_characters, full_lines, table)[1]
        _paragraphs(text, first, last, counts, parts, part_characters)
        found, characters = repeated(parts, part_characters, counts[PARAGRAPHS], table)
        counts[DUPLICATE_PARAGRAPHS], counts[DUPLICATE_PARAGRAPH_CHARACTERS] = found, characters
        tops(words, lengths, counts, table, seen, firsts, active, keys, places)
        for n in DUPLICATE:
            counts[FIRST_DUPLICATE + n - DUPLICATE[0]] = duplicates(
                sums, bytes_before, powers, lengths, counts[WORDS], n, table
            )


@njit(nogil=True, cache=True)
def _scan(
    data: Any, start: int, end: int, flags: Any, stop_words: Any, phrases: Any, bounds: Any, hint: bool, counts: Any,
    room: Any, words: Any, lengths: Any, sums: Any, bytes_before: Any,
    parts: Any, part_characters: Any, full: Any, full_characters: Any,
) -> Any:  # fmt: skip
    """Words, symbols, lines of both kinds and what C4 leaves of them.

    Gives where the first word begins and the last ends, and the numbers of `parts` and `full`.
    """
    count = characters = stops = plain_words = plain_characters = alphabetic_words = hashes = ellipses = np.int64(0)
    lines = bullets = ellipsis_lines = newlines = part_count = full_count = punctuated = short = np.int64(0)
    word_at = line_at = first_at = np.int64(-1)
    last_end = part_at = np.int64(start)
    word_from = part_from = line_words = longest = dots = line_dots = np.int64(0)
    alphabetic = plain = pending = brackets = part_full = False
    first = last = previous = np.uint32(0)
    previous_flag = np.uint8(0)
    total = np.uint64(0)
    written = np.int64(0)  # bytes of words
    place = np.int64(start)
    while place <= end:
        size: Any = 1
        point, flag = np.uint32(10), np.uint8(SPACE | BREAK)
        if place < end:
            point, size, flag = character(data, place, flags)
        if flag & SPACE:
            if word_at >= 0:
                words[count] = hashed(data, word_at, place)
                length = characters - word_from
                written += place - word_at
                if plain:
                    plain_words += 1
                    plain_characters += length
                alphabetic_words += alphabetic
                longest = max(longest, length)
                line_words += 1
                if 2 <= place - word_at <= 4:
                    value = load(data, word_at) & (MAXIMUM >> np.uint64(64 - 8 * (place - word_at)))
                    for number in range(len(stop_words)):
                        if value == stop_words[number]:
                            stops |= 1 << number
                count += 1
                lengths[count] = lengths[count - 1] + length
                sums[count], bytes_before[count] = total, written
                word_at, alphabetic, plain = np.int64(-1), False, False
            dots = np.int64(0)
            if flag & BREAK:
                lines += pending if place == end else not (point == 10 and previous == 13)
                bullets += first == 45 or first == 0x2022
                ellipsis_lines += line_dots >= 3 or last == ELLIPSIS
                if line_at >= 0 and longest <= TOO_LONG and line_words >= FEWEST_WORDS:
                    if brackets:
                        judge(
                            room,
                            0,
                            without_citations(data, line_at, last_end, flags, room),
                            hint,
                            counts,
                            phrases,
                            bounds,
                        )
                    else:
                        judge(data, line_at, last_end, hint, counts, phrases, bounds)
                if point == 10:
                    newlines += place < end
                    length = characters - part_from
                    if place > part_at:
                        value = hashed(data, part_at, place)
                        parts[part_count], part_characters[part_count] = value, length
                        part_count += 1
                        if part_full:
                            full[full_count], full_characters[full_count] = value, length
                            full_count += 1
                            punctuated += (previous_flag & TERMINAL) != 0
                            short += length <= SHORT
                    part_at, part_from, part_full = place + 1, characters + 1, False
                first = last = np.uint32(0)
                line_dots = line_words = longest = np.int64(0)
                line_at = np.int64(-1)
                pending = brackets = False
            else:
                pending = True
        else:
            if word_at < 0:
                word_at, word_from = place, characters
                if line_at < 0:
                    line_at = place
                    first = max(point, np.uint32(1))
                if first_at < 0:
                    first_at = place
            pending = part_full = True
            alphabetic |= (flag & ALPHABETIC) != 0
            plain |= (flag & PUNCTUATION) == 0
            hashes += point == 35
            brackets |= point == 91
            if point == 46:
                dots += 1
                ellipses += dots % 3 == 0
            else:
                dots = np.int64(0)
                ellipses += point == ELLIPSIS
            line_dots, last, last_end = dots, point, place + size
            for at in range(place, last_end):
                total = total * FACTOR + np.uint64(data[at])
            # Most characters are ASCII letters after another character of their word: they change little.
            following = last_end
            while following < end and 97 <= (data[following] | 32) <= 122 and data[following] >= 65:
                total = total * FACTOR + np.uint64(data[following])
                following += 1
            if following > last_end:
                characters += following - last_end
                alphabetic = plain = True
                dots = line_dots = np.int64(0)
                point, flag = np.uint32(97), np.uint8(ALPHABETIC)
                last, last_end = point, following
                size = following - place
        previous, previous_flag = point, flag
        characters += place < end
        place += size
    counts[CHARACTERS], counts[NEWLINES], counts[WORDS] = characters, newlines, count
    counts[PLAIN_WORDS], counts[PLAIN_CHARACTERS], counts[ALPHABETIC_WORDS] = (
        plain_words, plain_characters, alphabetic_words,
    )  # fmt: skip
    counts[HASHES], counts[ELLIPSES] = hashes, ellipses
    counts[LINES], counts[BULLET_LINES], counts[ELLIPSIS_LINES] = lines, bullets, ellipsis_lines
    counts[PUNCTUATED_LINES], counts[SHORT_LINES] = punctuated, short
    while stops:
        counts[STOPS] += stops & 1
        stops >>= 1
    return first_at, last_end, part_count, full_count


@njit(nogil=True, cache=True)
def _paragraphs(data: Any, start: int, end: int, counts: Any, parts: Any, part_characters: Any) -> None:
    """What stands between two or more newlines, in a text stripped at both ends."""
    count = characters = newlines = np.int64(0)
    begun = np.int64(start)
    for place in range(start, end + 1):
        if place < end and data[place] == 10:
            newlines += 1
            continue
        if newlines >= 2 or place == end:
            stop = place - newlines
            parts[count], part_characters[count] = hashed(data, begun, stop), characters
            count += 1
            begun, characters, newlines = np.int64(place), np.int64(0), np.int64(0)
        characters += newlines + (data[place] & 0xC0 != 0x80)
        newlines = np.int64(0)
    counts[PARAGRAPHS] = count
