"""Evaluation items are found wherever they stand, and nowhere else."""

import re
import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.references.evaluation import NGRAM, Evaluations, long_enough

WORDS = [f"w{i}" for i in range(60)]
QUESTION = "Which of the two rivers carries more water in the spring, when the snow in the hills has melted, and why?"
SHORT = "Name the longest river in the whole country."
CHINESE = "请问这条河流在春天融雪之后的平均流量是多少立方米每秒"
words = st.sampled_from(["the", "river", "Über", "größe", "42", "don't", "naïve", "ΣΑΣ", "x"])
items = st.lists(words, min_size=8, max_size=40).map(" ".join)
gaps = st.sampled_from([" ", "\n", ", ", "\r\n\r\n", " — ", "\u00a0", "...", "\t*", "\u2028", ") ("])


def evaluations(*texts: str) -> Evaluations:
    numbers = range(1, len(texts) + 1)
    return Evaluations(pl.DataFrame({"set": ["exam"] * len(texts), "number": numbers, "text": texts}))


def found(known: Evaluations, *texts: str) -> list[tuple[float, str | None]]:
    return known.contamination(pl.Series(texts, dtype=pl.String)).rows()


@settings(max_examples=150, deadline=None)
@given(items, st.lists(gaps, min_size=80, max_size=80), st.booleans(), st.text(max_size=30), st.text(max_size=30))
def test_a_planted_item_is_found(item: str, between: list[str], upper: bool, before: str, after: str) -> None:
    said = re.findall(r"\w+", item)
    planted = "".join(word + gap for word, gap in zip(said, between, strict=False))
    # Not by Python's own upper case, which is another for ß and the like.
    planted = "".join(char.upper() if upper and char.isascii() else char for char in planted)
    text = f"{before} {planted} {after}"
    assert found(evaluations(QUESTION, item), text) == [(1.0, "exam#2")]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=80) | st.lists(words, max_size=7).map(" ".join), max_size=5))
def test_texts_without_an_item_are_clean(texts: list[str]) -> None:
    assert found(evaluations(QUESTION, SHORT), *texts) == [(0.0, None)] * len(texts)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("sign", ["", "\u00ad", "\u200b", "\u2060", "\ufeff"])
def test_an_item_is_found_however_its_letters_are_composed(form: str, sign: str) -> None:
    item = "Le café très élégant a été fermé à cause de la pluie hier soir à côté de la gare"
    greek = "Γιατί είναι πιο κρύο το καλοκαίρι στην κορυφή του βουνού από ό,τι στην παραλία της θάλασσας"
    known = evaluations(item, greek, "パンとビールを買いましたかそれともどこかで食べましたか")
    for number, text in enumerate([item, greek, "パンとビールを買いましたかそれともどこかで食べましたか"], start=1):
        hidden = f"x {text[:3]}{sign}{text[3:]}"
        assert found(known, unicodedata.normalize(form, hidden)) == [(1.0, f"exam#{number}")]


def slowly(item: list[str], text: list[str]) -> float:
    """The share of the item's words that are in a sequence of 13, or of all where it has fewer, that the text has."""
    size = min(NGRAM, len(item))
    known = {tuple(text[i : i + size]) for i in range(len(text) - size + 1)}
    covered = set[int]()
    for i in range(len(item) - size + 1):
        if tuple(item[i : i + size]) in known:
            covered.update(range(i, i + size))
    return len(covered) / len(item)


few = st.lists(st.sampled_from("abc"), min_size=8, max_size=30)


@settings(max_examples=150, deadline=None)
@given(st.lists(few, min_size=1, max_size=4), st.lists(few, min_size=1, max_size=4), st.data())
def test_shares_are_those_of_plain_python(known: list[list[str]], texts: list[list[str]], data: st.DataObject) -> None:
    for text in texts:  # parts of items, so that something overlaps
        part = data.draw(st.sampled_from(known))
        text.extend(part[data.draw(st.integers(0, 10)) :])
    rows = found(evaluations(*map(" ".join, known)), *map(" ".join, texts))
    for text, (share, by) in zip(texts, rows, strict=True):
        shares = [slowly(item, text) for item in known]
        assert share == pytest.approx(max(shares))
        assert by == (f"exam#{shares.index(max(shares)) + 1}" if share else None)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(max_size=20) | st.sampled_from([QUESTION, SHORT.upper(), CHINESE, "", f"x {CHINESE}"]), max_size=6)
)
def test_contamination_does_not_depend_on_the_batch(texts: list[str]) -> None:
    known = evaluations(QUESTION, SHORT, CHINESE)
    assert found(known, *texts) == [found(known, text)[0] for text in texts]


def test_both_sides_of_a_part() -> None:
    known = evaluations(" ".join(WORDS[:26]))
    texts = [" ".join(WORDS[:12]), " ".join(WORDS[:13]), " ".join(["x", *WORDS[5:20], "y"]), " ".join(WORDS)]
    texts.append(" ".join([*WORDS[:13], "x", *WORDS[13:26]]))
    assert [round(share, 6) for share, _ in found(known, *texts)] == [0, 0.5, round(15 / 26, 6), 1, 1]


def test_a_short_item_stands_as_a_whole_or_not_at_all() -> None:
    rows = found(
        evaluations(SHORT), "name the LONGEST river\nin the whole country!", "Name the longest river in the whole"
    )
    assert rows == [(1.0, "exam#1"), (0.0, None)]


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    texts = [f"Quiz: {CHINESE}", f"{CHINESE[:12]}", "".join(f"{char} " for char in CHINESE)]
    assert found(evaluations(CHINESE), *texts) == [(1.0, "exam#1"), (0.0, None), (1.0, "exam#1")]


def test_the_item_of_the_largest_share_is_named() -> None:
    sets = pl.DataFrame({"set": ["a", "b", "b"], "number": [1, 1, 2], "text": [" ".join(WORDS), QUESTION, QUESTION]})
    text = " ".join(WORDS[:20]) + " " + QUESTION
    assert found(Evaluations(sets), text) == [(1.0, "b#1")]


def test_an_item_in_many_copies_and_a_template_in_many_items_cost_little() -> None:
    template = "Answer the following question as well as you can, and say only what you are sure of:"
    known = evaluations(*(f"{template} question number {i} about the river {i}?" for i in range(2000)))
    rows = found(known, *[template] * 50, f"{template} question number 7 about the river 7?")
    assert rows[-1] == (1.0, "exam#8")
    assert {round(share, 2) for share, _ in rows[:-1]} == {round(17 / 24, 2)}


def test_items_with_too_few_words_are_left_out() -> None:
    items = pl.DataFrame({"set": "a", "number": [1, 2, 3], "text": ["Is it so?", SHORT, ""]})
    assert long_enough(items)["number"].to_list() == [2]
