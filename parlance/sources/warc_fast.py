"""Records of an intact stretch of a WARC file by FastWARC, as long as every byte of it is accounted for.

FastWARC reads on in silence over an empty member, a truncated end or a Content-Length that swallows the next member.
So a record counts as read only when the next one starts where it must: behind nothing but line ends, and in a
compressed file at the start of a member, every other start of a member having been a record's too. The last record
is never given: only the careful cutter knows whether the file ends where it must.
"""

from collections import deque
from collections.abc import Callable, Generator
from typing import Any, BinaryIO, TypeVar

from parlance.errors import ConfigError
from parlance.sources.compression import MAGIC
from parlance.sources.warc_frames import RECORD_BYTES
from parlance.sources.warc_layout import Layout

T = TypeVar("T")

BUFFER_BYTES = 128 * 1024
# FastWARC gives the second record of a member the offset of the next member: only one more record shows it.
HELD_RECORDS = 2


def fast_records(
    stream: BinaryIO, layout: Layout, *, start: int, make: Callable[[Any, int], T]
) -> Generator[T, None, int]:
    """What `make` gives for each record and its offset; returns the offset from which nothing was given.

    `make` may raise OSError for a record that FastWARC cannot decode: reading ends before it.
    """
    try:
        from fastwarc.warc import ArchiveIterator
    except ImportError as error:
        raise ConfigError(f"reading WARC needs the extra 'web' ({error}): pip install 'parlance[web]'") from error
    stream.seek(start)
    watched = _Watched(stream, layout, start=start)
    held: deque[tuple[int, T]] = deque()
    at = start
    try:
        for record in ArchiveIterator(watched, parse_http=False, buffer_size=BUFFER_BYTES):
            position = record.stream_pos
            if not watched.is_next(position) or not _is_understood(record):
                break
            if len(held) == HELD_RECORDS:
                yield held.popleft()[1]
                at = held[0][0]
            held.append((position, make(record, position)))
    except OSError:
        pass  # the careful cutter says what is wrong there
    return at


def _is_understood(record: Any) -> bool:
    """Whether FastWARC understood the header; names in another case it does not."""
    kind = str(record.record_type)
    return kind != "unknown" and record.content_length <= RECORD_BYTES


class _Watched:
    """A file for FastWARC to read, which notes where members start; the head is read first, whatever the start."""

    def __init__(self, stream: BinaryIO, layout: Layout, *, start: int) -> None:
        self._stream = stream
        self._magic = b"" if layout.compression is None else MAGIC[layout.compression]
        self._head = layout.head
        self._position = start
        self._last = b""  # bytes with which the start of a member may have begun
        self._begun: deque[int] = deque()

    def read(self, size: int = -1) -> bytes:
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        data = self._stream.read(size)
        if self._magic:
            self._note(data)
        self._position += len(data)
        return data

    def tell(self) -> int:
        return self._position - len(self._head)

    def seek(self, offset: int, whence: int = 0) -> int:
        """FastWARC asks a file for this method; it reads forward only."""
        raise OSError(f"cannot seek to {offset} ({whence}); allowed: reading forward")

    def close(self) -> None:
        """The file stays open: whoever opened it reads on."""

    def is_next(self, position: int) -> bool:
        """Whether a member starts at `position`, and none between the last one asked for and it."""
        if not self._magic:
            return True
        return bool(self._begun) and self._begun.popleft() == position

    def _note(self, data: bytes) -> None:
        """Notes where a member may start in `data`: what only looks like it is left to the careful cutter."""
        begun = self._position - len(self._last)
        seam = self._last + data[: len(self._magic) - 1]
        if (at := seam.find(self._magic)) >= 0:
            self._begun.append(begun + at)
        self._last = (seam if len(data) < len(self._magic) else data)[1 - len(self._magic) :]
        # From behind: that is three times as fast.
        places, end = [], len(data)
        while (end := data.rfind(self._magic, 0, end)) >= 0:
            places.append(self._position + end)
        self._begun.extend(reversed(places))
