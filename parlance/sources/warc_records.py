"""Every record of a file, fast where the file is intact and careful where it is not."""

from collections.abc import Callable, Generator, Iterator
from itertools import count
from typing import Any, BinaryIO, TypeVar

from parlance.errors import ConfigError
from parlance.sources.warc_fast import fast_records
from parlance.sources.warc_frames import Frame, Loss, frames
from parlance.sources.warc_layout import layout
from parlance.sources.warc_window import Window

T = TypeVar("T")

# How FastWARC reads the names of the fields that it goes by; it does not know them in another case.
NAMES = {
    name.lower(): name
    for name in (b"WARC-Type", b"WARC-Record-ID", b"WARC-Date", b"WARC-Target-URI", b"Content-Type", b"Content-Length")
}
PATIENCE_RECORDS = 1024


def records(stream: BinaryIO, fast: Callable[[Any, int], T], careful: Callable[[bytes, int], T]) -> Iterator[T | Loss]:
    """What `fast` gives for a FastWARC record, or `careful` for its bytes; both take the offset as well.

    FastWARC reads until something is not as it must be; the cutter reads on from there and hands back at a later
    member, the later the less FastWARC got on with.
    """
    if not stream.seekable():
        yield from (_made(found, careful) for found in frames(stream))
        return
    known = layout(Window(stream))
    at: int | None = len(known.head)
    patience = 1
    while at is not None:
        begun = at
        if not known.is_arc:
            at = yield from fast_records(stream, known, start=at, make=fast)
        patience = 1 if at > begun else min(2 * patience, PATIENCE_RECORDS)
        stream.seek(at)
        found = frames(stream, known, start=at)
        at = yield from _until_sound(found, careful, patience=None if known.is_arc else patience)


def records_at(stream: BinaryIO, offset: int) -> Iterator[Frame | Loss]:
    """The records and losses at `offset` alone. Raises ConfigError where the stream has only one direction."""
    if not stream.seekable():
        raise ConfigError(f"cannot read at byte {offset}: the server knows no ranges")
    stream.seek(0)
    known = layout(Window(stream))
    stream.seek(offset)
    for found in frames(stream, known, start=offset):
        if found.offset != max(offset, len(known.head)):
            return
        yield found


def canonical(data: bytes) -> bytes:
    """The record with the names of its fields as FastWARC knows them.

    >>> canonical(b"WARC/1.0\\r\\nwarc-type: response\\r\\n\\r\\n")
    b'WARC/1.0\\r\\nWARC-Type: response\\r\\n\\r\\n'
    """
    head, mark, block = data.partition(b"\r\n\r\n")
    lines = [line.partition(b":") for line in head.split(b"\r\n")]
    names = [NAMES.get(name.strip().lower(), name) for name, _, _ in lines]
    if all(name == line[0] for name, line in zip(names, lines, strict=True)):
        return data
    head = b"\r\n".join(name + colon + value for name, (_, colon, value) in zip(names, lines, strict=True))
    return head + mark + block


def _until_sound(
    found: Iterator[Frame | Loss], careful: Callable[[bytes, int], T], *, patience: int | None
) -> Generator[T | Loss, None, int | None]:
    """The next `patience` frames and losses at least; returns where the first member behind them starts.

    Null: the file is at its end.
    """
    last = -1
    for number, one in zip(count(), found, strict=False):
        if patience is not None and number >= patience and isinstance(one, Frame) and one.offset > last:
            return one.offset
        last = one.offset
        yield _made(one, careful)
    return None


def _made(found: Frame | Loss, careful: Callable[[bytes, int], T]) -> T | Loss:
    return found if isinstance(found, Loss) else careful(found.data, found.offset)
