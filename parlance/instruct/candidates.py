"""Kept documents to examples that are not judged yet: no quality, no cluster, no split.

A document with turns is a thread, one without is a page. `CANDIDATES` are the columns of EXAMPLES that are known by
then, and `FACTS`, which quality is measured by.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import polars as pl

from parlance import schemas
from parlance.instruct import forums, pages
from parlance.instruct.conversations import conversation, imitation, persona, transcript
from parlance.instruct.example import Example
from parlance.instruct.questions import Dialogue, dialogue, evidence, ids_of
from parlance.instruct.threads import CERTAIN, THREAD_COLUMNS, UTTERANCE_COLUMNS, Act, Thread, read, require

KINDS: Final = ("answer", "dialogue", "person", "faq", "forum", "passage")
# `confirmed`: the asker thanked or approved; `approvals` of others; `edited`: the question was edited after the answer;
# `holes`: deleted messages of the thread; `helpers`: who answers; `made`: the instruction is not in the document;
# `leans`: the question needs what stood before it.
FACTS: Final = pl.Schema(
    {
        "confirmed": pl.Boolean,
        "approvals": pl.Int32,
        "edited": pl.Boolean,
        "holes": pl.Int32,
        "helpers": pl.Int32,
        "made": pl.Boolean,
        "leans": pl.Boolean,
    }
)
HEAD: Final = 2_000  # characters of a document that its excerpt is made of
_LATER: Final = ("split", "quality", "quality_reasons", "cluster")
CANDIDATES: Final = pl.Schema(
    {name: kind for name, kind in pl.Schema(schemas.EXAMPLES).items() if name not in _LATER} | FACTS
)
NOTHING: Final = pl.Schema({"document_id": pl.String, "source": pl.String, "reason": pl.String, "text": pl.String})
_UTTERANCES: Final = ("document_id", "start", "text", "form", "form_score", "function", "abstained")
Row = dict[str, Any]


class Found(NamedTuple):
    """`rows` (CANDIDATES), and `nothing`: the documents that give none, each with its reason."""

    rows: pl.DataFrame
    nothing: pl.DataFrame


def candidates(
    documents: pl.DataFrame,
    utterances: pl.DataFrame,
    messages: pl.DataFrame | None = None,
    *,
    people: Mapping[str, str] | None = None,
    kinds: Sequence[str] = KINDS,
) -> Found:
    """The examples of `documents` (KEPT) by their `utterances` and, of Slack, `messages`.

    `people` are the authors that may be imitated and how they are called: `person` is made of nobody else.
    """
    require(documents, (*THREAD_COLUMNS, "title"), "documents")
    require(utterances, UTTERANCE_COLUMNS, "utterances")
    threads, others = documents.filter(pl.col("turns").is_not_null()), documents.filter(pl.col("turns").is_null())
    made: list[Row] = []
    nothing: list[tuple[str, str, str, str]] = []
    for thread in read(threads, utterances, messages):
        _add(_of_thread(thread, people or {}), thread.row, kinds, made, nothing)
    for page, found in _pages(others, utterances):
        _add(_of_page(page, found), page, kinds, made, nothing)
    rows = pl.DataFrame(made, schema=CANDIDATES).unique("id", keep="first", maintain_order=True)
    return Found(rows, pl.DataFrame(nothing, schema=NOTHING, orient="row"))


def _add(
    rows: list[Row] | str,
    document: Row,
    kinds: Sequence[str],
    made: list[Row],
    nothing: list[tuple[str, str, str, str]],
) -> None:
    wanted = [] if isinstance(rows, str) else [row for row in rows if row["kind"] in kinds]
    if not wanted:
        reason = rows if isinstance(rows, str) else "kind_not_wanted"
        nothing.append((document["id"], document["source"], reason, document["text"][:HEAD]))
    made += wanted


def _of_thread(thread: Thread, people: Mapping[str, str]) -> list[Row] | str:
    """The rows of a thread, or the reason why there is none."""
    found = dialogue(thread)
    rows = [_answer(thread, found, kind="answer")] if isinstance(found, Dialogue) else []
    rows += _dialogue(thread, found)
    for author in sorted({turn.author for turn in thread.turns if turn.author and not turn.is_bot} & people.keys()):
        rows += _person(thread, author, people[author])
    return rows or str(found)


def _of_page(page: Row, found: Sequence[pages.Line]) -> list[Row] | str:
    thread = forums.forum(page, found)
    if thread is not None:
        answered = dialogue(thread)
        if isinstance(answered, str):
            return f"forum_{answered}"
        return [_answer(thread, answered, kind="forum"), *_dialogue(thread, answered)]
    listed = list(pages.sections(found, page["title"]))
    refusals = [pages.usable(section) for section in listed]
    rows = [_section(page, one) for one, refusal in zip(listed, refusals, strict=True) if refusal is None]
    return rows or next((refusal for refusal in refusals if refusal), "no_heading")


def _answer(thread: Thread, found: Dialogue, *, kind: str) -> Row:
    example, ids = found.example(), found.message_ids()
    answered_at = found.answer[0].created_at
    chat = [{"role": "user", "content": example.prompt}, {"role": "assistant", "content": example.output}]
    return {
        **_row(thread, kind, example, chat, ids),
        # As it was when answers were the only kind.
        "id": _id(thread.id, *ids) if kind == "answer" else _id(kind, thread.id),
        **found.evidence(),
        "alternatives": found.alternatives(),
        "confirmed": found.thanked or found.approved,
        "approvals": found.approvals,
        "edited": answered_at is not None
        and any(turn.edited_at is not None and turn.edited_at > answered_at for turn in found.question),
    }


def _dialogue(thread: Thread, found: Dialogue | str) -> list[Row]:
    talk = conversation(thread)
    if talk is None:
        return []
    chat = talk.messages()
    example = Example(chat[0]["content"], transcript(chat[1:-1]), chat[-1]["content"])
    return [
        {
            **_row(thread, "dialogue", example, chat, ids_of(talk.turns)),
            **evidence(talk.asking, talk.answering, talk.turns),
            "thanked": isinstance(found, Dialogue) and found.thanked,
            "promise": found.promise if isinstance(found, Dialogue) else None,
            "confirmed": isinstance(found, Dialogue) and (found.thanked or found.approved),
            "helpers": len({turn.author for turn in talk.answering}),
        }
    ]


def _person(thread: Thread, author: str, name: str) -> list[Row]:
    talk = imitation(thread, author)
    if talk is None:
        return []
    said = talk.messages()
    chat = [persona(name, thread.row["language"]), *said]
    example = Example(said[0]["content"], transcript(said[1:-1]), said[-1]["content"])
    row = _row(thread, "person", example, chat, ids_of(talk.turns))
    known = evidence(talk.asking, talk.answering, talk.turns)
    return [{**row, **known, "id": _id("person", thread.id, author, *row["raw_ids"]), "confirmed": True}]


def _row(thread: Thread, kind: str, example: Example, chat: Sequence[Mapping[str, str]], ids: Sequence[str]) -> Row:
    """What rows of threads have in common; messages of a page have no ids, so its records stand for them."""
    named = [one for one in ids if one]
    return {
        **_common(thread.row, kind, example, chat),
        "id": _id(kind, thread.id, *ids),
        "raw_ids": named or list(thread.row["raw_ids"]),
        "holes": thread.holes,
    }


def _section(page: Row, section: pages.Section) -> Row:
    example = Example(section.instruction(page["language"]), "", section.text)
    chat = [{"role": "user", "content": example.instruction}, {"role": "assistant", "content": example.output}]
    kind = "faq" if section.asks else "passage"
    return {
        **_common(page, kind, example, chat),
        "id": _id(kind, page["id"], example.instruction, example.output),
        "raw_ids": list(page["raw_ids"]),
        **pages.evidence(section),
        "confirmed": True,
        "made": not section.asks,
        "leans": section.leans,
    }


def _common(document: Row, made_as: str, example: Example, chat: Sequence[Mapping[str, str]]) -> Row:
    return {
        "document_id": document["id"],
        "source": document["source"],
        "kind": made_as,
        **example._asdict(),
        "messages": list(chat),
        "alternatives": [],
        "thanked": False,
        **{name: document[name] for name in ("channel", "language", "created_at")},
        **{name: False if kind == pl.Boolean else 0 for name, kind in FACTS.items()},
        "helpers": 1,
    }


def _pages(documents: pl.DataFrame, utterances: pl.DataFrame) -> Iterator[tuple[Row, list[pages.Line]]]:
    """Each page with its lines."""
    if documents.is_empty():
        return
    ours = utterances.select(_UTTERANCES).join(documents.select(document_id="id"), on="document_id", how="semi")
    acts: defaultdict[str, list[tuple[int, Act]]] = defaultdict(list)
    for document_id, start, text, form, form_score, function, abstained in ours.sort(
        "document_id", "start"
    ).iter_rows():
        acts[document_id].append((start, Act(text, form, function, abstained, form_score >= CERTAIN)))
    columns = ("id", "source", "text", "title", "channel", "language", "created_at", "raw_ids")
    for page in documents.select(columns).iter_rows(named=True):
        yield page, pages.lines(page["text"], acts.get(page["id"], ()))


def _id(*parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
