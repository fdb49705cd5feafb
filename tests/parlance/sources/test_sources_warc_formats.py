"""WARC files in every packing: the same rows, read again by offset, and nothing lost to damage but what it hit."""

import gzip
import io
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.faults_dumps import (
    DAMAGES,
    PACKINGS,
    Damage,
    Packing,
    injected,
    numbers,
    packed,
    read,
)
from benchmarks.faults_dumps import (
    RECORDS as RECORD_COUNT,
)
from parlance.errors import ConfigError
from parlance.sources import warc
from parlance.sources.compression import DamageError, inflated
from parlance.sources.warc_batches import raw_batches
from parlance.sources.warc_fast import fast_records
from parlance.sources.warc_frames import Frame, Loss, frames
from parlance.sources.warc_layout import layout
from parlance.sources.warc_records import records
from parlance.sources.warc_window import Window
from tests.parlance.sources.test_sources_warc import HTML, NO_LENGTH, members
from tests.parlance.sources.test_sources_warc import record as response

RECORDS = [response(number=number, body=HTML * number) for number in range(1, 8)]
SAMPLES = [response(number=number, body=HTML * (number % 5)) for number in range(300)]
DICTIONARY = zstandard.train_dictionary(2_000, SAMPLES).as_bytes()


def with_dictionary(*parts: bytes, compressed: bool = False) -> bytes:
    """A `.warc.zst` whose dictionary stands in its first frame."""
    stored = zstandard.compress(DICTIONARY) if compressed else DICTIONARY
    packer = zstandard.ZstdCompressor(dict_data=zstandard.ZstdCompressionDict(DICTIONARY))
    return struct.pack("<II", 0x184D2A5D, len(stored)) + stored + b"".join(map(packer.compress, parts))


LAYOUTS: dict[str, Callable[..., bytes]] = {
    **{
        packing: lambda *parts, packing=packing: b"".join(packed(part, packing) for part in parts)
        for packing in PACKINGS
    },
    "zstd with a dictionary": with_dictionary,
    "zstd with a compressed dictionary": lambda *parts: with_dictionary(*parts, compressed=True),
    "zstd with a skippable frame": lambda *parts: b"".join(
        zstandard.compress(part) + struct.pack("<II", 0x184D2A50, 3) + b"abc" for part in parts
    ),
    "one gzip member": lambda *parts: gzip.compress(b"".join(parts)),
    "one zstd frame": lambda *parts: zstandard.compress(b"".join(parts)),
    "one lz4 frame": lambda *parts: bytes(lz4.frame.compress(b"".join(parts))),
    "blocks of gzip": lambda *parts: members(*_blocks(b"".join(parts), 700)),
}


