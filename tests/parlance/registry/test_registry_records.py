"""What a model's folder says of it, complete, in part or not at all."""

import json
from pathlib import Path

import pytest

from parlance.errors import SchemaError
from parlance.registry import Record, record_of

MADE = {
    "fingerprint": "abc",
    "base": "org/base",
    "base_version": None,
    "dataset_version": "d1",
    "settings": {"rank": 8},
    "metrics": {"steps": 4, "validation_loss": None, "stopped_early": False},
    "libraries": {"torch": "2.13.0", "peft": None},
}


def test_a_record_and_a_report_are_one(tmp_path: Path) -> None:
    (tmp_path / "parlance.json").write_text(json.dumps(MADE))
    report = {"tokens": 90, "device": "cpu", "train_losses": [[1, 4.0], [2, 3.5]], "validation_losses": []}
    (tmp_path / "report.json").write_text(json.dumps(report))
    found = record_of(tmp_path)
    assert (found.base, found.base_version, found.dataset_version) == ("org/base", "", "d1")
    assert found.metrics == {"tokens": 90, "train_loss": 3.5, "steps": 4}
    assert found.libraries == {"torch": "2.13.0"}
    assert found.curves == {"train_loss": [(1, 4.0), (2, 3.5)]}


def test_a_model_made_elsewhere_has_an_empty_record(tmp_path: Path) -> None:
    assert record_of(tmp_path) == Record()


@pytest.mark.parametrize(("text", "message"), [("{", "is no JSON"), ("[]", "holds list, needs an object")])
def test_a_record_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "parlance.json").write_text(text)
    with pytest.raises(SchemaError, match=message):
        record_of(tmp_path)
