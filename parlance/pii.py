"""Personal and secret data in text: where it stands, and the text without it.

Patterns find candidates; a checksum or a numbering plan confirms them where there is one. A Polars pass
keeps the texts without a candidate away from Python.
"""

import ipaddress
import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TypedDict

import polars as pl
import pyarrow as pa

from parlance.errors import ConfigError

KINDS = ("card", "email", "iban", "ip", "phone", "secret")
# Numbers without a country code are looked for as if dialled in these.
REGIONS = ("US", "GB")
SPANS = pl.List(pl.Struct({"start": pl.Int32, "end": pl.Int32, "kind": pl.String}))


class Span(TypedDict):
    """Half-open code-point offsets and what stands there: one of `KINDS`."""

    start: int
    end: int
    kind: str


Range = tuple[int, int]

_MASK = re.compile(f"<(?:{'|'.join(kind.upper() for kind in KINDS)})>")

# What may stand at the borders: `_`, Slack's mark of italics, and letters of scripts that put no spaces.
_START, _END = "(?<![A-Za-z0-9])", "(?![A-Za-z0-9])"
_EMAIL = re.compile(r"(?<![^\W_])[^\W_][\w.%+-]{0,63}@(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_]{2,24}" + _END)
# `containers-1.6.0.1`, `lib_1.6.0.1`, `version 4.18.2.1` and `base >=4.14.3.0` are versions; nobody's address
# begins with 0.
_IPV4 = re.compile(_START + r"(?<!\.)(?<![A-Za-z][_-])(?!0)(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\.\w)" + _END)
_VERSION = re.compile(
    r"(?:(?:version|ver|release|since|section|chapter|rev|v)[\s.:#]{0,3}|[<>^~=!]=\s?)$", re.IGNORECASE
)
# A label may stand before the address and a colon behind: `IPv6:2001:db8::1`, `2001:db8::1: refused`.
_IPV6 = re.compile(
    _START + r"(?<!::)(?<!\.)[0-9A-Fa-f:]{2,39}(?:(?<=:)(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?<![^:]:)(?!::|\.\w)" + _END
)
# The groups of cards and IBANs stand apart by one of these; web pages have no-break spaces.
_GAP = "[ \u00a0\u202f-]"
# Candidates of cards and IBANs may overlap, so they are looked ahead at: a year or a reference right before the
# number looks like its first group. No card begins with 20, as years do.
# Plain, or grouped as printed on the card: 4-4-4-4 and its lengths, 4-6-5 (American Express), 4-6-4 (Diners).
_CARDS = tuple(
    re.compile(rf"{_START}(?<![.-])(?=2[2-7]|[3-6])(?=(?P<value>{body})(?![.,-][0-9]){_END})")
    for body in (
        "[0-9]{13,19}",
        rf"[0-9]{{4}}(?P<gap>{_GAP})(?:[0-9]{{4}}(?P=gap)){{2}}[0-9]{{1,4}}",
        rf"[0-9]{{4}}(?P<gap>{_GAP})(?:[0-9]{{4}}(?P=gap)){{3}}[0-9]{{1,3}}",
        rf"[0-9]{{4}}(?P<gap>{_GAP})[0-9]{{6}}(?P=gap)[0-9]{{4,5}}",
    )
)
_IBAN = re.compile(rf"{_START}(?=(?P<value>[A-Za-z]{{2}}[0-9]{{2}}(?:{_GAP}?[A-Za-z0-9]){{11,30}}){_END})")
# Tokens whose first letters say what they are: GitHub, Hugging Face, npm, AWS, Slack, Stripe, OpenAI and Anthropic,
# GitLab, Google, SendGrid.
_TOKENS = "|".join(
    (
        r"(?:gh[pousr]|hf|npm)_[A-Za-z0-9]{20,}",
        r"github_pat_[A-Za-z0-9_]{20,}",
        r"A[KS]IA[A-Z0-9]{16}",
        r"(?:xox[a-eoprs]|xapp|xwfp)-[A-Za-z0-9%+/=-]{10,}",
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{20,}",
        r"(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{10,}",
        r"(?:sk|gl(?:pat|dt|rt|ptt|cbt)|GOCSPX)-[A-Za-z0-9_-]{20,}",
        r"AIza[A-Za-z0-9_-]{35,}",
        r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}",
    )
)
# Names of settings that hold a secret, whatever stands before: `PGPASSWORD`, `aws_secret_access_key`.
_NAMES = r"password|passphrase|secret|(?:secret|access|account|api)[_-]?key(?:[_-]?base)?|(?:access|auth)[_-]?token"
# In `scheme://user:password@host` both may hold an `@`: the last one before the path, a query or a quote counts.
_URL_USER = r"://[^\s:/<>]{0,256}:"
_URL_PASSWORD = r"[^\s/@<>]{0,256}(?:@[^\s/@<>?#\"']{0,256}){0,8}"
_SECRETS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rf"{_START}(?:{_TOKENS}){_END}",
        _START + r"eyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{0,4096}",
        # A key that was cut off is masked to the end of what looks like a key.
        r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:[A-Za-z0-9+/=\s:,.()\\]|-(?!----))*+-----END [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----"
        r"|[A-Za-z0-9+/=\s\\]*)",
        rf"(?i)(?:{_NAMES}|(?<![a-z])(?:passwd|pwd))[\"']?"
        r"(?:\s{0,8}=\s{0,8}|\s{0,8}:\s{0,8}(?=[^\s<]{0,64}[0-9]))[\"']?(?P<value>[^\s\"'<>&;,]{3,256})",
        r"(?i)(?:authorization[\"']?\s{0,8}[:=]\s{0,8}[\"']?(?:basic|token)|bearer)\s{1,8}"
        r"(?=[^\s\"'<>&;,]{0,256}[0-9=])(?P<value>[^\s\"'<>&;,]{12,})",
        rf"{_URL_USER}(?P<value>(?!@){_URL_PASSWORD})@",
    )
)
_IN_URL = re.compile(f"{_URL_USER}{_URL_PASSWORD}$")
# Runs of at least seven digits, in any script, with what people write between them.
_PHONE = r"(?:\d[ \t().\-/\u00a0\u2010-\u2015]{0,4}){6}\d"
_PHONE_RUN = re.compile(_PHONE)

