"""What stands in a text without being prose: code, tables, addresses, mentions, emoji; and where graphemes end."""

import re
import unicodedata
from collections.abc import Callable

LINE_BREAKS = "\n\r\v\f\x1c-\x1e\x85\u2028\u2029"

FENCE = re.compile(r"```.*?```", re.DOTALL)
# A fence that is a line of its own: what nobody closed goes on to the end (CommonMark 0.31, section 4.5).
_OPEN_FENCE = re.compile(r"^ {0,3}```+[ \t]*+[\w+#.-]*[ \t]*\n", re.MULTILINE)
_TILDES = re.compile(r"^ {0,3}~~~+([^\n~]*)$", re.MULTILINE)
# Lines that are indented, after a blank line or at the beginning, with what code has and prose has not. A call
# and a tag are sought from the first opening alone: no later one finds a closing that the first does not.
_INDENTED = re.compile(r"(?:^|(?<=\n))(?<![^\n]\n)(?:(?: {4}|\t)[^\n]*(?:\n|$))+")
_CODE_LINE = re.compile(
    r"[{};]\s*$|^\s*[\w.]+\s*(?:=|\+=|:=)|^(?>.*?\w\().*\)|^\s*(?:\$|#|//|>>>|def |class |import |from |"
    r"return |if |for |while |@\w)|^(?>.*?</?\w).*>|->|=>|::"
)
# Rows of a table, and what quotes somebody else: cut by nothing but the end of the line.
_ROW = re.compile(r"[ \t]*\|.*\||[^\t\n]*\t[^\t\n]+\t|[ \t]*(?:>|&gt;|»)(?:[ >]|$)")
CODE = re.compile(rf"`[^`{LINE_BREAKS}]+`")
LINK = re.compile(rf"<(?:https?://|mailto:)[^<>\s|]+(?:\|[^<>{LINE_BREAKS}]*)?>")
URL = re.compile(r"(?:https?://|\bwww\.)[^\s<>|`]*[^\s<>|`.,;:!?)\]}'\"，。！？、]")
# The lookbehinds bound the work on long unbroken runs: an address starts only where a run starts.
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
MENTION = re.compile(rf"<[@#!][^<>\s|]+(?:\|[^<>{LINE_BREAKS}]*)?>|(?<![\w@#])[@#]\w[\w-]*(?:\.\w[\w-]*)*")
LIST_MARKER = re.compile(
    r"[ \t]*(?:[-*+•‣◦▪–][ \t]+)?\(?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[A-Za-z]|[ivx]{2,5}|[IVX]{2,5})[.)](?=[ \t])"
)

