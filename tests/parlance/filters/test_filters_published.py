"""The published bounds, and for each a text on either side of it: Gopher's A.1.1 and Table A1, C4, mC4 and FineWeb."""

import polars as pl
import pytest

from parlance.filters import decide
from parlance.filters.recipes import RECIPES, Bound
from parlance.filters.registry import get, scores

# Rae et al. 2021, A.1.1: at least, at most. Table A1 gives those of repetition, which are all at most.
QUALITY = {
    "words": (50, 100_000),
    "mean_word_length": (3, 10),
    "symbol_to_word_ratio": (None, 0.1),
    "bullet_line_share": (None, 0.9),
    "ellipsis_line_share": (None, 0.3),
    "alphabetic_word_share": (0.8, None),
    "stop_words": (2, None),
}
TABLE_A1 = {
    "duplicate_line_share": 0.3,
    "duplicate_paragraph_share": 0.3,
    "duplicate_line_character_share": 0.2,
    "duplicate_paragraph_character_share": 0.2,
    "top_2gram_share": 0.2,
    "top_3gram_share": 0.18,
    "top_4gram_share": 0.16,
    "duplicate_5gram_share": 0.15,
    "duplicate_6gram_share": 0.14,
    "duplicate_7gram_share": 0.13,
    "duplicate_8gram_share": 0.12,
    "duplicate_9gram_share": 0.11,
    "duplicate_10gram_share": 0.1,
}


@pytest.mark.parametrize(("name", "bounds"), QUALITY.items(), ids=QUALITY)
def test_bounds_of_gophers_quality_rules(name: str, bounds: tuple[float | None, float | None]) -> None:
    found = get(f"gopher_{name}")
    assert (found.at_least, found.at_most) == bounds


@pytest.mark.parametrize(("name", "bound"), TABLE_A1.items(), ids=TABLE_A1)
def test_bounds_of_table_a1(name: str, bound: float) -> None:
    found = get(f"gopher_{name}")
    assert (found.at_least, found.at_most) == (None, bound)


def verdict(name: str, text: str) -> str | None:
    """The reason that the rule's own bounds give."""
    found = get(name)
    signals = scores(pl.Series([text]), [name]).with_columns(id=pl.lit("a"), language=pl.lit("en"))
    return decide(signals, [Bound(name, found.at_least, found.at_most)])["reason"][0]


def lines(count: int, of: str, others: int = 0) -> str:
    """`others` different lines, then `count` of one kind, each different too."""
    return "\n".join([*(f"line number {i}" for i in range(others)), *(of.format(i) for i in range(count))])


def repeated(times: int, part: str, others: int, between: str = "\n") -> str:
    return between.join([*(f"{i:02d}" * 4 for i in range(others)), *[part] * times])


