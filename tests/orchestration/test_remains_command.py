"""`python -m orchestration remains`: the lake, the files of the home and databases, and what it says of them."""

import datetime as dt
import gzip
import io
import os
import sqlite3
import time
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from rich.console import Console

from orchestration import remains
from parlance.errors import ConfigError, TransientError
from parlance.pseudonyms import Pseudonyms
from parlance.remains import Place, Words
from parlance.schemas import RAW
from tests.orchestration.conftest import Workspace

ID, DAY = "U0VICTO16", "2026-11-01"
KEY = b"a key of more than sixteen bytes"


def database(path: Path, *texts: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute('create table "event logs" (n integer, event text, body blob)')
        connection.execute("create table other (event text)")
        connection.executemany('insert into "event logs" values (1, ?, null)', [(text,) for text in texts])
        connection.execute('insert into "event logs" values (1, null, ?)', (texts[0].encode(),))
    connection.close()


def places(folder: Path, word: str) -> set[tuple[str, str, int]]:
    found = remains.in_folder(folder, Words([word]), lambda _: None, name="home", without=str(folder / "lake"))
    return {(place.name, place.unit, place.count) for place in found}


def test_the_home_is_looked_into_but_for_the_lake(tmp_path: Path) -> None:
    home = tmp_path / "my home%20?"
    database(home / "dagster" / "runs" / "1.db", f"by {ID}", "nothing", f'{{"user": "{ID}"}}')
    database(home / "dagster" / "runs" / "2.db", ID)
    database(home / "mlflow.db", "nothing")
    for name, data in {
        "answers/a.json": ID.encode(),
        "answers/b.json": ID.encode(),
        "answers/c.json": b"nothing",
        "crawls/2026-11-01/0.warc.gz": gzip.compress(ID.encode()),
        "top": ID.encode(),
        "lake/slack/raw": ID.encode(),
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data)
    (home / "link").symlink_to(home / "top")
    (home / "gone").symlink_to(home / "nowhere")
    assert places(home, ID) == {
        ("home", "files", 1),
        ("home/answers", "files", 2),
        ("home/crawls/2026-11-01", "files", 1),
        ("home/dagster/runs: event logs", "rows", 5),
    }
    assert places(home, "nobody") == set()


def test_a_database_in_use_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    database(path, "nothing")
    with sqlite3.connect(path) as writing:
        writing.execute("pragma journal_mode = wal")
        writing.execute("insert into other values (?)", (ID,))
        writing.commit()
        before = path.read_bytes()
        assert places(tmp_path, ID) == {("home: other", "rows", 1)}
        assert path.read_bytes() == before
    writing.close()


def test_a_database_that_is_none_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(remains.SQLITE + b"and nothing that follows it" * 100)
    with pytest.raises(TransientError, match=r"runs\.db could not be read: file is not a database"):
        places(tmp_path, ID)


def test_upper_and_lower_case_differ_in_databases_too(tmp_path: Path) -> None:
    database(tmp_path / "runs.db", ID.lower(), "100% sure", "a_b")
    assert places(tmp_path, ID) == set()
    assert places(tmp_path, "100% s") == {("home: event logs", "rows", 1)}
    assert places(tmp_path, "a%b") == set()


def test_a_person_is_looked_for_by_the_pseudonym_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLANCE_HOME", str(tmp_path))
    monkeypatch.delenv("PARLANCE_PSEUDONYM_KEY", raising=False)
    assert remains.pseudonyms([ID, "Victor"]) == []
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "pseudonym.key").write_bytes(KEY)
    assert remains.pseudonyms([ID, "Victor"]) == [Pseudonyms(KEY).of(ID)]
    monkeypatch.setenv("PARLANCE_PSEUDONYM_KEY", "another key of more than sixteen")
    assert remains.pseudonyms([ID]) == [Pseudonyms(b"another key of more than sixteen").of(ID)]


