"""Where sentences begin in a line: by blingfire, less what it gets wrong and with what it leaves out in chat."""

import ctypes
import re
import threading
from functools import cache
from typing import Any, Final

from parlance.speech_acts.masks import LIST_MARKER

_kept = threading.local()
_MOST_KEPT: Final = 1 << 18

_CLOSERS: Final = "\"'”’»)\\]」』）】〉》＂"
# Scripts that put no space after a mark. blingfire does not see these marks, so that a closing bracket stays.
_UNSPACED: Final = "。．！？｡।॥۔።။។៕։"
_HIDDEN = str.maketrans(dict.fromkeys(_UNSPACED, ","))
_UNSPACED_SET: Final = frozenset(_UNSPACED)
_ASKING: Final = frozenset("?!؟")
# 「行く。」と言った: what is quoted is part of the sentence that quotes it.
_QUOTED: Final = ("と", "って", "、", "，", ",")

# Marks of any script; without one of them a line is one sentence.
_MARKS = re.compile(f"[.?!…؟{_UNSPACED}]+")
# What follows them: what closes, emoji, space.
_REST = re.compile(rf"([{_CLOSERS}]*+)((?:\s*+\ue000)*+)(\s*+)")
# "done.Thanks", "done.thanks for that": a full stop without a space after it, and before it what is no file or domain.
_STUCK = re.compile(
    r"[A-Z][a-z']*+(?:[\s,!?]|$)|(?:thanks|thank|please|pls|but|and|can|could|what|how|also|just|sorry|the|you|we"
    r"|they|that|this|there|then|he|she|i|i'll|i'm|it's|let's)(?:[\s,!?]|$)"
)
_SMALL_WORD = re.compile(r"(?<![\w.@/-])[^\W\d_A-Z][^\W\d_A-Z]{2,}\Z")
_LONG_WORD = re.compile(r"[^\W\d_]{3}\Z")
# What ends no sentence; and what ends none before a number. Those that may well end one (etc., a.m., Inc.) are left to
# blingfire before a capital. Case matters: "ca. 5", but "we live in CA. It is warm"; "b. 1950", but "plan B. So".
_ABBREVIATED = re.compile(
    r"(?:^|[\s(\[\"'“„«/-])(?:[eE]\.g|[iI]\.e|[zZ]\.\s?B|[dD]\.\s?h|u\.\s?a|o\.\s?ä|[pP]\.\s?ex|[cC]f|[vV]gl|vs|viz|ca|approx"
    r"|al|bzw|ggf|evtl|inkl|exkl|zzgl|Mlle|Mme|M[rs]|Mrs|mr|mrs|[dD]rs?|[pP]rof|Sra|Srta|Dra|Hr|Fr|incl|excl|resp|dept|Dept"
    r"|c\.-à-d|Exmo|Capt|Lt|Sgt|[eE]ds|St|[bdfv])\Z"
)
_NUMBERED = re.compile(
    r"(?:^|[\s(\[])(?:no|nos|nr|núm|pág|fig|figure|table|abb|abs|art|vol|pp?|str|tel|est|max|min|ex|"
    r"op|sec|ch|chap|ed)\Z",
    re.IGNORECASE,
)
_ENDS_NONE = re.compile(
    r"\b(?:etc|usw|usf|env|max|min|tel|est|fig|prof|núm|pág|ext|inc|ltd|co|corp|jr|jan|feb|mar|apr|"
    r"jun|jul|aug|sept?|oct|okt|nov|dec|dez|mon|tue|wed|thu|fri)\Z",
    re.I,
)
_ANSWER = re.compile(r"(?:^|[.!?,] {1,2})(?:no|yes)\Z", re.IGNORECASE)
_ORDINAL = re.compile(r"(?:\b(?:am|der|den|dem|vom|zum|bis|im|das|die|des|ab|seit)\s+|^\s*)\d{1,2}\Z", re.IGNORECASE)
_GERMAN_NOUN = re.compile(
    r"(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|"
    r"Jahrhundert|Mal|Platz|Weltkrieg|Klasse|Stock|Tag|Woche|Runde|Halbzeit|Etage|Kapitel)\b"
)
# What stays with the sentence before it: references of an encyclopedia, and smileys.
_AFTERTHOUGHT = re.compile(
    r"(?:\[(?:\d{1,3}|[a-z]|(?:citation|better source|clarification) needed)\]\s*|"
    r"(?:[:;=]['-]?[)(DPp3*|/\\]|<3|[xX]D|\^\^|:'\()(?!\w)\s*)+"
)


