"""The confusion of a classifier, measured as its labels are given."""

from pathlib import Path

import polars as pl
import pytest

from parlance.profiles import read_confusion
from parlance.profiles.correction import measured
from parlance.speech_acts import annotate, train

ROOT = Path(__file__).parent.parent.parent.parent
SAMPLE = ROOT / "sample" / "speech_acts" / "labelled" / "mixed.jsonl"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of the first labelled utterances of the sample."""
    folder = tmp_path_factory.mktemp("model")
    train(pl.read_ndjson(SAMPLE).head(1200), str(folder / "model"), level="light", held_out=0.25)
    return folder


def test_a_model_comes_with_its_confusion(folder: Path) -> None:
    found = read_confusion(folder / "model")
    assert set(found) == {"form", "function"}
    for confusion in found.values():
        assert 150 < confusion.counts.sum() < 300
        assert 0.2 < confusion.counts.trace() / confusion.counts.sum() < 1


def test_what_is_measured_is_what_annotate_says(folder: Path) -> None:
    rows = pl.read_ndjson(SAMPLE).tail(200)
    model = str(folder / "model")
    counts = measured(rows, model=model)
    alone = rows.filter(pl.col("form").is_not_null() & (pl.col("position") == 0))
    said = annotate(alone["text"], model=model).unique("row", keep="first", maintain_order=True)
    agreed = (said["form"] == alone["form"][said["row"].to_list()]).sum()
    first = measured(alone, model=model).filter(pl.col("target") == "form", pl.col("gold") == pl.col("predicted"))
    assert first["count"].sum() == agreed
    assert counts.filter(target="form")["count"].sum() == rows["form"].count()


def test_of_few_labelled_utterances_no_confusion_is_kept(tmp_path: Path) -> None:
    train(pl.read_ndjson(SAMPLE).head(300), str(tmp_path / "model"), level="light")
    assert read_confusion(tmp_path / "model") == {}
