"""Compressed files as plain bytes; an early end is an error, not the end."""

import io
import zlib
from typing import Any, BinaryIO, Literal

import zstandard

from parlance.errors import ParlanceError

Compression = Literal["gzip", "zstd", "lz4"]

# How a member of gzip, or a frame of the others, starts.
MAGIC: dict[Compression, bytes] = {"gzip": b"\x1f\x8b\x08", "zstd": b"\x28\xb5\x2f\xfd", "lz4": b"\x04\x22\x4d\x18"}
# zstd and lz4 cannot bound what one call gives back: small steps bound it.
STEP_BYTES: dict[Compression, int] = {"gzip": 32 * 1024, "zstd": 8 * 1024, "lz4": 16 * 1024}
OUTPUT_BYTES = 256 * 1024
WINDOW_BYTES = 2**31


class DamageError(ParlanceError):
    """The bytes of a file are no whole compressed stream; rows before the damage stand."""


class Decoder:
    """Uncompresses one gzip member, or one frame of zstd or lz4; checksums that it carries are verified."""

    def __init__(self, compression: Compression, *, dictionary: bytes = b"") -> None:
        self._compression = compression
        self._inner = _inner(compression, dictionary)

    @property
    def eof(self) -> bool:
        """Whether the member is read to its end."""
        return bool(self._inner.eof)

    def step(self, data: bytes, *, at_most: int = OUTPUT_BYTES) -> tuple[bytes, int]:
        """Some uncompressed bytes, and how many bytes of `data` were used. Raises DamageError.

        `data` has up to `STEP_BYTES` and is empty at the end of the file only; `at_most` bounds gzip alone.
        """
        try:
            if self._compression == "gzip":
                output = self._inner.decompress(data, at_most)
                rest = self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail
            else:
                output = self._inner.decompress(data)
                rest = self._inner.unused_data if self._inner.eof else b""
        except (zlib.error, zstandard.ZstdError, RuntimeError) as error:  # lz4 raises no error of its own
            raise DamageError(str(error)) from error
        if not data and not output and not self._inner.eof:
            name = "a gzip member" if self._compression == "gzip" else f"a {self._compression} frame"
            raise DamageError(f"the file ends inside {name}")
        return output, len(data) - len(rest or b"")


def inflated(stream: BinaryIO, compression: Compression) -> BinaryIO:
    """The uncompressed bytes of `stream`, with all its members or frames; raises DamageError while reading."""
    return io.BufferedReader(_Inflated(stream, compression), 1024 * 1024)


class _Inflated(io.RawIOBase):
    def __init__(self, stream: BinaryIO, compression: Compression) -> None:
        self._stream = stream
        self._compression = compression
        self._decoder: Decoder | None = None
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._output:
            if not self._input:
                self._input = self._stream.read(STEP_BYTES[self._compression])
            if not self._input and self._decoder is None:
                return 0
            self._output = memoryview(self._step())
        size = min(len(buffer), len(self._output))
        buffer[:size] = self._output[:size]
        self._output = self._output[size:]
        return size

    def _step(self) -> bytes:
        """Uncompress some of the input; empty where it only moved on."""
        decoder = self._decoder or Decoder(self._compression)
        try:
            data, used = decoder.step(self._input)
        except DamageError as error:
            raise DamageError(f"damaged: {error}") from error
        self._input = self._input[used:]
        self._decoder = None if decoder.eof else decoder
        return data


def _inner(compression: Compression, dictionary: bytes) -> Any:
    if compression == "gzip":
        return zlib.decompressobj(wbits=31)
    if compression == "zstd":
        known = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        return zstandard.ZstdDecompressor(dict_data=known, max_window_size=WINDOW_BYTES).decompressobj()
    import lz4.frame  # type: ignore[import-untyped]

    return lz4.frame.LZ4FrameDecompressor()