# What the texts of each kind have at least, for Polars (Rust's regex has neither lookaround nor `\1`).
_CANDIDATES = {
    "card": rf"(?:[0-9]{_GAP}?){{13}}",
    "email": "@",
    "iban": rf"[A-Za-z]{{2}}[0-9]{{2}}(?:{_GAP}?[A-Za-z0-9]){{11}}",
    "ip": r"(?:[0-9]{1,3}\.){3}[0-9]|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:",
    "phone": _PHONE,
    "secret": rf"{_TOKENS}|eyJ[A-Za-z0-9_-]{{8}}|PRIVATE KEY|(?i:(?:{_NAMES}|passwd|pwd)[^=:]{{0,9}}[=:])"
    r"|(?i:bearer|authorization)|://[^\s:/<>]*:[^\s/<>]+@",
}


def find(texts: pl.Series, regions: Sequence[str] = REGIONS) -> pl.Series:
    """Spans of each text, `SPANS`: in order, without overlap (the longest wins); an empty list where there is none.

    `email`, `phone` (valid and usually grouped in `regions`, or international with `+` and possible), `ip`
    (v4 and v6), `card` (13 to 19 digits, Luhn), `iban` (checksum) and `secret` (keys, tokens, passwords). What
    `mask` leaves holds nothing that `find` finds: a match that another one hid is found in the same call.

    >>> find(pl.Series(["mail ann@example.com"])).to_list()
    [[{'start': 5, 'end': 20, 'kind': 'email'}]]
    """
    unknown = sorted(set(regions) - _known_regions())
    if unknown:
        raise ConfigError(f"unknown regions {unknown}; regions are two-letter country codes such as {REGIONS}")
    plain = texts.fill_null("")
    flags = {kind: plain.str.contains(pattern).to_list() for kind, pattern in _CANDIDATES.items()}
    spans: list[list[Span]] = [[] for _ in plain]
    suspects = pl.select(pl.any_horizontal(*(pl.Series(values, dtype=pl.Boolean) for values in flags.values())))
    for row in suspects.to_series().arg_true():
        spans[row] = _find_all(plain[row], [kind for kind in KINDS if flags[kind][row]], regions)
    return _column(spans).alias(texts.name)


