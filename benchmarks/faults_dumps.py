"""Damaged WARC files: how many of the records that are still whole are read. Run: python -m benchmarks.faults_dumps"""

import gzip
import json
import random
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.fault import Fault
from parlance.sources import files, warc

DATA = Path(__file__).parents[2] / "shared" / "data" / "web" / "warc" / "corrupt"
Packing = Literal["plain", "gzip", "zstd", "lz4"]
Damage = Literal["flip", "cut", "hole", "garbage", "twice"]
PACKINGS: tuple[Packing, ...] = ("plain", "gzip", "zstd", "lz4")
DAMAGES: tuple[Damage, ...] = ("flip", "cut", "hole", "garbage", "twice")
RECORDS = 24
SEEDS = range(20)


@dataclass(frozen=True)
class Injected:
    """A damaged file; `whole` are the numbers of the records whose bytes the damage did not touch.

    `ends_whole`: the file was cut between two records.
    """

    data: bytes
    whole: frozenset[int]
    ends_whole: bool = False


def rows() -> list[Fault]:
    """One for each damaged file of the test data, where it is here, and one for each packing and kind of damage."""
    with tempfile.TemporaryDirectory() as folder:
        found = [_injected(packing, damage, Path(folder)) for packing in PACKINGS for damage in DAMAGES]
    return [*_cases(), *found]


def injected(packing: Packing, damage: Damage, *, seed: int) -> Injected:
    """A file of 24 records with one place damaged, chosen by `seed`."""
    chance = random.Random(f"{packing} {damage} {seed}")
    parts = [packed(record(number, chance), packing) for number in range(RECORDS)]
    data = b"".join(parts)
    ends = [sum(map(len, parts[: index + 1])) for index in range(len(parts))]
    start = chance.randrange(len(data))
    end = start
    put = b""
    match damage:
        case "flip":
            end = start + 1
            put = bytes([data[start] ^ 1 << chance.randrange(8)])
        case "cut":
            end = len(data)
        case "hole":
            end = min(len(data), start + chance.randrange(1, 3_000))
        case "garbage":
            put = chance.randbytes(chance.randrange(1, 3_000))
        case "twice":
            index = chance.randrange(len(parts))
            start = end = ends[index]
            put = parts[index]
    touched = {
        index
        for index, (part, behind) in enumerate(zip(parts, ends, strict=True))
        if start < behind and max(end, start + 1) > behind - len(part) and not (start == end == behind - len(part))
    }
    return Injected(
        data[:start] + put + data[end:], frozenset(range(RECORDS)) - touched, damage == "cut" and start in (0, *ends)
    )


def packed(one: bytes, packing: Packing) -> bytes:
    """A record as a member of a file; each packing but `plain` with a checksum."""
    match packing:
        case "plain":
            return one
        case "gzip":
            return gzip.compress(one, mtime=0)
        case "zstd":
            import zstandard

            return zstandard.ZstdCompressor(write_checksum=True).compress(one)
        case "lz4":
            import lz4.frame

            return bytes(lz4.frame.compress(one, content_checksum=True))


def record(number: int, chance: random.Random) -> bytes:
    """A response whose body is made-up text of up to 20 KB."""
    words = " ".join(chance.choices(("leave", "holiday", "form", "manager", "<p>", "</p>", "year"), k=3_000))
    body = f"<html>{number} {words[: chance.randrange(20_000)]}</html>".encode()
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{number:08d}>\r\n"
        f"WARC-Target-URI: https://x.example/{number}\r\nWARC-Date: 2026-10-05T12:00:00Z\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def read(path: Path) -> list[dict[str, Any]]:
    """The raw rows of the file at `path`."""
    return [row for file in files.expand(str(path)) for row in warc.rows(file, partition="p")]


def numbers(found: list[dict[str, Any]]) -> set[int]:
    """The numbers of the records that were read; one whose id is damaged is named by its URL, or not at all."""
    ends = [re.search("[0-9]{1,8}$", row["id"]) for row in found if row["error"] is None]
    return {int(end[0]) for end in ends if end}


def _cases() -> Iterator[Fault]:
    if not DATA.exists():
        return
    for name, case in json.loads((DATA / "expected.json").read_text()).items():
        found = read(DATA / f"{name}.warc.gz")
        losses = sum((row["error"] or "").startswith("damaged") for row in found)
        yield Fault(
            area="dumps",
            what=f"WARC {name}",
            unit="records",
            readable=case["records_intact"],
            got=sum(row["error"] is None for row in found),
            note=f"{losses} losses told",
        )


def _injected(packing: Packing, damage: Damage, folder: Path) -> Fault:
    readable = got = losses = 0
    path = folder / "a.warc"
    for seed in SEEDS:
        one = injected(packing, damage, seed=seed)
        path.write_bytes(one.data)
        found = read(path)
        readable += len(one.whole)
        got += len(numbers(found) & one.whole)
        losses += sum((row["error"] or "").startswith("damaged") for row in found)
    note = f"{len(SEEDS)} files, {losses} losses told"
    return Fault(area="dumps", what=f"{packing} WARC, {damage}", unit="records", readable=readable, got=got, note=note)


def main() -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("fault", "readable", "got", "lost", "")
    for one in rows():
        table.add_row(one.what, str(one.readable), str(one.got), str(one.lost), one.note)
    Console().print(table)


if __name__ == "__main__":
    main()
