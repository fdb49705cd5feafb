"""The checks of the ledger, through Dagster: where a row is lost, doubled or moved they fail and nothing runs on."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
import pyarrow as pa
import pytest

from parlance.lake import Lake
from parlance.storage import Table, Written, record_batches
from resources.lake import LakeResource
from tests.assets.tickets import DAYS, fill, lane, run

Fault = Callable[[pl.DataFrame], pl.DataFrame]


def moved(rows: pl.DataFrame) -> pl.DataFrame:
    first = rows.head(1).with_columns(partition=pl.lit(DAYS[2]))
    return pl.concat([first, rows.slice(1)])


def swapped(rows: pl.DataFrame) -> pl.DataFrame:
    """The first row of a day is gone and the second is there twice: no count changes."""
    assert rows["partition"][0] == rows["partition"][1]
    return pl.concat([rows.slice(1, 1), rows.slice(1)])


FAULTS: dict[str, Fault] = {
    "none": lambda rows: rows,
    "vanished": lambda rows: rows.slice(1),
    "doubled": lambda rows: pl.concat([rows, rows.head(1)]),
    "moved": moved,
    "swapped": swapped,
    # Balances over all days together, and in no sum of counts.
    "lost in one day, doubled in another": lambda rows: pl.concat([rows.slice(1), rows.tail(1)]),
}


# The step that writes a table, and the check that must find what is wrong in it.
CHECKED = {
    "documents": ("documents", "every_raw_row_is_accounted_for"),
    "rejected": ("documents", "every_raw_row_is_accounted_for"),
    "signals": ("signals", "every_document_is_measured"),
    "kept": ("kept", "every_document_is_accounted_for"),
    "dropped": ("kept", "every_document_is_accounted_for"),
}


@dataclass(frozen=True, kw_only=True)
class FaultyTable(Table):
    fault: Fault

    def replace(self, batches: Iterable[pa.RecordBatch], partitions: Sequence[str] | None = None) -> Written:
        rows = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(list(batches), schema=self.schema)))
        return super().replace(record_batches(self.fault(rows.sort("partition", "id")), self.schema), partitions)


@dataclass(frozen=True, kw_only=True)
class FaultyLake(Lake):
    name: str
    fault: Fault

    def table(self, name: str) -> Table:
        table = super().table(name)
        if name != self.name:
            return table
        return FaultyTable(uri=table.uri, name=name, schema=table.schema, fault=self.fault)


class FaultyLakeResource(LakeResource):
    """A lake whose table `name` does not hold what was written to it."""

    name: str
    fault: str

    def open(self) -> Lake:
        return FaultyLake(root=self.root, name=self.name, fault=FAULTS[self.fault])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    fill(home)
    return home


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "none"])
@pytest.mark.parametrize("table", CHECKED)
def test_a_faulty_row_stops_what_comes_after(home: Path, tmp_path: Path, table: str, fault: str) -> None:
    step, check = CHECKED[table]
    shutil.copytree(home / "lake", tmp_path / "lake")
    lake = FaultyLakeResource(root=str(tmp_path / "lake"), name=f"tickets/{table}", fault=fault)
    result = run(lane(home), step, lake)
    assert not result.success
    assert result.asset_materializations_for_node(f"tickets__{step}")
    assert not result.asset_materializations_for_node("after")
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == check]
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    wrong = [day for day in DAYS if day in str(found.metadata["wrong_partitions"].value)]
    assert wrong == {
        "moved": [DAYS[0], DAYS[2]],
        "lost in one day, doubled in another": [DAYS[0], DAYS[2]],
    }.get(fault, [DAYS[0]])
    assert f"{len(wrong)} of 3 partitions do not balance" in str(found.description)
    assert all(day in str(found.description) for day in wrong)


def test_without_a_fault_the_same_run_passes(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "lake", tmp_path / "lake")
    lake = FaultyLakeResource(root=str(tmp_path / "lake"), name="tickets/kept", fault="none")
    result = run(lane(home), "kept", lake)
    assert result.success
    (found,) = result.get_asset_check_evaluations()
    assert found.passed
    assert found.description == "12 in = 6 kept + 6 dropped, in each partition"
