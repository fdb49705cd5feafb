"""How a WARC or ARC file is laid out: its compression and its zstd dictionary, by its bytes and not by its name."""

import re
from dataclasses import dataclass

import zstandard

from parlance.sources import arc
from parlance.sources.compression import MAGIC, STEP_BYTES, WINDOW_BYTES, Compression, DamageError, Decoder
from parlance.sources.warc_window import Window

RECORD = b"WARC/"
RECORD_END = b"\r\n\r\n"
HEADER_BYTES = 64 * 1024
CONTENT_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
MARK = re.compile(rb"WARC/[0-9]\.[0-9]\r?\n")
# The first line of a record and the letter that its first field begins with.
STARTED = re.compile(rb"WARC/[0-9]\.[0-9]\r?\n[A-Za-z]")
# A skippable frame of zstd or lz4: its number, of 16, and its length.
SKIPPABLE = re.compile(rb"([\x50-\x5f])\x2a\x4d\x18(.{4})", re.DOTALL)
# The frame in which a `.warc.zst` carries its dictionary, https://iipc.github.io/warc-specifications/specifications/warc-zstd/
DICTIONARY = b"\x5d\x2a\x4d\x18"
DICTIONARY_BYTES = 64 * 1024 * 1024
# How far a damaged start is searched for the first record.
SEARCHED_BYTES = 8 * 1024 * 1024
# How many bytes of a member may come before the first uncompressed one: a block of zstd or lz4, a name in gzip.
START_BYTES: dict[Compression, int] = {"gzip": 64 * 1024, "zstd": 256 * 1024, "lz4": 4 * 1024 * 1024 + 64}


@dataclass(frozen=True)
class Layout:
    """`head` is what comes before the first record: the frame with the dictionary."""

    compression: Compression | None
    is_arc: bool = False
    dictionary: bytes = b""
    head: bytes = b""


def layout(window: Window) -> Layout:
    """The layout of the file whose start stands in `window`; where the start is damaged, that of what comes first."""
    start = window.at(0, arc.LINE_BYTES)
    if STARTED.match(start) or arc.line(start) is not None:
        return Layout(None, is_arc=not start.startswith(RECORD))
    head, dictionary = _dictionary(window) if start.startswith(DICTIONARY) else (0, b"")
    compression = next((name for name, magic in MAGIC.items() if window.at(head, 4).startswith(magic)), None)
    if head:
        compression = compression or "zstd"
    elif compression is None or not starts_record(window, 0, compression, b""):
        compression = _first_found(window, otherwise=compression or "gzip")
    is_arc = compression is None and MARK.search(window.at(0, SEARCHED_BYTES)) is None
    return Layout(compression, is_arc, dictionary, window.at(0, head))


def is_record(data: bytes) -> bool:
    """Whether `data` starts a record of WARC or ARC."""
    return data.startswith(RECORD) or arc.line(data) is not None


def starts_record(window: Window, offset: int, compression: Compression, dictionary: bytes) -> bool:
    """Whether a member at `offset` uncompresses to the start of a record."""
    decoder = Decoder(compression, dictionary=dictionary)
    end, data, step = offset + START_BYTES[compression], b"", 64
    try:
        while offset < end and not decoder.eof and len(data) < arc.LINE_BYTES and not data.startswith(RECORD):
            # In small steps: a checksum that fails further on must not hide how the member starts.
            more, used = decoder.step(window.at(offset, step), at_most=64)
            data = (data + more).lstrip(b"\r\n")
            offset += used
            step = min(2 * step, STEP_BYTES[compression])
    except DamageError:
        pass  # the first bytes may be whole all the same
    return is_record(data)


def skippable_bytes(window: Window, offset: int, compression: Compression) -> int:
    """The length of the skippable frame at `offset`; 0 where there is none."""
    found = SKIPPABLE.match(window.at(offset, 8)) if compression != "gzip" else None
    return 8 + int.from_bytes(found[2], "little") if found else 0


def _dictionary(window: Window) -> tuple[int, bytes]:
    """The length of the frame with the dictionary, and the dictionary; it may be compressed itself."""
    size = skippable_bytes(window, 0, "zstd")
    if size > DICTIONARY_BYTES or not window.at(size, 1):
        return 0, b""
    data = window.at(8, size - 8)
    if data.startswith(MAGIC["zstd"]):
        try:
            decoder = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES).decompressobj()
            data = decoder.decompress(data)
        except zstandard.ZstdError:
            data = b""  # its frames are told as damaged, each of them
    return size, data


def _first_found(window: Window, *, otherwise: Compression) -> Compression | None:
    """What the first record is in that can be told as one; `otherwise` where there is none."""
    data = window.at(0, SEARCHED_BYTES)
    found: list[tuple[int, Compression | None]] = []
    for compression, magic in MAGIC.items():
        at = data.find(magic)
        while at >= 0 and not starts_record(window, at, compression, b""):
            at = data.find(magic, at + 1)
        if at >= 0:
            found.append((at, compression))
    plain = _first_plain(data)
    if plain is not None:
        found.append((plain, None))
    if not found and (MARK.search(data) or arc.LINE.search(data)):
        return None
    return min(found, key=lambda one: one[0])[1] if found else otherwise


def _first_plain(data: bytes) -> int | None:
    """Where the first record starts that leads to the next one or to the end of the file.

    The start of a record can be read in a compressed block too, which keeps what it cannot make shorter; its length
    leads nowhere there.
    """
    starts = sorted(found.start() for mark in (MARK, arc.LINE) for found in mark.finditer(data))
    return next((start for start in starts if _leads_on(data, start)), None)


def _leads_on(data: bytes, start: int) -> bool:
    head, end, _ = data[start : start + HEADER_BYTES].partition(RECORD_END)
    line = arc.line(data[start : start + arc.LINE_BYTES])
    length = CONTENT_LENGTH.search(head) if end else None
    if line is not None:
        behind = start + line.size_bytes + line.length
    elif length is not None:
        behind = start + len(head) + len(end) + int(length[1])
    else:
        return False
    if behind > len(data):
        return len(data) == SEARCHED_BYTES
    rest = data[behind : behind + arc.LINE_BYTES].lstrip(b"\r\n")
    return not rest or is_record(rest)
