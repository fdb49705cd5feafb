"""Every layout as files, and how trainers are told."""

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from parlance import exports, schemas
from parlance.exports.trainers import AXOLOTL, DATASET_INFO
from parlance.instruct import export, formats
from parlance.instruct.formats import schema
from tests.parlance.synthesis.real_examples import examples

SPLITS = {"train": 16, "validation": 2, "test": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("exports")
    rows = exports.write(examples().iter_slices(7), made)
    exports.write_trainer_files(made, rows)
    assert rows == {
        f"{name}/{split}.{ending}": count
        for name in formats()
        for split, count in SPLITS.items()
        for ending in ("jsonl", "parquet")
    }
    return made


@pytest.mark.parametrize("name", formats())
@pytest.mark.parametrize("split", SPLITS)
def test_both_files_hold_the_rows_of_the_layout(folder: Path, name: str, split: str) -> None:
    expected = list(export(examples().filter(split=split), name))
    assert (folder / name / f"{split}.jsonl").read_text(encoding="utf-8").splitlines() == expected
    table = pq.read_table(folder / name / f"{split}.parquet")
    assert table.schema.equals(schema(name))
    assert table.to_pylist() == [json.loads(line) for line in expected]


def test_a_split_without_rows_has_files_that_say_so(tmp_path: Path) -> None:
    rows = exports.write([examples().filter(split="train")], tmp_path, names=["chatml"])
    assert rows["chatml/test.parquet"] == 0
    assert pq.read_table(tmp_path / "chatml" / "test.parquet").num_rows == 0
    exports.write_trainer_files(tmp_path, rows)
    assert json.loads((tmp_path / DATASET_INFO).read_text()).keys() == {"chatml_train"}
    assert yaml.safe_load((tmp_path / AXOLOTL).read_text())["test_datasets"] == []


def test_every_file_that_trainers_are_told_of_exists_and_has_the_columns(folder: Path) -> None:
    info = json.loads((folder / DATASET_INFO).read_text())
    assert {name.rpartition("_")[0] for name in info} == set(formats()) - {"prompt_completion"}
    for entry in info.values():
        columns = pq.read_schema(folder / entry["file_name"]).names
        assert set(entry["columns"].values()) <= set(columns)
    told = yaml.safe_load((folder / AXOLOTL).read_text())
    assert [one["path"].partition("/")[2] for one in told["datasets"]] == ["train.parquet"] * 4
    assert [one["path"].partition("/")[2] for one in told["test_datasets"]] == ["validation.parquet"] * 4
    for entry in [*told["datasets"], *told["test_datasets"]]:
        columns = pq.read_schema(folder / entry["path"]).names
        assert {entry.get("field", columns[0]), entry.get("field_messages", columns[0])} <= set(columns)


IDS = st.lists(st.text(max_size=4), unique=True, max_size=30)


@given(IDS, st.integers(1, 9), st.integers(1, 40))
def test_rows_come_by_id_whatever_the_frames(ids: list[str], size: int, rows: int) -> None:
    wanted = pa.schema([pa.field("id", pa.string())])
    frame = pl.DataFrame({"id": ids}, schema={"id": pl.String})
    found = list(exports.in_order(frame.iter_slices(size), frame["id"], wanted, rows=rows))
    assert [id for part in found for id in part["id"]] == sorted(ids)
    assert max((part.height for part in found), default=0) <= rows


def test_a_frame_is_read_only_when_it_is_asked_for() -> None:
    """Neither the frames nor the ranges stand in memory together."""
    read: list[int] = []

    def frames() -> Iterator[pl.DataFrame]:
        for number, frame in enumerate(examples(40).iter_slices(10)):
            read.append(number)
            yield frame

    parts = exports.in_order(frames(), examples(40)["id"], schemas.EXAMPLES, rows=10)
    assert read == []
    assert next(parts)["id"].to_list() == [f"e{number:03}" for number in range(10)]
    assert read == [0, 1, 2, 3]
