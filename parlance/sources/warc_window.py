"""The bytes of a file as the careful cutter of WARC records looks at them: read forward, with some steps back."""

from collections.abc import Iterator
from typing import BinaryIO, Protocol

CHUNK_BYTES = 256 * 1024
# No search for the start of a record needs to see more bytes at once.
MARK_BYTES = 16 * 1024


class Mark(Protocol):
    """Finds where the next record starts in `data`, or null."""

    def __call__(self, data: bytes, /) -> int | None: ...


class Window:
    """A stream that is read forward from `start`; its last bytes are kept, so that a reader can step back over them."""

    def __init__(self, stream: BinaryIO, start: int = 0) -> None:
        self._stream = stream
        self._data = bytearray()
        self.start = start

    def at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes at `offset`; fewer at the end of the stream."""
        while self.start + len(self._data) < offset + size:
            more = self._stream.read(CHUNK_BYTES)
            if not more:
                break
            self._data += more
        with memoryview(self._data) as data:
            return bytes(data[offset - self.start : offset - self.start + size])

    def forget(self, before: int) -> None:
        """Drop what stands before the offset `before`."""
        if before > self.start:
            del self._data[: before - self.start]
            self.start = before


class Run:
    """Uncompressed bytes that belong together: those of one member, or of a whole plain file."""

    def __init__(self, chunks: Iterator[bytes], position: int = 0) -> None:
        self._chunks = chunks
        self._data = bytearray()
        self.position = position

    def peek(self, size: int, *, skip: int = 0) -> bytes:
        """Up to `size` bytes, `skip` bytes ahead; fewer at the end."""
        while len(self._data) < skip + size and (more := next(self._chunks, b"")):
            self._data += more
        with memoryview(self._data) as data:
            return bytes(data[skip : skip + size])

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

    def drop_to(self, mark: Mark) -> bool:
        """Go to the next start of a record that `mark` finds; False where there is none."""
        self.drop(1)
        while data := self.peek(CHUNK_BYTES):
            found = mark(data)
            is_end = len(data) < CHUNK_BYTES
            self._forget(found if found is not None else len(data) if is_end else len(data) - MARK_BYTES)
            if found is not None:
                return True
        return False

    def follow(self, chunks: Iterator[bytes]) -> None:
        """Read on in `chunks` behind the end."""
        self._chunks = chunks

    def _forget(self, size: int) -> None:
        del self._data[:size]
        self.position += size
