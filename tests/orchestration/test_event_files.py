"""SQLite files of Dagster stay open, those of others do not."""

import os
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy

from orchestration import event_files


def opened(folder: Path) -> list[str]:
    """Files below `folder` that this process has open."""
    links = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [Path(link).name for link in links if link.startswith(str(folder)) and link.endswith(".db")]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    (tmp_path / "dagster").mkdir()
    event_files.keep_open()
    return tmp_path


def write(file: Path) -> None:
    """Makes a table as Dagster writes an event: with an engine and a connection of its own."""
    engine = sqlalchemy.create_engine(f"sqlite:///{file}", poolclass=sqlalchemy.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS events (id INTEGER)")
        connection.exec_driver_sql("INSERT INTO events VALUES (1)")
    engine.dispose()


def test_a_file_of_dagster_stays_open_and_the_log_is_not_written_back_each_time(home: Path) -> None:
    file = home / "dagster" / "runs.db"
    write(file)
    write(file)
    assert "runs.db" in opened(home)
    assert file.with_name("runs.db-wal").stat().st_size > 0
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT count(*) FROM events").fetchone() == (2,)


def test_files_of_others_are_left_alone(home: Path) -> None:
    write(home / "other.db")
    assert "other.db" not in opened(home)


def test_of_many_runs_the_last_are_kept(home: Path) -> None:
    for number in range(event_files.MOST + 3):
        write(home / "dagster" / f"{number}.db")
    kept = set(opened(home))
    assert len(kept) == event_files.MOST
    assert "0.db" not in kept
