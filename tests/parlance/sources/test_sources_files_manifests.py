"""Manifests: lists of files, and of ranges of files, that are read as one dump."""

import gzip
from pathlib import Path

import pytest

from parlance.errors import ConfigError
from parlance.sources import dumps, files, warc
from tests.servers.sites import Page, served

ROOT = Path(__file__).parents[3]
WARC = ROOT / "sample" / "dumps" / "site.warc.gz"


def listed(folder: Path, *lines: str, name: str = "some.paths") -> list[files.File]:
    text = "\n".join(lines).encode()
    (folder / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return files.expand(str(folder / name))


@pytest.mark.parametrize("name", ["some.paths", "some.paths.gz"])
def test_paths_are_absolute_or_beside_the_manifest(tmp_path: Path, name: str) -> None:
    for file in ("a.txt", "deep/b.txt"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(file)
    found = listed(tmp_path, "# two", "", f"{tmp_path}/a.txt", "deep/b.txt", name=name)
    assert [Path(file.path).name for file in found] == ["a.txt", "b.txt"]


def test_a_base_is_put_before_relative_lines(tmp_path: Path) -> None:
    with served({"127.0.0.1": {"/crawl-data/a.txt": Page(body=b"words", media_type="text/plain")}}) as world:
        found = listed(tmp_path, f"# base: {world.origin}/", "crawl-data/a.txt")
        assert [file.name for file in found] == [f"{world.origin}/crawl-data/a.txt"]
        with files.opened(found[0]) as stream:
            assert stream.read() == b"words"


@pytest.mark.parametrize("line", ["a.txt 5", "a.txt five 10", "a.txt 1 2 3", "a.txt -1 5", "other.paths"])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ConfigError, match="line 2 is"):
        listed(tmp_path, "a.txt", line)


def test_ranges_give_the_records_that_lie_there(tmp_path: Path) -> None:
    rows = [row for batch in dumps.raw(str(WARC), partition="p") for row in batch.to_pylist()]
    size, offsets = WARC.stat().st_size, [row["position"] for row in rows]
    wanted = [3, 4, 9, len(rows) - 1]
    ends = [*offsets[1:], size]
    lines = [f"{WARC} {offsets[n]} {ends[n] - offsets[n]}" for n in wanted]
    (file,) = listed(tmp_path, *lines)
    assert len(file.ranges) == 3  # two of them touch
    again = [row for batch in dumps.raw(str(tmp_path / "some.paths"), partition="p") for row in batch.to_pylist()]
    assert [row["id"] for row in again] == [rows[n]["id"] for n in wanted]
    assert [row["payload"] for row in again] == [rows[n]["payload"] for n in wanted]
    assert [row["position"] for row in again] == [rows[n]["position"] for n in wanted]
    for row in again:
        one = warc.record(str(WARC), row["position"], partition="p", id=row["id"])
        assert one == {name: row[name] for name in one}


def test_damage_in_a_range_is_told_with_its_place_in_the_file(tmp_path: Path) -> None:
    rows = [row for batch in dumps.raw(str(WARC), partition="p") for row in batch.to_pylist()]
    first, whole, last = rows[5]["position"], rows[7]["position"], rows[9]["position"]
    lines = [f"{first} 60", f"{whole} {rows[8]['position'] - whole}", f"{last} 60"]
    listed(tmp_path, *(f"{WARC} {line}" for line in lines))
    found = [row for batch in warc.raw(str(tmp_path / "some.paths"), partition="p") for row in batch.to_pylist()]
    assert [row["position"] for row in found] == [first, whole, last]
    assert [row["error"] and row["error"].rpartition(" at byte ")[2] for row in found] == [str(first), None, str(last)]


@pytest.mark.parametrize(
    "ranges", [["0 0", "1 2"], ["1 2", "2 0"], ["1 1", "2 0", "2 1"], ["0 0", "1 1", "1 0", "2 1"]]
)
def test_an_empty_range_ends_nothing(tmp_path: Path, ranges: list[str]) -> None:
    (tmp_path / "a.txt").write_text("abcdef")
    (file,) = listed(tmp_path, *(f"a.txt {one}" for one in ranges))
    with files.opened(file) as stream:
        assert stream.read() == b"bc"


@pytest.mark.parametrize(("ranges", "beyond"), [(["1 6"], 1), (["1 2", "9 2"], 2)])
def test_a_range_beyond_the_end_is_an_error(tmp_path: Path, ranges: list[str], beyond: int) -> None:
    (tmp_path / "a.txt").write_text("abcdef")
    (file,) = listed(tmp_path, *(f"a.txt {one}" for one in ranges))
    with files.opened(file) as stream, pytest.raises(ConfigError, match=f"a.txt' goes {beyond} bytes beyond the end"):
        stream.read()


def test_an_empty_manifest_lists_nothing(tmp_path: Path) -> None:
    assert listed(tmp_path, "# nothing") == []
