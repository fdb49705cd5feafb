"""Seeded texts near every bound of the rules of C4, Gopher and FineWeb, and texts that are hard to cut.

A text is made of ordinary words, then pressed towards one bound: as many hash signs as words allow, lines that
repeat, words of three or ten letters. How hard it is pressed is drawn from around the bound, so both sides occur.
"""

import random
from collections.abc import Callable

from benchmarks.planted import COMMON

WORDS = [word for word in COMMON if word not in {"the", "be", "to", "of", "and", "that", "have", "with"}]
STOPS = ["the", "The", "be", "to", "of,", "and", "AND", "that", "have", "with.", "with", "(of)"]
SPACES = [" ", "  ", "\t", "\u00a0", "\u3000", "\x1c", "\x1f", "\x85", "\u2028", "\v", "\f", "\r", "\r\n", "\n", "\n\n"]
PIECES = [
    "a", "bé", "日本", "ab c", "x" * 40, "y" * 1001, "123", "½", "Ⅳ",
    "\u0301", "\u200b", "\ufeff", "\x00", "😀", "ǅ", "İ",
    "...", "…", "..", ".", "!", "?", "\"", "'", "”", "。", "？", ":", ";", ")", "#", "##", "-", "•", "*", "–",
    "{", "}", "[1]", "[edit]", "[citation needed]", "[٣]", "[", "]", "lorem ipsum", "Lorem[2] Ipsum",
    "javascript", "JavaScript",
    "coo\u212aie policy", "ß",
    "Terms of Use", "privacy policy", "uses cookies", *STOPS, "\U000e0101", "\U0001f468\u200d\U0001f469",
]  # fmt: skip
FIXED = [
    "", " ", "\n", "\n\n", " \n\t ", "\x1c", "\u2028", "\x00", "\u200b", ".", "...", "{", "a",
    "a" * 200_000, "\n" * 5_000 + "x",
    "ab cd\n" * 300, "{`" * 2_000, "# " * 500, "日本語" * 200, "one\r\ntwo\r\n" * 60, "lorem ipsum " * 20,
    "a\n" * 99_990,
]  # fmt: skip


def texts(count: int, *, seed: int = 1) -> list[str]:
    """`FIXED`, then as many of each kind as make `count`."""
    chance = random.Random(seed)
    kinds = [*KINDS]
    made = [kinds[i % len(kinds)](chance) for i in range(max(0, count - len(FIXED)))]
    return [*FIXED, *made][:count]


def _words(chance: random.Random, count: int) -> list[str]:
    return [chance.choice(WORDS if chance.random() < 0.85 else STOPS) for _ in range(count)]


def _around(chance: random.Random, bound: float, spread: float = 0.25) -> float:
    return bound * (1 + chance.uniform(-spread, spread))


def _prose(chance: random.Random, words: list[str]) -> str:
    """Sentences on lines; sometimes blank lines, spaces at the ends, or no newline at all."""
    parts: list[str] = []
    ends, between = chance.choice([".!?", ".", ".:;)\"'"]), chance.choice(["\n", "\n\n", " ", "\n \n", "\r\n", " \n"])
    while words:
        size = chance.randint(3, 14)
        parts.append(" ".join(words[:size]) + (chance.choice(ends) if chance.random() < 0.8 else ""))
        words = words[size:]
    return chance.choice(["", "", "\n", " "]) + between.join(parts) + chance.choice(["", "", "\n", " \n\n"])


def _word_count(chance: random.Random) -> str:
    words = _words(chance, chance.randint(44, 58))
    for _ in range(chance.choice([0, 0, 3, 6])):
        words.insert(chance.randrange(len(words)), chance.choice(["-", "&", "--", "•", "…", "１", "|"]))
    return _prose(chance, words)


def _many_words(chance: random.Random) -> str:
    if chance.random() < 0.98:
        return _word_count(chance)
    count = 100_000 + chance.randint(-3, 3)
    words = [chance.choice(WORDS) for _ in range(count - 20)] + ["-"] * chance.choice([0, 4]) + ["the", "to"] * 8
    return " ".join(words + ["of"] * (count - len(words)))


