r"""Hashes of the word n-grams of texts, in one compiled pass over their bytes.

A word is a run of `\w` in lower case. Most texts are read where they lie; one with characters beyond ASCII that
separate words or have another lower case is written anew first, and one with rare characters by Polars. Letters and
their marks count as composed (NFC), and what is invisible within words does not count.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from numba import njit

from parlance.dedup import characters
from parlance.dedup.vectors import BLOCK, high_bytes, load, lowest, word_bytes
from parlance.errors import ConfigError

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]

LENGTH_FACTOR = np.uint64(0xD1342543DE82EF95)
CHUNK_FACTOR = np.uint64(0x9E3779B97F4A7C15)
TURN = 13  # bits by which each further word of an n-gram is rotated

MAXIMUM = np.uint64(2**64 - 1)
ONE = np.uint64(1)
_MASK = 2**64 - 1

# What became of a text.
READY = 0
REWRITTEN = 1
ODD = 2
IN_CHARACTERS = 3
UNCOMPOSED = 4

Unit = Literal["word", "character"]


@njit(inline="always", cache=True)
def mixed(value: Any) -> Any:
    """splitmix64's finaliser (Steele et al. 2014): a bijection that spreads every bit."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(inline="always", cache=True)
def _lower(chunk: Any) -> Any:
    """Eight bytes with ASCII capitals as small letters."""
    seven = chunk & np.uint64(0x7F7F7F7F7F7F7F7F)
    from_a = seven + np.uint64(0x3F3F3F3F3F3F3F3F)
    beyond_z = seven + np.uint64(0x2525252525252525)
    capital = from_a & ~beyond_z & ~chunk & np.uint64(0x8080808080808080)
    return chunk | (capital >> np.uint64(2))


@njit(inline="always", cache=True)
def _word_hash(data: Any, start: int, length: int) -> Any:
    value = np.uint64(length) * LENGTH_FACTOR
    while length > 8:
        value = (value ^ _lower(load(data, start))) * CHUNK_FACTOR
        value ^= value >> np.uint64(32)
        start += 8
        length -= 8
    chunk = load(data, start) & (MAXIMUM >> np.uint64(64 - 8 * length))
    value = (value ^ _lower(chunk)) * CHUNK_FACTOR
    return value ^ (value >> np.uint64(29))


@njit(nogil=True, cache=True)
def _words(data: Any, start: int, end: int, into: Any) -> Any:
    """Writes the hash of each word of `data[start:end]`; gives their number. 64 bytes beyond `end` must be there."""
    count = 0
    last = np.uint64(0)
    begun = start
    inside = False
    for place in range(start, end, BLOCK):
        mask = word_bytes(data, place)
        if end - place < BLOCK:
            mask &= (ONE << np.uint64(end - place)) - ONE
        edges = mask ^ ((mask << ONE) | last)
        last = mask >> np.uint64(BLOCK - 1)
        while edges:
            edge = place + lowest(edges)
            edges &= edges - ONE
            if inside:
                into[count] = _word_hash(data, begun, edge - begun)
                count += 1
            else:
                begun = edge
            inside = not inside
    if inside:
        into[count] = _word_hash(data, begun, end - begun)
        count += 1
    return count


@njit(nogil=True, cache=True)
def _grams(words: Any, count: int, size: int, into: Any) -> Any:
    """Writes a hash for each `size` consecutive words, or for all of them where there are fewer; gives their number."""
    if count == 0:
        return 0
    size = min(size, count)
    windows = count - size + 1
    for i in range(windows):
        into[i] = words[i]
    for k in range(1, size):
        turn = np.uint64(TURN * k % 64)
        back = np.uint64(64) - turn
        if turn == 0:
            for i in range(windows):
                into[i] += words[i + k]
        else:
            for i in range(windows):
                into[i] += (words[i + k] << turn) | (words[i + k] >> back)
    for i in range(windows):
        into[i] = mixed(into[i])
    return windows


