"""What a page says about being indexed, followed and used for training: robots directives and TDM reservations.

Robots directives stand in the header `X-Robots-Tag` and in `<meta name="robots">` (or the crawler's own name):
`noindex`, `nofollow`, `none`, and `noai`, which sites use though no standard has it. TDMRep, a W3C community report,
reserves text and data mining by the header `tdm-reservation: 1`, a meta element of that name, or
`/.well-known/tdmrep.json`.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from protego import Protego

Headers = Mapping[str, Sequence[str]]

TDMREP_PATH = "/.well-known/tdmrep.json"
# A directive further down than this no crawler sees; and a page must not cost more than its reading.
READ_BYTES = 512 * 1024
META = re.compile(r"<meta\b([^<>]{0,2000})>", re.IGNORECASE)
ATTRIBUTE = re.compile(r"""([a-zA-Z:-]{1,40})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
# Directives with a value; its colon must not be read as the end of an agent's name.
WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")


def reservation(headers: Headers, body: bytes, agent: str) -> str | None:
    """`noindex`, `noai` or `tdm_reservation` where the page asks for it; null where its text may be taken.

    Header names are lower case. `agent` is the crawler's product token.

    >>> reservation({"x-robots-tag": ["otherbot: noindex", "noai, noimageai"]}, b"", "ParlanceBot")
    'noai'
    """
    metas = _metas(body)
    asked = _directives(headers, metas, agent)
    if asked & {"noindex", "none"}:
        return "noindex"
    if "noai" in asked:
        return "noai"
    stated = [*headers.get("tdm-reservation", ()), *(value for name, value in metas if name == "tdm-reservation")]
    return "tdm_reservation" if any(value.strip() == "1" for value in stated) else None


def nofollow(headers: Headers, body: bytes, agent: str) -> bool:
    """Whether the page asks that none of its links is followed."""
    return bool(_directives(headers, _metas(body), agent) & {"nofollow", "none"})


def tdmrep(data: bytes, path: str) -> bool:
    """Whether a host's `tdmrep.json` reserves `path` (with its query). A file that cannot be read reserves nothing.

    Any matching entry that reserves counts, whatever the others say.

    >>> tdmrep(b'[{"location": "/news/*", "tdm-reservation": 1}]', "/news/today")
    True
    """
    try:
        entries = json.loads(data[:READ_BYTES])
    except (ValueError, RecursionError):
        return False
    entries = entries if isinstance(entries, list) else [entries]
    return any(_reserves(entry, path) for entry in entries if isinstance(entry, dict))


def _reserves(entry: dict[str, Any], path: str) -> bool:
    location = entry.get("location")
    if str(entry.get("tdm-reservation")).strip() != "1" or not isinstance(location, str) or "\n" in location:
        return False
    # Locations are patterns as robots.txt has them.
    rules = Protego.parse(f"User-agent: *\nDisallow: {location}\n")
    return not rules.can_fetch(f"https://host.invalid{path}", "*")


def _directives(headers: Headers, metas: Sequence[tuple[str, str]], agent: str) -> set[str]:
    """The directives for `agent` in lower case, those for all included."""
    found: set[str] = set()
    for value in headers.get("x-robots-tag", ()):
        found.update(_for_agent(value, agent))
    for name, content in metas:
        if name in ("robots", agent.lower()):
            found.update(part.strip().lower() for part in content.split(","))
    return found


def _for_agent(value: str, agent: str) -> Iterator[str]:
    """Directives of one header line; `otherbot: noindex, nofollow` is meant for that bot to the line's end."""
    head, colon, rest = value.partition(":")
    if colon and head.strip().lower() not in WITH_VALUE and "," not in head:
        if head.strip().lower() != agent.lower():
            return
        value = rest
    yield from (part.strip().lower() for part in value.split(","))


def _metas(body: bytes) -> list[tuple[str, str]]:
    """Name and content of the page's meta elements, names in lower case."""
    found = []
    for element in META.finditer(body[:READ_BYTES].decode("latin-1")):
        given = {name.lower(): "".join(values) for name, *values in ATTRIBUTE.findall(element[1])}
        name = given.get("name") or given.get("http-equiv") or ""
        if name:
            found.append((name.strip().lower(), html.unescape(given.get("content", ""))))
    return found
