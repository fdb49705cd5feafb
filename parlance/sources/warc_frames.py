"""WARC and ARC bytes cut into whole records, with every loss named: no library tells of all of them.

FastWARC and warcio end without an error at an empty gzip member and at a truncated last record. Here every byte
belongs to a record, to the space between two records or to a `Loss`, and reading goes on behind the damage.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from parlance.sources import arc
from parlance.sources.compression import MAGIC, STEP_BYTES, Compression, DamageError, Decoder
from parlance.sources.warc_layout import (
    CONTENT_LENGTH,
    HEADER_BYTES,
    MARK,
    RECORD,
    RECORD_END,
    Layout,
    is_record,
    layout,
    skippable_bytes,
    starts_record,
)
from parlance.sources.warc_window import CHUNK_BYTES, Run, Window

SWALLOWED = re.compile(RECORD_END + MARK.pattern)
RECORD_BYTES = 256 * 1024 * 1024
# How far reading can step back to look for the next member behind a damaged one.
KEPT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Frame:
    """One whole record, as WARC. `offset` is that of its member, or its own where nothing is compressed."""

    offset: int
    data: bytes


@dataclass(frozen=True)
class Loss:
    """Bytes from `offset` on that are no whole record."""

    offset: int
    what: str


def frames(stream: BinaryIO, known: Layout | None = None, *, start: int = 0) -> Iterator[Frame | Loss]:
    """Every record from `start` on, in members or plain, in order, and every loss between them.

    `stream` stands at `start`; the layout of the file must be known where that is not its beginning.
    """
    window = Window(stream, start)
    if start == 0 and not window.at(0, 1):
        yield Loss(0, "an empty file")
        return
    found = known or layout(window)
    if found.compression is None:
        yield from _records(Run(_plain_chunks(window), start), member=None, is_arc=found.is_arc)
    else:
        yield from _member_frames(window, found, found.compression, start=max(start, len(found.head)))


class _Inflated:
    """Uncompressed bytes from the member at `start` on; `end` is behind the last one that was read whole."""

    def __init__(self, window: Window, start: int, compression: Compression, dictionary: bytes) -> None:
        self._window = window
        self._compression: Compression = compression
        self._dictionary = dictionary
        self.end = start

    def runs_on(self) -> bool:
        """Whether the next member may hold the rest of a record; one that starts a record does not."""
        magic = MAGIC[self._compression]
        return self._window.at(self.end, len(magic)) == magic and not starts_record(
            self._window, self.end, self._compression, self._dictionary
        )

    def member(self) -> Iterator[bytes]:
        """The next member; raises DamageError where it is damaged."""
        decoder = Decoder(self._compression, dictionary=self._dictionary)
        offset = self.end
        while not decoder.eof:
            data, used = decoder.step(self._window.at(offset, STEP_BYTES[self._compression]))
            offset += used
            self._window.forget(offset - KEPT_BYTES)
            if data:
                yield data
        self.end = offset


def _member_frames(window: Window, found: Layout, compression: Compression, *, start: int) -> Iterator[Frame | Loss]:
    offset: int | None = start
    while offset is not None and window.at(offset, 1):
        if skipped := skippable_bytes(window, offset, compression):
            is_whole = bool(window.at(offset + skipped - 1, 1)) if skipped <= KEPT_BYTES else False
            if not is_whole:
                yield Loss(offset, f"a skippable frame of {skipped} bytes; the file ends before")
            offset = offset + skipped if is_whole else _next_member(window, offset + 1, compression, found.dictionary)
            continue
        member = _Inflated(window, offset, compression, found.dictionary)
        try:
            yield from _records(Run(member.member()), member=member, offset=offset)
            offset = member.end
            window.forget(offset)
        except DamageError as error:
            yield Loss(offset, str(error))
            offset = _next_member(window, offset + 1, compression, found.dictionary)


def _records(
    run: Run, *, member: _Inflated | None, offset: int = 0, is_arc: bool | None = None
) -> Iterator[Frame | Loss]:
    """The records of `run`; whether they are ARC is seen at the first one where it is not known."""
    more = run.drop_space()
    if more and is_arc is None:
        is_arc = run.peek(len(RECORD)) != RECORD and arc.line(run.peek(arc.LINE_BYTES)) is not None
    while more:
        at = run.position if member is None else offset
        found = _cut_arc(run, member) if is_arc else _cut(run, member)
        if isinstance(found, bytes):
            # Read on before the record is given out: a member's checksum comes behind its last record.
            more = run.drop_space()
            yield Frame(at, found)
        else:
            more = run.drop_to(arc.mark if is_arc else _mark)
            yield Loss(at, found)


def _mark(data: bytes) -> int | None:
    found = MARK.search(data)
    return found.start() if found else None


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
    if isinstance(found, str):
        return found
    behind = run.peek(16, skip=len(found))
    leads_on = RECORD.startswith(behind.lstrip(b"\r\n")[: len(RECORD)])
    # What is neither may be garbage behind a whole record, or a length that ends by chance behind another's header.
    if not leads_on and (not behind.startswith(RECORD_END) or SWALLOWED.search(found)):
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
    return _block(run, len(header) + int(length[1]))


def _block(run: Run, size: int) -> bytes | str | None:
    if size > RECORD_BYTES:
        # Not dropped: a length that is damaged itself would take whole records with it.
        return f"a record of {size} bytes; allowed: up to {RECORD_BYTES}"
    return run.peek(size) if run.peek(1, skip=size - 1) else None


def _header(run: Run) -> bytes | None:
    """The header with the empty line that ends it."""
    for size in (4 * 1024, HEADER_BYTES):
        start, mark, _ = run.peek(size).partition(b"\r\n\r\n")
        if mark:
            return start + mark
    return None


def _cut_arc(run: Run, member: _Inflated | None) -> bytes | str:
    """As `_cut`, from ARC; the record is given as WARC."""
    line = arc.line(run.peek(arc.LINE_BYTES))
    if line is None:
        return "bytes that are no ARC record"
    size = line.size_bytes + line.length
    found = _block(run, size)
    while found is None and member is not None and member.runs_on():
        run.follow(member.member())
        found = _block(run, size)
    if found is None:
        return "a record shorter than its Archive-length"
    if isinstance(found, str):
        return found
    behind = run.peek(arc.LINE_BYTES, skip=size)
    if behind.strip(b"\r\n") and not is_record(behind.lstrip(b"\r\n")) and not behind.startswith((b"\n", b"\r\n")):
        return "an Archive-length that does not lead to the next record"
    run.drop(size)
    return arc.as_warc(line, found[line.size_bytes :])


def _plain_chunks(window: Window) -> Iterator[bytes]:
    offset = window.start
    while data := window.at(offset, CHUNK_BYTES):
        yield data
        offset += len(data)
        window.forget(offset)


def _next_member(window: Window, offset: int, compression: Compression, dictionary: bytes) -> int | None:
    """The first offset from `offset` on where a member with a record starts; None where there is none."""
    magic = MAGIC[compression]
    offset = max(offset, window.start)
    while len(data := window.at(offset, CHUNK_BYTES)) >= len(magic):
        found = data.find(magic)
        while found >= 0:
            if starts_record(window, offset + found, compression, dictionary):
                return offset + found
            found = data.find(magic, found + 1)
        offset += len(data) - len(magic) + 1
        window.forget(offset)
    return None
