"""The compiled passes behind `parlance.filters.datatrove`.

White space, line breaks, letters and digits are those of this Python, since datatrove's code asks Python.
"""

import re
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from parlance.dedup.tokens import MAXIMUM, ONE, buffers, decoded, mixed
from parlance.dedup.vectors import BLOCK, load
from parlance.filters.compiled.counts import ELLIPSIS, TABLE, hashed, repeated
from parlance.filters.counting import STOP_WORDS
from parlance.filters.datatrove_counting import COUNTED, DUPLICATE, POLICIES, TOP

SPACE, BREAK, ALPHABETIC, PUNCTUATION, TERMINAL, DIGIT = (1 << bit for bit in range(6))
BREAKS = "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
# Unicode's Sentence_Terminal before version 16, with three Khmer signs.
TERMINALS = (
    r"[\p{Sentence_Terminal}\u{17D6}\u{17D9}\u{17DA}--[\u{1B4E}\u{1B4F}\u{1B7F}\u{2024}\u{2CF9}-\u{2CFB}"
    r"\u{FE12}\u{FE15}\u{FE16}\u{113D4}\u{113D5}\u{16D6E}\u{16D6F}]]"
)
# What a word of nothing else is no word with; the digit one of full width is among them.
SYMBOLS = re.compile("[\x00-\x08\x0b-\x1f!-/:-@\\[-`{-\x9f«´»–—’“”„…∶━►、〈-」【】％（），１：；～]")
TOO_LONG = 1000  # characters of a word
FEWEST_WORDS = 3  # of a line
SHORT = 30
KELVIN = np.uint64(0xAA84E2)  # its lower case is k

(
    CHARACTERS, NEWLINES, WORDS, PLAIN_WORDS, PLAIN_CHARACTERS, ALPHABETIC_WORDS, STOPS, HASHES, ELLIPSES,
    LINES, BULLET_LINES, ELLIPSIS_LINES, PARAGRAPHS, DUPLICATE_PARAGRAPHS, DUPLICATE_PARAGRAPH_CHARACTERS,
    PARTS, DUPLICATE_PARTS, DUPLICATE_PART_CHARACTERS, FULL_LINES, PUNCTUATED_LINES, SHORT_LINES,
    DUPLICATE_FULL_CHARACTERS, SENTENCES, LOREM, CURLY, ANY_SENTENCES, ANY_LOREM, ANY_CURLY, FIRST_TOP, *_,
) = range(len(COUNTED))  # fmt: skip
FIRST_DUPLICATE = FIRST_TOP + len(TOP)

# Of the polynomial that hashes the words written together; any part of it hashes to a difference.
FACTOR = np.uint64(0x9E6C63D0876A9A47)
# A text that has none of these has no line that C4 judges by more than its sentences.
HINTS = r"(?i)lorem|javascript|terms of|policy|cookies|\[|\{"


def counts(texts: pl.Series) -> npt.NDArray[np.int64]:
    """`(texts, COUNTED)`."""
    data, offsets = buffers(texts)
    result = np.zeros((len(texts), len(COUNTED)), np.int64)
    hints: Any = texts.fill_null("").str.contains(HINTS).to_numpy()
    _count(data, offsets, _flags(), _stop_words(), *_phrases(), hints, result)
    return result


@lru_cache(maxsize=1)
def _flags() -> npt.NDArray[np.uint8]:
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


@lru_cache(maxsize=1)
def _stop_words() -> npt.NDArray[np.uint64]:
    return np.array([int.from_bytes(word.encode(), "little") for word in STOP_WORDS], np.uint64)


