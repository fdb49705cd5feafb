"""The compiled pass behind `parlance.filters.counting`."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from parlance.dedup.tokens import CHUNK_FACTOR, LENGTH_FACTOR, MAXIMUM, ONE, buffers, decoded, mixed
from parlance.dedup.vectors import BLOCK, load
from parlance.filters.counting import COUNTED, DUPLICATE, STOP_WORDS, TOP

SPACE, ALPHABETIC, WORD, LETTER, BULLET, TERMINAL, PUNCTUATION = (1 << bit for bit in range(7))
CLASSES = {
    SPACE: r"\s",
    ALPHABETIC: r"\p{Alphabetic}",
    WORD: r"\w",
    LETTER: r"[\p{L}\p{M}]",
    BULLET: "[•‣⁃◦▪●○■□*–-]",
    TERMINAL: '[.!?"”’»。！？]',
    PUNCTUATION: "[.!?…:;\"'”’»)\\]。！？]",
}
TABLE = 0x34000
# Beyond the table only these are letters or marks: they choose between variants of a character.
FIRST_SELECTOR, LAST_SELECTOR = 0xE0100, 0xE01EF
SHORT_CHARACTERS = 30
LONG_CHARACTERS = 200
ELLIPSIS = 0x2026


def counts(texts: pl.Series) -> npt.NDArray[np.int64]:
    """`(texts, COUNTED)`."""
    data, offsets = buffers(texts)
    result = np.zeros((len(texts), len(COUNTED)), np.int64)
    _count(data, offsets, _flags(), _stop_words(), result)
    return result


@lru_cache(maxsize=1)
def _flags() -> npt.NDArray[np.uint8]:
    """What each code point below `TABLE` is, as sums of the classes."""
    points = [point for point in range(TABLE) if not 0xD800 <= point < 0xE000]
    characters = pl.Series([chr(point) for point in points])
    flags = np.zeros(TABLE, np.uint8)
    for flag, pattern in CLASSES.items():
        flags[points] |= np.where(characters.str.contains(pattern).to_numpy(), flag, 0).astype(np.uint8)
    return flags


@lru_cache(maxsize=1)
def _stop_words() -> npt.NDArray[np.uint64]:
    return np.array([int.from_bytes(word.encode(), "little") for word in STOP_WORDS], np.uint64)


(
    CHARACTERS, SPACES, LETTERS, WORDS, ALPHABETIC_WORDS, STOPS, HASHES, ELLIPSES, LINES, BULLET_LINES, ELLIPSIS_LINES,
    DOTTED_LINES, TERMINAL_LINES, PUNCTUATED_LINES, SHORT_LINES, LONG_LINES, LINE_CHARACTERS, DUPLICATE_LINES,
    DUPLICATE_LINE_CHARACTERS, PARAGRAPHS, PARAGRAPH_CHARACTERS, DUPLICATE_PARAGRAPHS, DUPLICATE_PARAGRAPH_CHARACTERS,
    GRAM_CHARACTERS, FIRST_TOP, *_,
) = range(len(COUNTED))  # fmt: skip
FIRST_DUPLICATE = FIRST_TOP + len(TOP)


@njit(inline="always", cache=True)
def hashed(data: Any, start: int, end: int) -> Any:
    """A hash of the bytes; eight beyond `end` are read."""
    length = end - start
    value = np.uint64(length) * LENGTH_FACTOR
    while length > 8:
        value = (value ^ load(data, start)) * CHUNK_FACTOR
        value ^= value >> np.uint64(32)
        start += 8
        length -= 8
    value = (value ^ (load(data, start) & (MAXIMUM >> np.uint64(64 - 8 * length)))) * CHUNK_FACTOR
    return mixed(value) | ONE  # zero is a free slot


@njit(inline="always", cache=True)
def _is_stop_word(data: Any, start: int, end: int, stop_words: Any) -> Any:
    """The bit of the stop word that the bytes are in either case; 0 where they are none."""
    if end - start > 4 or end - start < 2:
        return 0
    value = load(data, start) & (MAXIMUM >> np.uint64(64 - 8 * (end - start)))
    value |= np.uint64(0x20202020) & (MAXIMUM >> np.uint64(64 - 8 * (end - start)))
    for number in range(len(stop_words)):
        if value == stop_words[number]:
            return 1 << number
    return 0


@njit(nogil=True, cache=True)
def _count(data: Any, offsets: Any, flags: Any, stop_words: Any, into: Any) -> None:
    most = 0
    for row in range(len(into)):
        most = max(most, offsets[row + 1] - offsets[row])
    entries = most // 2 + 2
    room = np.zeros(most + BLOCK, np.uint8)
    words, starts, ends = np.empty(entries, np.uint64), np.empty(entries, np.int64), np.empty(entries, np.int64)
    lines, line_characters = np.empty(entries, np.uint64), np.empty(entries, np.int64)
    paragraphs, paragraph_characters = np.empty(entries, np.uint64), np.empty(entries, np.int64)
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
        _scan(
            text, start, end, flags, stop_words, counts,
            words, starts, ends, lines, line_characters, paragraphs, paragraph_characters,
        )  # fmt: skip
        found, characters = repeated(lines, line_characters, counts[LINES], table)
        counts[DUPLICATE_LINES], counts[DUPLICATE_LINE_CHARACTERS] = found, characters
        found, characters = repeated(paragraphs, paragraph_characters, counts[PARAGRAPHS], table)
        counts[DUPLICATE_PARAGRAPHS], counts[DUPLICATE_PARAGRAPH_CHARACTERS] = found, characters
        _grams(words, starts, ends, counts, table, seen, firsts, active, keys, places)


@njit(nogil=True, cache=True)
def _scan(
    data: Any, start: int, end: int, flags: Any, stop_words: Any, counts: Any,
    words: Any, starts: Any, ends: Any, lines: Any, line_characters: Any, paragraphs: Any, paragraph_characters: Any,
) -> None:  # fmt: skip
    """All that one pass counts, and the hashes and lengths of words, lines and paragraphs."""
    word_at = token_at = line_at = paragraph_at = np.int64(-1)
    line_from = line_to = paragraph_from = paragraph_to = np.int64(0)  # in characters
    last_end = np.int64(0)  # of what is no whitespace, in bytes
    last_flags = np.uint8(0)
    last_point = np.uint32(0)
    is_alphabetic = is_bullet = False
    characters = spaces = letters = count = alphabetic = found_stops = hashes = ellipses = np.int64(0)
    line_count = paragraph_count = newlines = dots = np.int64(0)
    word_from = line_dots = np.int64(0)
    place = np.int64(start)
    while place <= end:
        if place == end:  # as if a blank line followed
            point, size, flag = np.uint32(10), 1, np.uint8(SPACE)
            newlines += 1
        else:
            point, size = np.uint32(data[place]), 1
            if point >= 0x80:
                point, size = decoded(data, place)
            if point < TABLE:
                flag = flags[point]
            else:
                flag = np.uint8(WORD | LETTER if FIRST_SELECTOR <= point <= LAST_SELECTOR else 0)
            characters += 1
            letters += (flag & LETTER) != 0
        if flag & WORD:
            if token_at < 0:
                token_at = place
        elif token_at >= 0:
            found_stops |= _is_stop_word(data, token_at, place, stop_words)
            token_at = np.int64(-1)
        if flag & SPACE:
            spaces += place < end
            if word_at >= 0:
                words[count] = hashed(data, word_at, place)
                starts[count] = ends[count - 1] + 1 if count else 0
                ends[count] = starts[count] + characters - (place < end) - word_from
                count += 1
                alphabetic += is_alphabetic
                word_at, is_alphabetic = np.int64(-1), False
            dots = np.int64(0)
            if point == 10:
                newlines += 1
                if line_at >= 0:
                    lines[line_count] = hashed(data, line_at, last_end)
                    line_characters[line_count] = line_to - line_from
                    line_count += 1
                    counts[LINE_CHARACTERS] += line_to - line_from
                    counts[SHORT_LINES] += line_to - line_from < SHORT_CHARACTERS
                    counts[LONG_LINES] += line_to - line_from >= LONG_CHARACTERS
                    counts[BULLET_LINES] += is_bullet
                    is_dotted = last_point == 46 and line_dots >= 3
                    counts[DOTTED_LINES] += is_dotted
                    counts[ELLIPSIS_LINES] += is_dotted or last_point == ELLIPSIS
                    counts[TERMINAL_LINES] += (last_flags & TERMINAL) != 0
                    counts[PUNCTUATED_LINES] += (last_flags & PUNCTUATION) != 0
                    line_at = np.int64(-1)
                if newlines >= 2 and paragraph_at >= 0:
                    paragraphs[paragraph_count] = hashed(data, paragraph_at, last_end)
                    paragraph_characters[paragraph_count] = paragraph_to - paragraph_from
                    counts[PARAGRAPH_CHARACTERS] += paragraph_to - paragraph_from
                    paragraph_count += 1
                    paragraph_at = np.int64(-1)
        else:
            newlines = np.int64(0)
            if word_at < 0:
                word_at, word_from = place, characters - 1
            is_alphabetic |= (flag & ALPHABETIC) != 0
            if line_at < 0:
                line_at, line_from, is_bullet = place, characters - 1, (flag & BULLET) != 0
            if paragraph_at < 0:
                paragraph_at, paragraph_from = place, characters - 1
            line_to = paragraph_to = characters
            hashes += point == 35
            if point == 46:
                dots += 1
                ellipses += dots % 3 == 0
            else:
                dots = np.int64(0)
                ellipses += point == ELLIPSIS
            line_dots = dots
            last_end, last_flags, last_point = place + size, flag, point
            # Most characters are ASCII letters after another character of their word: they change little.
            following = place + size
            while following < end and 97 <= (data[following] | 32) <= 122 and data[following] >= 65:
                following += 1
            run = following - last_end
            if run:
                if token_at < 0:
                    token_at = last_end
                characters += run
                letters += run
                is_alphabetic = True
                line_to = paragraph_to = characters
                dots = line_dots = np.int64(0)
                last_end, last_flags, last_point = following, np.uint8(ALPHABETIC | WORD | LETTER), np.uint32(97)
                place, size = following, 0
        place += size
    counts[CHARACTERS], counts[SPACES], counts[LETTERS] = characters, spaces, letters
    counts[WORDS], counts[ALPHABETIC_WORDS] = count, alphabetic
    counts[HASHES], counts[ELLIPSES] = hashes, ellipses
    counts[LINES], counts[PARAGRAPHS] = line_count, paragraph_count
    while found_stops:
        counts[STOPS] += found_stops & 1
        found_stops >>= 1


@njit(nogil=True, cache=True)
def repeated(hashes: Any, characters: Any, count: int, table: Any) -> Any:
    """How many of the parts repeat an earlier one, and their characters."""
    slots = 16
    while slots < 2 * count:
        slots *= 2
    last = np.uint64(slots - 1)
    table[:slots] = 0
    found = total = np.int64(0)
    for part in range(count):
        slot = (hashes[part] >> np.uint64(32)) & last
        while table[slot] != 0 and table[slot] != hashes[part]:
            slot = (slot + ONE) & last
        if table[slot] == 0:
            table[slot] = hashes[part]
        else:
            found += 1
            total += characters[part]
    return found, total


@njit(nogil=True, cache=True)
def _grams(
    words: Any, starts: Any, ends: Any, counts: Any,
    table: Any, seen: Any, firsts: Any, active: Any, keys: Any, places: Any,
) -> None:  # fmt: skip
    """Characters in repeated n-grams, n from 2 on.

    An n-gram that occurs again begins with an (n-1)-gram that does: only those places are looked at again.
    """
    total = counts[WORDS]
    if total == 0:
        return
    counts[GRAM_CHARACTERS] = ends[total - 1]
    remaining = total
    for i in range(total):
        active[i], keys[i] = i, words[i]
    for n in range(2, DUPLICATE[-1] + 1):
        slots = 16
        while slots < 2 * remaining:
            slots *= 2
        last = np.uint64(slots - 1)
        table[:slots] = 0
        kept = 0
        best = best_length = np.int64(0)
        best_slot = np.int64(-1)
        for i in range(remaining):
            at = active[i]
            if at + n > total:
                continue
            key = mixed(keys[i] * LENGTH_FACTOR + words[at + n - 1]) | ONE
            slot = (key >> np.uint64(32)) & last
            while table[slot] != 0 and table[slot] != key:
                slot = (slot + ONE) & last
            if table[slot] == 0:
                table[slot], seen[slot], firsts[slot] = key, 1, -1
            else:
                seen[slot] += 1
                if firsts[slot] < 0:
                    firsts[slot] = at
            active[kept], keys[kept], places[kept] = at, key, np.int64(slot)
            kept += 1
        # Those that occur twice or more, in their order; of the others nothing longer can.
        remaining = 0
        covered = np.int64(0)
        until = np.int64(0)
        if n <= TOP[-1]:
            for i in range(kept):
                slot_of = places[i]
                if seen[slot_of] < 2:
                    continue
                length = ends[active[i] + n - 1] - starts[active[i]]
                if seen[slot_of] > best or (
                    seen[slot_of] == best
                    and (length > best_length or (length == best_length and firsts[slot_of] < firsts[best_slot]))
                ):
                    best, best_length, best_slot = np.int64(seen[slot_of]), length, slot_of
        for i in range(kept):
            slot_of, at = places[i], active[i]
            if seen[slot_of] < 2:
                continue
            is_again = firsts[slot_of] <= at  # not the first of its kind
            if slot_of == best_slot or (n > TOP[-1] and is_again):
                covered += ends[at + n - 1] - max(starts[at], until)
                until = ends[at + n - 1]
            active[remaining], keys[remaining] = at, keys[i]
            remaining += 1
        if n <= TOP[-1]:
            counts[FIRST_TOP + n - TOP[0]] = covered
        else:
            counts[FIRST_DUPLICATE + n - DUPLICATE[0]] = covered
        if remaining == 0:
            return
