"""What datatrove counts, counted again in plain Python; and what its recipe keeps and drops."""

import re
import string
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.filters import decide, rules
from parlance.filters.counting import POLICIES, STOP_WORDS
from parlance.filters.datatrove_counting import COUNTED, measure
from parlance.filters.recipes import DATATROVE, RECIPES
from parlance.filters.registry import scores

PIECES = [
    "a", "bé", "日本", "ab", "the", "The", "of,", "with", "x" * 40, "y" * 1001, "12", "½",
    "Ⅳ", "\u0301", "\x00", "😀", "ǅ", "１",
    "...", "…", "..", ".", "!", "?", '"', "'", "”", "。", ":", "#", "-", "•", "*", "{", "[1]",
    "[edit]", "[citation needed]",
    "[٣]", "[", "]", "lorem ipsum", "Lorem[2] Ipsum", "lor", "em ipsum", "JavaScript",
    "Coo\u212aie policy", "Terms of Use",
    " ", " ", " ", " ", "\t", "\u00a0", "\x1c", "\x85", "\u2028", "\v", "\r", "\r\n", "\n", "\n", "\n\n", "\n \n",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(st.characters(max_codepoint=0x7F), max_size=3), max_size=60).map(
    "".join
)
SYMBOLS = {*string.punctuation, *map(chr, range(9)), *map(chr, range(11, 32)), "\x7f", "…", "”", "。", "１"}
STOPS = (".", "!", "?", "。", "．")
CITATION = re.compile(r"\[(?:\d*|edit|citation needed)\]")


def repeats(parts: list[str]) -> tuple[int, int]:
    again = [part for i, part in enumerate(parts) if part in parts[:i]]
    return len(again), len("".join(again))


def c4(text: str, *, any_end: bool) -> tuple[int, int, int]:
    """Sentences, lines with lorem ipsum, lines with a curly bracket."""
    sentences = lorem = curly = 0
    for line in map(str.strip, text.splitlines()):
        words, judged = line.split(), CITATION.sub("", line)
        if len(words) < 3 or max(map(len, words)) > 1000:
            continue
        if not any_end and (not judged.endswith(tuple(".?!\"'")) or judged.endswith("...")):
            continue
        lower = judged.lower()
        if "lorem ipsum" in lower:
            lorem += 1
        elif "javascript" in lower:
            continue
        elif "{" in judged:
            curly += 1
        elif not any(policy in lower for policy in POLICIES):
            sentences += len(re.findall(r"[^.!?]+", judged))
    return sentences, lorem, curly


def top(words: list[str], n: int) -> int:
    grams = [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    return next((len(gram) * count for gram, count in Counter(grams).most_common(1)), 0)


def duplicate(words: list[str], n: int) -> int:
    seen: set[str] = set()
    characters = place = 0
    while place + n <= len(words):
        gram = "".join(words[place : place + n])
        characters += len(gram) if gram in seen else 0
        place += n if gram in seen else 1
        seen.add(gram)
    return characters


def slowly(text: str) -> dict[str, int]:
    words, lines, parts = text.split(), text.splitlines(), re.split(r"\n+", text)
    if not words:
        return dict.fromkeys(COUNTED, 0)
    plain = [word for word in words if not SYMBOLS.issuperset(word)]
    paragraphs = re.split(r"\n{2,}", text.strip())
    full = [line for line in text.split("\n") if line.strip()]
    counted = {
        "characters": len(text),
        "newlines": text.count("\n"),
        "words": len(words),
        "plain_words": len(plain),
        "plain_characters": len("".join(plain)),
        "alphabetic_words": sum(any(map(str.isalpha, word)) for word in words),
        "stop_words": len({*STOP_WORDS} & {*words}),
        "hashes": text.count("#"),
        "ellipses": text.count("...") + text.count("…"),
        "lines": len(lines),
        "bullet_lines": sum(line.lstrip().startswith(("•", "-")) for line in lines),
        "ellipsis_lines": sum(line.rstrip().endswith(("...", "…")) for line in lines),
        "paragraphs": len(paragraphs),
        "parts": len(parts),
        "full_lines": len(full),
        "punctuated_lines": sum(line.endswith(STOPS) for line in full),
        "short_lines": sum(len(line) <= 30 for line in full),
        "duplicate_full_characters": repeats(full)[1],
    }
    counted["duplicate_paragraphs"], counted["duplicate_paragraph_characters"] = repeats(paragraphs)
    counted["duplicate_parts"], counted["duplicate_part_characters"] = repeats(parts)
    for prefix, any_end in (("", False), ("any_end_", True)):
        names = (f"{prefix}{name}" for name in ("sentences", "lorem_lines", "curly_lines"))
        counted.update(zip(names, c4(text, any_end=any_end), strict=True))
    counted.update({f"top_{n}": top(words, n) for n in (2, 3, 4)})
    return counted | {f"duplicate_{n}": duplicate(words, n) for n in range(5, 11)}


@settings(max_examples=300, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4))
def test_counts_are_those_of_plain_python(batch: list[str]) -> None:
    assert measure(pl.Series(batch)).to_list() == [
        {name: counts[name] for name in COUNTED} for counts in map(slowly, batch)
    ]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["a", "ab", "b", "ba", "日", "abc"]), max_size=80).map(" ".join))