@lru_cache(maxsize=1)
def _phrases() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Lorem ipsum, Javascript and the policies, one after another, and where each begins."""
    phrases = [phrase.encode() for phrase in ("lorem ipsum", "javascript", *POLICIES)]
    ends = np.cumsum([0, *map(len, phrases)])
    return np.frombuffer(b"".join(phrases), np.uint8), ends.astype(np.int64)


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
        _tops(words, lengths, counts, table, seen, firsts, active, keys, places)
        for n in DUPLICATE:
            counts[FIRST_DUPLICATE + n - DUPLICATE[0]] = _duplicates(
                sums, bytes_before, powers, lengths, counts[WORDS], n, table
            )


@njit(inline="always", cache=True)
def _character(data: Any, place: int, flags: Any) -> Any:
    point, size = np.uint32(data[place]), 1
    if point >= 0x80:
        point, size = decoded(data, place)
    return point, size, flags[point] if point < TABLE else np.uint8(0)


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
            point, size, flag = _character(data, place, flags)
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
                        _judge(
                            room,
                            0,
                            _without_citations(data, line_at, last_end, flags, room),
                            hint,
                            counts,
                            phrases,
                            bounds,
                        )
                    else:
                        _judge(data, line_at, last_end, hint, counts, phrases, bounds)
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


@njit(nogil=True, cache=True)
def _without_citations(data: Any, start: int, end: int, flags: Any, room: Any) -> Any:
    """Writes the bytes without `[12]`, `[]`, `[edit]` and `[citation needed]`; gives their number."""
    size = 0
    place: Any = start
    while place < end:
        if data[place] == 91:
            stop = place + 1
            while stop < end:
                _, width, flag = _character(data, stop, flags)
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
def _judge(data: Any, start: int, end: int, hint: bool, counts: Any, phrases: Any, bounds: Any) -> None:
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


@njit(nogil=True, cache=True)
def _tops(
    words: Any, lengths: Any, counts: Any, table: Any, seen: Any, firsts: Any, active: Any, keys: Any, places: Any
) -> None:
    """Characters of the most frequent n-gram times how often it occurs, of several the one that comes first."""
    total = remaining = counts[WORDS]
    for i in range(total):
        active[i], keys[i] = i, words[i]
    for n in range(2, TOP[-1] + 1):
        if total < n:
            return
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
            key = mixed(keys[i] * FACTOR + words[at + n - 1]) | ONE
            slot = (key >> np.uint64(32)) & last
            while table[slot] != 0 and table[slot] != key:
                slot = (slot + ONE) & last
            if table[slot] == 0:
                table[slot], seen[slot], firsts[slot] = key, 0, at
            seen[slot] += 1
            active[kept], keys[kept], places[kept] = at, key, np.int64(slot)
            kept += 1
        remaining = 0
        best, first = np.int64(1), np.int64(0)
        for i in range(kept):
            slot_of = places[i]
            if seen[slot_of] > best or (best > 1 and seen[slot_of] == best and firsts[slot_of] < first):
                best, first = np.int64(seen[slot_of]), np.int64(firsts[slot_of])
            if seen[slot_of] > 1:
                active[remaining], keys[remaining] = active[i], keys[i]
                remaining += 1
        counts[FIRST_TOP + n - TOP[0]] = best * (lengths[first + n] - lengths[first] + n - 1)


@njit(nogil=True, cache=True)
def _duplicates(sums: Any, bytes_before: Any, powers: Any, lengths: Any, total: int, n: int, table: Any) -> Any:
    """Characters of n-grams, written together, that occurred before; the words of one are not looked at again."""
    slots = 16
    while slots < 2 * total:
        slots *= 2
    last = np.uint64(slots - 1)
    table[:slots] = 0
    found = np.int64(0)
    at = 0
    while at + n <= total:
        key = mixed(sums[at + n] - sums[at] * powers[bytes_before[at + n] - bytes_before[at]]) | ONE
        slot = (key >> np.uint64(32)) & last
        while table[slot] != 0 and table[slot] != key:
            slot = (slot + ONE) & last
        if table[slot] == 0:
            table[slot] = key
            at += 1
        else:
            found += lengths[at + n] - lengths[at]
            at += n
    return found