@njit(inline="always", cache=True)
def decoded(data: Any, place: int) -> Any:
    """The code point that starts at `place`, and how many bytes it has."""
    first = np.uint32(data[place])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return ((first & np.uint32(0x1F)) << np.uint32(6)) | (np.uint32(data[place + 1]) & np.uint32(0x3F)), 2
    if first < 0xF0:
        point = (first & np.uint32(0x0F)) << np.uint32(12)
        point |= (np.uint32(data[place + 1]) & np.uint32(0x3F)) << np.uint32(6)
        return point | (np.uint32(data[place + 2]) & np.uint32(0x3F)), 3
    point = (first & np.uint32(0x07)) << np.uint32(18)
    point |= (np.uint32(data[place + 1]) & np.uint32(0x3F)) << np.uint32(12)
    point |= (np.uint32(data[place + 2]) & np.uint32(0x3F)) << np.uint32(6)
    return point | (np.uint32(data[place + 3]) & np.uint32(0x3F)), 4


@njit(nogil=True, cache=True)
def _state(data: Any, start: int, end: int, kinds: Any, joined: Any) -> int:
    """READY where the words of `data[start:end]` are its runs of word bytes, else what it needs.

    UNCOMPOSED, then ODD, then REWRITTEN where it is several; the first only by the tables of `composing`.
    """
    state = READY
    unspaced = 0
    for place in range(start, end, BLOCK):
        high = high_bytes(data, place)
        if end - place < BLOCK:
            high &= (ONE << np.uint64(end - place)) - ONE
        while high:
            at = place + lowest(high)
            high &= high - ONE
            if data[at] < 0xC0:  # a later byte of a character
                continue
            point, _ = decoded(data, at)
            kind = kinds[point] if point < len(kinds) else np.uint8(characters.ODD)
            if kind >= characters.MARK:
                if kind >= characters.CHANGED or _may_join(data, start, at, kinds, joined):
                    return UNCOMPOSED
                kind &= np.uint8(characters.MARK - 1)
            if kind == characters.ODD:
                state = ODD
            elif kind >= characters.UNSPACED:
                unspaced += 1
            elif kind != characters.PLAIN:
                state = max(state, REWRITTEN)
    return ODD if unspaced and _is_unspaced(data, start, end, kinds) else state


@njit(nogil=True, cache=True)
def _may_join(data: Any, start: int, place: int, kinds: Any, joined: Any) -> Any:
    """Whether the character at `place` composes with the one before, or both are marks, whose order may be wrong."""
    before = place - 1
    while before >= start and data[before] & 0xC0 == 0x80:
        before -= 1
    if before < start:
        return False
    (first, _), (second, _) = decoded(data, before), decoded(data, place)
    if first >= len(kinds):
        return False
    key = np.int64(second) * characters.SIZE + np.int64(first)
    found = np.searchsorted(joined, key)
    return bool(kinds[first] & kinds[second] & characters.MARK) or (found < len(joined) and joined[found] == key)


@njit(nogil=True, cache=True)
def _is_unspaced(data: Any, start: int, end: int, kinds: Any) -> Any:
    """Whether more than half of the text's word characters and gaps are of a script without spaces."""
    unspaced = characters_seen = gaps = np.int64(0)
    was_word = False
    place = start
    while place < end:
        point, size = decoded(data, place)
        kind = kinds[point] & np.uint8(characters.MARK - 1) if point < len(kinds) else np.uint8(characters.PLAIN)
        is_word = kind != characters.SEPARATOR
        unspaced += kind >= characters.UNSPACED
        characters_seen += is_word
        gaps += is_word and not was_word
        was_word = is_word
        place += size
    return 2 * unspaced > characters_seen + gaps - 1


@njit(nogil=True, cache=True)
def _rewritten(data: Any, start: int, end: int, kinds: Any, lowers: Any, into: Any) -> Any:
    """Writes the text with a space for each separator beyond ASCII and in lower case; gives its length."""
    length = 0
    place = start
    while place < end:
        if data[place] < 0x80:
            into[length] = data[place]
            length += 1
            place += 1
            continue
        point, size = decoded(data, place)
        kind = kinds[point]
        if kind == characters.SEPARATOR:
            into[length] = 32
            length += 1
        elif kind == characters.CAPITAL:
            length += _encoded(lowers[point], into, length)
        else:
            for i in range(size):
                into[length + i] = data[place + i]
            length += size
        place += size
    return length


