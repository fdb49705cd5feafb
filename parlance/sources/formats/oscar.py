"""OSCAR, in each of its released layouts. https://oscar-project.org

2019          `en.txt.gz`, `en_part_1.txt.gz`, `_dedup`: text; documents are separated by an empty line.
21.09         `en_part_1.txt.gz` with `en_meta_part_1.jsonl.gz` beside it: a line of it says where a document stands,
              {"headers": {"warc-record-id", "warc-target-uri", "warc-date", ...}, "offset": 0, "nb_sentences": 6}.
22.01         `en_meta/en_part_1.jsonl.gz`: {"content", "warc_headers", "metadata": {"identification",
              "annotation", "sentence_identifications"}}.
23.01         `en_meta/en_part_1.jsonl.zst`: the same; metadata with `harmful_pp`, `tlsh`, `quality_warnings` ...

`offset` and `nb_sentences` count lines. A document's key is the id of its WARC record; in 2019 there is none, and a
hash of its text stands for it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from parlance.sources import files
from parlance.sources.compression import DamageError
from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import content_key, error_row, identity, place, uncompressed
from parlance.sources.json_rows import date_of, object_rows
from parlance.sources.rows import Row, raw_row, well_formed

TEXT_FILE = re.compile(r"(^|/)[a-z]{2,3}(_part_\d+|_dedup)*\.txt(\.gz)?$")
META_FILE = re.compile(r"(^|/)[a-z]{2,3}_meta(_part_\d+)?\.jsonl?(\.gz)?$")
DOCUMENT_BYTES = 64 * 1024 * 1024


def recognise(head: Head) -> int:
    record = head.record or {}
    if {"content", "warc_headers", "metadata"} <= set(record) or {"headers", "offset", "nb_sentences"} <= set(record):
        return 100
    return 50 if TEXT_FILE.search(head.name) else 0


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """The raw rows of one file; a file of metadata (21.09) is one row that is refused."""
    here = place(file, partition=partition, source=source)
    if META_FILE.search(file.name):
        yield error_row("refused: metadata, which joins the documents of its file", here, position=0)
    elif TEXT_FILE.search(file.name):
        meta = _meta_of(file)
        yield from _blocks(file, here) if meta is None else _described(file, meta, here)
    else:
        yield from object_rows(file, partition=partition, source=source, described=described)


def described(record: dict[str, Any]) -> dict[str, Any]:
    """What the WARC headers of a document say."""
    headers = record.get("warc_headers")
    said = headers if isinstance(headers, dict) else {}
    return {
        "id": str(said.get("warc-record-id") or "").strip("<>") or None,
        "url": said.get("warc-target-uri"),
        "created_at": said.get("warc-date"),
    }


def _blocks(file: files.File, here: Row) -> Iterator[Row]:
    """2019: documents between empty lines; `position` is the line on which one begins."""
    with uncompressed(file) as stream:
        block: list[bytes] = []
        number = 0
        try:
            for number, line in enumerate(stream):
                if line.strip() and sum(map(len, block)) < DOCUMENT_BYTES:
                    block.append(line)
                    continue
                yield from _text_row(block, here, position=number - len(block))
                block = [line] if line.strip() else []
            yield from _text_row(block, here, position=number + 1 - len(block))
        except DamageError as error:
            yield from _text_row(block, here, position=number + 1 - len(block))
            yield error_row(str(error), here, position=number + 1)


def _described(file: files.File, meta: files.File, here: Row) -> Iterator[Row]:
    """21.09: documents at the lines that the metadata names."""
    with uncompressed(file) as text, uncompressed(meta) as about:
        number = 0
        try:
            for entry in about:
                record = _entry(entry)
                if record is None:
                    yield error_row("not metadata of a document", here, position=number, payload=entry)
                    continue
                number += sum(1 for _ in islice(text, max(0, record["offset"] - number)))
                block = list(islice(text, record["nb_sentences"]))
                yield from _text_row(block, here, position=record["offset"], headers=record["headers"])
                if len(block) < record["nb_sentences"]:
                    yield error_row(f"{record['nb_sentences'] - len(block)} lines missing", here, position=number)
                number += len(block)
        except DamageError as error:
            yield error_row(str(error), here, position=number)


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
        whole = {name: int(found[name]) for name in ("offset", "nb_sentences")}
        return {**whole, "headers": found["headers"]} if isinstance(found["headers"], dict) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _text_row(block: list[bytes], here: Row, *, position: int, headers: dict[str, Any] | None = None) -> Iterator[Row]:
    text = b"".join(block).decode("utf-8", "replace").strip()
    if not text:
        return
    said = described({"warc_headers": headers or {}})
    record = {"text": well_formed(text), "url": said["url"], "date": said["created_at"], "warc_headers": headers}
    yield raw_row(
        identity(here, said["id"] or content_key(text)),
        position=position,
        media_type="application/json",
        url=said["url"] if isinstance(said["url"], str) else None,
        created_at=date_of(said["created_at"]),
        payload=json.dumps(record).encode(),
        **here,
    )


def _meta_of(file: files.File) -> files.File | None:
    """The metadata beside a text file of 21.09; null where there is none."""
    folder, _, name = file.path.rpartition("/")
    language, _, rest = name.partition("_part_")
    for ending in (".jsonl.gz", ".jsonl"):
        part = rest.split(".")[0]
        candidate = f"{language}_meta_part_{part}{ending}" if rest else f"{language.split('.')[0]}_meta{ending}"
        path = f"{folder}/{candidate}"
        if file.filesystem.exists(path):
            return replace(file, path=path)
    return None


FORMAT = Format(name="oscar", suffixes=(), recognise=recognise, rows=rows)
