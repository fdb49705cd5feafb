"""Compressed files as plain bytes; an early end is an error, not the end."""

import io
import zlib
from typing import Any, BinaryIO, Literal

import zstandard

from parlance.errors import ParlanceError

Compression = Literal["gzip", "zstd"]

# zstd cannot bound what one call gives back: small steps bound it.
STEP_BYTES = {"gzip": 256 * 1024, "zstd": 8 * 1024}
WINDOW_BYTES = 2**31


class DamageError(ParlanceError):
    """The bytes of a file are no whole compressed stream; rows before the damage stand."""


def inflated(stream: BinaryIO, compression: Compression) -> BinaryIO:
    """The uncompressed bytes of `stream`, with all its members or frames; raises DamageError while reading."""
    return io.BufferedReader(_Inflated(stream, compression), 1024 * 1024)


class _Inflated(io.RawIOBase):
    def __init__(self, stream: BinaryIO, compression: Compression) -> None:
        self._stream = stream
        self._compression = compression
        self._decoder: Any = None
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
        is_end = not self._input
        try:
            if self._decoder is None:
                self._decoder = self._new_decoder()
            if self._compression == "gzip":
                data = self._decoder.decompress(self._input, STEP_BYTES["gzip"])
                self._input = self._decoder.unconsumed_tail
            else:
                data = self._decoder.decompress(self._input)
                self._input = b""
        except (zlib.error, zstandard.ZstdError) as error:
            raise DamageError(f"damaged: {error}") from error
        if self._decoder.eof:
            self._input = self._decoder.unused_data
            self._decoder = None
        elif is_end and not data:
            raise DamageError(f"damaged: the file ends inside a {self._compression} stream")
        return bytes(data)

    def _new_decoder(self) -> Any:
        if self._compression == "gzip":
            return zlib.decompressobj(wbits=31)
        return zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES).decompressobj()