@njit(inline="always", cache=True)
def _encoded(point: Any, into: Any, place: int) -> int:
    if point < 0x80:
        into[place] = point
        return 1
    if point < 0x800:
        into[place] = 0xC0 | (point >> np.uint32(6))
        into[place + 1] = 0x80 | (point & np.uint32(0x3F))
        return 2
    if point < 0x10000:
        into[place] = 0xE0 | (point >> np.uint32(12))
        into[place + 1] = 0x80 | ((point >> np.uint32(6)) & np.uint32(0x3F))
        into[place + 2] = 0x80 | (point & np.uint32(0x3F))
        return 3
    into[place] = 0xF0 | (point >> np.uint32(18))
    into[place + 1] = 0x80 | ((point >> np.uint32(12)) & np.uint32(0x3F))
    into[place + 2] = 0x80 | ((point >> np.uint32(6)) & np.uint32(0x3F))
    into[place + 3] = 0x80 | (point & np.uint32(0x3F))
    return 4


@njit(nogil=True, cache=True)
def _characters(data: Any, start: int, end: int, kinds: Any, lowers: Any, into: Any) -> Any:
    """Writes the hash of each word character of `data[start:end]`, and one for what is between two words."""
    count = 0
    is_gap = False
    place = start
    while place < end:
        point, size = decoded(data, place)
        place += size
        kind = kinds[point] if point < len(kinds) else np.uint8(characters.ODD)
        if kind == characters.SEPARATOR:
            is_gap = count > 0
            continue
        if is_gap:
            into[count] = mixed(ONE)
            count += 1
            is_gap = False
        if kind == characters.CAPITAL:
            point = lowers[point]
        into[count] = mixed(np.uint64(point) + np.uint64(2))
        count += 1
    return count


@njit(nogil=True, cache=True)
def shingled(
    data: Any, start: int, end: int, state: int, kinds: Any, lowers: Any, size: int, room: Any, words: Any, grams: Any
) -> Any:
    """Writes the hashes of the shingles of `data[start:end]` to `grams`; gives their number.

    `room` has half as many bytes again as the text and 128 more; `words` and `grams` half as many entries as the text
    has bytes, or as many where it is taken in characters, and two more.
    """
    if state == IN_CHARACTERS:
        return _grams(words, _characters(data, start, end, kinds, lowers, words), size, grams)
    if state == REWRITTEN:
        length = _rewritten(data, start, end, kinds, lowers, room)
        return _grams(words, _words(room, 0, length, words), size, grams)
    if end + BLOCK > len(data):  # vectors would read beyond the buffer
        for i in range(end - start):
            room[i] = data[start + i]
        return _grams(words, _words(room, 0, end - start, words), size, grams)
    return _grams(words, _words(data, start, end, words), size, grams)


class Texts:
    """The bytes of texts as compiled code reads them: `data[offsets[i]:offsets[i + 1]]`, and what each needs.

    By `unit` shingles are of words or of characters, with one between two words.
    """

    def __init__(self, texts: pl.Series | pa.StringArray | pa.LargeStringArray, unit: Unit = "word") -> None:
        if unit not in ("word", "character"):
            raise ConfigError(f"unknown unit {unit!r}; allowed: word, character")
        self.kinds, self.lowers = characters.tables()
        self.data, self.offsets = buffers(texts)
        composing, joined = characters.composing()
        self.states = _states(self.data, self.offsets, composing, joined)
        uncomposed = np.flatnonzero(self.states == UNCOMPOSED)
        if len(uncomposed):
            texts = _rewritten_by(characters.composed, texts, uncomposed)
            self.states[uncomposed] = _states(*buffers(texts.gather(uncomposed)), self.kinds, joined)
        if unit == "character":
            self.states[:] = IN_CHARACTERS
        odd = np.flatnonzero(self.states == ODD)
        if len(odd):
            texts = _rewritten_by(_plain, texts, odd)
            self.states[odd] = READY
        if len(uncomposed) or len(odd):
            self.data, self.offsets = buffers(texts)

    def __len__(self) -> int:
        return len(self.states)

    @property
    def arrays(self) -> tuple[Any, Any, Any, Any, Any]:
        """As compiled functions take them."""
        return self.data, self.offsets, self.states, self.kinds, self.lowers


