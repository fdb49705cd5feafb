"""CPU time of reading WARC files of 100 MB, beside FastWARC alone and warcio. Run: python -m benchmarks.warc_reading"""

import gzip
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lz4.frame
import zstandard
from fastwarc.warc import ArchiveIterator
from rich.console import Console
from rich.table import Table
from warcio.archiveiterator import ArchiveIterator as WarcioIterator

from parlance.sources import files, warc
from parlance.sources.warc_frames import Frame, frames

SAMPLE = Path(__file__).parents[2] / "shared" / "data" / "web" / "warc" / "pages-00000.warc.gz"
SIZE_BYTES = 100_000_000
ROUNDS = 5
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda one: gzip.compress(one, 6),
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": lambda one: bytes(lz4.frame.compress(one, content_checksum=True)),
    "plain": lambda one: one,
}


def fastwarc(path: Path) -> None:
    """Every record with its decoded body; nothing is checked, nothing told."""
    with path.open("rb") as file:
        for record in ArchiveIterator(file, parse_http=True, auto_decode="all"):
            record.reader.read()


def warcio(path: Path) -> None:
    """As `fastwarc`, by the usual library."""
    with path.open("rb") as file:
        for record in WarcioIterator(file):
            record.content_stream().read()


def rows(path: Path) -> None:
    """Our rows, one at a time."""
    for file in files.expand(str(path)):
        for _ in warc.rows(file, partition="p"):
            pass


def raw(path: Path) -> None:
    """Our rows as record batches: each body is copied once more."""
    for _ in warc.raw(str(path), partition="p"):
        pass


READERS: dict[str, Callable[[Path], None]] = {
    "FastWARC": fastwarc,
    "warc.rows": rows,
    "warc.raw": raw,
    "warcio": warcio,
}
# What warcio reads.
WARCIO = ("gz", "plain")


def cpu_s(reader: Callable[[Path], None], path: Path) -> float:
    """CPU seconds of this process, of its threads as well."""
    start = time.process_time()
    reader(path)
    return time.process_time() - start


def measured(path: Path, packing: str) -> dict[str, float]:
    """The best of some rounds for each reader, taken in turns."""
    readers = {name: reader for name, reader in READERS.items() if name != "warcio" or packing in WARCIO}
    taken: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(ROUNDS):
        for name, reader in readers.items():
            taken[name].append(cpu_s(reader, path))
    return {name: min(times) for name, times in taken.items()}


def records() -> Iterator[bytes]:
    """The records of the sample, again and again, up to 100 MB."""
    with SAMPLE.open("rb") as file:
        sample = [one.data + b"\r\n\r\n" for one in frames(file) if isinstance(one, Frame)]
    written = 0
    while written < SIZE_BYTES:
        yield from sample
        written += sum(map(len, sample))


def main() -> None:
    table = Table("packing", *(f"{name} MB/s" for name in READERS), "rows / FastWARC", "raw / FastWARC")
    with tempfile.TemporaryDirectory() as folder:
        for packing, pack in PACKERS.items():
            path = Path(folder) / f"pages.warc.{packing}"
            size_bytes = 0
            with path.open("wb") as file:
                for one in records():
                    size_bytes += len(one)
                    file.write(pack(one))
            found = measured(path, packing)
            speeds = (f"{size_bytes / 1e6 / found[name]:.0f}" if name in found else "-" for name in READERS)
            ratios = (f"{found[name] / found['FastWARC']:.2f}" for name in ("warc.rows", "warc.raw"))
            table.add_row(packing, *speeds, *ratios)
    Console().print(table)


if __name__ == "__main__":
    main()
