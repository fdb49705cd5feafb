import gzip
import json
import re
import time
from itertools import accumulate, groupby
from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.speech_acts import utterances
from parlance.speech_acts.forms import CUES, cues
from parlance.speech_acts.masks import LINE_BREAKS, code_blocks

GUM = Path(__file__).parents[4] / "shared/data/speech_acts/gum_form.jsonl.gz"

PIECES = [
    *"aB.?!: \n\r`@<>|/か한🎉",
    *("👍🏽", "\u200d", "e\u0301", "\u0301", "\u3099", "。", "？", "\u1100", "\u1161", "🇩🇪", "🇩", "\ufe0f", "\u0600"),
    *("\u094d", "\u0915", "\u3000", "\x00", "\u2028", "\x1c", "\ud83d"),
    *(
        "~~~",
        "\n    x = f(1);\n",
        "\t",
        "[1] ",
        ":) ",
        "z. B. ",
        "।",
        "؟",
        "done.thanks ",
        "| a. B |",
        "> q. R",
        "…",
        "»",
    ),
    *("```", "`a. b?`", " https://a.example/?x=1. ", ":tada:", "1. ", "etc. ", "done. so "),
]
# What makes blocks of several lines.
CODE_SIGNS = re.compile("`|~~~| {4}|\t")
LINES = re.compile(f"[^{LINE_BREAKS}]+")
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
        pytest.param("So:\n```\na. B\nno end. Here", ["So:", "```\na. B\nno end. Here"], id="fence without end"),
        pytest.param("~~~ py\na. B\n~~~\nOk", ["~~~ py\na. B\n~~~", "Ok"], id="tildes"),
        pytest.param(
            "Try:\n\n    x = f(1)\n    y. Z = 2\n\nOk?", ["Try:", "x = f(1)\n    y. Z = 2", "Ok?"], id="indented"
        ),
        pytest.param("Dear all\n\n    we are. Here.", ["Dear all", "we are.", "Here."], id="indented prose"),
        pytest.param("| a. B | c? D |\n|---|---|", ["| a. B | c? D |", "|---|---|"], id="table"),
        pytest.param("> So. You said. It\nYes. I did", ["> So. You said. It", "Yes.", "I did"], id="quoted"),
        pytest.param(
            "1. First. Then\n(b) Second. Or\n- Third! Yes\n2.1. Fourth",
            ["1. First.", "Then", "(b) Second.", "Or", "- Third!", "Yes", "2.1. Fourth"],
            id="markers",
        ),
        pytest.param("Wait... what? No... Ok", ["Wait... what?", "No...", "Ok"], id="ellipses"),
        pytest.param("Really?! yes!!! no way", ["Really?!", "yes!!!", "no way"], id="runs of marks"),
        pytest.param("done.thanks for that", ["done.", "thanks for that"], id="no space, small"),
        pytest.param("It is done.Thanks! really?yes", ["It is done.", "Thanks!", "really?", "yes"], id="no space"),
        pytest.param("see example.com, node.js, my.file.txt and a.b.The", None, id="dots in names"),
        pytest.param("It costs 3.50 at 10.30 a.m. or v2.0.1, see §3.2", None, id="numbers"),
        pytest.param("Vgl. Abb. 3, z. B. Seite 4 bzw. S. 5 vom 3. Oktober", None, id="German"),
        pytest.param("Mme. Curie, cf. Fig. 2 et p. ex. Paris", None, id="French"),
        pytest.param("El Sr. García y la Dra. López, núm. 5", None, id="Spanish"),
        pytest.param("Ask J. R. Smith vs. Dr. Jones et al. Now", None, id="initials"),
        pytest.param(
            "Take plan B. We live in CA. It is warm", ["Take plan B.", "We live in CA.", "It is warm"], id="ends"
        ),
        pytest.param("No. Really no. See no. 5", ["No.", "Really no.", "See no. 5"], id="no"),
        pytest.param(
            'He said "No!" and (it rang!) left. "Ok." Bye',
            ['He said "No!" and (it rang!) left.', '"Ok."', "Bye"],
            id="said",
        ),
        pytest.param("¿Vienes? ¡Claro! Sí.", ["¿Vienes?", "¡Claro!", "Sí."], id="Spanish marks"),
        pytest.param(
            "Über uns. Écoute. Ça marche. Ñu", ["Über uns.", "Écoute.", "Ça marche.", "Ñu"], id="accented capitals"
        ),
        pytest.param("It ran. [1] [2] They left.", ["It ran. [1] [2]", "They left."], id="references"),
        pytest.param("All good, right? :) It was", ["All good, right? :)", "It was"], id="smiley"),
        pytest.param("मैं ठीक हूँ। आप कैसे हैं? अच्छा", ["मैं ठीक हूँ।", "आप कैसे हैं?", "अच्छा"], id="Hindi"),
        pytest.param("كيف حالك؟ أنا بخير. شكرا", ["كيف حالك؟", "أنا بخير.", "شكرا"], id="Arabic"),
        pytest.param("「行く。」彼は言った。", ["「行く。」", "彼は言った。"], id="closing bracket"),
        pytest.param("「行く。」と言った。はい", ["「行く。」と言った。", "はい"], id="quotation goes on"),
        pytest.param("好！！走吧？！嗯", ["好！！", "走吧？！", "嗯"], id="Chinese"),
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
    code = [range(start, end) for start, end in code_blocks(text)]
    for start, end in utterances(text):
        assert any(start in block for block in code) or len(text[start:end].splitlines()) == 1


