"""WARC bytes cut into whole records, with every loss named: no library tells of all of them.

FastWARC and warcio end without an error at an empty gzip member and at a truncated last record. Here every byte
belongs to a record, to the space between two records or to a `Loss`, and reading goes on behind the damage.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

GZIP = b"\x1f\x8b\x08"
RECORD = b"WARC/"
RECORD_END = b"\r\n\r\n"
MARK = re.compile(rb"WARC/[0-9]\.[0-9]\r\n")
MARK_BYTES = len(b"WARC/1.0\r\n")
CHUNK_BYTES = 256 * 1024
HEADER_BYTES = 64 * 1024
RECORD_BYTES = 256 * 1024 * 1024
# How far reading can step back to look for the next member behind a damaged one.
KEPT_BYTES = 64 * 1024 * 1024
CONTENT_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Frame:
    """One whole record. `offset` is that of its gzip member, or its own where nothing is compressed."""

    offset: int
    data: bytes


@dataclass(frozen=True)
class Loss:
    """Bytes from `offset` on that are no whole record."""

    offset: int
    what: str


def frames(stream: BinaryIO) -> Iterator[Frame | Loss]:
    """Every record of a WARC file, in gzip members or plain, in order, and every loss between them."""
    window = Window(stream)
    start = window.at(0, len(RECORD))
    if not start:
        yield Loss(0, "an empty file")
    elif start == RECORD:
        yield from _records(Run(_plain_chunks(window)), member=None)
    else:
        yield from _gzip_frames(window)


class Window:
    """A stream that is read forward once; its last bytes are kept, so that a reader can step back over them."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._data = bytearray()
        self.start = 0

    def at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes at `offset`; fewer at the end of the stream."""
        while self.start + len(self._data) < offset + size:
            more = self._stream.read(CHUNK_BYTES)
            if not more:
                break
            self._data += more
        return bytes(self._data[offset - self.start : offset - self.start + size])

    def forget(self, before: int) -> None:
        """Drop what stands before the offset `before`."""
        if before > self.start:
            del self._data[: before - self.start]
            self.start = before


class Run:
    """Uncompressed bytes that belong together: those of one gzip member, or of a whole plain file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._data = bytearray()
        self.position = 0

    def peek(self, size: int, *, skip: int = 0) -> bytes:
        """Up to `size` bytes, `skip` bytes ahead; fewer at the end."""
        while len(self._data) < skip + size and (more := next(self._chunks, b"")):
            self._data += more
        return bytes(self._data[skip : skip + size])

    def drop(self, size: int) -> bool:
        """Go `size` bytes ahead; False where the run ends before."""
        while size > len(self._data):
            size -= len(self._data)
            self._forget(len(self._data))
            if not self.peek(1):
                return False
        self._forget(size)
        return True

    def drop_space(self) -> bool:
        """Go behind line ends; False at the end of the run."""
        while data := self.peek(16):
            rest = data.lstrip(b"\r\n")
            self._forget(len(data) - len(rest))
            if rest:
                return True
        return False

    def drop_to_record(self) -> bool:
        """Go to the next bytes that look like the start of a record; False where there are none."""
        self.drop(1)
        while len(data := self.peek(CHUNK_BYTES)) >= MARK_BYTES:
            found = MARK.search(data)
            self._forget(found.start() if found else len(data) - MARK_BYTES + 1)
            if found:
                return True
        self._forget(len(data))
        return False

    def follow(self, chunks: Iterator[bytes]) -> None:
        """Read on in `chunks` behind the end."""
        self._chunks = chunks

    def _forget(self, size: int) -> None:
        del self._data[:size]
        self.position += size