_PICTOGRAPHS = (
    "\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u231a\u231b\u23e9-\u23fa\u2b1b\u2b1c\u2b50\u2b55"
)
_JOINERS = "\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_SHORTCODE = re.compile(r":(?:[+-]1|100|[0-9]*[a-z][a-z0-9_+'-]*):")
EMOJI = re.compile(f"[{_PICTOGRAPHS}][{_PICTOGRAPHS}{_JOINERS}]*|{_SHORTCODE.pattern}")

# A word-like placeholder may open a sentence; the emoji's may not, so that it stays with what it follows.
EMOJI_PLACEHOLDER = "\ue000"
# The last of each are signs without one of which the pattern cannot match.
OPENING = (
    (FENCE, ("```",)),
    (CODE, ("`",)),
    (LINK, ("<",)),
    (URL, ("http", "www.")),
    (EMAIL, ("@",)),
    (MENTION, ("@", "#", "<")),
)
_UNENCODABLE = re.compile("[\ud800-\udfff]")

_PREPENDED = frozenset(
    map(
        chr,
        (
            *range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0xD4E, 0x110BD, 0x110CD, 0x111C2, 0x111C3,
            0x113D1, 0x1193F, 0x11941, 0x11A3A, *range(0x11A84, 0x11A8A), 0x11D46, 0x11F02,
        ),
    )
)  # fmt: skip
_EXTENDING = re.compile("[\u200c\u200d\uff9e\uff9f\u0e33\u0eb3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_JOINED_PAIR = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|[\u1100-\u115f\ua960-\ua97c][\u1100-\u115f\ua960-\ua97c\uac00-\ud7a3]"
    "|[\u1100-\u11ff\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7ff][\u1160-\u11ff\ud7b0-\ud7ff]"
)


def masked(text: str) -> str:
    """`text` at the same length, with every stretch that is not prose overwritten by placeholders.

    >>> masked("See https://a.example/?q=1 now. Ok? 🎉")
    'See Xxxxxxxxxxxxxxxxxxxxxx now. Ok? \\ue000'
    """
    for pattern, signs in OPENING:
        if any(sign in text for sign in signs):
            text = pattern.sub(_filled("X", "x"), text)
    text = emoji_replaced(text, _filled(EMOJI_PLACEHOLDER, EMOJI_PLACEHOLDER))
    return text if text.isascii() else _UNENCODABLE.sub("x", text)


def code_blocks(text: str) -> list[tuple[int, int]]:
    """Blocks of code, fenced or indented, in order and without overlap.

    >>> code_blocks("So:\\n\\n    x = f(1)\\n    y = 2\\n\\nOk?"), code_blocks("a\\n~~~\\nb\\n~~~")
    ([(5, 28)], [(2, 11)])
    >>> code_blocks("    Well then")
    []
    """
    found = []
    if "```" in text:
        found = [match.span() for match in FENCE.finditer(text)]
        opening = _OPEN_FENCE.search(text, found[-1][1] if found else 0)
        found += [(opening.start(), len(text))] if opening else []
    if "~~~" in text:
        found += _tilded(text)
    if "    " in text or "\t" in text:
        found += [match.span() for match in _INDENTED.finditer(text) if _is_code(match[0])]
    return _apart(found)


def is_whole(text: str, start: int, end: int) -> bool:
    """Whether the line from `start` to `end` is a row of a table or a quotation.

    >>> is_whole("| a. B | c |", 0, 12), is_whole("> So. It is.", 0, 12), is_whole("So. It is", 0, 9)
    (True, True, False)
    """
    return _ROW.match(text, start, end) is not None


def _tilded(text: str) -> list[tuple[int, int]]:
    found, opened = [], None
    for fence in _TILDES.finditer(text):
        if opened is None:
            opened = fence.start()
        elif not fence[1].strip():
            found.append((opened, fence.end()))
            opened = None
    return found if opened is None else [*found, (opened, len(text))]


def _is_code(block: str) -> bool:
    lines = [line for line in block.splitlines() if line.strip()]
    return 2 * sum(_CODE_LINE.search(line) is not None for line in lines) >= max(1, len(lines))


def _apart(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def prose(text: str) -> str:
    """`text` with a space for every stretch that is not prose.

    >>> prose("`make` fails, see https://a.example :cry:")
    '  fails, see    '
    """
    for pattern, signs in OPENING:
        if any(sign in text for sign in signs):
            text = pattern.sub(" ", text)
    return emoji_replaced(text, " ")


def emoji_replaced(text: str, by: str | Callable[[re.Match[str]], str]) -> str:
    """`text` with `by` for each emoji, as a sign or a code.

    >>> emoji_replaced("ok :tada: 🎉", "!")
    'ok ! !'
    """
    if not text.isascii():
        return EMOJI.sub(by, text)
    return _SHORTCODE.sub(by, text) if ":" in text else text


def inside_grapheme(text: str, position: int) -> bool:
    """Whether a cut before `position` may part one user-perceived character.

    True wherever the extended grapheme clusters of UAX #29 hold together, and in a few rare places more;
    but a line break is no character here, so CR LF may be parted.

    >>> inside_grapheme("e\\u0301t", 1), inside_grapheme("e\\u0301t", 2)
    (True, False)
    """
    if not 0 < position < len(text):
        return False
    before, after = text[position - 1], text[position]
    if unicodedata.category(before) in {"Cc", "Zl", "Zp"} or unicodedata.category(after) in {"Cc", "Zl", "Zp"}:
        return False
    return (
        unicodedata.category(after)[0] == "M"
        or _EXTENDING.match(after) is not None
        or before in _PREPENDED
        or ((before == "\u200d" or unicodedata.combining(before) == 9) and not after.isspace())
        or _JOINED_PAIR.match(before + after) is not None
    )


def _filled(first: str, rest: str) -> Callable[[re.Match[str]], str]:
    return lambda match: first + rest * (len(match[0]) - 1)
