"""Unigram pieces from counted words: EM over all segmentations and pruning by likelihood (Kudo 2018, section 3.2).

On one thread and in a fixed order, so that the same counts give the same scores.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from parlance.dedup.tokens import decoded
from parlance.tokenization.compiled.counting import PADDING, hashed, same
from parlance.tokenization.compiled.merging import power_of_two

Array = npt.NDArray[Any]

LONGEST = 16  # characters of a piece
STRETCH = 24  # characters that are segmented at once: the product of so many probabilities is a number still
LEAST = 1e-10  # of a probability
SEEDS = 10  # times the vocabulary
SHRINKING = 0.75
STEPS = 2  # of EM before each pruning
MOST_SUBSTRINGS = 20_000_000


@njit(nogil=True, cache=True)
def _stretches(data: Any, offsets: Any, weights: Any, known: Any) -> Any:
    """Where runs of known characters lie, cut to STRETCH, with their weights."""
    room = offsets[-1] + 1
    starts, ends, counts = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    used = 0
    for row in range(len(offsets) - 1):
        place, start, length = offsets[row], offsets[row], 0
        while place < offsets[row + 1]:
            point, size = decoded(data, place)
            if not known[point] or length == STRETCH:
                if length:
                    starts[used], ends[used], counts[used] = start, place, weights[row]
                    used += 1
                start, length = place, 0
            if known[point]:
                length += 1
            else:
                start = place + size
            place += size
        if length:
            starts[used], ends[used], counts[used] = start, place, weights[row]
            used += 1
    return starts[:used].copy(), ends[:used].copy(), counts[:used].copy()


@njit(inline="always", cache=True)
def _next(data: Any, place: int, end: int) -> int:
    """Where the character after the one at `place` begins."""
    place += 1
    while place < end and data[place] & 0xC0 == 0x80:
        place += 1
    return place


@njit(inline="always", cache=True)
def _slot(slots: Any, hashes: Any, places: Any, lengths: Any, content: Any, data: Any, start: int, length: int) -> Any:
    """The slot of the piece that is spelled like `data[start:start + length]`, or the free one for it; and its hash."""
    mask = len(slots) - 1
    value = hashed(data, start, length)
    slot = np.int64(value & np.uint64(mask))
    while slots[slot] >= 0:
        piece = slots[slot]
        if hashes[piece] == value and lengths[piece] == length and same(data, start, content, places[piece], length):
            break
        slot = (slot + 1) & mask
    return slot, value


@njit(nogil=True, cache=True)
def _substrings(data: Any, starts: Any, ends: Any, weights: Any, order: Any, most: int) -> Any:
    """Places, lengths and counts of substrings of two characters and more, of the stretches in `order`."""
    room = 0
    taken = 0
    while taken < len(order) and room < most:
        characters = ends[order[taken]] - starts[order[taken]]
        room += characters * min(characters, LONGEST)
        taken += 1
    slots = np.full(power_of_two(2 * room + 2), -1, np.int32)
    hashes, places = np.zeros(room, np.uint64), np.zeros(room, np.int64)
    lengths, counts = np.zeros(room, np.int32), np.zeros(room, np.int64)
    used = 0
    for i in range(taken):
        start, end, weight = starts[order[i]], ends[order[i]], weights[order[i]]
        while start < end:
            stop = _next(data, start, end)
            for _ in range(LONGEST - 1):
                if stop >= end:
                    break
                stop = _next(data, stop, end)
                slot, value = _slot(slots, hashes, places, lengths, data, data, start, stop - start)
                if slots[slot] < 0:
                    slots[slot] = used
                    hashes[used], places[used], lengths[used] = value, start, stop - start
                    used += 1
                counts[slots[slot]] += weight
            start = _next(data, start, end)
    return places[:used].copy(), lengths[:used].copy(), counts[:used].copy()


@njit(nogil=True, cache=True)
def _table(content: Any, places: Any, lengths: Any) -> Any:
    slots = np.full(power_of_two(4 * len(places) + 2), -1, np.int32)
    hashes = np.zeros(len(places), np.uint64)
    for piece in range(len(places)):
        slot, value = _slot(slots, hashes, places, lengths, content, content, places[piece], lengths[piece])
        slots[slot], hashes[piece] = piece, value
    return slots, hashes


@njit(nogil=True, cache=True)
def _expected(
    data: Any, starts: Any, ends: Any, weights: Any, content: Any, places: Any, lengths: Any, odds: Any, best: bool
) -> Any:
    """How often each piece is expected in the stretches; by the likeliest segmentation alone where `best`."""
    slots, hashes = _table(content, places, lengths)
    expected = np.zeros(len(places))
    width = 4 * STRETCH + 1
    before, behind, via, back = np.zeros(width), np.zeros(width), np.zeros(width, np.int32), np.zeros(width, np.int32)
    froms, tos = np.zeros(STRETCH * LONGEST, np.int32), np.zeros(STRETCH * LONGEST, np.int32)
    pieces = np.zeros(STRETCH * LONGEST, np.int32)
    for row in range(len(starts)):
        first, end = starts[row], ends[row]
        size, edges = end - first, 0
        before[: size + 1] = 0.0
        before[0] = 1.0
        start = first
        while start < end:
            stop = start
            for _ in range(LONGEST):
                if stop >= end:
                    break
                stop = _next(data, stop, end)
                slot, _value = _slot(slots, hashes, places, lengths, content, data, start, stop - start)
                piece = slots[slot]
                if piece < 0:
                    continue
                froms[edges], tos[edges], pieces[edges] = start - first, stop - first, piece
                edges += 1
                likely = before[start - first] * odds[piece]
                if not best:
                    before[stop - first] += likely
                elif likely > before[stop - first]:
                    before[stop - first], via[stop - first], back[stop - first] = likely, piece, start - first
            start = _next(data, start, end)
        if before[size] <= 0.0:
            continue
        if best:
            place = size
            while place > 0:
                expected[via[place]] += weights[row]
                place = back[place]
            continue
        behind[: size + 1] = 0.0
        behind[size] = 1.0
        scale = weights[row] / before[size]
        for edge in range(edges - 1, -1, -1):
            odd = odds[pieces[edge]] * behind[tos[edge]]
            expected[pieces[edge]] += before[froms[edge]] * odd * scale
            behind[froms[edge]] += odd
    return expected


@njit(nogil=True, cache=True)
def _losses(content: Any, places: Any, lengths: Any, odds: Any, counts: Any) -> Any:
    """What the likelihood loses without each piece; minus one where its parts are likelier than it."""
    slots, hashes = _table(content, places, lengths)
    total = counts.sum()
    losses = np.zeros(len(places))
    width = 4 * LONGEST + 1
    before, via, back = np.zeros(width), np.zeros(width, np.int32), np.zeros(width, np.int32)
    for whole in range(len(places)):
        first, end = places[whole], places[whole] + lengths[whole]
        before[:] = 0.0
        before[0] = 1.0
        start = first
        while start < end:
            stop = start
            while stop < end:
                stop = _next(content, stop, end)
                slot, _value = _slot(slots, hashes, places, lengths, content, content, start, stop - start)
                piece = slots[slot]
                if piece < 0 or piece == whole:
                    continue
                likely = before[start - first] * odds[piece]
                if likely > before[stop - first]:
                    before[stop - first], via[stop - first], back[stop - first] = likely, piece, start - first
            start = _next(content, start, end)
        if before[lengths[whole]] > odds[whole]:
            losses[whole] = -1.0
        elif before[lengths[whole]] > 0.0 and counts[whole] > 0:
            parts, alternative, place = 0, 0.0, lengths[whole]
            while place > 0:
                alternative += np.log(counts[via[place]] + counts[whole])
                parts += 1
                place = back[place]
            alternative -= parts * np.log(total + counts[whole] * (parts - 1))
            losses[whole] = counts[whole] / total * (np.log(counts[whole] / total) - alternative)
    return losses


class _Pieces:
    """Pieces as bytes one behind another; the first `single` of them are the characters, which are always kept."""

    def __init__(self, spelled: list[bytes], counts: Array, single: int) -> None:
        self.content = np.frombuffer(b"".join(spelled) + bytes(PADDING), np.uint8)
        self.lengths = np.array([len(piece) for piece in spelled], np.int64)
        self.places = np.cumsum(self.lengths) - self.lengths
        self.single = single
        self.odds = _odds(counts)

    def keep(self, chosen: Array) -> None:
        self.places, self.lengths, self.odds = self.places[chosen], self.lengths[chosen], self.odds[chosen]

    def spelled(self) -> list[bytes]:
        return [
            self.content[place : place + length].tobytes()
            for place, length in zip(self.places, self.lengths, strict=True)
        ]


def _odds(counts: Array) -> Array:
    return np.asarray(np.maximum(counts / max(counts.sum(), 1.0), LEAST))


def pieces(
    data: Array, offsets: Array, weights: Array, alphabet: list[str], *, most: int
) -> tuple[list[bytes], npt.NDArray[np.float64]]:
    """At most `most` pieces and the logarithm of their probabilities, the characters of `alphabet` among them.

    `data[offsets[i]:offsets[i + 1]]` is a word, which occurs `weights[i]` times; `data` has PADDING bytes more.
    Characters beyond the alphabet are in no piece.
    """
    known = np.zeros(0x110000, np.bool_)
    known[[ord(character) for character in alphabet]] = True
    starts, ends, counts = _stretches(data, offsets, weights, known)
    order = np.lexsort((starts, -counts))
    places, lengths, totals = _substrings(data, starts, ends, counts, order, MOST_SUBSTRINGS)
    repeated = np.flatnonzero(totals > 1)
    gains = totals[repeated] * lengths[repeated]
    chosen = repeated[np.lexsort((places[repeated], -gains))][: SEEDS * most]
    spelled = [character.encode() for character in alphabet]
    spelled += [data[places[i] : places[i] + lengths[i]].tobytes() for i in chosen]
    single = len(alphabet)
    vocabulary = _Pieces(spelled, np.concatenate([np.ones(single), totals[chosen].astype(float)]), single)
    while True:
        for _ in range(STEPS):
            _maximise(vocabulary, data, starts, ends, counts)
        size = len(vocabulary.places)
        if size <= most:
            break
        _prune(vocabulary, data, starts, ends, counts, to=max(most, int(size * SHRINKING)))
    return vocabulary.spelled(), np.log(vocabulary.odds)


def _maximise(vocabulary: _Pieces, data: Array, starts: Array, ends: Array, counts: Array) -> None:
    """One step of EM; a piece that is expected less than half a time goes."""
    expected = _counted(vocabulary, data, starts, ends, counts, best=False)
    is_kept = expected >= 0.5
    is_kept[: vocabulary.single] = True
    vocabulary.keep(np.flatnonzero(is_kept))
    vocabulary.odds = _odds(expected[is_kept])


def _prune(vocabulary: _Pieces, data: Array, starts: Array, ends: Array, counts: Array, *, to: int) -> None:
    """Keeps the characters and those pieces that the likelihood would lose most without."""
    found = _counted(vocabulary, data, starts, ends, counts, best=True)
    losses = _losses(vocabulary.content, vocabulary.places, vocabulary.lengths, vocabulary.odds, found)
    others = np.arange(vocabulary.single, len(losses))
    best = others[np.lexsort((others, -losses[others]))][: to - vocabulary.single]
    vocabulary.keep(np.concatenate([np.arange(vocabulary.single), np.sort(best)]))


def _counted(vocabulary: _Pieces, data: Array, starts: Array, ends: Array, counts: Array, *, best: bool) -> Array:
    found: Array = _expected(
        data, starts, ends, counts, vocabulary.content, vocabulary.places, vocabulary.lengths, vocabulary.odds, best
    )
    return found