class _Inflated:
    """Uncompressed bytes from the gzip member at `start` on; `end` is behind the last one that was read whole."""

    def __init__(self, window: Window, start: int) -> None:
        self._window = window
        self.end = start

    def runs_on(self) -> bool:
        """Whether the next member may hold the rest of a record; one that starts a record does not."""
        return self._window.at(self.end, len(GZIP)) == GZIP and not _starts_record(self._window, self.end)

    def member(self) -> Iterator[bytes]:
        """The next member; raises zlib.error or EOFError where it is damaged."""
        decoder = zlib.decompressobj(wbits=31)
        offset, pending = self.end, b""
        while not decoder.eof:
            if not pending:
                pending = self._window.at(offset, CHUNK_BYTES)
                offset += len(pending)
                self._window.forget(offset - KEPT_BYTES)
            is_end = not pending
            data = decoder.decompress(pending, CHUNK_BYTES)
            pending = decoder.unconsumed_tail
            if data:
                yield data
            elif is_end and not decoder.eof:
                raise EOFError("the file ends inside a gzip member")
        self.end = offset - len(decoder.unused_data)


def _gzip_frames(window: Window) -> Iterator[Frame | Loss]:
    offset: int | None = 0
    while offset is not None and window.at(offset, 1):
        member = _Inflated(window, offset)
        try:
            yield from _records(Run(member.member()), member=member, offset=offset)
            offset = member.end
            window.forget(offset)
        except (zlib.error, EOFError) as error:
            yield Loss(offset, str(error))
            offset = _next_member(window, offset + 1)


def _records(run: Run, *, member: _Inflated | None, offset: int = 0) -> Iterator[Frame | Loss]:
    more = run.drop_space()
    while more:
        at = run.position if member is None else offset
        found = _cut(run, member)
        if isinstance(found, bytes):
            # Read on before the record is given out: a gzip member's checksum comes behind its last record.
            more = run.drop_space()
            yield Frame(at, found)
        else:
            more = run.drop_to_record()
            yield Loss(at, found)


def _cut(run: Run, member: _Inflated | None) -> bytes | str:
    """The record at the start of `run`, or why there is none; only a record is consumed."""
    if run.peek(len(RECORD)) != RECORD:
        return "bytes that are no WARC record"
    found = _framed(run)
    while found is None and member is not None and member.runs_on():
        run.follow(member.member())
        found = _framed(run)
    if found is None:
        return "a record shorter than its Content-Length"
    if isinstance(found, bytes):
        behind = run.peek(16, skip=len(found))
        if not behind.startswith(RECORD_END) and not RECORD.startswith(behind.lstrip(b"\r\n")[: len(RECORD)]):
            return "a Content-Length that does not lead to the next record"
        run.drop(len(found))
    return found


def _framed(run: Run) -> bytes | str | None:
    """Header and block as the Content-Length has it, not yet consumed; None where the bytes end before."""
    header = _header(run)
    if header is None:
        is_long = len(run.peek(HEADER_BYTES)) == HEADER_BYTES
        return f"a WARC header without an end within {HEADER_BYTES} bytes" if is_long else None
    length = CONTENT_LENGTH.search(header)
    if length is None:
        return "a record without Content-Length"
    size = len(header) + int(length[1])
    if size > RECORD_BYTES:
        run.drop(size)
        return f"a record of {size} bytes; allowed: up to {RECORD_BYTES}"
    return run.peek(size) if run.peek(1, skip=size - 1) else None


def _header(run: Run) -> bytes | None:
    """The header with the empty line that ends it."""
    for size in (4 * 1024, HEADER_BYTES):
        start, mark, _ = run.peek(size).partition(b"\r\n\r\n")
        if mark:
            return start + mark
    return None


def _plain_chunks(window: Window) -> Iterator[bytes]:
    offset = 0
    while data := window.at(offset, CHUNK_BYTES):
        yield data
        offset += len(data)
        window.forget(offset)


def _starts_record(window: Window, offset: int) -> bool:
    """Whether a gzip member at `offset` inflates to the start of a record."""
    decoder = zlib.decompressobj(wbits=31)
    try:
        return decoder.decompress(window.at(offset, 512), len(RECORD)) == RECORD
    except zlib.error:
        return False


def _next_member(window: Window, offset: int) -> int | None:
    """The first offset from `offset` on where a member with a record starts; None where there is none."""
    offset = max(offset, window.start)
    while len(data := window.at(offset, CHUNK_BYTES)) >= len(GZIP):
        found = data.find(GZIP)
        while found >= 0:
            if _starts_record(window, offset + found):
                return offset + found
            found = data.find(GZIP, found + 1)
        offset += len(data) - len(GZIP) + 1
        window.forget(offset)
    return None