@settings(deadline=None)
@given(TEXTS.filter(lambda text: not CODE_SIGNS.search(text)))
def test_lines_do_not_depend_on_one_another(text: str) -> None:
    assert parts(text) == [part for line in LINES.findall(text) for part in parts(line)]


@pytest.mark.parametrize(
    "text", ["It works. Thank you! Ok?", "1. One. Two", "Dr. A. Two? :) Three. [1] Four", "ok!no. さあ。行く"]
)
def test_an_utterance_alone_is_one(text: str) -> None:
    assert [parts(part) for part in parts(text)] == [[part] for part in parts(text)]


@pytest.mark.parametrize(
    "piece",
    [
        "?",
        "?!",
        " 🎉",
        "?🎉",
        ".",
        "a",
        "@",
        "`",
        "a.",
        "<http://a|",
        ":a",
        "<@a|",
        "a@a.",
        " ",
        "1. ",
        "e\u0301",
        "~~~a\n",
        "```\n",
        pytest.param("\n```" + 100_000 * " ", id="fence"),
        pytest.param("\n\n    " + 100_000 * "a(", id="calls"),
        pytest.param("\n\n    " + 100_000 * "<a", id="tags"),
        "    a\n",
        "\n\n    a=1\n",
        "。",
        "a.b",
        "[1] ",
        ". [1]",
        ":) ",
        "e.g. ",
        ". a",
    ],
)
def test_long_hostile_text_takes_linear_time(piece: str) -> None:
    text = "?" + piece * max(1, 100_000 // len(piece)) + "a"
    began = time.process_time()
    utterances(text)
    assert time.process_time() - began < 5


def test_cues_of_hostile_text_take_linear_time() -> None:
    words = {word for pattern in CUES.values() for word in re.findall(r"\w+", pattern.pattern)}
    pieces = [
        f"{opening}{word}{closing}" for word in words for opening in ("", "@", '"') for closing in (" ", ", @", ")")
    ]
    began = time.process_time()
    for piece in pieces:
        cues(200 * piece + "-")
    assert time.process_time() - began < 60


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("@ann so, please add it", False), ("so @bob, @ann: then add it", True), ("and @bob @soon", False)],
)
def test_who_is_addressed_may_stand_before_an_imperative(text: str, is_one: bool) -> None:
    assert ("imperative" in cues(text)) == is_one


@pytest.mark.parametrize(
    ("line", "is_code"),
    [
        ("f(x)", True),
        ("f(x", False),
        ("g) f(x", False),
        ("a(b (c) d", True),
        ("1 < 2 <b> c", True),
        ("a > b <c", False),
    ],
)
def test_an_indented_line_with_a_call_or_a_tag_is_code(line: str, is_code: bool) -> None:
    assert bool(code_blocks(f"    {line}")) == is_code


@pytest.mark.parametrize(("lower", "at_least"), [(False, 0.975), (True, 0.915)], ids=["as written", "lower case"])
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
