r"""Plain text: `.txt`, `.text`, `.md`, compressed or not, in any encoding.

There is no layout: a file of up to 1 MiB is one document; a longer one is split before that at a blank line, where
there is none at the end of a line, and where there is none between two characters. UTF-16 and UTF-32 are known by their
byte order mark, all else by the rule of `parlance.extraction.decode`. A document with NUL bytes is none of text.

Also here: what the formats of this package that are made of text share.
"""

import bz2
import codecs
import hashlib
import io
import json
import lzma
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from parlance import extraction
from parlance.sources import files
from parlance.sources.compression import MAGIC, DamageError, inflated
from parlance.sources.formats import Format, Head
from parlance.sources.rows import Row, raw_row, well_formed

DOCUMENT_BYTES = 1024 * 1024
LINE_BYTES = 8 * 1024 * 1024
PIECE_BYTES = 256 * 1024
COMPRESSED = ("", ".gz", ".bz2", ".xz", ".zst", ".lz4")
SUFFIXES = tuple(f".{ending}{packing}" for ending in ("txt", "text", "md") for packing in COMPRESSED)
# The marks of UTF-32 come first: one begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}


def recognise(head: Head) -> int:
    """Little: any more special format goes first."""
    if not head.name.lower().endswith(SUFFIXES):
        return 0
    is_wide = head.start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE))
    return 10 if is_wide or b"\0" not in head.start else 0


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """One raw row for each document; `position` is its byte offset in the uncompressed text (UTF-8 if wide)."""
    here = place(file, partition=partition, source=source)
    with uncompressed(file) as stream:
        for position, data in documents(stream):
            if isinstance(data, DamageError):
                yield error_row(str(data), here, position=position)
            elif b"\0" in data:
                yield error_row("not text: it has NUL bytes", here, position=position)
            elif text := extraction.decode(data).strip():
                yield raw_row(
                    identity(here, content_key(text)),
                    position=position,
                    media_type="text/plain",
                    payload=well_formed(text).encode(),
                    **here,
                )


FORMAT = Format(name="plain_text", suffixes=SUFFIXES, recognise=recognise, rows=rows)


def documents(stream: BinaryIO) -> Iterator[tuple[int, bytes | DamageError]]:
    """The text of `stream` in pieces of up to 1 MiB with their offsets; damage comes last, after what it left."""
    position, held = 0, b""
    damage: DamageError | None = None
    try:
        while piece := stream.read1(PIECE_BYTES):  # type: ignore[attr-defined]
            held += piece
            while len(held) > DOCUMENT_BYTES:
                end = _cut(held)
                yield position, held[:end]
                position, held = position + end, held[end:]
    except DamageError as error:
        damage = error
    if held:
        yield position, held
    if damage is not None:
        yield position + len(held), damage


def _cut(data: bytes) -> int:
    """Where the first document of `data` ends: at most at the bound, never at 0."""
    for end in (b"\n\n", b"\n\r\n", b"\n"):
        found = data.rfind(end, 1, DOCUMENT_BYTES)
        if found > 0:
            return found + len(end)
    cut = DOCUMENT_BYTES
    while cut > DOCUMENT_BYTES - 4 and 0x80 <= data[cut] < 0xC0:
        cut -= 1
    return cut


@contextmanager
def uncompressed(file: files.File) -> Iterator[BinaryIO]:
    """`file` uncompressed, wide encodings as UTF-8 without mark; reading raises DamageError where it is damaged."""
    with files.opened(file) as stream:
        yield buffered(as_utf8(pieces(stream)))


