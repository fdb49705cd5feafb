"""OSCAR, in each of its released layouts. https://oscar-project.org

2019          `en.txt.gz`, `en_part_1.txt.gz`, `_dedup`: text; documents are separated by an empty line.
21.09         `en_part_1.txt.gz` with `en_meta_part_1.jsonl.gz` beside it: a line of it says where a document stands,
              {"headers": {"warc-record-id", "warc-target-uri", "warc-date", ...}, "offset": 0, "nb_sentences": 6}.
22.01         `en_meta/en_part_1.jsonl.gz`: {"content", "warc_headers", "metadata": {"identification",
              "annotation", "sentence_identifications"}}.
23.01         `en_meta/en_part_1.jsonl.zst`: the same; metadata with `harmful_pp`, `tlsh`, `quality_warnings` ...

`offset` and `nb_sentences` count lines. A document's key is the id of its WARC record; in 2019 there is none, and a
hash of its text stands for it. Lines under 100 characters are in neither release of text, which tells `hr.txt.gz` in
Croatian from a handbook of that name: https://huggingface.co/datasets/oscar-corpus/oscar.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from parlance.sources import files
from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import Lost, content_key, error_row, identity, lines, place, uncompressed
from parlance.sources.json_rows import date_of, object_rows
from parlance.sources.rows import Row, raw_row, well_formed

TEXT_FILE = re.compile(r"(?:^|/)[a-z]{2,3}(?P<part>(?:_part_\d+|_dedup)*)\.txt(?P<packing>\.gz)?$")
META_FILE = re.compile(r"(^|/)[a-z]{2,3}_meta(_part_\d+)?\.jsonl?(\.gz)?$")
LINE_CHARACTERS = 100
# Common Crawl cuts a page at 1 MiB. The lines of 2019 were published shuffled too, as one block without end.
DOCUMENT_BYTES = 8 * 1024 * 1024
MOST_LINES = 2**60


@dataclass(frozen=True)
class Entry:
    """Where the metadata has a document."""

    offset: int
    lines: int
    headers: dict[str, Any]


def recognise(head: Head) -> int:
    """Certain by the first object. Text by its name; a name of a language alone needs the lines of OSCAR as well."""
    record = head.record or {}
    if {"content", "warc_headers", "metadata"} <= set(record) or {"headers", "offset", "nb_sentences"} <= set(record):
        return 100
    named = TEXT_FILE.search(head.name)
    return 50 if named and (named["part"] or (named["packing"] and _has_long_lines(head.start))) else 0


def _has_long_lines(start: bytes) -> bool:
    """Whether nine of ten lines, the last aside, which may be cut, have the length that OSCAR asks for."""
    whole = [line for line in start.decode("utf-8", "replace").split("\n")[:-1] if line.strip()]
    short = sum(len(line) < LINE_CHARACTERS for line in whole)
    return bool(whole) and 10 * short <= len(whole)


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
    """2019: documents between empty lines, cut at 8 MiB; `position` is the line on which one begins."""
    with uncompressed(file) as stream:
        block: list[bytes] = []
        size = 0
        for number, line in enumerate(chain(lines(stream), [b""])):
            words = line if isinstance(line, bytes) and line.strip() else b""
            if not words or size + len(words) > DOCUMENT_BYTES:
                yield from _text_row(block, here, position=number - len(block))
                block, size = [], 0
            if isinstance(line, Lost):
                yield error_row(line.reason, here, position=number)
            elif words:
                block.append(words)
                size += len(words)


def _described(file: files.File, meta: files.File, here: Row) -> Iterator[Row]:
    """21.09: documents at the lines that the metadata names, and an error for other lines that are not empty."""
    with uncompressed(file) as text, uncompressed(meta) as about:
        found, end = enumerate(lines(text)), 0
        for number, line in enumerate(lines(about)):
            key = f"{here['shard']}#metadata-{number}"
            entry = line if isinstance(line, Lost) else _entry(line, after=end)
            if isinstance(entry, Lost):
                payload = line if isinstance(line, bytes) else None
                yield error_row(entry.reason, here, position=end, key=key, payload=payload)
                continue
            yield from _unnamed(islice(found, entry.offset - end), here)
            yield from _document(entry, islice(found, entry.lines), here, key=key)
            end = entry.offset + entry.lines
        yield from _unnamed(found, here)


def _entry(line: bytes, *, after: int) -> Entry | Lost:
    """What a line of metadata says of a document that begins at line `after` or later; else what is wrong with it."""
    try:
        found = json.loads(line)
        entry = Entry(int(found["offset"]), int(found["nb_sentences"]), found["headers"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return Lost("not metadata of a document")
    is_sound = 0 <= entry.offset < MOST_LINES and 0 < entry.lines < MOST_LINES and isinstance(entry.headers, dict)
    if not is_sound:
        return Lost("not metadata of a document")
    return entry if entry.offset >= after else Lost(f"a document at line {entry.offset}; the last ends at {after}")


def _document(entry: Entry, found: Iterable[tuple[int, bytes | Lost]], here: Row, *, key: str) -> Iterator[Row]:
    """The row of the document that `found` has the lines of; an error where one of them is lost or missing."""
    block: list[bytes] = []
    size, missing, error = 0, entry.lines, None
    for _, line in found:
        missing -= 1
        if isinstance(line, Lost):
            error = line.reason
            continue
        size += len(line)
        if size <= DOCUMENT_BYTES:
            block.append(line)
    if size > DOCUMENT_BYTES:
        error = f"document over {DOCUMENT_BYTES} bytes"
    if error is None:
        yield from _text_row(block, here, position=entry.offset, headers=entry.headers)
        error = f"{missing} lines missing" if missing else None
    if error is not None:
        yield error_row(error, here, position=entry.offset, key=key)


def _unnamed(found: Iterable[tuple[int, bytes | Lost]], here: Row) -> Iterator[Row]:
    """One row for all lines of `found` that hold something, with their count, and one for each that is lost."""
    first = count = 0
    for number, line in found:
        if isinstance(line, Lost):
            yield error_row(line.reason, here, position=number)
        elif line.strip():
            first, count = first if count else number, count + 1
    if count:
        yield error_row(f"{count} lines that no metadata names", here, position=first)


def _text_row(block: list[bytes], here: Row, *, position: int, headers: dict[str, Any] | None = None) -> Iterator[Row]:
    text = b"\n".join(block).decode("utf-8", "replace").strip()
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
