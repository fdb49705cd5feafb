"""The dumps folder and the Slack export as resources."""

from pathlib import Path

import pyarrow as pa
import pytest

from parlance.errors import ConfigError
from resources.sources import Dumps, SlackExport

SAMPLE = Path(__file__).parents[2] / "sample"


def test_a_dump_is_a_file_with_a_known_ending(tmp_path: Path) -> None:
    for name in ("b.warc.gz", "a.JSONL", "c.parquet", "notes.md", ".hidden.jsonl"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder").mkdir()
    dumps = Dumps(folder=str(tmp_path))
    assert list(dumps.names()) == ["a.JSONL", "b.warc.gz", "c.parquet"]
    assert dumps.ignored() == ["folder", "notes.md"]


def test_the_mark_changes_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("x")
    before = Dumps(folder=str(tmp_path)).names()
    (tmp_path / "a.jsonl").write_text("xy")
    assert Dumps(folder=str(tmp_path)).names() != before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone"):
        Dumps(folder=str(tmp_path / "gone")).names()


def test_no_export_names_the_setting() -> None:
    with pytest.raises(ConfigError, match="PARLANCE_SLACK_EXPORT"):
        list(SlackExport(path="").raw(["2026-10-05"], first="2026-10-05"))


def test_a_thread_older_than_the_first_day_stands_in_the_first_day() -> None:
    export = SlackExport(path=str(SAMPLE / "slack_export.zip"))
    first = "2026-10-08"
    rows = pa.Table.from_batches(export.raw([first, "2026-10-09"], first=first))
    roots = rows["document_partition"].to_pylist()
    assert min(roots) == first
    plain = pa.Table.from_batches(export.raw([first, "2026-10-09"], first=""))
    older = [root for root in plain["document_partition"].to_pylist() if root < first]
    assert older
    assert roots.count(first) == plain["document_partition"].to_pylist().count(first) + len(older)
