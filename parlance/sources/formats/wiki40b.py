r"""Wiki-40B: cleaned Wikipedia in 41 languages, as the data set's tools export it: text, JSON lines or Parquet.

Documented in Guo et al., Wiki-40B (LREC 2020), and at https://www.tensorflow.org/datasets/catalog/wiki40b. A record has
`text`, `wikidata_id` and `version_id`; a plain export has the texts alone, one after the other:

    \n_START_ARTICLE_\nTitle\n_START_SECTION_\nHistory\n_START_PARAGRAPH_\nOne paragraph._NEWLINE_Another.

Exports by way of Python may hold the text as `b'...'`, the way Python writes bytes: those are read as well.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator

from parlance import extraction
from parlance.sources import files, json_rows
from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import (
    Lost,
    content_key,
    error_row,
    lines,
    object_row,
    place,
    uncompressed,
)
from parlance.sources.rows import Row, well_formed

ARTICLE_BYTES = 8 * 1024 * 1024
MARK = re.compile(r"\s*_START_(ARTICLE|SECTION|PARAGRAPH)_\s*")
ARTICLE = b"_START_ARTICLE_"


def recognise(head: Head) -> int:
    """Certain by the first mark, in the first record or in the text itself."""
    text = head.record.get("text") if head.record else None
    is_record = isinstance(text, str) and "_START_ARTICLE_" in text[:100]
    return 100 if is_record or head.start.lstrip().startswith(ARTICLE) else 0


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """One raw row for each article; the id is `<wikidata_id>-<version_id>` where stated, else a hash of the text."""
    here = place(file, partition=partition, source=source)
    with files.opened(file) as stream:
        is_parquet = stream.read(4) == b"PAR1"
    with uncompressed(file) as stream:
        is_object = not is_parquet and stream.peek(4096).lstrip().startswith(b"{")  # type: ignore[attr-defined]
        if not (is_parquet or is_object):
            yield from _text_rows(lines(stream), here)
            return
    read = json_rows.parquet_rows if is_parquet else json_rows.line_rows
    for row in read(file, partition=partition, source=source):
        yield row if row["error"] is not None else _record_row(row, here)


FORMAT = Format(name="wiki40b", suffixes=(), recognise=recognise, rows=rows)


def readable(text: str) -> tuple[str | None, str]:
    """Title and text of one record, with headings and paragraphs.

    >>> readable("\\n_START_ARTICLE_\\nLeave\\n_START_SECTION_\\nDays\\n_START_PARAGRAPH_\\nFive._NEWLINE_Or six.")
    ('Leave', '## Days\\n\\nFive.\\nOr six.')
    """
    if text.startswith(("b'", 'b"')):
        text = _unquoted(text)
    title, found = None, []
    _, *marked = MARK.split(text)
    for kind, content in zip(marked[::2], marked[1::2], strict=True):
        clean = content.replace("_NEWLINE_", "\n").strip()
        if kind == "ARTICLE":
            title = clean
        elif clean:
            found.append(f"## {clean}" if kind == "SECTION" else clean)
    return title, "\n\n".join(found)


def _unquoted(text: str) -> str:
    try:
        value = ast.literal_eval(text) if len(text) <= ARTICLE_BYTES else text
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
    return extraction.decode(value) if isinstance(value, bytes) else text


def _record_row(row: Row, here: Row) -> Row:
    record = json.loads(row["payload"])
    title, text = readable(well_formed(str(record.get("text"))))
    position = int(row["position"])
    if title is None:
        return error_row("no _START_ARTICLE_ in the text", here, position=position)
    wikidata, version = (_name(record.get(name)) for name in ("wikidata_id", "version_id"))
    key = f"{wikidata}-{version}" if wikidata and version else content_key(f"{title}\n{text}")
    found = {"text": text, "title": title, "wikidata_id": wikidata, "version_id": version}
    return object_row(key, found, here, position=position)


def _name(value: object) -> str | None:
    """An id, which Python may have written as bytes."""
    return re.sub(r"\Ab(['\"])(.*)\1\Z", r"\2", value) if isinstance(value, str) and value else None


def _text_rows(found: Iterable[bytes | Lost], here: Row) -> Iterator[Row]:
    start, body, size = 0, list[bytes](), 0
    for index, line in enumerate(found):
        if isinstance(line, Lost):
            yield error_row(line.reason, here, position=index)
            continue
        if line.strip() == ARTICLE:
            yield from _article_rows(body, here, size=size, position=start)
            start, body, size = index, [], 0
        size += len(line) + 1
        if size <= ARTICLE_BYTES:
            body.append(line)
    yield from _article_rows(body, here, size=size, position=start)


def _article_rows(body: list[bytes], here: Row, *, size: int, position: int) -> Iterator[Row]:
    """The row of one article; an error where it is too long or has no title; nothing for nothing."""
    if size > ARTICLE_BYTES:
        yield error_row(f"article over {ARTICLE_BYTES} bytes", here, position=position)
        return
    title, text = readable(extraction.decode(b"\n".join(body)))
    if title is not None:
        key = content_key(f"{title}\n{text}")
        yield object_row(key, {"text": text, "title": title}, here, position=position)
    elif any(map(bytes.strip, body)):
        yield error_row("text before the first _START_ARTICLE_", here, position=position)