def _word_length(chance: random.Random) -> str:
    wanted, count = chance.choice([3, 10]), chance.randint(60, 90)
    total = round(wanted * count) + chance.randint(-3, 3)
    lengths = [total // count] * count
    for i in range(total - sum(lengths)):
        lengths[i] += 1
    words = ["".join(chance.choice("abcdefgh") for _ in range(length)) for length in lengths]
    words[:3] = ["the"[: lengths[0]], *words[1:2], "and"[: lengths[2]]]
    return " ".join(words + ["--"] * chance.choice([0, 0, 5]))


def _symbols(chance: random.Random) -> str:
    words = _words(chance, chance.randint(60, 100))
    signs = chance.choice([["#"], ["..."], ["…"], ["...", "…"], ["#", "..."], ["......"]])
    for _ in range(round(_around(chance, 0.1) * len(words))):
        at = chance.randrange(len(words))
        words[at] += chance.choice(signs)
    return _prose(chance, words)


def _line_starts(chance: random.Random) -> str:
    lines = [" ".join(_words(chance, chance.randint(2, 8))) for _ in range(chance.randint(20, 40))]
    marks = chance.choice([["•"], ["-"], ["•", "-", "*"], ["–", "◦"]])
    for i in chance.sample(range(len(lines)), round(min(1, _around(chance, 0.9, 0.1)) * len(lines))):
        lines[i] = chance.choice(["", " "]) + chance.choice(marks) + chance.choice([" ", ""]) + lines[i]
    return _joined(chance, lines)


def _line_ends(chance: random.Random) -> str:
    lines = [" ".join(_words(chance, chance.randint(4, 12))) for _ in range(chance.randint(12, 40))]
    share, marks = chance.choice(
        [(0.3, ["...", "…", "... "]), (0.12, [".", "!", "?"]), (0.12, [":", "。", "”", ".\r"])]
    )
    for i in chance.sample(range(len(lines)), round(_around(chance, share) * len(lines))):
        lines[i] += chance.choice(marks)
    return _joined(chance, lines)


def _joined(chance: random.Random, lines: list[str]) -> str:
    breaks = chance.choice([["\n"], ["\n", "\n\n"], ["\r\n"], ["\n", "\u2028"], ["\n", "\n \n"]])
    return "".join(line + chance.choice(breaks) for line in lines) + chance.choice(["", " ", "end"])


def _letterless(chance: random.Random) -> str:
    words = _words(chance, chance.randint(60, 100))
    for i in chance.sample(range(len(words)), round(_around(chance, 0.2) * len(words))):
        words[i] = chance.choice(["12", "3.5", "--", "½", "Ⅳ", "\u0903", "१२", "$5"])
    return _prose(chance, words)


def _stop_words(chance: random.Random) -> str:
    words = [chance.choice(WORDS) for _ in range(70)]
    for _ in range(chance.randint(0, 4)):
        words[chance.randrange(70)] = chance.choice(STOPS)
    return _prose(chance, words)


def _repeated_parts(chance: random.Random) -> str:
    between = chance.choice(["\n", "\n\n", "\n\n\n", "\n \n"])
    count = chance.randint(20, 60)
    parts = [" ".join(_words(chance, chance.randint(3, 15))) + "." for _ in range(count)]
    bound = chance.choice([0.3, 0.2, 0.1, 0.01])
    whole = chance.choice([sum(map(len, parts)), count]) if bound != 0.01 else sum(map(len, parts))
    wanted, got = _around(chance, bound, 0.4) * whole, 0
    while got < wanted:
        one = min(parts, key=len) if bound == 0.01 else chance.choice(parts)
        got += 1 if whole == count else len(one)
        parts.insert(chance.randrange(len(parts)), one + chance.choice(["", "", " "]))
    return chance.choice(["", "\n"]) + between.join(parts) + chance.choice(["", "\n"])


def _repeated_grams(chance: random.Random) -> str:
    n = chance.randint(2, 10)
    bound = {2: 0.2, 3: 0.18, 4: 0.16}.get(n, (20 - n) / 100)
    words = [chance.choice(WORDS) + chance.choice("abcdefghijkl") for _ in range(chance.randint(80, 200))]
    gram = chance.sample(WORDS, n) if chance.random() < 0.8 else [chance.choice(WORDS)] * n
    wanted, got = _around(chance, bound, 0.3) * len(" ".join(words)), 0
    while got < wanted:
        words[(at := chance.randrange(len(words))) : at] = gram
        got += len("".join(gram)) + (n if n < 5 else 0)
    return _prose(chance, words)


def _c4_lines(chance: random.Random) -> str:
    lines = []
    for _ in range(chance.randint(2, 9)):
        line = " ".join(_words(chance, chance.randint(1, 9)))
        if chance.random() < 0.3:
            line += " " + chance.choice(PIECES) + " " + chance.choice(PIECES)
        lines.append(line + chance.choice([".", "!", "?", ". Yes.", "...", "", '."', ".'", ".[1]", ". [edit]", "”"]))
    return chance.choice(["\n", "\n", "\r\n", "\u2028"]).join(lines)


def _short_lines(chance: random.Random) -> str:
    count = chance.randint(20, 50)
    short = round(_around(chance, 0.67, 0.1) * count)
    lines = []
    for i in range(count):
        length = chance.choice([28, 29, 30, 30, 31]) if i < short else chance.randint(31, 80)
        line = " ".join(_words(chance, 30))[: length - 1].rstrip()
        lines.append(line.ljust(length - 1, "o") + chance.choice("....o"))
    chance.shuffle(lines)
    return "\n".join(lines)


def _newlines(chance: random.Random) -> str:
    count = chance.randint(20, 50)
    newlines = _around(chance, 0.3, 0.2)
    lines = [" ".join(_words(chance, max(1, round(1 / newlines + chance.uniform(-1, 1))))) + "." for _ in range(count)]
    return chance.choice(["\n", "\n", "\n\n"]).join(lines)


def _odd(chance: random.Random) -> str:
    return "".join(chance.choice(PIECES) + chance.choice(SPACES) for _ in range(chance.randint(0, 120)))


def _nearly_ordinary(chance: random.Random) -> str:
    """Ordinary text with a few odd spaces and pieces in it."""
    words = _words(chance, chance.randint(50, 120))
    for _ in range(chance.randint(0, 6)):
        words[chance.randrange(len(words))] += chance.choice(SPACES) + chance.choice(PIECES)
    return _prose(chance, words)


KINDS: tuple[Callable[[random.Random], str], ...] = (
    _word_count, _many_words, _word_length, _symbols, _line_starts, _line_ends, _letterless, _stop_words,
    _repeated_parts, _repeated_grams, _c4_lines, _short_lines, _newlines, _odd, _nearly_ordinary,
)  # fmt: skip
