"""What was known at a time: a lake that goes on says of it what a lake that ends there said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from parlance.errors import ConfigError, SchemaError
from parlance.features import AUTHORS, THREADS, as_of, export_feast, latest
from parlance.lake import Lake
from parlance.stages.features import write_features
from parlance.storage import record_batches
from parlance.storage.tables import empty_frame

BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = "2026-01-05"
LABELS = ["question", "expressive", "representative", "directive"]


def at(minutes: int) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


# Root, author, minute, acts; minute and acts of an edit, minute of the deletion: later than what is said, or none.
message = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["ann", "bob", "cat"]),
    st.lists(st.sampled_from(LABELS), max_size=2),
    st.none() | st.tuples(st.integers(1, 60), st.lists(st.sampled_from(LABELS), max_size=2)),
    st.none() | st.integers(1, 60),
)


def lake_until(folder: Path, said: list[Any], end: datetime) -> Lake:
    """The lake as it stood at `end`: what was said by then, edited and deleted by then."""
    lake = Lake(root=str(folder))
    messages, versions = [], []
    for number, (root, author, acts, edit, deletion) in enumerate(said):
        minute = 2 * number
        if at(minute) > end:
            continue
        gone = at(minute + deletion) if deletion is not None and at(minute + deletion) <= end else None
        id, ts = f"T/C/{number}", f"{at(minute).timestamp():.6f}"
        row = {"id": id, "team": "T", "channel": "C", "ts": ts, "thread_ts": f"root{root}", "user": author}
        messages.append(row | {"created_at": at(minute), "deleted_at": gone, "partition": DAY})
        versions.append({"message_id": id, "valid_from": at(minute), "acts": acts, "partition": DAY})
        if edit is not None and at(minute + edit[0]) <= end:
            versions.append({"message_id": id, "valid_from": at(minute + edit[0]), "acts": edit[1], "partition": DAY})
    for name, rows in (("slack/messages", messages), ("features/acts", versions)):
        table = lake.table(name)
        frame = (
            pl.DataFrame(rows, schema_overrides={"created_at": pl.Datetime("us", "UTC")}) if rows else pl.DataFrame()
        )
        table.replace(record_batches(_full(frame, table.schema), table.schema), [DAY])
    return lake


def _full(frame: pl.DataFrame, schema: Any) -> pl.DataFrame:
    """`frame` with every column of `schema`: what a message has not said is false, none or null."""
    empty = empty_frame(schema)
    if frame.is_empty():
        return empty
    absent = {"channel_kind": "public", "versions": 1} | {
        name: False for name, dtype in empty.schema.items() if dtype == pl.Boolean
    }
    lists = [name for name, dtype in empty.schema.items() if isinstance(dtype, pl.List) and name not in frame.columns]
    given = frame.with_columns(
        *(
            pl.lit(value).alias(name)
            for name, value in absent.items()
            if name in empty.columns and name not in frame.columns
        )
    ).with_columns(
        pl.lit(None).alias(name) for name in empty.columns if name not in frame.columns and name not in absent
    )
    return given.select(
        pl.col(name).fill_null([]).cast(dtype) if name in lists else pl.col(name).cast(dtype)
        for name, dtype in empty.schema.items()
    )


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(message, min_size=1, max_size=8), minutes=st.integers(0, 80))
def test_a_lake_that_goes_on_knows_of_a_time_what_one_that_ends_there_knows(
    tmp_path_factory: pytest.TempPathFactory, said: list[Any], minutes: int
) -> None:
    folder, end = tmp_path_factory.mktemp("lakes"), at(minutes)
    whole, ended = (lake_until(folder / name, said, until) for name, until in (("whole", at(10_000)), ("ended", end)))
    for ids, names in ((["root0", "root1", "root2"], THREADS), (["ann", "bob", "cat"], AUTHORS)):
        named = [f"slack:T/C/{id}" for id in ids] if names is THREADS else ids
        entities = pl.DataFrame({"id": named}).with_columns(timestamp=pl.lit(end))
        assert_frame_equal(as_of(whole, entities, features=names), as_of(ended, entities, features=names))


SAID: list[Any] = [
    (0, "ann", ["question"], (30, ["directive"]), None),  # at 0; edited at 30
    (0, "bob", ["representative"], None, 50),  # at 2; deleted at 52
    (0, "ann", ["expressive"], None, None),  # at 4
    (0, "cat", ["question", "question"], None, None),  # at 6
]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (-1, (0, 0, None, 0, 0, None)),
        (0, (1, 1, 0.0, 1, 1, "question")),
        (3, (2, 2, 1.0, 1, 0, "representative")),
        (5, (3, 2, 1.0, 1, 0, "expressive")),
        (10, (4, 3, 4.0, 3, 2, "question")),
        (40, (4, 3, 34.0, 2, 2, "question")),
        (60, (3, 3, 54.0, 2, 2, "question")),
    ],
)
def test_a_thread_as_it_goes_on(tmp_path: Path, minutes: int, expected: tuple[object, ...]) -> None:
    lake = lake_until(tmp_path, SAID, at(10_000))
    entities = pl.DataFrame({"id": ["slack:T/C/root0"], "timestamp": [at(minutes)], "label": ["kept"]})
    found = as_of(lake, entities, features=THREADS)
    assert found.row(0) == ("slack:T/C/root0", at(minutes), "kept", *expected)


def test_an_author_and_the_thanks_for_an_answer(tmp_path: Path) -> None:
    lake = lake_until(tmp_path, SAID, at(10_000))
    times = [at(3), at(5), at(10), at(60 * 24 * 8), at(60 * 24 * 40)]
    entities = pl.DataFrame({"id": ["bob"] * 5, "timestamp": times})
    names = ["messages_7d", "messages_30d", "share_representative", "answers_accepted"]
    found = as_of(lake, entities, features=names).select(names).rows()
    assert found == [(1, 1, 1.0, 0), (1, 1, 1.0, 1), (1, 1, 1.0, 1), (0, 1, 1.0, 1), (0, 0, None, 1)]


def test_the_newest_stored_are_served_in_the_order_asked_for(tmp_path: Path) -> None:
    lake = lake_until(tmp_path, SAID, at(10_000))
    write_features(lake, "threads", [DAY, "2026-01-06"])
    write_features(lake, "authors", [DAY])
    found = latest(lake, ["nobody", "slack:T/C/root0"], features=["turns", "questions_open"])
    assert found["turns"].to_list() == [None, 3]
    assert found["event_timestamp"].to_list() == [None, datetime(2026, 1, 6, 23, 59, 59, 999_999, tzinfo=UTC)]
    assert latest(lake, ["ann"], features=["messages_7d"])["messages_7d"].to_list() == [2]


def test_wrong_requests_are_named(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    entities = pl.DataFrame({"id": ["a"], "timestamp": [at(0)]})
    with pytest.raises(ConfigError, match="not all of threads"):
        as_of(lake, entities, features=["turns", "messages_7d"])
    with pytest.raises(SchemaError, match="Datetime with zone"):
        as_of(lake, entities.with_columns(pl.col("timestamp").dt.replace_time_zone(None)), features=["turns"])


def test_an_export_for_feast_reads_back(tmp_path: Path) -> None:
    lake = lake_until(tmp_path / "lake", SAID, at(10_000))
    for kind in ("threads", "authors"):
        write_features(lake, kind, [DAY])
    files = {path.name: path for path in export_feast(lake, tmp_path / "repository")}
    assert set(files) == {"threads.parquet", "authors.parquet", "feature_store.yaml", "definitions.py"}
    threads = pl.read_parquet(files["threads.parquet"])
    assert threads.schema["event_timestamp"] == threads.schema["created"] == pl.Datetime("us", "UTC")
    assert threads.columns == ["thread", "event_timestamp", *THREADS, "created"]
    definitions = files["definitions.py"].read_text(encoding="utf-8")
    compile(definitions, "definitions.py", "exec")
    assert all(f'Field(name="{name}"' in definitions for name in (*THREADS, *AUTHORS))
