"""The same promises on an object store: a server of moto, without a network."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest
from flask import Flask

from parlance import schemas
from parlance.errors import ConfigError, SchemaError, TransientError
from parlance.storage import Files, Table, record_batches, snapshots


@pytest.fixture
def files(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Files(root=f"{bucket}/{tmp_path.name}")


def publish(files: Files, version: str, texts: dict[str, str]) -> None:
    with files.publish("corpus/model", version) as folder:
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text(encoding="utf-8") for p in folder.rglob("*") if p.is_file()}


def test_tables_replace_scan_and_keep_versions(bucket, rows):
    table = rows.table(f"{bucket}/replaced/t")
    assert not table.exists()
    assert table.scan().collect().is_empty()
    keys = ["it's", "a/b c", "ü☃", "2024-01-01", "%2F", "a=b", "+&?#"]
    first = table.replace([rows.batch(key, "1", "2") for key in keys], keys)
    second = table.replace([rows.batch(keys[1], "3")], keys[:2])
    assert (first.version, second.version) == (1, 2) == (table.version() - 1, table.version())
    assert second.rows_by_partition == {keys[0]: 0, keys[1]: 1}
    assert second.size_bytes > 0
    assert rows.of(table) == sorted([("a/b c", "3"), *((key, i) for key in keys[2:] for i in "12")])
    assert rows.of(table, version=1) == sorted((key, i) for key in keys for i in "12")
    assert rows.of(table, partitions=["ü☃"]) == [("ü☃", "1"), ("ü☃", "2")]
    assert sum(frame.height for frame in table.batches(keys[1:3])) == 3
    with pytest.raises(ConfigError, match="no version 3"):
        table.scan(version=3)


def test_an_input_that_does_not_fit_changes_nothing(bucket, rows):
    table = rows.table(f"{bucket}/unchanged/t")
    table.replace([rows.batch("a", "1")], ["a"])
    with pytest.raises(SchemaError, match="not among those replaced"):
        table.replace([rows.batch("a", "2"), rows.batch("b", "3")], ["a"])
    assert (table.version(), rows.of(table)) == (1, [("a", "1")])


def test_writers_at_once_leave_all_partitions(bucket, rows):
    """The table is made by all of them at once; commits rely on conditional writes of the store."""
    table = rows.table(f"{bucket}/at-once/t")
    keys = [f"p{i}" for i in range(6)]
    with ThreadPoolExecutor(len(keys)) as pool:
        written = list(pool.map(lambda key: table.replace([rows.batch(key, "1")], [key]), keys))
    assert sorted(one.version for one in written) == [1, 2, 3, 4, 5, 6]
    assert rows.of(table) == [(key, "1") for key in keys]


def test_a_column_added_later_is_null_in_older_rows(bucket, rows):
    rows.table(f"{bucket}/added/t").replace([rows.batch("a", "1"), rows.batch("b", "2")], ["a", "b"])
    later = rows.table(f"{bucket}/added/t", rows.schema.insert(2, pa.field("score", pa.float64())))
    batch = pa.RecordBatch.from_pylist([{"id": "3", "n": 1, "score": 0.5, "partition": "a"}], schema=later.schema)
    later.replace([batch], ["a"])
    assert later.scan().sort("id").select("id", "score").collect().rows() == [("2", None), ("3", 0.5)]


def test_a_table_can_be_made_of_another_as_it_is_read(bucket, rows):
    source, target = rows.table(f"{bucket}/source/t"), rows.table(f"{bucket}/target/t")
    source.replace([rows.batch("a", "1"), rows.batch("b", "2")], ["a", "b"])
    copied = (batch for frame in source.batches() for batch in record_batches(frame, source.schema))
    assert target.replace(copied, ["a", "b"]).rows == 2
    assert rows.of(target) == rows.of(source)


def test_nested_rows_survive_a_round_trip(bucket):
    table = Table(uri=f"{bucket}/nested/t", name="documents", schema=schemas.DOCUMENTS)
    turn = {"message_id": "m", "author": None, "is_bot": False, "created_at": None, "start": 0, "end": 4}
    document = dict.fromkeys(schemas.DOCUMENTS.names) | {
        "id": "d", "source": "slack", "text": "täxt" * 500_000, "turns": [turn], "raw_ids": ["r"], "partition": "p"
    }  # fmt: skip
    table.replace([pa.RecordBatch.from_pylist([document], schema=schemas.DOCUMENTS)], ["p"])
    assert table.scan().collect().to_dicts() == [document]


def test_a_bucket_that_does_not_exist_is_not_an_empty_table(bucket, rows):
    with pytest.raises(TransientError, match=r"table 'numbers' at s3://nowhere/t could not be opened"):
        rows.table("s3://nowhere/t").scan()
    with pytest.raises(TransientError, match="could not be opened"):
        rows.table("s3://nowhere/t").replace([], ["a"])


def test_files_are_published_whole_and_read_back(files):
    texts = {"config.json": "{}", "a b/ü+%20.txt": "täxt", "empty": ""}
    assert files.latest("corpus/model") is None
    with pytest.raises(ConfigError, match="nothing was published"):
        files.folder("corpus/model")
    publish(files, "1", texts)
    assert files.latest("corpus/model") == "1"
    assert files.has("corpus/model", "1")
    assert contents(files.folder("corpus/model")) == texts
    publish(files, "2", {"config.json": "[]"})
    assert files.latest("corpus/model") == "2"
    assert contents(files.folder("corpus/model")) == {"config.json": "[]"}
    assert contents(files.folder("corpus/model", "1")) == texts
    with pytest.raises(ConfigError, match="has no version '3'"):
        files.folder("corpus/model", "3")


def test_the_same_version_again_replaces_it(files):
    publish(files, "1", {"a": "1", "b": "1"})
    before = files.folder("corpus/model")
    publish(files, "1", {"a": "2"})
    assert contents(files.folder("corpus/model")) == {"a": "2"}
    assert contents(before) == {"a": "1", "b": "1"}


def test_an_exception_inside_uploads_nothing(files):
    def fail() -> None:
        with files.publish("corpus/model", "1") as folder:
            (folder / "half").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    fs, path = fsspec.url_to_fs(files.root)
    fs.invalidate_cache()
    assert fs.find(path) == []


def test_files_larger_than_one_part_are_uploaded_whole(files):
    text = "täxt" * 3_000_000
    publish(files, "1", {"large": text})
    assert contents(files.folder("corpus/model")) == {"large": text}


def test_a_bucket_that_does_not_exist_takes_no_files(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(TransientError, match="could not be published"):
        publish(Files(root="s3://nowhere/files"), "1", {"a": "1"})


@pytest.fixture
def asked(monkeypatch):
    """What the server was asked for, as the test goes on."""
    requests, serve = [], Flask.__call__

    def noted(self, environ, start):
        requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        return serve(self, environ, start)

    monkeypatch.setattr(Flask, "__call__", noted)
    return requests


def test_an_unchanged_table_is_opened_again_by_two_requests(bucket, rows, asked):
    table = rows.table(f"{bucket}/again/t")
    for key in "abcdefghijkl":
        table.replace([rows.batch(key, "1")], [key])
    asked.clear()
    assert rows.of(table, partitions=["a"]) == [("a", "1")]
    assert len(asked) == 3  # and one for the only file
    snapshots._seen.clear()  # as another process
    asked.clear()
    assert table.version() == 12
    cold = len(asked)
    asked.clear()
    assert table.version() == 12
    assert (len(asked), cold > 8) == (2, True)


def test_what_another_process_commits_is_seen_at_once(bucket, rows):
    table = rows.table(f"{bucket}/others/t")
    table.replace([rows.batch("a", "1")], ["a"])
    before = table.scan()
    seen = dict(snapshots._seen)
    snapshots._seen.clear()
    table.replace([rows.batch("a", "2"), rows.batch("b", "3")], ["a", "b"])
    snapshots._seen.clear()
    snapshots._seen.update(seen)
    assert (table.version(), rows.of(table)) == (2, [("a", "2"), ("b", "3")])
    assert before.collect()["id"].to_list() == ["1"]


def test_a_table_that_was_deleted_and_made_again_is_another(bucket, rows):
    table = rows.table(f"{bucket}/anew/t")
    table.replace([rows.batch("a", "1")], ["a"])
    table.replace([rows.batch("b", "2")], ["b"])
    seen = dict(snapshots._seen)
    fsspec.filesystem("s3").rm(f"{bucket}/anew", recursive=True)
    assert not table.exists()
    snapshots._seen.update(seen)
    assert not table.exists()
    for key in "cd":
        table.replace([rows.batch(key, "3")], [key])
    snapshots._seen.update(seen)
    assert (table.version(), rows.of(table)) == (2, [("c", "3"), ("d", "3")])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_a_forked_process_shares_no_connection(bucket, rows):
    rows.table(f"{bucket}/forked/t").replace([rows.batch("a", "1")], ["a"])
    assert snapshots._seen
    child = os.fork()
    if not child:
        os._exit(len(snapshots._seen))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
