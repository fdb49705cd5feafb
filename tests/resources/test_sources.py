"""The inbox of dumps as a resource."""

from pathlib import Path

import pyarrow as pa
import pytest

from parlance.errors import ConfigError
from parlance.lake import Lake
from resources.sources import Dumps


def test_a_dump_is_a_file_with_a_known_ending(tmp_path: Path) -> None:
    for name in ("b.warc.gz", "a.JSONL", "c.parquet", "notes.txt", "page.html", "README.md", ".hidden.jsonl"):
        (tmp_path / name).write_text("x")
    (tmp_path / "empty").mkdir()
    dumps = Dumps(folder=str(tmp_path))
    assert list(dumps.names()) == ["a.JSONL", "b.warc.gz", "c.parquet", "notes.txt"]
    assert dumps.ignored() == ["page.html"]


def test_the_mark_changes_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("x")
    before = Dumps(folder=str(tmp_path)).names()
    (tmp_path / "a.jsonl").write_text("xy")
    assert Dumps(folder=str(tmp_path)).names() != before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone"):
        Dumps(folder=str(tmp_path / "gone")).names()


def test_a_folder_of_files_is_one_dump(tmp_path: Path) -> None:
    for name in ("group/a.jsonl", "group/deep/b.jsonl", "pages/a.html", ".hidden/c.jsonl", "d.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f'{{"text": "{name}"}}\n')
    dumps = Dumps(folder=str(tmp_path))
    before = dumps.names()
    assert list(before) == ["d.jsonl", "group"]
    assert dumps.ignored() == ["pages"]
    rows = pa.Table.from_batches(dumps.raw(Lake(root=str(tmp_path / "lake")), ["group"], first=""))
    assert rows["shard"].to_pylist() == ["a.jsonl", "deep/b.jsonl"]
    assert set(rows["partition"].to_pylist()) == {"group"}
    (tmp_path / "group" / "e.jsonl").write_text('{"text": "more"}\n')
    assert dumps.names()["group"] != before["group"]
    assert dumps.names()["d.jsonl"] == before["d.jsonl"]


def test_a_manifest_is_one_dump(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    for name in ("a", "b"):
        (tmp_path / "far" / f"{name}.jsonl").write_text(f'{{"text": "{name}"}}\n')
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "both.paths").write_text(f"# two files\n{tmp_path}/far/a.jsonl\n{tmp_path}/far/b.jsonl\n")
    dumps = Dumps(folder=str(inbox))
    assert list(dumps.names()) == ["both.paths"]
    rows = pa.Table.from_batches(dumps.raw(Lake(root=str(tmp_path / "lake")), ["both.paths"], first=""))
    assert rows.num_rows == 2
