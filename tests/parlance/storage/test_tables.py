import datetime as dt
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance import schemas
from parlance.errors import ConfigError, SchemaError, TransientError
from parlance.storage import Table, record_batches, stream
from parlance.storage.parts import BUFFER_BYTES, ROW_GROUP_BYTES
from parlance.storage.tables import BATCH_ROWS, KEY_BYTES, empty_frame

PLAIN = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("n", pa.int64())])


def plain(*ids: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"id": i, "n": 1} for i in ids], schema=PLAIN)


def test_replaces_exactly_the_named_partitions_in_one_commit(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    first = table.replace([rows.batch("a", "1", "2"), rows.batch("b", "3"), rows.batch("c", "4")], ["a", "b", "c"])
    second = table.replace([rows.batch("b", "5"), rows.batch("a", "6", "7")], ["a", "b"])
    assert rows.of(table) == [("a", "6"), ("a", "7"), ("b", "5"), ("c", "4")]
    assert second.version == first.version + 1 == table.version()
    assert (second.rows, second.rows_by_partition) == (3, {"a": 2, "b": 1})
    assert second.size_bytes > 0


def test_the_same_replacement_twice_leaves_the_rows_once(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    for _ in range(2):
        table.replace([rows.batch("a", "1"), rows.batch("a", "2")], ["a"])
    assert rows.of(table) == [("a", "1"), ("a", "2")]


@pytest.mark.parametrize("batches", [0, 1], ids=["no batch", "a batch without rows"])
def test_a_partition_that_got_no_rows_becomes_empty(tmp_path, rows, batches):
    table = rows.table(tmp_path / "t")
    table.replace([rows.batch("a", "1"), rows.batch("b", "2")], ["a", "b"])
    written = table.replace([rows.batch("a")] * batches, ["a"])
    assert rows.of(table) == [("b", "2")]
    assert (written.rows, written.rows_by_partition, written.size_bytes) == (0, {"a": 0}, 0)


def test_replacing_no_partition_changes_no_row(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    table.replace([rows.batch("a", "1")], ["a"])
    assert table.replace([], []).rows == 0
    with pytest.raises(SchemaError, match=r"partitions \['a'\], not among those replaced: \[\]"):
        table.replace([rows.batch("a", "2")], [])
    assert rows.of(table) == [("a", "1")]


def test_a_table_without_partitions_is_replaced_whole(tmp_path, rows):
    table = Table(uri=str(tmp_path / "t"), name="plain", schema=PLAIN)
    table.replace([plain("1", "2")])
    written = table.replace([plain("3")])
    assert table.scan().collect()["id"].to_list() == ["3"]
    assert (written.rows, written.rows_by_partition) == (1, {})
    assert table.replace([]).rows == 0
    assert table.scan().collect().is_empty()


def test_partitions_are_named_exactly_where_a_table_has_them(tmp_path, rows):
    with pytest.raises(ConfigError, match="cannot replace None"):
        rows.table(tmp_path / "t").replace([])
    with pytest.raises(ConfigError, match=r"cannot replace \['a'\]"):
        rows.table(tmp_path / "t", PLAIN).replace([], ["a"])
    with pytest.raises(ConfigError, match="has no partitions"):
        rows.table(tmp_path / "t", PLAIN).scan(["a"])


class BrokenError(Exception):
    pass


@pytest.mark.parametrize(
    "error",
    [
        BrokenError("middle"),
        OSError("disk"),
        SchemaError("no"),
        KeyboardInterrupt(),
        SystemExit(2),
        StopAsyncIteration(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_input_that_raises_in_the_middle_changes_nothing(tmp_path, rows, error):
    table = rows.table(tmp_path / "t")
    table.replace([rows.batch("a", "1")], ["a"])

    def batches() -> Iterator[pa.RecordBatch]:
        yield rows.batch("a", "2")
        yield rows.batch("a", "3")
        raise error

    with pytest.raises(type(error)) as raised:
        table.replace(batches(), ["a"])
    assert raised.value is error
    assert (table.version(), rows.of(table)) == (1, [("a", "1")])


def test_a_row_of_another_partition_is_refused(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    with pytest.raises(SchemaError, match=r"table 'numbers': rows of partitions \['c'\], not among .*: \['a', 'b'\]"):
        table.replace([rows.batch("a", "1"), rows.batch("c", "2")], ["a", "b"])
    assert rows.of(table) == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": ["1"], "partition": ["a"]}, r"missing columns \['n'\]"),
        ({"id": ["1"], "n": [1], "m": [1], "partition": ["a"]}, r"unknown columns \['m'\]"),
        ({"id": ["1"], "n": [1.5], "partition": ["a"]}, "column 'n' has type double, needs int64"),
        ({"id": [{"x": 1}], "n": [1], "partition": ["a"]}, "column 'id' has type struct"),
        ({"id": [None], "n": [1], "partition": ["a"]}, "column 'id' has 1 nulls"),
        ({"id": ["1"], "n": [1], "partition": [None]}, "column 'partition' has 1 nulls"),
    ],
    ids=["missing", "unknown", "loses digits", "type", "null", "null partition"],
)
def test_a_batch_that_does_not_fit_is_refused(tmp_path, rows, columns, message):
    table = rows.table(tmp_path / "t")
    table.replace([rows.batch("a", "0")], ["a"])
    with pytest.raises(SchemaError, match=message):
        table.replace([rows.batch("a", "1"), pa.RecordBatch.from_pydict(columns)], ["a"])
    assert rows.of(table) == [("a", "0")]


def test_a_table_never_written_scans_empty_with_its_columns(tmp_path):
    schema = schemas.signals_schema(["mean_word_length"])
    table = Table(uri=str(tmp_path / "t"), name="signals", schema=schema)
    assert not table.exists()
    assert table.version() is None
    frame = table.scan(["2024-01-01"]).collect()
    assert frame.schema == empty_frame(schema).schema
    assert frame.is_empty()
    assert list(table.batches()) == []


def test_older_versions_stay_readable(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    versions = [table.replace([rows.batch("a", str(i))], ["a"]).version for i in range(3)]
    assert [rows.of(table, version=version) for version in versions] == [[("a", "0")], [("a", "1")], [("a", "2")]]
    assert rows.of(table, version=0) == []  # as it was made
    for unknown in (-1, versions[-1] + 1):
        with pytest.raises(ConfigError, match=f"no version {unknown}; known: 0 to {versions[-1]}"):
            table.scan(version=unknown)
    with pytest.raises(ConfigError, match="no version 1 at"):
        rows.table(tmp_path / "never").scan(version=1)


def test_older_versions_outlive_the_clean_up_of_the_log(tmp_path, rows):
    """A checkpoint, by default each hundred commits, deletes log entries of 30 days unless the table forbids it."""
    from deltalake import DeltaTable

    table = rows.table(tmp_path / "t")
    table.replace([rows.batch("a", "0")], ["a"])
    properties = {"delta.logRetentionDuration": "interval 0 seconds", "delta.checkpointInterval": "2"}
    DeltaTable(table.uri).alter.set_table_properties(properties)
    for i in range(6):
        table.replace([rows.batch("a", f"later {i}")], ["a"])
    assert rows.of(table, version=1) == [("a", "0")]


def test_a_scan_keeps_to_the_version_it_was_made_at(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    table.replace([rows.batch("a", "1")], ["a"])
    scan = table.scan()
    table.replace([rows.batch("a", "2")], ["a"])
    assert scan.collect()["id"].to_list() == ["1"]


def extended(name: str, kind: pa.DataType, *, nullable: bool = True) -> pa.Schema:
    return pa.schema([PLAIN.field("id"), PLAIN.field("n"), pa.field(name, kind, nullable=nullable), PARTITION])


PARTITION = pa.field("partition", pa.string(), nullable=False)


@pytest.mark.parametrize("nullable", [True, False])
def test_a_column_added_later_is_null_in_older_rows(tmp_path, rows, nullable):
    rows.table(tmp_path / "t").replace([rows.batch("a", "1"), rows.batch("b", "2")], ["a", "b"])
    later = rows.table(tmp_path / "t", extended("score", pa.float64(), nullable=nullable))
    assert later.scan().collect()["score"].to_list() == [None, None]
    batch = pa.RecordBatch.from_pylist([{"id": "3", "n": 1, "score": 0.5, "partition": "a"}], schema=later.schema)
    later.replace([batch], ["a"])
    assert later.scan().sort("id").collect().rows() == [("2", 1, None, "b"), ("3", 1, 0.5, "a")]
    later.replace([batch], ["a"])  # the stored order of columns is now another
    assert later.scan().sort("id").collect().rows() == [("2", 1, None, "b"), ("3", 1, 0.5, "a")]
    assert later.scan(version=1).collect()["score"].to_list() == [None, None]


@pytest.mark.parametrize("nullable", [True, False])
def test_a_column_dropped_later_does_not_stop_writing(tmp_path, rows, nullable):
    earlier = rows.table(tmp_path / "t", extended("score", pa.float64(), nullable=nullable))
    batch = pa.RecordBatch.from_pylist([{"id": "1", "n": 1, "score": 0.5, "partition": "a"}], schema=earlier.schema)
    earlier.replace([batch], ["a"])
    table = rows.table(tmp_path / "t")
    table.replace([rows.batch("b", "2")], ["b"])
    assert rows.of(table) == [("a", "1"), ("b", "2")]
    assert earlier.scan().sort("id").collect()["score"].to_list() == [0.5, None]


def test_a_column_whose_type_changed_is_refused(tmp_path, rows):
    rows.table(tmp_path / "t").replace([rows.batch("a", "1")], ["a"])
    schema = rows.schema.set(1, pa.field("n", pa.float64()))
    other = rows.table(tmp_path / "t", schema)
    batch = pa.RecordBatch.from_pylist([{"id": "2", "n": 1.5, "partition": "a"}], schema=schema)
    with pytest.raises(SchemaError, match="column 'n' was written as Int64, needs Float64"):
        other.replace([batch], ["a"])
    with pytest.raises(SchemaError, match="column 'n' was written as Int64, needs Float64"):
        other.scan()


HOSTILE_KEYS = [
    "it's", "''", "'; DROP", 'say "a"', "a/b", "a\\b", " a b ", "ü☃😀", "007", "1e5", "true", "null", "2024-01-01",
    ".", "..", "../up", "%2F", "a%20b", "a=b", "a\nb\tc", "\x00", "*?", "[1]", "{a,b}", "#&+;:|<>", "CC-MAIN-2026-05",
    "x" * KEY_BYTES, "é" * (KEY_BYTES // 6),
]  # fmt: skip


def test_partition_keys_may_hold_any_character(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    table.replace([rows.batch(key, "1", "2") for key in HOSTILE_KEYS], HOSTILE_KEYS)
    assert rows.of(table) == sorted((key, i) for key in HOSTILE_KEYS for i in "12")
    for key in HOSTILE_KEYS:
        table.replace([rows.batch(key, "3")], [key])
        assert rows.of(table, partitions=[key]) == [(key, "3")]
    assert rows.of(table) == sorted((key, "3") for key in HOSTILE_KEYS)
    table.replace([], HOSTILE_KEYS)
    assert rows.of(table) == []


@pytest.mark.parametrize("key", ["", "__HIVE_DEFAULT_PARTITION__", "x" * (KEY_BYTES + 1), "é" * (KEY_BYTES // 6 + 1)])
def test_keys_that_cannot_be_folders_are_refused(tmp_path, rows, key):
    with pytest.raises(ConfigError, match="cannot be a partition"):
        rows.table(tmp_path / "t").replace([], ["a", key])


@pytest.mark.parametrize("folder", ["my lake", "Räume ☃", "it's #1 (new) {x} & co; ~@!$,+"])
def test_a_lake_may_lie_in_a_folder_of_any_usual_name(tmp_path, rows, folder):
    table = rows.table(tmp_path / folder / "t")
    table.replace([rows.batch("a/b c", "1"), rows.batch("ü", "2")], ["a/b c", "ü"])
    assert rows.of(table) == [("a/b c", "1"), ("ü", "2")]
    assert rows.of(table, partitions=["ü"], version=1) == [("ü", "2")]


@pytest.mark.parametrize("folder", ["a=b", "50%", "a[b]", "a*", "a?", "a|b", "a\nb"])
def test_a_lake_may_not_lie_where_its_files_would_be_mistaken(tmp_path, rows, folder):
    with pytest.raises(ConfigError, match="cannot lie at"):
        rows.table(tmp_path / folder / "t")
    with pytest.raises(ConfigError, match="cannot lie at"):
        rows.table("s3://lake/a b/t")


def test_a_folder_that_holds_something_else_is_not_taken_for_an_empty_table(tmp_path, rows):
    (tmp_path / "t" / "_delta_log").mkdir(parents=True)
    (tmp_path / "t" / "_delta_log" / "00000000000000000000.json").write_text("{")
    with pytest.raises(TransientError, match=r"table 'numbers' at .* could not be opened"):
        rows.table(tmp_path / "t").scan()


def test_1500_partitions_in_one_commit(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    keys = [f"{day:04d}" for day in range(1500)]
    table.replace([rows.batch("other", "kept")], ["other"])
    for version, i in ((2, "1"), (3, "2")):
        written = table.replace((rows.batch(key, i) for key in keys), keys)
        assert (written.version, written.rows, len(written.rows_by_partition)) == (version, 1500, 1500)
    assert rows.of(table) == [*((key, "2") for key in keys), ("other", "kept")]
    assert rows.of(table, partitions=["0007", "1499"]) == [("0007", "2"), ("1499", "2")]


def test_processes_that_replace_different_partitions_at_once_leave_all(tmp_path, rows):
    """Also the table is made by both at once."""
    table = rows.table(tmp_path / "t")
    keys = [f"p{i}" for i in range(8)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        done = [pool.submit(table.replace, [rows.batch(key, "1", "2")], [key]) for key in keys]
        versions = [future.result().version for future in done]
    assert sorted(versions) == list(range(1, 9))  # each its own commit
    assert rows.of(table) == [(key, i) for key in keys for i in "12"]


def test_threads_that_make_a_table_at_once_make_it_once(tmp_path, rows):
    """A second making would be a change of metadata, which fails whoever writes meanwhile."""
    for attempt in range(10):
        table = rows.table(tmp_path / f"{attempt}")
        with ThreadPoolExecutor(4) as pool:
            written = list(pool.map(lambda key, table=table: table.replace([rows.batch(key, "1")], [key]), "abcd"))
        assert sorted(one.version for one in written) == [1, 2, 3, 4]
        assert rows.of(table) == [(key, "1") for key in "abcd"]


def test_a_table_can_be_made_of_another_as_it_is_read(tmp_path, rows):
    """The writer asks for batches from inside its runtime, where opening a table must not start a second one."""
    source, target = rows.table(tmp_path / "source"), rows.table(tmp_path / "target")
    source.replace([rows.batch("a", "1"), rows.batch("b", "2")], ["a", "b"])
    copied = (batch for frame in source.batches() for batch in record_batches(frame, source.schema))
    assert target.replace(copied, ["a", "b"]).rows == 2
    assert rows.of(target) == rows.of(source)


def test_another_partition_committed_meanwhile_stays(tmp_path, rows):
    table = rows.table(tmp_path / "t")

    def batches() -> Iterator[pa.RecordBatch]:
        yield rows.batch("a", "1")
        assert table.replace([rows.batch("b", "2")], ["b"]).version == 1

    assert table.replace(batches(), ["a"]).version == 2
    assert rows.of(table) == [("a", "1"), ("b", "2")]


def test_the_same_partition_committed_meanwhile_is_a_transient_error(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    table.replace([rows.batch("a", "0")], ["a"])

    def batches() -> Iterator[pa.RecordBatch]:
        yield rows.batch("a", "1")
        table.replace([rows.batch("a", "2")], ["a"])

    with pytest.raises(TransientError, match="could not be written"):
        table.replace(batches(), ["a"])
    assert rows.of(table) == [("a", "2")]


def test_a_partition_that_was_empty_is_not_filled_twice(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    table.replace([rows.batch("b", "0")], ["b"])

    def batches() -> Iterator[pa.RecordBatch]:
        yield rows.batch("a", "1")
        table.replace([rows.batch("a", "2")], ["a"])

    with pytest.raises(TransientError, match="could not be written"):
        table.replace(batches(), ["a"])
    assert rows.of(table) == [("a", "2"), ("b", "0")]


def test_a_row_appended_meanwhile_is_not_replaced(tmp_path, rows):
    table = rows.table(tmp_path / "t")

    def batches() -> Iterator[pa.RecordBatch]:
        yield rows.batch("a", "1")
        table.append([rows.batch("a", "2")])

    with pytest.raises(TransientError, match="could not be written"):
        table.replace(batches(), ["a"])
    assert rows.of(table) == [("a", "2")]


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_a_commit_whose_answer_was_lost_counts_once(tmp_path, rows, monkeypatch, mode):
    table = rows.table(tmp_path / "t")
    table.replace([rows.batch("a", "1")], ["a"])
    committed = DeltaTable.create_write_transaction

    def answer_lost(*args: object, **options: object) -> None:
        committed(*args, **options)
        raise OSError("connection reset")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", answer_lost)
    written = (
        table.replace([rows.batch("a", "2")], ["a"]) if mode == "replace" else table.append([rows.batch("a", "2")])
    )
    assert written.version == table.version() == 2
    assert rows.of(table) == [("a", "2")] if mode == "replace" else [("a", "1"), ("a", "2")]


def test_files_of_what_was_not_committed_are_deleted(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    table.replace([rows.batch("a", "0")], ["a"])
    before = sorted((tmp_path / "t").rglob("*.parquet"))

    def batches(error: Exception | None) -> Iterator[pa.RecordBatch]:
        for _ in range(3):
            yield rows.batch("a", *(f"{i:0500}" for i in range(BUFFER_BYTES // 500)))
        if error:
            raise error
        table.replace([rows.batch("a", "0")], ["a"])

    with pytest.raises(BrokenError):
        table.replace(batches(BrokenError()), ["a"])
    assert sorted((tmp_path / "t").rglob("*.parquet")) == before
    with pytest.raises(TransientError):
        table.replace(batches(None), ["a"])
    assert len(sorted((tmp_path / "t").rglob("*.parquet"))) == 2  # of the commit before, and the one meanwhile


def test_a_partition_of_large_rows_is_some_files_of_some_row_groups(tmp_path):
    table = Table(uri=str(tmp_path / "t"), name="raw", schema=schemas.RAW)
    row = dict.fromkeys(schemas.RAW.names, "x") | {"position": 1, "created_at": None}
    batch = pa.RecordBatch.from_pylist([row | {"payload": bytes(1_000_000)}] * 20, schema=schemas.RAW)
    table.replace((batch for _ in range(10)), ["x"])
    files = sorted((tmp_path / "t").rglob("*.parquet"))
    assert 2 <= len(files) <= 10
    for file in files:
        with pq.ParquetFile(file) as parquet:
            groups = [parquet.metadata.row_group(i).total_byte_size for i in range(parquet.num_row_groups)]
        assert max(groups) < 2 * ROW_GROUP_BYTES
    assert sum(frame.height for frame in table.batches()) == 200


MEMORY = r"""
import re, sys, itertools, pathlib, random
import pyarrow as pa
from parlance import schemas
from parlance.storage import Table
table = Table(uri=sys.argv[1], name="raw", schema=schemas.RAW)
def peak():
    return int(re.search(r"VmHWM:\s+([0-9]+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1024
row = dict.fromkeys(schemas.RAW.names, "x") | {"position": 1, "created_at": None}
payloads = [random.Random(i).randbytes(60_000) for i in range(100)]
batch = pa.RecordBatch.from_pylist([row | {"payload": payload} for payload in payloads], schema=schemas.RAW)
before = peak()
table.replace(itertools.repeat(batch, int(sys.argv[2])), ["x"])
written = peak()
assert sum(frame.height for frame in table.batches()) == 100 * int(sys.argv[2])
print(written - before, peak() - before)
"""


def test_large_rows_are_written_and_read_in_little_memory(tmp_path):
    """600 MB of payloads that do not compress."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path / "t"), "100"], check=True, capture_output=True, text=True
    )
    written, read = map(float, done.stdout.split())
    assert written < 300
    assert read < 450


KEYS = ("a", "b/b", "c'c", "ü")
replacements = st.lists(
    st.tuples(
        st.sets(st.sampled_from(KEYS)),
        st.lists(st.tuples(st.sampled_from(KEYS), st.text(max_size=3), st.none() | st.integers(-(2**63), 2**63 - 1))),
    ),
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(replacements=replacements)
def test_after_any_replacements_a_table_equals_a_dict(replacements):
    schema = pa.schema([pa.field("id", pa.string()), pa.field("n", pa.int64()), PARTITION])
    model: dict[str, list[tuple[str, int | None, str]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        table = Table(uri=f"{folder}/t", name="t", schema=schema)
        for partitions, rows in replacements:
            before = table.version()
            batches = [pa.RecordBatch.from_pydict({"id": [i], "n": [n], "partition": [p]}, schema) for p, i, n in rows]
            if any(key not in partitions for key, _, _ in rows):
                with pytest.raises(SchemaError):
                    table.replace(batches, sorted(partitions))
                assert table.version() == (before or 0)
            else:
                written = table.replace(batches, sorted(partitions))
                model |= {key: [(i, n, p) for p, i, n in rows if p == key] for key in partitions}
                assert written.rows_by_partition == {key: len(model[key]) for key in partitions}
            found = table.scan().collect().rows()
            assert sorted(found, key=repr) == sorted((row for key in model for row in model[key]), key=repr)


def test_writing_holds_some_batches_and_not_the_whole_input(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    table.replace([], ["a"])
    held, texts = [], [f"{i:0500}" for i in range(1000)]
    before = pa.total_allocated_bytes()

    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(1000):
            held.append((pa.total_allocated_bytes() - before) / 500_000)
            yield rows.batch("a", *texts)

    assert table.replace(batches(), ["a"]).rows == 1_000_000
    assert max(held) < 200  # of 1000


def test_reading_computes_batches_as_they_are_asked_for():
    computed = 0

    def count(frame: pl.DataFrame) -> pl.DataFrame:
        nonlocal computed
        computed += frame.height
        return frame

    total = 20_000_000
    frames = stream(pl.LazyFrame({"n": pl.int_range(total, eager=True)}).map_batches(count, streamable=True), rows=1000)
    assert [next(frames)["n"].to_list() for _ in range(2)] == [list(range(1000)), list(range(1000, 2000))]
    frames.close()
    assert computed < total / 2


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_batches_have_some_rows_in_order(tmp_path, extra):
    table = Table(uri=str(tmp_path / "t"), name="t", schema=PLAIN)
    total = 2 * BATCH_ROWS + extra
    table.replace([plain(*(f"{i:05d}" for i in range(total)))])
    frames = list(table.batches())
    assert max(frame.height for frame in frames) <= BATCH_ROWS
    assert pl.concat(frames)["id"].to_list() == [f"{i:05d}" for i in range(total)]


UTC = dt.UTC
TIMES = [
    dt.datetime(1, 1, 1, tzinfo=UTC),
    dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    dt.datetime(1970, 1, 1, tzinfo=UTC),
    dt.datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    None,
]


def turn(**values: object) -> dict[str, object]:
    return {"message_id": "m", "author": None, "is_bot": False, "created_at": None, "start": 0, "end": 1} | values


def document(**values: object) -> dict[str, object]:
    return dict.fromkeys(schemas.DOCUMENTS.names) | {
        "id": "d", "source": "slack", "text": "", "raw_ids": [], "partition": "p"
    } | values  # fmt: skip


DOCUMENTS = [
    *(document(id=f"time {i}", created_at=time) for i, time in enumerate(TIMES)),
    document(id="turns", turns=[turn(created_at=TIMES[1], author="ü"), turn(start=2**31 - 1, end=-(2**31))]),
    document(id="no turns", turns=[], raw_ids=["", "a\x00b", "😀"]),
    document(id="null turns", turns=None),
    document(id="large", text="täxt\r\n\x00😀" * 500_000, title="", url="x" * 70_000),
]


def test_documents_survive_a_round_trip(tmp_path):
    table = Table(uri=str(tmp_path / "t"), name="documents", schema=schemas.DOCUMENTS)
    table.replace([pa.RecordBatch.from_pylist([row], schema=schemas.DOCUMENTS) for row in DOCUMENTS], ["p"])
    found = {row["id"]: row for row in table.scan().collect().to_dicts()}
    assert found == {row["id"]: row for row in DOCUMENTS}
    again = [batch for frame in table.batches(["p"]) for batch in record_batches(frame, schemas.DOCUMENTS)]
    assert {row["id"]: row for batch in again for row in batch.to_pylist()} == found


def test_payloads_survive_a_round_trip(tmp_path):
    table = Table(uri=str(tmp_path / "t"), name="raw", schema=schemas.RAW)
    payloads = [None, b"", bytes(range(256)), b"\xff\xfe" * 3_000_000]
    rows = [
        dict.fromkeys(schemas.RAW.names, "x") | {"id": str(i), "position": i, "created_at": None, "payload": payload}
        for i, payload in enumerate(payloads)
    ]
    table.replace([pa.RecordBatch.from_pylist(rows, schema=schemas.RAW)], ["x"])
    assert table.scan().sort("position").collect()["payload"].to_list() == payloads


@pytest.mark.parametrize("time", TIMES[:-1], ids=lambda time: time.isoformat())
def test_statistics_hide_no_time(tmp_path, time):
    """Delta's statistics have milliseconds; a reader that took them for exact would skip the file."""
    table = Table(uri=str(tmp_path / "t"), name="documents", schema=schemas.DOCUMENTS)
    table.replace([pa.RecordBatch.from_pylist([document(created_at=time)], schema=schemas.DOCUMENTS)], ["p"])
    assert table.scan().filter(created_at=time).collect().height == 1
    assert table.scan().filter(pl.col("created_at") >= time).collect().height == 1


@settings(max_examples=20, deadline=None)
@given(ids=st.lists(st.text(min_size=1).map(lambda text: text * 20), min_size=1, max_size=4, unique=True))
def test_statistics_hide_no_string(ids):
    with tempfile.TemporaryDirectory() as folder:
        table = Table(uri=f"{folder}/t", name="t", schema=PLAIN)
        table.replace([plain(*ids)])
        for i in ids:
            assert table.scan().filter(id=i).collect().height == 1


def test_record_batches_take_the_columns_of_the_schema():
    frame = pl.DataFrame({"extra": [1, 2], "n": pl.Series([1, 2], dtype=pl.Int8), "id": ["a", "b"]})
    (batch,) = record_batches(frame, PLAIN)
    assert batch.schema == PLAIN
    assert batch.to_pylist() == [{"id": "a", "n": 1}, {"id": "b", "n": 2}]
    assert sum(batch.num_rows for batch in record_batches(frame.clear(), PLAIN)) == 0


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"id": ["a"]}), r"missing columns \['n'\]"),
        (pl.DataFrame({"id": ["a", None], "n": [1, 2]}), "column 'id' has 1 nulls"),
        (pl.DataFrame({"id": ["a"], "n": [1.5]}), "column 'n' has type double"),
        (pl.DataFrame({"id": ["a"], "n": pl.Series([2**63], dtype=pl.UInt64)}), "column 'n' has type uint64"),
    ],
    ids=["missing", "null", "loses digits", "too large"],
)
def test_record_batches_that_do_not_fit_are_refused(frame, message):
    with pytest.raises(SchemaError, match=message):
        record_batches(frame, PLAIN)


def test_a_relative_uri_lies_under_the_working_folder(tmp_path, rows, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows.table("lake/t").replace([rows.batch("a", "1")], ["a"])
    assert rows.of(rows.table(Path.cwd() / "lake" / "t")) == rows.of(rows.table("lake/t")) == [("a", "1")]


def test_append_adds_rows_in_one_commit_and_keeps_what_is_there(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    before = table.replace([rows.batch("a", "1")], ["a"])
    written = table.append([rows.batch("a", "2"), rows.batch("b", "3")])
    assert rows.of(table) == [("a", "1"), ("a", "2"), ("b", "3")]
    assert (written.rows, written.version) == (2, before.version + 1)


@pytest.mark.parametrize("batches", [0, 1], ids=["no batch", "a batch without rows"])
def test_append_of_no_rows_makes_no_commit(tmp_path, rows, batches):
    table = rows.table(tmp_path / "t")
    before = table.replace([rows.batch("a", "1")], ["a"])
    assert table.append([rows.batch("a")] * batches).version == before.version == table.version()


def test_append_changes_nothing_when_the_batches_fail(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    table.append([rows.batch("a", "1")])

    def broken():
        yield rows.batch("a", "2")
        raise TransientError("the source went away")

    with pytest.raises(TransientError, match="the source went away"):
        table.append(broken())
    assert rows.of(table) == [("a", "1")]


def test_two_that_append_at_once_both_succeed(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    table.append([rows.batch("a", "0")])
    with ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(lambda n: table.append([rows.batch("a", str(n))]), range(1, 9)))
    assert [id for _, id in rows.of(table)] == [str(n) for n in range(9)]


def test_only_partitions_with_more_files_than_the_most_are_joined(tmp_path, rows):
    table = rows.table(tmp_path / "t")
    assert table.compact(most=2) is None
    for ids in ("12", "3", "45"):
        table.append([rows.batch("many", *ids)])
    for ids in ("6", "7"):
        table.append([rows.batch("few", *ids)])
    before, version = rows.of(table), table.version()
    written = table.compact(most=2)
    assert written is not None
    assert (written.version, written.rows_by_partition) == (version + 1, {"many": 5})
    assert rows.of(table) == before
    assert table.scan(["many"]).collect()["id"].n_unique() == 5
    assert len(DeltaTable(table.uri).file_uris()) == 3
    assert table.compact(most=2) is None
    assert rows.of(table, version=version) == before


def test_a_table_without_partitions_is_joined_whole(tmp_path):
    schema = pa.schema([pa.field("id", pa.string(), nullable=False)])
    table = Table(uri=str(tmp_path / "t"), name="t", schema=schema)
    for number in range(4):
        table.append([pa.RecordBatch.from_pylist([{"id": str(number)}], schema=schema)])
    assert table.compact(most=4) is None
    table.append([pa.RecordBatch.from_pylist([{"id": "4"}], schema=schema)])
    assert table.compact(most=4) is not None
    assert sorted(table.scan().collect()["id"]) == list("01234")
    assert len(DeltaTable(table.uri).file_uris()) == 1


def test_what_is_added_while_files_are_joined_is_not_lost(tmp_path, rows, monkeypatch):
    table = rows.table(tmp_path / "t")
    for ids in ("1", "2", "3"):
        table.append([rows.batch("a", *ids)])
    batches = Table.batches

    def meanwhile(self, partitions=None):
        yield from batches(self, partitions)
        monkeypatch.setattr(Table, "batches", batches)
        table.append([rows.batch("a", "4")])

    monkeypatch.setattr(Table, "batches", meanwhile)
    with pytest.raises(TransientError):
        table.compact(most=2)
    assert rows.of(table) == [("a", id) for id in "1234"]
