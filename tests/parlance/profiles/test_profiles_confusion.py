"""The confusion of a classifier, measured as its labels are given."""

from pathlib import Path

import polars as pl
import pytest

from parlance.profiles import read_confusion
from parlance.speech_acts import LABELS, Report, train

ROOT = Path(__file__).parent.parent.parent.parent
SAMPLE = ROOT / "sample" / "speech_acts" / "labelled" / "mixed.jsonl"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A classifier of the first labelled utterances of the sample, and its report."""
    folder = tmp_path_factory.mktemp("model")
    return folder, train(pl.read_ndjson(SAMPLE).head(1200), str(folder), level="light", held_out=0.25)


def test_a_model_comes_with_its_confusion(trained: tuple[Path, Report]) -> None:
    folder, report = trained
    found = read_confusion(folder)
    assert set(found) == {"form", "function"}
    for target, confusion in found.items():
        assert confusion.counts.sum() == report.held_out
        assert 0.2 < confusion.counts.trace() / report.held_out < 1
        supports = dict(report.labels.filter(target=target).select("label", "support").iter_rows())
        assert dict(zip(LABELS, confusion.counts.sum(axis=1), strict=True)) == supports


def test_of_few_labelled_utterances_no_confusion_is_kept(tmp_path: Path) -> None:
    train(pl.read_ndjson(SAMPLE).head(300), str(tmp_path / "model"), level="light")
    assert read_confusion(tmp_path / "model") == {}
