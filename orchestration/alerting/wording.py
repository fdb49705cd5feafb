"""How a problem is told: one line without secrets and without what people wrote, and the blocks of a Slack message."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from orchestration.settings import SETTINGS, setting
from parlance.excerpts import excerpts

SECRET = re.compile(r"TOKEN$|KEY$")
# Between quotation marks: a name is told, a sentence may be somebody's.
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|“[^”]*”")
MOST_WORDS, MOST_CHARACTERS = 3, 80
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
# What differs between failures of one cause: ids, days, numbers.
VARYING = re.compile(r"\b[0-9a-f]{8}(?:-?[0-9a-f]{4,}){0,5}\b|0x[0-9a-f]+|\d+")


def one_line(text: str) -> str:
    """`text` on one line of 200 characters, without secrets, personal data and quoted sentences.

    >>> one_line("could not read 'a b c d'\\n at https://me:pass@host/x by ann@example.com")
    "could not read '…' at https://host/x by <EMAIL>"
    """
    for name in SETTINGS:
        if SECRET.search(name) and (secret := setting(name)):
            text = text.replace(secret, f"<{name}>")
    text = CREDENTIALS.sub("", QUOTED.sub(_quotation, text))
    return str(excerpts(pl.Series([text]))[0])


def _quotation(found: re.Match[str]) -> str:
    inner = found[0][1:-1]
    is_name = len(inner.split()) <= MOST_WORDS and len(inner) <= MOST_CHARACTERS
    return found[0] if is_name else f"{found[0][0]}…{found[0][-1]}"


def same_cause(reason: str) -> str:
    """A name of the cause: equal for reasons that differ in numbers, days and ids alone.

    >>> same_cause("no answer for 2026-10-05 after 3 s") == same_cause("no answer for 2026-10-06 after 9 s")
    True
    """
    return hashlib.sha256(VARYING.sub("#", reason.lower()).encode()).hexdigest()[:16]


def partitions(names: Sequence[str]) -> str:
    """Partitions in few words.

    >>> partitions(["2026-10-05"]), partitions(["2026-10-07", "2026-10-05", "2026-10-06"])
    ('2026-10-05', '3 partitions, 2026-10-05 to 2026-10-07')
    """
    ordered = sorted(names)
    return ordered[0] if len(ordered) == 1 else f"{len(ordered)} partitions, {ordered[0]} to {ordered[-1]}"


def blocks(what: str, lines: Sequence[str], *, links: Mapping[str, str]) -> list[dict[str, Any]]:
    """A Slack message: what in bold, the lines, and links in small print."""
    body = "\n".join([f"*{escaped(what)}*", *map(escaped, lines)])
    found: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": body[:2900]}}]
    if links:
        small = "  ".join(f"<{url}|{escaped(name)}>" for name, url in links.items())
        found.append({"type": "context", "elements": [{"type": "mrkdwn", "text": small}]})
    return found


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def run_link(run_id: str) -> dict[str, str]:
    return {f"Run {run_id[:8]}": f"{setting('PARLANCE_UI_URL').rstrip('/')}/runs/{run_id}"} if run_id else {}


def asset_link(path: str, view: str = "overview") -> dict[str, str]:
    return {path: f"{setting('PARLANCE_UI_URL').rstrip('/')}/assets/{path}?view={view}"}
