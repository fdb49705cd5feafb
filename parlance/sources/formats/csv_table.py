"""CSV and TSV (RFC 4180) with a header: one row a document, its text in `text`, `content` or `raw_content`.

The delimiter is the one of comma, semicolon, tab and bar that the header has most of. A row with another number of
fields than the header is counted as broken. The encoding is found as that of plain text is, 1 MiB at a time.
"""

import csv
import io
import json
from collections.abc import Iterator
from typing import BinaryIO

from parlance import extraction
from parlance.sources import files
from parlance.sources.compression import DamageError
from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import COMPRESSED, buffered, documents, error_row, place, uncompressed
from parlance.sources.json_rows import object_row
from parlance.sources.rows import Row, well_formed
from parlance.sources.web_documents import TEXT_FIELDS

SUFFIXES = tuple(f".{ending}{packing}" for ending in ("csv", "tsv") for packing in COMPRESSED)
DELIMITERS = ",;\t|"
FIELD_BYTES = 64 * 1024 * 1024


def recognise(head: Head) -> int:
    return 40 if head.name.lower().endswith(SUFFIXES) and b"\0" not in head.start else 0


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """The raw rows of one file; `position` is the row's index without the header."""
    here = place(file, partition=partition, source=source)
    csv.field_size_limit(FIELD_BYTES)
    position = 0
    with uncompressed(file) as stream:
        text = io.TextIOWrapper(buffered(_as_utf8(stream)), encoding="utf-8", newline="")
        try:
            header = text.readline().lstrip("\ufeff")
            delimiter = max(DELIMITERS, key=header.count)
            names = next(csv.reader([header], delimiter=delimiter), [])
            for fields in _records(csv.reader(text, delimiter=delimiter)):
                yield _row(names, fields, here, position=position)
                position += 1
        except (csv.Error, DamageError) as error:
            yield error_row(str(error), here, position=position)


def _as_utf8(stream: BinaryIO) -> Iterator[bytes]:
    """What plain text makes of `stream`, a piece after the other; raises DamageError behind the last whole one."""
    for _, data in documents(stream):
        if isinstance(data, DamageError):
            raise data
        yield well_formed(extraction.decode(data)).encode()


def _records(found: Iterator[list[str]]) -> Iterator[list[str] | csv.Error]:
    """The fields of each row that has any, or what is wrong with it: the next line begins the next row."""
    while True:
        try:
            fields = next(found, None)
        except csv.Error as error:
            yield error
            continue
        if fields is None:
            return
        if fields:
            yield fields


def _row(names: list[str], fields: list[str] | csv.Error, here: Row, *, position: int) -> Row:
    if isinstance(fields, csv.Error):
        return error_row(f"not CSV: {fields}", here, position=position)
    if not set(names) & set(TEXT_FIELDS):
        return error_row(f"no column {', '.join(TEXT_FIELDS)} among {names}", here, position=position)
    if len(fields) != len(names):
        payload = json.dumps(fields).encode()
        return error_row(f"{len(fields)} fields, the header has {len(names)}", here, position=position, payload=payload)
    record = {name: well_formed(value) for name, value in zip(names, fields, strict=True)}
    return object_row(record, json.dumps(record).encode(), {**here, "position": position})


FORMAT = Format(name="csv", suffixes=SUFFIXES, recognise=recognise, rows=rows)