def mask(text: str, spans: Sequence[Span], offsets: Sequence[Range] = ()) -> tuple[str, list[Range]]:
    """`text` with each span replaced by its kind, such as `<EMAIL>`, and the ranges of `offsets` moved along.

    `spans` as `find` gives them; `offsets` half-open. A border strictly inside a span goes to the end of its
    replacement, so that of two adjoining ranges the first holds it. ConfigError where spans overlap or
    do not fit the text.

    >>> mask("mail ann@example.com now", [{"start": 5, "end": 20, "kind": "email"}], [(0, 9), (9, 24)])
    ('mail <EMAIL> now', [(0, 12), (12, 16)])
    """
    pieces: list[str] = []
    moved: list[tuple[Range, Range]] = []
    length = last = 0
    for span in spans:
        start, end, kind = span["start"], span["end"], span["kind"]
        if kind not in KINDS or not last <= start < end <= len(text):
            raise ConfigError(
                f"span {dict(span)} does not fit: kinds are {KINDS}, spans lie in order, apart and within {len(text)}"
            )
        pieces += [text[last:start], f"<{kind.upper()}>"]
        length += start - last
        moved.append(((start, end), (length, length + len(pieces[-1]))))
        length += len(pieces[-1])
        last = end
    starts = [old[0] for old, _ in moved]

    def move(offset: int) -> int:
        place = bisect(starts, offset) - 1
        if place < 0:
            return offset
        (start, end), (new_start, new_end) = moved[place]
        return new_start if offset == start else new_end + max(offset - end, 0)

    return "".join([*pieces, text[last:]]), [(move(start), move(end)) for start, end in offsets]


def _column(spans: Sequence[Sequence[Span]]) -> pl.Series:
    """`SPANS`, by way of Arrow: Polars takes twenty times as long for the same dictionaries."""
    flat = [span for row in spans for span in row]
    values = pa.array(flat, type=pa.struct([("start", pa.int32()), ("end", pa.int32()), ("kind", pa.string())]))
    offsets = pa.array([0, *accumulate(map(len, spans))], type=pa.int32())
    return pl.Series(pa.ListArray.from_arrays(offsets, values), dtype=SPANS)


def _find_all(text: str, kinds: Sequence[str], regions: Sequence[str]) -> list[Span]:
    """Spans of one text: search, mask, and search again until nothing is left."""
    found: list[Span] = []
    while True:
        masked, _ = mask(text, found)
        new = _apart(_search(masked, kinds, regions), masked)
        if not new:
            return found
        found = sorted([*found, *_unmasked(new, found)], key=lambda span: span["start"])


def _unmasked(new: Sequence[Span], found: Sequence[Span]) -> Iterator[Span]:
    """Spans of the masked text as spans of the text; none of them touches a mask."""
    for span in new:
        shift = 0
        for earlier in found:
            if earlier["start"] + shift >= span["end"]:
                break
            shift += len(earlier["kind"]) + 2 - (earlier["end"] - earlier["start"])
        yield {"start": span["start"] - shift, "end": span["end"] - shift, "kind": span["kind"]}


def _apart(spans: Iterator[Span], text: str) -> list[Span]:
    """The longest spans that do not overlap each other or a mask, in order."""
    taken: list[Range] = [match.span() for match in _MASK.finditer(text)]
    chosen: list[Span] = []
    for span in sorted(spans, key=lambda span: (span["start"] - span["end"], span["start"], span["kind"])):
        place = bisect(taken, (span["start"], span["end"]))
        is_behind = place == 0 or taken[place - 1][1] <= span["start"]
        is_before = place == len(taken) or span["end"] <= taken[place][0]
        if is_behind and is_before:
            taken.insert(place, (span["start"], span["end"]))
            chosen.append(span)
    return sorted(chosen, key=lambda span: span["start"])


