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
    """A file for FastWARC to read; the head is read first, whatever the start.

    No read goes beyond the start of a member, so that FastWARC asks for a member's bytes when it comes to it.
    """

    def __init__(self, stream: BinaryIO, layout: Layout, *, start: int) -> None:
        self._stream = stream
        self._magic = b"" if layout.compression is None else MAGIC[layout.compression]
        self._head = layout.head
        self._position = start
        self._begun: list[int] = []
        self._data = b""
        self._used = 0

    def read(self, size: int = -1) -> bytes:
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        data = self._member_bytes(size) if self._magic else self._stream.read(size)
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
        """Whether a member at `position` is the one that was begun since the last call."""
        is_next = not self._magic or self._begun == [position]
        self._begun.clear()
        return is_next

    def _member_bytes(self, size: int) -> bytes:
        """Up to `size` bytes, and none of the next member."""
        magic = self._magic
        if len(self._data) - self._used < len(magic):
            self._data, self._used = self._data[self._used :] + self._stream.read(BUFFER_BYTES), 0
        behind = self._used
        if self._data.startswith(magic, behind):
            self._begun.append(self._position)
            behind += 1
        end = min(self._used + size, len(self._data))
        following = self._data.find(magic, behind, end + len(magic) - 1)
        if following >= 0:
            end = following
        elif end == len(self._data) and end - self._used >= len(magic):
            end -= len(magic) - 1  # the start of a member may go on in the next bytes
        data = self._data[self._used : end]
        self._used = end
        return data