def test_ngrams_are_compared_written_together(text: str) -> None:
    assert measure(pl.Series([text])).to_list() == [{name: slowly(text)[name] for name in COUNTED}]


def test_citations_hide_phrases_and_what_a_kelvin_sign_ends_is_a_k() -> None:
    kept = "One two three. " * 5
    hidden = ["See the lorem[1] ipsum here.", "Our coo\u212aie policy is here."]
    found = measure(pl.Series([f"{kept}\n{line}" for line in hidden])).struct.unnest()
    assert found["lorem_lines"].to_list() == [1, 0]
    assert found["sentences"].to_list() == [5, 5]


def test_bounds_are_those_of_the_rules() -> None:
    listed = {bound.rule for bounds in DATATROVE.values() for bound in bounds}
    assert listed == {name for name in rules() if name.startswith("datatrove_")}


def verdicts(name: str, texts: list[str]) -> list[str | None]:
    names = sorted({bound.rule for bound in DATATROVE[name]})
    signals = scores(pl.Series(texts), names).with_columns(id=pl.lit("x"), language=pl.lit("en"))
    return decide(signals, DATATROVE[name])["rule"].to_list()


PLAIN = "The people of this town have lived with water for years and know what to do. "


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("gopher_quality", PLAIN * 4, None),
        ("gopher_quality", "town " * 48 + "the to", None),
        ("gopher_quality", "town " * 47 + "the to - -", "datatrove_words"),
        ("gopher_quality", "town " * 60 + "The, to", "datatrove_stop_words"),
        ("gopher_repetition", "a b c d e f g h i j k l m n o p q r s t u v w x y z", None),
        ("gopher_repetition", "so it goes", "datatrove_top_2gram_ratio"),
        ("c4", "Is it so? Yes it is! And then. What now? Well then.", None),
        ("c4", "Is it so? Yes it is! And then. What now.", "datatrove_c4_sentences"),
        ("c4", "Is it so? Yes it is! And then. What now? Well then", "datatrove_c4_sentences"),
        ("c4_any_end", "Is it so? Yes it is! And then. What now? Well then", None),
        ("c4", "Is it so? Yes it is! And then. What now? Well then.\nMenu { and more", None),
        ("c4_any_end", "Is it so? Yes it is! And then. What? Well.\nA menu {", "datatrove_c4_any_end_curly_brackets"),
        ("fineweb", (PLAIN * 4).strip(), None),
        ("fineweb", "A heading that is not ended by any mark of that kind", "datatrove_fineweb_punctuated_line_share"),
        ("fineweb", "Thirty characters in this one.", "datatrove_fineweb_short_line_share"),
        ("fineweb", "There are thirty-one in this it.", None),
        ("fineweb", f"{PLAIN.strip()}\n{PLAIN.strip()}", "datatrove_fineweb_duplicate_line_character_share"),
    ],
)  # fmt: skip
def test_verdict(name: str, text: str, rule: str | None) -> None:
    assert verdicts(name, [text]) == [rule]


def test_the_recipe_is_its_four_filters() -> None:
    four = [bound for name, bounds in DATATROVE.items() if name != "c4_any_end" for bound in bounds]
    assert list(RECIPES["datatrove"]) == four
