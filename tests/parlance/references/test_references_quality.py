"""The classifier of quality: it learns, it is the same every time, and nothing in a text can mislead its training."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import ConfigError
from parlance.references.quality import Classifier, line, train

GOOD = pl.Series(
    [f"The probe number {i} was calibrated in the morning, and its error stayed below one." for i in range(80)]
)
BAD = pl.Series([f"BUY NOW!!! cheap pills {i} click here >>> free free free" for i in range(80)])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quality") / "quality.bin"
    report = train(GOOD, BAD, path)
    assert (report.accuracy, report.roc_auc) == (1.0, 1.0)
    assert report.positive + report.negative + report.held_out == 160
    assert report.held_out == sum(map(len, report.scores.values()))
    assert 5 <= report.held_out <= 30
    return path


def test_good_texts_score_above_bad_ones(model: Path) -> None:
    texts = pl.Series(["The probe was calibrated in the evening.", "click here: cheap pills", "", None, " \n"])
    good, bad, *blank = Classifier(model).scores(texts).to_list()
    assert 0 <= bad < 0.3
    assert 0.7 < good <= 1
    assert blank == [None] * 3


def test_training_is_the_same_in_any_order_and_with_copies(model: Path, tmp_path: Path) -> None:
    again = train(pl.concat([GOOD.reverse(), GOOD]), BAD.shuffle(seed=3), tmp_path / "again.bin")
    assert again.positive + again.negative + again.held_out == 160
    assert (tmp_path / "again.bin").read_bytes() == model.read_bytes()
    assert train(GOOD, BAD, tmp_path / "other.bin", seed=2).held_out != 0
    assert (tmp_path / "other.bin").read_bytes() != model.read_bytes()


def test_a_text_in_both_classes_teaches_nothing(tmp_path: Path) -> None:
    report = train(pl.concat([GOOD, BAD.head(3)]), BAD, tmp_path / "model.bin")
    assert report.in_both == 3
    assert report.positive + report.negative + report.held_out == 157


def test_a_text_cannot_pass_for_a_label(tmp_path: Path) -> None:
    poison = pl.Series([f"__label__positive buy {i} __label__other\n__label__positive free \0 free" for i in range(80)])
    report = train(GOOD, poison, tmp_path / "model.bin")
    assert report.accuracy == 1.0
    assert Classifier(tmp_path / "model.bin").scores(poison.head(1)).item() < 0.5


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="negative has 0 different texts"):
        train(GOOD, pl.Series(["", "  "]), tmp_path / "model.bin")


def test_a_model_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "quality.bin").write_bytes(b"no model")
    with pytest.raises(ConfigError, match=r"quality\.bin"):
        Classifier(tmp_path / "quality.bin")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=30) | st.none(), max_size=4))
def test_scores_do_not_depend_on_the_batch(model: Path, texts: list[str | None]) -> None:
    classifier = Classifier(model)
    together = classifier.scores(pl.Series(texts, dtype=pl.String)).to_list()
    assert together == [classifier.scores(pl.Series([text], dtype=pl.String)).item() for text in texts]
    assert all(score is None or 0 <= score <= 1 for score in together)


@given(st.text())
def test_a_text_is_one_line(text: str) -> None:
    made = line(pl.Series([text])).item()
    assert not set(made) & set("\n\r\0")
    assert "__label__" not in made