def _search(text: str, kinds: Sequence[str], regions: Sequence[str]) -> Iterator[Span]:
    for kind in kinds:
        ranges = _phones(text, regions) if kind == "phone" else _FINDERS[kind](text)
        for start, end in ranges:
            yield {"start": start, "end": end, "kind": kind}


def _emails(text: str) -> Iterator[Range]:
    for match in _EMAIL.finditer(text):
        # In `scheme://user:password@host` the end looks like an address: that is for `_secrets`.
        if not _IN_URL.search(text[max(match.start() - 256, 0) : match.start()]):
            yield match.span()


def _ips(text: str) -> Iterator[Range]:
    for match in _IPV4.finditer(text):
        if _is_address(match[0]) and not _VERSION.search(text[max(match.start() - 12, 0) : match.start()]):
            yield match.span()
    yield from (match.span() for match in _IPV6.finditer(text) if _is_address(match[0]))


def _is_address(candidate: str) -> bool:
    # `x[1::2]`, `12::30` and `dead::beef` are valid too, but hardly meant as addresses.
    if ":" in candidate and not (re.search("[0-9A-Fa-f]{3}", candidate) and re.search("[0-9]", candidate)):
        return False
    try:
        ipaddress.ip_address(candidate)
    except ValueError:
        return False
    return True


def _cards(text: str) -> Iterator[Range]:
    from stdnum import luhn

    for pattern in _CARDS:
        for match in pattern.finditer(text):
            digits = re.sub(_GAP, "", match["value"])
            if 13 <= len(digits) <= 19 and luhn.is_valid(digits):
                yield match.span("value")


def _ibans(text: str) -> Iterator[Range]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        start, last = match.span("value")
        # A word behind the number looks like one more group: leave out groups until the sum fits.
        for end in [last, *(start + gap.start() for gap in reversed([*re.finditer(_GAP, match["value"])]))]:
            number = re.sub(_GAP, "", text[start:end])
            if len(number) >= 15 and iban.is_valid(number):
                yield start, end
                break


def _secrets(text: str) -> Iterator[Range]:
    for pattern in _SECRETS:
        for match in pattern.finditer(text):
            yield match.span("value" if "value" in pattern.groupindex else 0)


def _phones(text: str, regions: Sequence[str]) -> Iterator[Range]:
    start = 0
    for line in text.split("\n"):
        if _PHONE_RUN.search(line):
            yield from ((start + first, start + last) for first, last in _phones_in_line(line, regions))
        start += len(line) + 1


def _phones_in_line(line: str, regions: Sequence[str]) -> Iterator[Range]:
    from phonenumbers import Leniency, PhoneNumberMatcher, ValidationResult, is_possible_number_with_reason

    # Numbers reserved for fiction are possible, not valid; so are new ones that the library does not know yet.
    if "+" in line or "＋" in line:
        for match in PhoneNumberMatcher(line, None, leniency=Leniency.POSSIBLE):
            if is_possible_number_with_reason(match.number) == ValidationResult.IS_POSSIBLE:
                yield match.start, match.end
    # Valid alone takes any ten digits, however they are spaced; strict grouping asks for a usual form too.
    for region in regions:
        for match in PhoneNumberMatcher(line, region, leniency=Leniency.STRICT_GROUPING):
            if line[match.start - 1 : match.start] != "/":
                yield match.start, match.end


def _known_regions() -> frozenset[str]:
    from phonenumbers import SUPPORTED_REGIONS

    return frozenset(SUPPORTED_REGIONS)


_FINDERS: dict[str, Callable[[str], Iterator[Range]]] = {
    "card": _cards,
    "email": _emails,
    "iban": _ibans,
    "ip": _ips,
    "secret": _secrets,
}
