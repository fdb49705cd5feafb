"""Byte-pair merges from counted words (Sennrich et al. 2016), the same ones as `tokenizers` finds.

Each step merges the pair that occurs most often, of equal ones the one with the lowest ids, and touches only the words
that hold it. Three habits of `tokenizers` are kept because they decide about merges: the count of a merged pair stands;
a token that two pairs spell is one token; and a pair waits in the queue once for each step that made it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from parlance.dedup.tokens import mixed
from parlance.tokenization.compiled.counting import PADDING, hashed, same

Array = npt.NDArray[Any]

SHIFT = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)


@njit(inline="always", cache=True)
def _key(left: Any, right: Any) -> Any:
    return (np.uint64(left) << SHIFT) | np.uint64(right)


@njit(inline="always", cache=True)
def _place(slots: Any, keys: Any, key: Any) -> Any:
    """The slot of `key`, or the free one where it belongs."""
    mask = len(slots) - 1
    slot = np.int64(mixed(key) & np.uint64(mask))
    while slots[slot] >= 0 and keys[slots[slot]] != key:
        slot = (slot + 1) & mask
    return slot


@njit(inline="always", cache=True)
def _added(slots: Any, keys: Any, counts: Any, used: int, key: Any, count: int) -> Any:
    """Adds `count` to the pair `key`; gives its number and how many pairs there are then."""
    slot = _place(slots, keys, key)
    if slots[slot] < 0:
        slots[slot] = used
        keys[used] = key
        counts[used] = 0
        used += 1
    counts[slots[slot]] += count
    return slots[slot], used


@njit(cache=True)
def _grown(array: Any, length: int) -> Any:
    larger = np.zeros(length, array.dtype)
    larger[: len(array)] = array
    return larger


@njit(cache=True)
def power_of_two(least: int) -> int:
    size = 1
    while size < least:
        size *= 2
    return size


@njit(cache=True)
def _new_slots(keys: Any, used: int) -> Any:
    slots = np.full(power_of_two(2 * len(keys)), -1, np.int32)
    for pair in range(used):
        slots[_place(slots, keys, keys[pair])] = pair
    return slots


@njit(inline="always", cache=True)
def _before(counts: Any, keys: Any, one: int, other: int) -> Any:
    """Whether entry `one` is merged before `other`."""
    return counts[one] > counts[other] or (counts[one] == counts[other] and keys[one] < keys[other])


@njit(cache=True)
def _pushed(heap: Any, size: int, counts: Any, keys: Any, entry: int) -> None:
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if not _before(counts, keys, entry, heap[above]):
            break
        heap[at] = heap[above]
        at = above
    heap[at] = entry


@njit(cache=True)
def _sunk(heap: Any, size: int, counts: Any, keys: Any) -> None:
    """Brings the first entry of `heap[:size]` to where it belongs."""
    entry, at = heap[0], 0
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and _before(counts, keys, heap[below + 1], heap[below]):
            below += 1
        if not _before(counts, keys, heap[below], entry):
            break
        heap[at] = heap[below]
        at = below
    heap[at] = entry


@njit(cache=True)
def _token(slots: Any, content: Any, ends: Any, used: int) -> Any:
    """The slot of the token that is spelled like the one at `ends[used]`, or the free one where it belongs."""
    mask = len(slots) - 1
    length = ends[used + 1] - ends[used]
    slot = np.int64(hashed(content, ends[used], length) & np.uint64(mask))
    while slots[slot] >= 0:
        other = slots[slot]
        if ends[other + 1] - ends[other] == length and same(content, ends[other], content, ends[used], length):
            break
        slot = (slot + 1) & mask
    return slot


@njit(cache=True)
def _where(symbols: Any, starts: Any, lengths: Any, slots: Any, keys: Any, filled: Any, total: int) -> Any:
    """The words that hold each pair, pair by pair; those of a pair go to `filled` of its number and on."""
    where = np.empty(total, np.int32)
    for word in range(len(lengths)):
        for i in range(starts[word], starts[word] + lengths[word] - 1):
            pair = slots[_place(slots, keys, _key(symbols[i], symbols[i + 1]))]
            where[filled[pair]] = word
            filled[pair] += 1
    return where


@njit(cache=True)
def _spelled(content: Any, ends: Any, tokens: int, left: int, right: int, prefix: bool) -> Any:
    """Writes `left` and `right` together as the next token; gives `content`, made larger where it was full."""
    one, other = ends[left + 1] - ends[left], ends[right + 1] - ends[right]
    at, taken = ends[tokens], ends[right]
    if at + one + other + PADDING > len(content):
        content = _grown(content, 2 * len(content) + one + other)
    if prefix and other >= 2 and content[taken] == 35 and content[taken + 1] == 35:  # ##
        taken += 2
        other -= 2
    content[at : at + one] = content[ends[left] : ends[left] + one]
    content[at + one : at + one + other] = content[taken : taken + other]
    ends[tokens + 1] = at + one + other
    return content


@njit(inline="always", cache=True)
def _made(
    sums: Any,
    some: Any,
    touched: Any,
    sides: Any,
    words: Any,
    in_use: int,
    made: int,
    side: int,
    word: int,
    weight: int,
) -> Any:
    """Notes that a merge made a pair in `word`; gives how many neighbours and how many words are noted then."""
    if some[side] == 0:
        touched[in_use] = side
        in_use += 1
    sums[side] += weight
    some[side] += 1
    sides[made] = side
    words[made] = word
    return in_use, made + 1


@njit(nogil=True, cache=True)
def _merges(
    symbols: Any, starts: Any, weights: Any, content: Any, ends: Any, tokens: int, most: int, least: int, prefix: int
) -> Any:
    """See `merges`; `symbols`, `content` and `ends` are written to. Gives merges, `content`, and how many tokens."""
    lengths = starts[1:] - starts[:-1]
    room = 1 << 16
    keys, counts = np.zeros(room, np.uint64), np.zeros(room, np.int64)
    slots = _new_slots(keys, 0)
    pairs = 0
    occurrences = np.zeros(room, np.int64)
    for word in range(len(lengths)):
        if pairs + lengths[word] > len(keys):
            room = max(2 * len(keys), pairs + lengths[word])
            keys, counts, occurrences = _grown(keys, room), _grown(counts, room), _grown(occurrences, room)
            slots = _new_slots(keys, pairs)
        for i in range(starts[word], starts[word] + lengths[word] - 1):
            pair, pairs = _added(slots, keys, counts, pairs, _key(symbols[i], symbols[i + 1]), weights[word])
            occurrences[pair] += 1

    # Entries of the queue: a pair, its count when it was put there, and where the words are that hold it.
    entry_counts, entry_keys = counts[:pairs].copy(), keys[:pairs].copy()
    entry_stops = np.cumsum(occurrences[:pairs])
    entry_starts = entry_stops - occurrences[:pairs]
    where = _where(symbols, starts, lengths, slots, keys, entry_starts.copy(), np.int64(occurrences[:pairs].sum()))
    heap, size, entries, places = np.zeros(pairs + 16, np.int32), 0, pairs, len(where)
    for entry in range(entries):
        if entry_counts[entry] > 0:
            _pushed(heap, size, entry_counts, entry_keys, entry)
            size += 1

    token_slots = np.full(power_of_two(4 * (most + 16)), -1, np.int32)
    for token in range(tokens):
        token_slots[_token(token_slots, content, ends, token)] = token
    found, steps = np.zeros((most + 16, 3), np.int64), 0
    # What a merge makes, by neighbour (even: before the new token, odd: behind it): its count and its words.
    sums, some = np.zeros(2 * most + 2, np.int64), np.zeros(2 * most + 2, np.int64)
    touched, sides, words = np.zeros(2 * most + 2, np.int64), np.zeros(1 << 12, np.int64), np.zeros(1 << 12, np.int32)
    while tokens < most and size > 0:
        top = heap[0]
        current = counts[slots[_place(slots, keys, entry_keys[top])]]
        if current != entry_counts[top]:
            entry_counts[top] = current
            _sunk(heap, size, entry_counts, entry_keys)
            continue
        if current < 1 or current < least:
            break
        size -= 1
        heap[0] = heap[size]
        _sunk(heap, size, entry_counts, entry_keys)
        left, right = np.int64(entry_keys[top] >> SHIFT), np.int64(entry_keys[top] & LOW)

        content = _spelled(content, ends, tokens, left, right, prefix)
        slot = _token(token_slots, content, ends, tokens)
        if token_slots[slot] < 0:
            token_slots[slot] = tokens
            tokens += 1
        new = np.int64(token_slots[slot])
        if steps == len(found):
            larger = np.zeros((2 * steps, 3), np.int64)
            larger[:steps] = found
            found = larger
        found[steps, 0], found[steps, 1], found[steps, 2] = left, right, new
        steps += 1

        in_use = made = 0
        for place in range(entry_starts[top], entry_stops[top]):
            word = where[place]
            begin, length, weight = starts[word], lengths[word], weights[word]
            if pairs + 2 * length > len(keys):
                keys, counts = _grown(keys, 2 * len(keys) + 2 * length), _grown(counts, 2 * len(keys) + 2 * length)
                slots = _new_slots(keys, pairs)
            if made + 2 * length > len(words):
                room = 2 * len(words) + 2 * length
                sides, words = _grown(sides, room), _grown(words, room)
            write = read = begin
            while read < begin + length:
                if read + 1 == begin + length or symbols[read] != left or symbols[read + 1] != right:
                    symbols[write] = symbols[read]
                    write += 1
                    read += 1
                    continue
                if write > begin:
                    neighbour = np.int64(symbols[write - 1])
                    _, pairs = _added(slots, keys, counts, pairs, _key(neighbour, left), -weight)
                    in_use, made = _made(sums, some, touched, sides, words, in_use, made, 2 * neighbour, word, weight)
                if read + 2 < begin + length:
                    neighbour = np.int64(symbols[read + 2])
                    _, pairs = _added(slots, keys, counts, pairs, _key(right, neighbour), -weight)
                    side = 2 * neighbour if neighbour == new else 2 * neighbour + 1
                    in_use, made = _made(sums, some, touched, sides, words, in_use, made, side, word, weight)
                symbols[write] = new
                write += 1
                read += 2
            lengths[word] = write - begin

        if pairs + in_use > len(keys):
            keys, counts = _grown(keys, 2 * len(keys) + in_use), _grown(counts, 2 * len(keys) + in_use)
            slots = _new_slots(keys, pairs)
        if entries + in_use > len(entry_keys):
            room = 2 * len(entry_keys) + in_use
            entry_keys, entry_counts = _grown(entry_keys, room), _grown(entry_counts, room)
            entry_starts, entry_stops = _grown(entry_starts, room), _grown(entry_stops, room)
            heap = _grown(heap, room + 16)
        if places + made > len(where):
            where = _grown(where, 2 * len(where) + made)
        first = entries
        for i in range(in_use):
            side = touched[i]
            key = _key(new, side >> 1) if side & 1 else _key(side >> 1, new)
            pair, pairs = _added(slots, keys, counts, pairs, key, sums[side])
            entry_keys[entries], entry_counts[entries] = key, counts[pair]
            entry_starts[entries] = entry_stops[entries] = places
            places += some[side]
            sums[side], some[side] = 0, entries
            entries += 1
        for i in range(made):
            entry = some[sides[i]]
            where[entry_stops[entry]] = words[i]
            entry_stops[entry] += 1
        for i in range(in_use):
            some[touched[i]] = 0
        for entry in range(first, entries):
            if entry_counts[entry] > 0:
                _pushed(heap, size, entry_counts, entry_keys, entry)
                size += 1
    return found[:steps], content, tokens


def merges(
    symbols: Array, starts: Array, weights: Array, tokens: list[bytes], *, most: int, least: int, prefix: bool = False
) -> tuple[npt.NDArray[np.int64], list[bytes]]:
    """Merges as rows of left, right and new id, and all tokens as they are spelled, until there are `most`.

    `symbols[starts[i]:starts[i + 1]]` are the ids of a word, places in `tokens`; it occurs `weights[i]` times. A pair
    is merged where it occurs at least `least` times. `prefix`: tokens that go on within a word begin with `##`, which a
    merge takes out.
    """
    joined = b"".join(tokens)
    content = np.zeros(len(joined) + 16 * most + PADDING, np.uint8)
    content[: len(joined)] = np.frombuffer(joined, np.uint8)
    ends = np.zeros(max(most, len(tokens)) + 18, np.int64)
    np.cumsum([len(token) for token in tokens], out=ends[1 : len(tokens) + 1])
    found, content, used = _merges(
        symbols.astype(np.int32), starts.astype(np.int64), weights.astype(np.int64), content, ends, len(tokens),
        max(most, len(tokens)), least, prefix,
    )  # fmt: skip
    return found, [content[ends[i] : ends[i + 1]].tobytes() for i in range(used)]
