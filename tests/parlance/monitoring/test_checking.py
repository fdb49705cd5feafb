"""Contracts: rows that break one are counted and named; rows that keep it are not."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from parlance import schemas
from parlance.contracts import CONTRACTS, LANE_CONTRACTS, contract_of
from parlance.lake import LANE_TABLES, TABLES, Lake
from parlance.monitoring.checking import check

DAY = "2026-10-05"
UTTERANCE = {
    "id": "u1", "source": "slack", "document_id": "d1", "message_id": "m1", "author": "ann", "is_bot": False, "turn": 0,
    "start": 0, "end": 5, "text": "Why?!", "form": "question", "form_score": 0.9, "function": "question",
    "function_score": 0.9, "function_alone": "question", "abstained": False, "partition": DAY,
}  # fmt: skip
KEPT = {
    "id": "d1", "source": "slack", "text": "Why?!", "turns": [], "raw_ids": ["m1"], "language": "en", "masked": 0,
    "removed_lines": 0, "removed_characters": 0, "partition": DAY,
}  # fmt: skip


def lake_with(folder: Path, *utterances: dict[str, object]) -> Lake:
    lake = Lake(root=str(folder))
    for name, rows, schema in (("kept", [KEPT], schemas.KEPT), ("utterances", utterances, schemas.UTTERANCES)):
        lake.table(f"slack/{name}").replace([pa.RecordBatch.from_pylist([*rows], schema=schema)], [DAY])
    return lake


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, None),
        ({"function_score": 1.0, "form_score": 0.0}, None),
        ({"function_score": 1.01}, "function_score is from 0 to 1"),
        ({"function": "shouting"}, "function is one of"),
        ({"start": 5}, "starts before it ends"),
        ({"end": 6}, "as long as its text"),
        ({"document_id": "gone"}, "document_id stands in {lane}/kept"),
    ],
)
def test_a_row_that_breaks_its_contract_is_named(
    tmp_path: Path, change: dict[str, object], sentence: str | None
) -> None:
    lake = lake_with(tmp_path, UTTERANCE, UTTERANCE | {"id": "u2"} | change)
    found = check(lake, "slack/utterances", LANE_CONTRACTS["utterances"], [DAY])
    assert found.rows == 2
    if sentence is None:
        assert found.breaches == []
    else:
        assert any(one.sentence.startswith(sentence) for one in found.breaches)
        assert {(one.rows, *one.named) for one in found.breaches} == {(1, "u2")}


def test_keys_are_unique_and_other_partitions_are_left_alone(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, UTTERANCE, UTTERANCE)
    (found,) = check(lake, "slack/utterances", LANE_CONTRACTS["utterances"], [DAY]).breaches
    assert (found.sentence, found.rows, list(found.named)) == ("no two rows have the same id", 2, ["u1"])
    assert check(lake, "slack/utterances", LANE_CONTRACTS["utterances"], ["2026-10-06"]).breaches == []


def test_references_of_a_list_are_looked_up_in_every_lane(tmp_path: Path) -> None:
    lake = lake_with(tmp_path)
    row = {
        "document_id": "d1",
        "source": "slack",
        "reason": "no_reply",
        "rule": "no_reply",
        "version": 1,
        "excerpt": "",
    }
    rows = [row | {"whole": True}, row | {"document_id": "gone", "whole": True}]
    lake.table("instruct/passed_over").replace([pa.RecordBatch.from_pylist(rows, schema=schemas.PASSED_OVER)])
    (found,) = check(lake, "instruct/passed_over", CONTRACTS["instruct/passed_over"], lanes=["crawl", "slack"]).breaches
    assert (found.rows, list(found.named)) == (1, ["gone | slack"])


@pytest.mark.parametrize("name", [*(f"slack/{table}" for table in LANE_TABLES), *TABLES])
def test_every_contract_can_be_evaluated_on_an_empty_table(tmp_path: Path, name: str) -> None:
    contract = contract_of(name)
    if contract is not None:
        assert check(Lake(root=str(tmp_path)), name, contract, lanes=["slack"]).breaches == []


def test_every_lane_table_has_a_contract() -> None:
    assert set(LANE_CONTRACTS) == set(LANE_TABLES)
    assert pl.Series(list(CONTRACTS)).is_in(list(TABLES)).all()
