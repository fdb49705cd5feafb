"""The confusion of a classifier, measured as its labels are given."""

from pathlib import Path

import polars as pl
import pytest

from parlance.profiles import read_confusion
from parlance.profiles.correction import measured
from parlance.speech_acts import LABELS, annotate
from parlance.stages import corpus

ROOT = Path(__file__).parent.parent.parent.parent
SAMPLE = ROOT / "sample" / "speech_acts" / "utterances.jsonl"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of the first labelled utterances of the sample."""
    folder = tmp_path_factory.mktemp("model")
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()[:900]
    (folder / "labelled.jsonl").write_text("\n".join(lines), encoding="utf-8")
    corpus.train_speech_acts(str(folder / "labelled.jsonl"), folder / "model")
    return folder


def test_a_model_comes_with_its_confusion(folder: Path) -> None:
    found = read_confusion(folder / "model")
    assert set(found) == {"form", "function"}
    rows = pl.read_ndjson(folder / "labelled.jsonl")
    held_out = rows["conversation"].hash(corpus.SEED) % 4 == 0
    labelled = rows.filter(held_out)["form"].drop_nulls()
    for confusion in found.values():
        assert confusion.counts.sum() == len(labelled)
        assert 0.2 < confusion.counts.trace() / len(labelled) < 1
    sums = dict(zip(LABELS, found["form"].counts.sum(axis=1), strict=True))
    assert sums == {act: (labelled == act).sum() for act in LABELS}


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
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()[:300]
    (tmp_path / "few.jsonl").write_text("\n".join(lines), encoding="utf-8")
    corpus.train_speech_acts(str(tmp_path / "few.jsonl"), tmp_path / "model")
    assert read_confusion(tmp_path / "model") == {}
