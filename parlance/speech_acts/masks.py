"""What stands in a text without being prose: code, addresses, mentions, emoji; and where graphemes end."""

import re
import unicodedata
from collections.abc import Callable

LINE_BREAKS = "\n\r\v\f\x1c-\x1e\x85\u2028\u2029"

FENCE = re.compile(r"```.*?```", re.DOTALL)
CODE = re.compile(rf"`[^`{LINE_BREAKS}]+`")
LINK = re.compile(rf"<(?:https?://|mailto:)[^<>\s|]+(?:\|[^<>{LINE_BREAKS}]*)?>")
URL = re.compile(r"(?:https?://|\bwww\.)[^\s<>|`]*[^\s<>|`.,;:!?)\]}'\"，。！？、]")
# The lookbehinds bound the work on long unbroken runs: an address starts only where a run starts.
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
MENTION = re.compile(rf"<[@#!][^<>\s|]+(?:\|[^<>{LINE_BREAKS}]*)?>|(?<![\w@#])[@#]\w[\w-]*(?:\.\w[\w-]*)*")
LIST_MARKER = re.compile(r"^[ \t]*(?:\d{1,3}|[A-Za-z])[.)](?=[ \t])", re.MULTILINE)

_PICTOGRAPHS = (
    "\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u231a\u231b\u23e9-\u23fa\u2b1b\u2b1c\u2b50\u2b55"
)
_JOINERS = "\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
EMOJI = re.compile(f"[{_PICTOGRAPHS}][{_PICTOGRAPHS}{_JOINERS}]*|:(?:[+-]1|100|[0-9]*[a-z][a-z0-9_+'-]*):")

# A word-like placeholder may open a sentence; the emoji's may not, so that it stays with what it follows.
EMOJI_PLACEHOLDER = "\ue000"
_OPENING = ((FENCE, "X"), (CODE, "X"), (LINK, "X"), (URL, "X"), (EMAIL, "X"), (MENTION, "X"), (LIST_MARKER, "X"))
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
    for pattern, first in _OPENING:
        text = pattern.sub(_filled(first, "x"), text)
    text = EMOJI.sub(_filled(EMOJI_PLACEHOLDER, EMOJI_PLACEHOLDER), text)
    return _UNENCODABLE.sub("x", text)


def prose(text: str) -> str:
    """`text` with a space for every stretch that is not prose.

    >>> prose("`make` fails, see https://a.example :cry:")
    '  fails, see    '
    """
    for pattern in (FENCE, CODE, LINK, URL, EMAIL, MENTION, EMOJI):
        text = pattern.sub(" ", text)
    return text


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
