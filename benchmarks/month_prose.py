"""What the simulated month is written of: the threads of the sample's workspace and the sentences of its site."""

import json
import random
import re
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).parents[1] / "sample"
SENTENCE = re.compile(r"(?<=[.!?])\s+")
LEAST_WORDS = 6


@dataclass(frozen=True, kw_only=True)
class Line:
    """One message of a thread, so many seconds after its root."""

    user: str
    text: str
    after_s: float


@dataclass(frozen=True, kw_only=True)
class Talk:
    """A thread of the sample with the name of its channel."""

    channel: str
    lines: tuple[Line, ...]


@cache
def people() -> dict[str, dict[str, Any]]:
    """The people of the sample's workspace by id."""
    return {user["id"]: user for user in _read("users.json")}


@cache
def channels() -> dict[str, dict[str, Any]]:
    """The channels of the sample's workspace by name."""
    return {channel["name"]: channel for channel in _read("channels.json")}


@cache
def talks() -> tuple[Talk, ...]:
    """Every thread that people wrote, in the order of its root."""
    threads: dict[tuple[str, str], list[dict[str, Any]]] = {}
    with zipfile.ZipFile(SAMPLE / "slack_export.zip") as archive:
        for name in sorted(archive.namelist()):
            channel, slash, _ = name.partition("/")
            for message in json.loads(archive.read(name)) if slash else []:
                if "subtype" not in message and message.get("text") and message.get("user") in people():
                    threads.setdefault((channel, message.get("thread_ts", message["ts"])), []).append(message)
    found = []
    for (channel, _), messages in sorted(threads.items(), key=lambda item: item[0][1]):
        messages.sort(key=lambda message: message["ts"])
        root = float(messages[0]["ts"])
        lines = (Line(user=one["user"], text=one["text"], after_s=float(one["ts"]) - root) for one in messages)
        found.append(Talk(channel=channel, lines=tuple(lines)))
    return tuple(found)


@cache
def sentences() -> tuple[str, ...]:
    """The English sentences of the sample's pages, each once."""
    found: dict[str, None] = {}
    for path in sorted((SAMPLE / "site" / "pages").glob("*.md")):
        _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
        if "lang: en" in head:
            for line in body.splitlines():
                if line[:1].isalpha():
                    found |= dict.fromkeys(one for one in SENTENCE.split(line) if len(one.split()) >= LEAST_WORDS)
    return tuple(found)


def paragraph(chance: random.Random, *, least: int = 4, most: int = 7) -> str:
    """Sentences drawn at random: prose that reads well enough to be kept and is like no other."""
    return " ".join(chance.sample(sentences(), chance.randrange(least, most + 1)))


def article(chance: random.Random) -> list[str]:
    """Three to five paragraphs."""
    return [paragraph(chance) for _ in range(chance.randrange(3, 6))]


def _read(name: str) -> list[dict[str, Any]]:
    with zipfile.ZipFile(SAMPLE / "slack_export.zip") as archive:
        listed: list[dict[str, Any]] = json.loads(archive.read(name))
    return listed