def _blocks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    path = tmp_path / "named as nothing"
    path.write_bytes(LAYOUTS[name](*RECORDS))
    found = read(path)
    assert [row["error"] for row in found] == [None] * 7
    assert [row["payload"] for row in found] == [HTML * number for number in range(1, 8)]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_record_is_read_again_by_its_position(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(LAYOUTS[name](*RECORDS))
    for row in read(path):
        assert warc.record(str(path), row["position"], partition="p", id=row["id"]) == row
    with pytest.raises(ConfigError, match="no record of content 'other'"):
        warc.record(str(path), row["position"], id="other")


def test_a_position_without_a_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(members(response("warcinfo", status=None), response()))
    for offset in (0, 1, 10_000):
        with pytest.raises(ConfigError, match=f"at byte {offset} "):
            warc.record(str(path), offset)


@pytest.mark.parametrize("packing", PACKINGS)
def test_an_intact_file_is_left_to_fastwarc_but_for_its_end(packing: Packing) -> None:
    stream = io.BytesIO(b"".join(packed(part, packing) for part in RECORDS))
    given_fast = list(fast_records(stream, layout(Window(stream)), start=0, make=lambda record, _: record.record_id))
    assert len(given_fast) == len(RECORDS) - 2


def test_a_length_that_swallows_the_next_member_is_seen() -> None:
    one, two, three = RECORDS[:3]
    size = one.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
    longer = str(int(size) + 4 + len(two)).encode()
    greedy = one.replace(b"Content-Length: " + size, b"Content-Length: " + longer)
    stream = io.BytesIO(members(greedy, two, three, *RECORDS[3:]))
    found = list(records(stream, lambda record, at: at, lambda data, at: at))
    assert isinstance(found[0], Loss)
    assert len([one for one in found if not isinstance(one, Loss)]) == 6


def test_a_length_that_ends_behind_the_next_header_is_seen(tmp_path: Path) -> None:
    one, two, three = RECORDS[:3]
    size = one.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
    header_of_two = two.partition(b"\r\n\r\n")[0]
    # Digits more or fewer would move what they count.
    longer = str(int(size) + 4 + len(header_of_two)).encode()
    path = tmp_path / "a.warc"
    path.write_bytes(one.replace(b"Content-Length: " + size, b"Content-Length: " + longer) + two + three)
    rows = read(path)
    assert [row["payload"] for row in rows if row["error"] is None] == [HTML * 2, HTML * 3]
    assert len([row for row in rows if row["error"]]) == 1


@pytest.mark.parametrize("name", ["Content-length", "content-length", "CONTENT-LENGTH"])
def test_field_names_may_have_any_case(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.warc"
    odd = RECORDS[1].replace(b"Content-Length", name.encode()).replace(b"WARC-Type", b"warc-type")
    path.write_bytes(RECORDS[0] + odd + RECORDS[2])
    assert [row["payload"] for row in read(path)] == [HTML, HTML * 2, HTML * 3]


def test_long_http_headers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(members(response(headers={"X-Long": "x" * 100_000}), response(number=2)))
    assert [row["payload"] for row in read(path)] == [HTML, HTML]


@pytest.mark.parametrize("date", ["2026-10-01T00:00:00Z", None])
def test_a_revisit_says_since_when(tmp_path: Path, date: str | None) -> None:
    revisit = response("revisit").replace(b"WARC/1.0\r\n", b"WARC/1.1\r\n")
    if date:
        revisit = revisit.replace(b"WARC-Type", b"WARC-Refers-To-Date: " + date.encode() + b"\r\nWARC-Type")
    (tmp_path / "a.warc").write_bytes(revisit)
    (row,) = read(tmp_path / "a.warc")
    assert row["error"] == f"revisit: unchanged since {date or 'unknown'}"


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("damage", DAMAGES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**9))
@example(seed=609)
@example(seed=669863)  # the first member of lz4 is damaged and shows how its record begins
@example(seed=125)
def test_damage_costs_only_what_it_hits(
    tmp_path_factory: pytest.TempPathFactory, packing: Packing, damage: Damage, seed: int
) -> None:
    one = injected(packing, damage, seed=seed)
    path = tmp_path_factory.mktemp("damage") / "a.warc"
    path.write_bytes(one.data)
    found = read(path)
    assert numbers(found) >= one.whole
    # A bit that nothing uses may be flipped, a plain file has no checksum, and a cut right between two records is an
    # end like any other.
    is_unseen = damage == "twice" or packing == "plain" or one.ends_whole
    assert any(row["error"] for row in found) or is_unseen or len(numbers(found)) == RECORD_COUNT


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_fast_and_careful_agree(data: st.DataObject) -> None:
    packing = data.draw(st.sampled_from(PACKINGS))
    parts = data.draw(st.lists(st.sampled_from([*RECORDS, b"", b"no record", NO_LENGTH]), max_size=12))
    groups = data.draw(st.lists(st.integers(1, 3), min_size=len(parts), max_size=len(parts)))
    stream, rest = b"", list(parts)
    for size in groups:
        stream += packed(b"".join(rest[:size]), packing) if rest[:size] else b""
        rest = rest[size:]

    def offsets(found: Any) -> list[tuple[int, str]]:
        return [(one.offset, one.what) if isinstance(one, Loss) else one for one in found]

    careful = offsets((one.offset, "record") if isinstance(one, Frame) else one for one in frames(io.BytesIO(stream)))
    mixed = offsets(records(io.BytesIO(stream), lambda _, at: (at, "record"), lambda _, at: (at, "record")))
    assert mixed == careful


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["gzip", "zstd", "lz4", "dictionary"]))
def test_any_bytes_behind_a_magic_number_end(junk: bytes, kind: str) -> None:
    start = {"gzip": b"\x1f\x8b\x08", "zstd": b"\x28\xb5\x2f\xfd", "lz4": b"\x04\x22\x4d\x18"}.get(
        kind, b"\x5d\x2a\x4d\x18"
    )
    found = list(records(io.BytesIO(start + junk), lambda _, at: at, lambda _, at: at))
    assert found


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400), cut=st.integers(0, 30))
def test_lz4_is_inflated_whole_or_raises(data: bytes, cut: int) -> None:
    stored = bytes(lz4.frame.compress(data))
    assert inflated(io.BytesIO(stored * 2), "lz4").read() == data * 2
    if 0 < cut < len(stored):
        with pytest.raises(DamageError):
            inflated(io.BytesIO(stored[:-cut]), "lz4").read()


def test_batches_are_bounded_by_payloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parlance.sources.warc_batches.BYTES_PER_BATCH", len(HTML) * 3)
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(RECORDS) + response(status="404 Gone"))
    expected = read(path)
    found = list(warc.raw(str(path), partition="p"))
    assert [batch.num_rows for batch in found] == [2, 1, 1, 1, 1, 1, 1]
    assert [row | {"rights": None} for row in expected] == [row for batch in found for row in batch.to_pylist()]
    for batch in found:
        batch.validate(full=True)
    assert list(raw_batches([])) == []


@pytest.mark.slow
def test_reading_holds_no_more_than_a_batch(tmp_path: Path) -> None:
    from benchmarks.warc_memory import peak, write_warc

    write_warc(tmp_path / "a.warc", size_bytes=300_000_000)
    assert peak("warc.raw", tmp_path / "a.warc", tmp_path / "lake").peak_bytes < 400_000_000


def test_fastwarc_is_not_loaded_by_the_package() -> None:
    program = "import sys, parlance.sources.warc; print('fastwarc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False"]
