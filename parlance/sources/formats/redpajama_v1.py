"""RedPajama-Data-1T: JSON lines for each of seven sources.

    {"text": "...", "meta": {"url": ..., "timestamp": ..., "source": "arxiv", ...}}                arxiv, stackexchange
    {"text": "...", "meta": {"timestamp": ..., "url": ..., "language": "en", "source": "c4"}}      c4
    {"text": "...", "meta": {"title": ..., "url": ..., "language": "en", "timestamp": "20230320"}} wikipedia
    {"text": "...", "pred_label": "__label__cc", "wiki_prob": 0.36, "source": "cc/2019-30/..."}    common_crawl
    {"text": "...", "meta": {"content_hash": ..., "repo_name": ..., "path": ..., "license": [...]}} github
    {"text": "...", "meta": {"short_book_title": ..., "publication_date": 1820, "url": ...}}       book

https://github.com/togethercomputer/RedPajama-Data/tree/rp_v1. Some files write `meta` as a string of JSON or Python.
"""

import ast
import json
from typing import Any

from parlance.sources.formats import Format, Head
from parlance.sources.json_rows import object_rows

SOURCES = ("arxiv", "stackexchange", "c4", "github", "book", "wikipedia")
MARKS = ({"content_hash", "repo_name"}, {"short_book_title"}, {"question_score"}, {"arxiv_id"}, {"yymm"})
META_BYTES = 64 * 1024


def meta_of(record: dict[str, Any]) -> dict[str, Any]:
    """What a record's `meta` says, also where it is written as text; empty where it says nothing."""
    meta = record.get("meta")
    if isinstance(meta, str) and len(meta) < META_BYTES:
        for read in (json.loads, ast.literal_eval):
            try:
                meta = read(meta)
                break
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                continue
    return meta if isinstance(meta, dict) else {}


def recognise(head: Head) -> int:
    record = head.record or {}
    if {"pred_label", "wiki_prob"} <= set(record):
        return 100
    meta = meta_of(record)
    if meta.get("source") in SOURCES or any(mark <= set(meta) for mark in MARKS):
        return 95
    return 70 if {"timestamp", "url", "language"} <= set(meta) else 0


def described(record: dict[str, Any]) -> dict[str, Any]:
    """Keys of a record: its file's hash on GitHub, its arXiv id, else its URL."""
    meta = meta_of(record)
    keys = (meta.get(name) for name in ("content_hash", "arxiv_id", "url"))
    key = next((key for key in keys if isinstance(key, str) and key), None)
    return {"id": key, "url": meta.get("url"), "created_at": meta.get("timestamp")}


def rows(*given: Any, **named: Any) -> Any:
    """The raw rows of one file."""
    return object_rows(*given, described=described, **named)


FORMAT = Format(name="redpajama_v1", suffixes=(), recognise=recognise, rows=rows)