@njit(nogil=True, cache=True)
def _states(data: Any, offsets: Any, kinds: Any, joined: Any) -> Any:
    states = np.empty(len(offsets) - 1, np.uint8)
    for row in range(len(states)):
        start, end = offsets[row], offsets[row + 1]
        if end + BLOCK <= len(data):
            states[row] = _state(data, start, end, kinds, joined)
        else:
            room = np.zeros(end - start + BLOCK, np.uint8)
            room[: end - start] = data[start:end]
            states[row] = _state(room, 0, end - start, kinds, joined)
    return states


@njit(nogil=True, cache=True)
def longest(offsets: Any) -> int:
    """The most bytes that a text has."""
    most = 0
    for row in range(len(offsets) - 1):
        most = max(most, offsets[row + 1] - offsets[row])
    return most


def composed(texts: pl.Series) -> pl.Series:
    """What `characters.composed` makes of texts, which only those that need it go through."""
    rows = np.flatnonzero(_states(*buffers(texts), *characters.composing()) == UNCOMPOSED)
    return _rewritten_by(characters.composed, texts, rows) if len(rows) else texts


def _rewritten_by(
    change: Callable[[pl.Series], pl.Series], texts: pl.Series | pa.StringArray | pa.LargeStringArray, rows: Indices
) -> pl.Series:
    series = as_series(texts).clone()  # scatter writes where it is
    return series.scatter(rows, change(series.gather(rows)))


def _plain(texts: pl.Series) -> pl.Series:
    """The words of `texts` in lower case with one space between two; single characters where there are no spaces."""
    plain = texts.fill_null("").str.to_lowercase().str.replace_all(r"\W+", " ").str.strip_chars(" ")
    unspaced = plain.str.count_matches(characters.SCRIPTS_WITHOUT_SPACES) * 2 > plain.str.len_chars()
    if not unspaced.any():
        return plain
    spread = plain.filter(unspaced).str.replace_all(" ", "", literal=True).str.replace_all(r"(.)", "$1 ")
    return plain.scatter(unspaced.arg_true(), spread.str.strip_chars(" "))


def buffers(texts: pl.Series | pa.StringArray | pa.LargeStringArray) -> tuple[Bytes, Indices]:
    """The bytes of `texts`, and where each begins and the last ends; a null has none."""
    if isinstance(texts, pa.LargeStringArray) and not texts.null_count:
        array = texts
    else:
        array = as_series(texts).fill_null("").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offset_buffer, data = array.buffers()
    if offset_buffer is None:
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, np.uint8), offsets


def as_series(texts: pl.Series | pa.StringArray | pa.LargeStringArray) -> pl.Series:
    """`texts` as a Polars string column; ConfigError where it is something else."""
    series = texts if isinstance(texts, pl.Series) else pl.Series(texts)
    if series.dtype == pl.Null:
        return series.cast(pl.String)
    if series.dtype != pl.String:
        raise ConfigError(f"texts must be strings, got a column of {series.dtype}")
    return series


def shingle_hash(words: Sequence[str]) -> int:
    """The 32-bit hash of one shingle, word by word in plain Python: what `signatures` permutes under `affine32`.

    With it datasketch makes the same signatures: `MinHash(hashfunc=shingle_hash)`, given tuples of words.
    """
    total = 0
    for place, word in enumerate(words):
        turn, value = TURN * place % 64, _word_hash_in_python(word.encode())
        total += value << turn | value >> (64 - turn)
    return int(mixed.py_func(np.array([total & _MASK], np.uint64))[0]) >> 32


def _word_hash_in_python(word: bytes) -> int:
    value = len(word) * int(LENGTH_FACTOR) & _MASK
    for start in range(0, len(word), 8):
        value = (value ^ int.from_bytes(word[start : start + 8], "little")) * int(CHUNK_FACTOR) & _MASK
        value ^= value >> (32 if start + 8 < len(word) else 29)
    return value