def buffered(data: Iterable[bytes]) -> BinaryIO:
    """`data` as a stream."""
    return io.BufferedReader(_Pieces(iter(data)), PIECE_BYTES)


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    """The uncompressed bytes of `stream`, by what it begins with. Raises DamageError."""
    start = stream.peek(6)[:6] if isinstance(stream, io.BufferedReader) else b""
    inner: Any = stream
    for compression, magic in MAGIC.items():
        if start.startswith(magic):
            inner = inflated(stream, compression)
    for opened, mark in ((bz2.open, b"BZh"), (lzma.open, b"\xfd7zXZ")):
        inner = opened(stream) if start.startswith(mark) else inner
    done = 0
    try:
        while data := inner.read1(PIECE_BYTES):
            done += len(data)
            yield data
    except (OSError, EOFError, lzma.LZMAError) as error:  # OSError: bz2's only; the storage's is a TransientError
        raise DamageError(f"damaged: {error}, after {done} uncompressed bytes") from error
    except DamageError as error:
        raise DamageError(f"{error}, after {done} uncompressed bytes") from error


def as_utf8(data: Iterable[bytes]) -> Iterator[bytes]:
    """`data` with UTF-16 and UTF-32, known by their mark, turned into UTF-8; other bytes as they are."""
    decoder: codecs.IncrementalDecoder | None = None
    for number, piece in enumerate(_long_enough(data)):
        decoder = decoder if number else decoder_of(piece)
        yield decoder.decode(piece).encode("utf-8", "replace") if decoder else piece
    if decoder:
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _long_enough(data: Iterable[bytes]) -> Iterator[bytes]:
    """`data` with a first piece that holds any mark."""
    start, is_known = b"", False
    for piece in data:
        start += piece
        is_known = is_known or len(start) >= 4
        if is_known:
            yield start
            start = b""
    if start:
        yield start


def decoder_of(start: bytes) -> codecs.IncrementalDecoder | None:
    """A decoder of the encoding whose mark `start` begins with; None without a mark."""
    found = next((encoding for mark, encoding in MARKS.items() if start.startswith(mark)), None)
    return codecs.getincrementaldecoder(found)("replace") if found else None


class _Pieces(io.RawIOBase):
    def __init__(self, data: Iterator[bytes]) -> None:
        self._data = data
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._left:
            piece = next(self._data, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


@dataclass(frozen=True)
class Lost:
    """What could not be read, and why."""

    reason: str


def lines(stream: BinaryIO) -> Iterator[bytes | Lost]:
    """The lines of `stream` without their ends. Lost are lines of more than 8 MiB and, at last, what damage cut off."""
    try:
        while line := stream.readline(LINE_BYTES):
            if len(line) < LINE_BYTES or line.endswith(b"\n"):
                yield line.rstrip(b"\r\n")
                continue
            while line and not line.endswith(b"\n"):
                line = stream.readline(LINE_BYTES)
            yield Lost(f"line over {LINE_BYTES} bytes")
    except DamageError as damage:
        yield Lost(str(damage))


def place(file: files.File, *, partition: str, source: str) -> Row:
    """What all rows of `file` have in common."""
    return {"source": source, "shard": file.name, "partition": partition}


def identity(here: Row, key: str) -> str:
    """The id of the row that its source calls `key`: a page of two dumps has one in each partition."""
    return f"{here['source']}:{here['partition']}/{key}"


def content_key(text: str) -> str:
    """A key from the text, for what has none of its own."""
    return hashlib.md5(well_formed(text).encode(), usedforsecurity=False).hexdigest()


def object_row(key: str, record: Row, here: Row, *, position: int, created_at: datetime | None = None) -> Row:
    """The raw row of `record`, an object with `text` and what else is known; what is None is left out."""
    known = {name: value for name, value in record.items() if value is not None}
    return raw_row(
        identity(here, key),
        position=position,
        media_type="application/json",
        url=record.get("url"),
        created_at=created_at,
        payload=well_formed(json.dumps(known, ensure_ascii=False)).encode(),
        **here,
    )


def error_row(
    error: str,
    here: Row,
    *,
    position: int,
    key: str | None = None,
    url: str | None = None,
    payload: bytes | None = None,
) -> Row:
    """The raw row of what could not be read, or is refused; by its place in the file where it has no key."""
    name = f"{here['shard']}#row-{position}" if key is None else key
    return raw_row(
        identity(here, name), position=position, media_type="text/plain", url=url, error=error, payload=payload, **here
    )