def test_databases_are_those_that_settings_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PARLANCE_DATABASE_URL", "PARLANCE_MLFLOW_URL"):
        monkeypatch.delenv(name, raising=False)
    assert remains.databases() == {}
    monkeypatch.setenv("PARLANCE_MLFLOW_URL", "https://mlflow.example")
    assert remains.databases() == {}
    monkeypatch.setenv("PARLANCE_MLFLOW_URL", f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(TransientError, match="registry could not be read: unable to open"):
        remains.in_database(remains.databases()["PARLANCE_MLFLOW_URL"], Words([ID]), name="registry")
    database(tmp_path / "mlflow.db", ID)
    found = remains.in_database(remains.databases()["PARLANCE_MLFLOW_URL"], Words([ID]), name="registry")
    assert found == {"event logs": 2}
    monkeypatch.setenv("PARLANCE_MLFLOW_URL", "databricks://profile")
    with pytest.raises(ConfigError, match="PARLANCE_MLFLOW_URL names no database that can be read here"):
        remains.databases()


def test_a_folder_of_dagster_beside_the_home_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("PARLANCE_HOME", str(home))
    for name in ("DAGSTER_HOME", "PARLANCE_LAKE"):
        monkeypatch.delenv(name, raising=False)
    assert remains.folders() == {"home": home}
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    assert remains.folders() == {"home": home}
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "instance"))
    assert remains.folders() == {"home": home, "dagster": tmp_path / "instance"}
    monkeypatch.setenv("PARLANCE_LAKE", "s3://lake")
    assert remains.folders().keys() == {"home", "dagster", "downloads"}


def test_what_is_of_now_stands_beside_what_is_of_before() -> None:
    said = io.StringIO()
    found = [
        Place(name="slack/raw", is_current=False, unit="rows", count=1234),
        Place(name="slack/raw", is_current=True, unit="rows", count=7),
        Place(name="home/[/dim] dumps", is_current=True, unit="rows", count=5),
    ]
    remains.show(found, Console(file=said, width=100))
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")] for line in said.getvalue().splitlines() if "│" in line
    ]
    assert rows == [["slack/raw", "7", "1,234", "rows"], ["home/[/dim] dumps", "5", "", "rows"]]


def test_nothing_is_erased_while_a_run_is_going_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").touch()
    begun = dt.datetime.now(dt.UTC)
    assert begun - dt.timedelta(minutes=3) < remains.nobody_writes() < begun - dt.timedelta(minutes=1)
    with dg.DagsterInstance.get() as instance:
        going = instance.create_run_for_job(dg.job(name="empty")(lambda: None), status=dg.DagsterRunStatus.STARTED)
        with pytest.raises(ConfigError, match=f"run {going.run_id} is going on"):
            remains.nobody_writes()
        instance.report_run_canceled(going)
        remains.nobody_writes()


def test_the_command_looks_everywhere(workspace: Workspace) -> None:
    row = {"id": "1", "source": "slack", "shard": "a", "position": 1, "media_type": "application/json"}
    row |= {"document_id": "1", "document_partition": DAY, "partition": DAY, "payload": f'{{"user": "{ID}"}}'.encode()}
    workspace.lake.table("slack/raw").replace([pa.RecordBatch.from_pylist([row], schema=RAW)], [DAY])
    (workspace.home / "answers").mkdir()
    (workspace.home / "answers" / "1.json").write_text(ID, encoding="utf-8")
    found = workspace.python("orchestration", "remains", ID)
    assert found.returncode == 0, found.stderr
    assert "slack/raw" in found.stdout
    assert "home/answers" in found.stdout
    workspace.lake.table("slack/raw").replace([], [DAY])
    before = time.time() - 3600
    for path in workspace.home.rglob("*.parquet"):
        os.utime(path, (before, before))
    erased = workspace.python("orchestration", "remains", ID, "--erase")
    assert erased.returncode == 0, erased.stderr
    assert "Erased: 1 files of earlier versions." in erased.stdout
    assert "slack/raw" not in erased.stdout
    assert "home/answers" in erased.stdout
    none = workspace.python("orchestration", "remains", "nobody at all")
    assert "They stand nowhere." in none.stdout
    short = workspace.python("orchestration", "remains", "ab")
    assert short.returncode == 1
    assert "'ab' is too short" in short.stdout
