"""PostgreSQL and S3 by settings alone: a lane gives the same rows as with SQLite and a folder."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from orchestration import instance as instances
from orchestration import remains
from orchestration.definitions import defs
from orchestration.settings import lake_root
from parlance.lake import Lake
from parlance.remains import Words
from tests.servers.postgres import postgres, programs
from tests.servers.s3 import s3

STEPS = ("raw", "documents", "rejected", "signals", "kept", "dropped", "pretokens")
TABLES = (*(f"dump/{step}" for step in STEPS), "corpus/duplicates", "corpus/duplicate_index")
SELECTED = dg.AssetSelection.assets(*(["dump", step] for step in STEPS)) | dg.AssetSelection.assets(
    ["corpus", "references"], ["corpus", "duplicates"]
)


@pytest.fixture
def address() -> Iterator[str]:
    pytest.importorskip("dagster_postgres", reason="needs pip install 'parlance[postgres]'")
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: no initdb on the path nor in /usr/lib/postgresql")
    with postgres(found) as address:
        yield address


@contextmanager
def settings(home: Path, more: Mapping[str, str]) -> Iterator[None]:
    """The environment of one deployment, with nothing of the others in it."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith(("PARLANCE", "DAGSTER", "AWS"))]:
            environment.delenv(name)
        for name, value in {"PARLANCE_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), **more}.items():
            environment.setenv(name, value)
        yield


def run_lane(home: Path) -> tuple[dict[str, pl.DataFrame], str, int]:
    """The tables of a run of the dump lane under the present settings, the storage of runs, and its events."""
    instances.write(home / "dagster")
    definitions = defs()
    with dg.DagsterInstance.get() as instance:
        names = ["pages.parquet", "web.jsonl.zst"]
        instance.add_dynamic_partitions("dumps", names)
        lane = dg.Definitions(
            assets=definitions.assets,
            asset_checks=definitions.asset_checks,
            resources=definitions.resources,
            jobs=[dg.define_asset_job("lane", SELECTED)],
        )
        tags = {"dagster/asset_partition_range_start": names[0], "dagster/asset_partition_range_end": names[-1]}
        result = lane.resolve_job_def("lane").execute_in_process(instance=instance, tags=tags)
        assert result.success
        kept = instance.get_materialized_partitions(dg.AssetKey(["dump", "kept"]))
        assert kept == set(names)
        events = len(instance.all_logs(result.run_id))
        if found := remains.databases():
            said = remains.in_database(found[instances.DATABASE], Words([names[0]]), name="runs")
            assert said["event_logs"] > 0
            assert remains.in_database(found[instances.DATABASE], Words(["nobody"]), name="runs") == {}
        storage = type(instance.run_storage).__name__
    lake = Lake(root=lake_root())
    return {name: rows(lake, name) for name in TABLES}, storage, events


def rows(lake: Lake, name: str) -> pl.DataFrame:
    """All rows of a table in an order that does not depend on files."""
    frame = lake.table(name).scan().collect()
    return frame.sort([name for name, kind in frame.schema.items() if kind == pl.String], maintain_order=True)


def test_a_lane_gives_the_same_rows(address: str, tmp_path: Path) -> None:
    with settings(tmp_path / "one", {}):
        ours, storage, events = run_lane(tmp_path / "one")
    assert storage == "SqliteRunStorage"
    more = {"PARLANCE_LAKE": "s3://lake/parlance", instances.DATABASE: address}
    with s3("lake") as named, settings(tmp_path / "two", more | named):
        theirs, storage, their_events = run_lane(tmp_path / "two")
    assert storage == "PostgresRunStorage"
    assert their_events == events
    assert not (tmp_path / "two" / "lake").exists()
    assert ours["dump/kept"].height > 0
    assert ours["dump/dropped"].height > 0
    for name in TABLES:
        assert_frame_equal(theirs[name], ours[name], check_exact=True)