def sentence_starts(line: str, emoji: str) -> list[int]:
    """Where in `line` a sentence begins, but for the first; `emoji` is the placeholder of one.

    >>> sentence_starts("Is it on? i think so, cf. Fig. 2. Thanks.", "\\ue000")
    [10, 34]
    """
    runs = list(_MARKS.finditer(line))
    if not runs or (len(runs) == 1 and runs[0].end() == len(line)):
        return []
    starts, never = _decided(line, runs)
    seen = line.replace(emoji, "x")
    if any(not _UNSPACED_SET.isdisjoint(run[0]) for run in runs):
        seen = seen.translate(_HIDDEN)
    starts |= {_moved(line, start) for start in _blingfire_starts(seen)} - never
    first = _marker_end(line)
    return sorted(start for start in starts if first < start < len(line))


def _decided(line: str, runs: list[re.Match[str]]) -> tuple[set[int], set[int]]:
    """Starts that the marks before them settle, and places where none is."""
    starts, never = set(), set()
    for run in runs:
        marks, rest = run[0], _REST.match(line, run.end())
        if rest is None or rest.end() == len(line):
            continue
        closers, emoji, space = rest.groups()
        end, following = rest.end(), line[rest.end()]
        if not _UNSPACED_SET.isdisjoint(marks):
            if not line.startswith(_QUOTED, end) and not (marks == "．" and following.isdigit()):
                starts.add(end)
        elif space:
            # Behind a quotation mark or a bracket a small letter goes on: "No!" he said.
            quoted = closers and following.islower() and not _ASKING.isdisjoint(marks)
            if quoted or (marks == "." and not emoji and _goes_on(line, run.start(), end)):
                never.add(end)
            elif _begins(line, run, following, emoji=bool(emoji)):
                starts.add(end)
        elif not closers and not emoji and _is_stuck(line, run):
            starts.add(end)
    return starts, never


def _begins(line: str, run: re.Match[str], following: str, *, emoji: bool) -> bool:
    """Whether a sentence begins with `following` where blingfire sees none: a small letter, an emoji before it."""
    marks = run[0]
    if following.islower() or (following.isalpha() and not following.isupper()):
        return not _ASKING.isdisjoint(marks) or (marks == "." and _closes(line, run.start()))
    if emoji:
        return following.isalnum()
    if marks != "." or not following.isalpha():
        return False
    # To blingfire "No." is short for number.
    return (following > "\x7f" and _closes(line, run.start())) or bool(
        _ANSWER.search(line[max(0, run.start() - 6) : run.start()])
    )


def _is_stuck(line: str, run: re.Match[str]) -> bool:
    if not line[run.start() - 1 : run.start()].isalpha() or not line[run.end()].isalpha():
        return False
    if _ASKING.issuperset(run[0]):
        return True
    return run[0] == "." and bool(
        _SMALL_WORD.search(line, max(0, run.start() - 20), run.start()) and _STUCK.match(line, run.end())
    )


def _marker_end(line: str) -> int:
    """Where the marker of a list ends: nothing is cut from it."""
    marker = LIST_MARKER.match(line)
    return marker.end() + 1 if marker else 0


def _closes(line: str, mark: int) -> bool:
    """Whether the full stop at `mark` ends a sentence before a small letter: after a word that is no abbreviation."""
    before = line[max(0, mark - 12) : mark]
    return bool(_LONG_WORD.search(before)) and not _ABBREVIATED.search(before) and not _ENDS_NONE.search(before)


def _goes_on(line: str, mark: int, following: int) -> bool:
    before = line[max(0, mark - 12) : mark]
    if _ABBREVIATED.search(before) or (line[following].isdigit() and _NUMBERED.search(before)):
        return True
    return bool(_ORDINAL.search(before) and _GERMAN_NOUN.match(line, following))


def _moved(line: str, start: int) -> int:
    """`start` behind the references and smileys that stand there."""
    stays = _AFTERTHOUGHT.match(line, start)
    return stays.end() if stays else start


def _blingfire_starts(line: str) -> list[int]:
    """What `blingfire.text_to_sentences_and_offsets` gives, in code points, without its loop over all bytes."""
    data = line.encode()
    size, (room, sentences, starts, ends) = len(data), _buffers(2 * len(data) + 2)
    length = _library().TextToSentencesWithOffsets(data, size, sentences, starts, ends, room)
    if length <= 0:
        return []
    offsets: list[int] = starts[: ctypes.string_at(sentences, length).count(b"\n") + 1]
    if size == len(line):
        return offsets
    found, position, before = [], 0, 0
    for offset in offsets:
        position += len(data[before:offset].decode())
        before = offset
        found.append(position)
    return found


def _buffers(least: int) -> tuple[int, Any, Any, Any]:
    """Room for `least` characters and offsets; each thread keeps what it had, as new ones cost more than the work."""
    if getattr(_kept, "room", 0) < least:
        room = max(4096, 1 << (least - 1).bit_length())
        numbers = ctypes.c_int32 * room
        made = (room, (ctypes.c_char * room)(), numbers(), numbers())
        if room > _MOST_KEPT:
            return made
        _kept.room, _kept.buffers = room, made
    kept: tuple[int, Any, Any, Any] = _kept.buffers
    return kept


@cache
def _library() -> Any:
    import blingfire

    return blingfire.blingfire