def grams(n: int, times: int, others: int) -> str:
    """One n-gram of words of one letter `times`, between other words of one letter in plenty."""
    gram = " ".join("abcdefghij"[:n])
    fillers = [chr(0x4E00 + i) for i in range(others)]
    step = max(1, others // times)
    for i in range(times):
        fillers.insert(i * (step + 1), gram)
    return " ".join(fillers)


@pytest.mark.parametrize(
    ("name", "kept", "dropped"),
    [
        ("gopher_words", "word " * 50, "word " * 49),
        ("gopher_words", "w " * 100_000, "w " * 100_001),
        ("gopher_mean_word_length", "abc abc", "abc ab"),
        ("gopher_mean_word_length", "a" * 10, "a" * 10 + " " + "b" * 11),
        ("gopher_symbol_to_word_ratio", "# " + "w " * 9, "# " + "w " * 8),
        ("gopher_symbol_to_word_ratio", "w... " + "w " * 9, "w… " + "w " * 8),
        ("gopher_symbol_to_word_ratio", "# w… " + "w " * 8, "# # w… " + "w " * 8),  # either sign, not both together
        ("gopher_bullet_line_share", lines(9, "• {}", 1), lines(10, "• {}", 1)),
        ("gopher_bullet_line_share", lines(9, " - {}", 1), lines(10, "* {}", 1)),
        ("gopher_ellipsis_line_share", lines(3, "{} ...", 7), lines(3, "{} …", 6)),
        ("gopher_alphabetic_word_share", "a b c d 5", "a b c d 5 6"),
        ("gopher_alphabetic_word_share", "a1 (b) ,c d! 5", "a1 (b) ,c d! 5 --"),
        ("gopher_stop_words", "some of the hills", "the hill, the mill"),
        ("gopher_stop_words", "Have it with milk", "Have it as it is"),
        ("gopher_duplicate_line_share", repeated(4, "again", 6), repeated(5, "again", 6)),
        ("gopher_duplicate_line_character_share", repeated(3, "a" * 8, 7), repeated(4, "a" * 8, 7)),
        ("gopher_duplicate_paragraph_share", repeated(4, "again", 6, "\n\n"), repeated(5, "again", 6, "\n\n")),
        (
            "gopher_duplicate_paragraph_character_share",
            repeated(3, "a" * 8, 7, "\n\n"),
            repeated(4, "a" * 8, 7, "\n \n"),
        ),
        *((f"gopher_top_{n}gram_share", grams(n, 4, 60 * n), grams(n, 4, 8 * n)) for n in (2, 3, 4)),
        *((f"gopher_duplicate_{n}gram_share", grams(n, 3, 30 * n), grams(n, 3, 5 * n)) for n in range(5, 11)),
        ("c4_sentences", "One. Two? Three!", "One. Two? Three"),
        ("c4_curly_brackets", "no [brackets] of } that kind", "one { of them"),
        ("c4_lorem_ipsum", "Lorem, ipsum", "the Lorem Ipsum text"),
        ("c4_long_lines", "\n".join(["a" * 200] * 3), "\n".join(["a" * 200, "b" * 200, "c" * 199])),
        ("fineweb_punctuated_line_share", lines(3, "{}.", 22), lines(3, "{}.", 23)),
        (
            "fineweb_short_line_share",
            lines(67, "{}") + ("\n" + "a" * 30) * 33,
            lines(68, "{}") + ("\n" + "a" * 30) * 33,
        ),
    ],
)
def test_both_sides_of_a_bound(name: str, kept: str, dropped: str) -> None:
    assert verdict(name, kept) is None
    assert (verdict(name, dropped) or "").startswith((f"{name}<", f"{name}>"))


@pytest.mark.parametrize(("share", "reason"), [(9, None), (12, "gopher_duplicate_line_character_share>0.1")])
def test_fineweb_is_stricter_about_duplicate_lines_than_gopher(share: int, reason: str | None) -> None:
    name = "gopher_duplicate_line_character_share"
    text = "\n".join([f"{i:010d}" for i in range(100 - share)] + ["0000000000"] * share)
    signals = scores(pl.Series([text]), [name]).with_columns(id=pl.lit("a"), language=pl.lit("en"))
    (gopher,) = [bound for bound in RECIPES["gopher"] if bound.rule == name]
    (fineweb,) = [bound for bound in RECIPES["fineweb"] if bound.rule == name and bound != gopher]
    assert decide(signals, [gopher])["reason"][0] is None
    assert decide(signals, [fineweb])["reason"][0] == reason


@pytest.mark.parametrize(
    ("line", "removed"),
    [
        ("Please enable JavaScript to go on.", "c4_javascript_lines"),
        ("This page uses cookies.", "c4_policy_lines"),
        ("Read our Privacy Policy and the Terms of Use.", "c4_policy_lines"),
    ],
)
def test_lines_that_c4_removes_are_counted(line: str, removed: str) -> None:
    names = ["c4_javascript_lines", "c4_policy_lines"]
    found = scores(pl.Series([f"{line}\nAll is well."]), names).to_dicts()[0]
    assert found == {name: 0.5 if name == removed else 0 for name in names}


@pytest.mark.parametrize(
    ("line", "ends"), [("Yes.", 1), ("Yes!", 1), ("Yes?", 1), ('"Yes"', 1), ("Yes", 0), ("Yes...", 0), ("Yes:", 0)]
)
def test_lines_that_c4_leaves_end_a_sentence(line: str, ends: int) -> None:
    name = "c4_terminal_punctuation_line_share"
    assert scores(pl.Series([line]), [name])[name].to_list() == [ends]
