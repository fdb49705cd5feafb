"""Threads and utterances for tests, written as one line a turn."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from parlance import schemas

# Author (a name that ends in "bot" is one, "-" is unknown), utterances parted by "|", and their acts parted by
# spaces, each "form/function" or one word for both; before it "~" where the classifier abstained, "!" where its form is
# certain.
TurnLine = tuple[str, str, str]

KEPT = pl.Schema(schemas.KEPT)
UTTERANCES = pl.Schema(schemas.UTTERANCES)


def corpus(
    *threads: list[TurnLine], channel: str = "engineering", day: int = 7, name: str = "t"
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """KEPT and UTTERANCES rows of `threads` of a day; ids are t0, t1, ... and their messages t0-0, t0-1, ...

    A turn that begins with ">" was written on the day after.
    """
    documents: list[dict[str, Any]] = []
    utterances: list[dict[str, Any]] = []
    for number, lines in enumerate(threads):
        document = _document(f"{name}{number}", channel, day)
        for index, (author, text, acts) in enumerate(lines):
            turn = _turn(document, index, None if author == "-" else author)
            said = text.removeprefix(">")
            turn["created_at"] = document["created_at"] + timedelta(days=text.startswith(">"), minutes=index)
            utterances += _utterances(document, turn, index, zip(said.split("|"), acts.split(), strict=bool(acts)))
            if not acts:
                document["text"] += said
            turn["end"] = len(document["text"])
            document["text"] += "\n\n"
        documents.append(document)
    return pl.DataFrame(documents, schema=KEPT), pl.DataFrame(utterances, schema=UTTERANCES)


def _document(name: str, channel: str, day: int) -> dict[str, Any]:
    return {
        "id": name,
        "source": "slack",
        "text": "",
        "channel": channel,
        "created_at": datetime(2026, 10, day, tzinfo=UTC),
        "turns": [],
        "raw_ids": [],
        "language": "en",
        "masked": 0,
        "removed_lines": 0,
        "removed_characters": 0,
        "partition": f"2026-10-{day:02d}",
    }


def _turn(document: dict[str, Any], index: int, author: str | None) -> dict[str, Any]:
    turn = {
        "message_id": f"{document['id']}-{index}",
        "author": author,
        "is_bot": author is not None and author.endswith("bot"),
        "start": len(document["text"]),
    }
    document["turns"].append(turn)
    return turn


def _utterances(
    document: dict[str, Any], turn: dict[str, Any], index: int, parts: Iterable[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    for text, act in parts:
        start = len(document["text"]) + (len(document["text"]) > turn["start"])
        document["text"] += " " * (start - len(document["text"])) + text
        form, _, function = act.lstrip("~!").partition("/")
        yield {
            "id": f"{document['id']}#{start}",
            "source": "slack",
            "document_id": document["id"],
            "message_id": turn["message_id"],
            "author": turn["author"],
            "is_bot": turn["is_bot"],
            "turn": index,
            "start": start,
            "end": start + len(text),
            "text": text,
            "form": form,
            "form_score": 1.0 if "~" not in act or "!" in act else 0.4,
            "function": function or form,
            "function_score": 1.0,
            "function_alone": function or form,
            "abstained": "~" in act,
            "partition": document["partition"],
        }
