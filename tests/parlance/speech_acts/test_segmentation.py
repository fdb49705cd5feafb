import gzip
import json
import time
from itertools import accumulate, groupby
from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.speech_acts import utterances

GUM = Path(__file__).parents[4] / "shared/data/speech_acts/gum_form.jsonl.gz"

PIECES = [
    *"aB.?!: \n\r`@<>|/か한🎉",
    *("👍🏽", "\u200d", "e\u0301", "\u0301", "\u3099", "。", "？", "\u1100", "\u1161", "🇩🇪", "🇩", "\ufe0f", "\u0600"),
    *("\u094d", "\u0915", "\u3000", "\x00", "\u2028", "\x1c", "\ud83d"),
    *("```", "`a. b?`", " https://a.example/?x=1. ", ":tada:", "1. ", "etc. ", "done. so "),
]
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join))


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in utterances(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param(" \n\t\u3000", [], id="white space"),
        pytest.param("One line", ["One line"], id="one"),
        pytest.param("It works. Thank you!", ["It works.", "Thank you!"], id="sentences"),
        pytest.param("first\n\n  second \r\nthird", ["first", "second", "third"], id="newlines first"),
        pytest.param("what now? i see! ok", ["what now?", "i see!", "ok"], id="lower case after a mark"),
        pytest.param("changed, pushed. biscuit goes by post", ["changed, pushed.", "biscuit goes by post"], id="chat"),
        pytest.param("call approx. ten people, e.g. ours, etc. and go", None, id="abbreviations"),
        pytest.param("See https://a.example/?q=1, and www.b.example/x?y now", None, id="url and lower case"),
        pytest.param("Is https://a.example/?q=Yes. No. ok", ["Is https://a.example/?q=Yes.", "No. ok"], id="url's end"),
        pytest.param("use `a. B? c! d` please", None, id="code span"),
        pytest.param("write a.b@c.example now", None, id="mail"),
        pytest.param("see <https://a.example/?x|Is. This? One> now", None, id="link with label"),
        pytest.param("ask @bob.smith or <@U1|Bob. Ok?> now", None, id="mention"),
        pytest.param("Great! 🎉🎉 Let's go. :tada: Now", ["Great! 🎉🎉", "Let's go. :tada:", "Now"], id="emoji stay"),
        pytest.param("1. First one\n2) Second one", ["1. First one", "2) Second one"], id="list"),
        pytest.param("See:\n```\na. B?\nc\n```\nOk?", ["See:", "```\na. B?\nc\n```", "Ok?"], id="fence"),
        pytest.param("see ```a b``` there", ["see", "```a b```", "there"], id="fence in a line"),
        pytest.param("``` never closed. Ok", ["``` never closed.", "Ok"], id="open fence"),
        pytest.param("こんにちは。元気ですか？はい！", ["こんにちは。", "元気ですか？", "はい！"], id="Japanese"),
        pytest.param("𝒜bc 𝒟. Né\u0301. Ok\u0301", ["𝒜bc 𝒟.", "Né\u0301.", "Ok\u0301"], id="astral and combining"),
    ],
)
def test_utterances(text: str, expected: list[str] | None) -> None:
    assert parts(text) == ([text] if expected is None else expected)


@settings(deadline=None)
@given(TEXTS)
def test_spans_are_ordered_trimmed_complete_and_whole_graphemes(text: str) -> None:
    boundaries = {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}
    covered: set[int] = set()
    last = 0
    for start, end in utterances(text):
        assert last <= start < end <= len(text)
        assert {start, end} <= boundaries
        # White space that carries a combining mark, or follows a prepended one, is one grapheme with it.
        assert not text[start].isspace() or start + 1 not in boundaries
        assert not text[end - 1].isspace() or end - 1 not in boundaries
        covered.update(range(start, end))
        last = end
    assert all(index in covered for index, character in enumerate(text) if not character.isspace())


@settings(deadline=None)
@given(TEXTS)
def test_an_utterance_has_no_line_break_outside_code(text: str) -> None:
    assert all("```" in part or len(part.splitlines()) == 1 for part in parts(text))


@pytest.mark.parametrize(
    "piece",
    ["?", "?!", " 🎉", "?🎉", ".", "a", "@", "`", "a.", "<http://a|", ":a", "<@a|", "a@a.", " ", "1. ", "e\u0301"],
)
def test_long_hostile_text_takes_linear_time(piece: str) -> None:
    text = "?" + piece * (100_000 // len(piece)) + "a"
    began = time.process_time()
    utterances(text)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(("lower", "at_least"), [(False, 0.96), (True, 0.88)], ids=["as written", "lower case"])
def test_sentence_boundaries_of_gum(lower: bool, at_least: float) -> None:
    if not GUM.exists():
        pytest.skip(f"{GUM} is not on this machine")
    with gzip.open(GUM, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    right = gold_count = found_count = 0
    paragraphs = accumulate(row["new_paragraph"] for row in rows)
    for _, group in groupby(zip(paragraphs, rows, strict=True), key=lambda pair: (pair[1]["dialogue_id"], pair[0])):
        paragraph = [row["text"] for _, row in group]
        text = " ".join(paragraph)
        gold, position = set(), 0
        for sentence in paragraph[:-1]:
            position += len(sentence) + 1
            gold.add(position)
        found = {start for start, _ in utterances(text.lower() if lower else text)} - {0}
        right, gold_count, found_count = right + len(gold & found), gold_count + len(gold), found_count + len(found)
    assert 2 * right / (gold_count + found_count) >= at_least
