r"""COCA, COHA and their kin (https://www.corpusdata.org/formats.asp), the formats `text` and `wlp`, as files or as zip.

`text`: one text a line, `@@4000041` (2020) or `##4000041` (before) and its tokens, parted by spaces; `<p>` parts
paragraphs, `<h>` marks a heading, `@!` a speaker:

    @@4000041 SECTION : <p> Of 200 words @ @ @ @ @ @ @ @ @ @ are missing . <p> ...

`wlp`: one token a line, `word <TAB> lemma <TAB> part of speech`, in some releases with the text's id in a column before
them; a line with the text's id begins a text.

To meet US Fair Use, ten words of every 200 stand as `@`: a cut-out is `…` in the text. `lexicon.txt` and `sources.txt`,
which come with the texts, and the third format, `db`, which is numbers, hold no text.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from lzma import LZMAError
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, BinaryIO
from zlib import error as ZlibError  # noqa: N812

from parlance import extraction
from parlance.sources import files
from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import (
    PIECE_BYTES,
    Lost,
    as_utf8,
    buffered,
    content_key,
    error_row,
    lines,
    object_row,
    place,
    uncompressed,
)
from parlance.sources.formats.wikitext import untokenised
from parlance.sources.rows import Row

TEXT_BYTES = 8 * 1024 * 1024
ID = re.compile(rb"\s{0,3}(?:@@|##)(\d{1,12})(?=\s|\Z)[ \t]?")
START = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:@@|##)\d{1,12}[ \t\r\n]")
NAME = re.compile(r"(?:\A|/)(?:text|w|wlp|coca|coha)_\w{1,40}\.(?:txt|zip)\Z")
OTHER = re.compile(r"(?:\A|/)(?:lexicon|sources?|db_|\w*_sources)[^/]*\Z|(?:\A|/)db/", re.IGNORECASE)

CUT_OUT = re.compile(r"@(?:\s{1,3}@){4,}")
MARK = re.compile(r"<([ph])>|@!", re.IGNORECASE)
SPACES = re.compile(r"[ \t]{2,}")
# What a damaged zip raises; a password, or a version or compression that is not known, is a RuntimeError.
BROKEN = (zipfile.BadZipFile, ZlibError, LZMAError, EOFError, OSError, RuntimeError, ValueError)


@dataclass
class Text:
    """The words of one text, up to a bound."""

    id: str | None
    position: int
    member: str
    words: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, words: bytes) -> None:
        self.size += len(words) + 1
        if words and self.size <= TEXT_BYTES:
            self.words.append(words)


def recognise(head: Head) -> int:
    """Nearly certain by the first text's id; a zip by its name and its first member's."""
    if START.match(head.start):
        return 95
    member = head.start[30:130].decode("latin-1") if head.start.startswith(b"PK\x03\x04") else ""
    is_named = NAME.search(head.name.lower()) or re.match(r"(?:\w{1,40}/)?(?:text|w|wlp)_\w{1,40}\.txt", member)
    return 90 if head.name.lower().endswith(".zip") and is_named else 0


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """One raw row for each text; `position` is the index of its line, in a zip counted on through its members."""
    here = place(file, partition=partition, source=source)
    for one in _texts(_lines(file)):
        if isinstance(one, tuple):
            yield error_row(one[1].reason, here, position=one[0])
        elif one.size > TEXT_BYTES:
            yield error_row(f"text over {TEXT_BYTES} bytes", here, position=one.position)
        elif one.id is not None:
            yield _row(one, here)
        elif one.words:
            yield error_row("words before the first text's id", here, position=one.position)


FORMAT = Format(name="coca", suffixes=(), recognise=recognise, rows=rows)


def readable(tokens: str) -> tuple[str, int]:
    """The text of `tokens`, and the number of cut-outs.

    >>> readable("He did n't say : <p> Of @ @ @ @ @ @ @ @ @ @ all , none .")
    ("He didn't say:\\n\\nOf … all, none.", 1)
    """
    tokens, cut_outs = CUT_OUT.subn(" … ", tokens)
    parts = MARK.sub(lambda match: "\n\n" if match[1] else "\n", tokens).split("\n")
    joined = "\n".join(untokenised(SPACES.sub(" ", part)) for part in parts)
    return re.sub(r"\n{3,}", "\n\n", joined).strip(), cut_outs


def _row(text: Text, here: Row) -> Row:
    words, cut_outs = readable(extraction.decode(b" ".join(text.words)))
    key = f"coca/{text.id}" if text.id else content_key(words)
    record = {"text": words, "cut_outs": cut_outs, "text_id": text.id, "file": text.member or None}
    return object_row(key, record, here, position=text.position)


def _lines(file: files.File) -> Iterator[tuple[str, bytes | Lost]]:
    """The lines of a file, or of a zip's members in their order, with the member's name."""
    with files.opened(file) as stream:
        is_zip = stream.read(4) == b"PK\x03\x04"
    if is_zip:
        with files.opened(file) as stream, _seekable(stream) as seekable:
            yield from _zip_lines(seekable)
        return
    with uncompressed(file) as stream:
        yield from (("", line) for line in lines(stream))


def _zip_lines(stream: BinaryIO) -> Iterator[tuple[str, bytes | Lost]]:
    try:
        archive = zipfile.ZipFile(stream)
    except BROKEN as error:
        yield "", Lost(f"damaged: zip: {error}")
        return
    with archive:
        for info in archive.infolist():
            name = info.filename
            if name.lower().endswith(".txt") and not OTHER.search(name):
                yield from ((name, line) for line in _member_lines(archive, info))


def _member_lines(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes | Lost]:
    """The lines of one member; what is wrong with it comes last and leaves the others whole."""
    try:
        with archive.open(info) as inner:
            yield from lines(buffered(as_utf8(_read(inner))))
    except BROKEN as error:
        yield Lost(f"damaged: {info.filename!r} in zip: {error}")


def _read(stream: IO[bytes]) -> Iterator[bytes]:
    while data := stream.read(PIECE_BYTES):
        yield data


def _texts(found: Iterable[tuple[str, bytes | Lost]]) -> Iterator[Text | tuple[int, Lost]]:
    text = Text(None, 0, "")
    for index, (member, line) in enumerate(found):
        if isinstance(line, Lost):
            yield index, line
            continue
        marked = ID.match(line)
        words, id = (line[marked.end() :], marked[1].decode()) if marked else _words(line)
        if marked or member != text.member or (id is not None and id != text.id):
            yield text
            text = Text(id, index, member)
        text.add(words)
    yield text


def _words(line: bytes) -> tuple[bytes, str | None]:
    """The word of a line with columns, and the text's id where one says it; else the line itself."""
    columns = line.split(b"\t")
    if len(columns) < 3:
        return line.strip(), None
    is_numbered = len(columns) > 3 and columns[0].strip().isdigit()
    return columns[-3].strip(), columns[0].strip().decode() if is_numbered else None


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """`stream`, or a copy of it on disk where the server gives it only from start to end."""
    if stream.seekable():
        yield stream
        return
    with TemporaryFile() as copy:
        copyfileobj(stream, copy)
        copy.seek(0)
        yield copy
