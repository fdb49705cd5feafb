import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_pages import page

from parlance.instruct import build, reasons
from parlance.instruct.pages import ASKING_FOR, lines, sections, usable

PROSE = (
    "The gate opens at six in the morning, and whoever comes late has to ring the bell and wait for the guard to come."
)


def made(text: str, *, title: str | None = None, language: str = "en") -> list[tuple[str, str, str]]:
    """Kind, instruction and output of each example of a page."""
    rows = build(*page(text, title=title, language=language))
    return rows.select("kind", "instruction", "output").rows()


def test_questions_of_a_page_with_what_follows_each() -> None:
    text = (
        "Questions\nHow deep may it go?\nFifty metres with the cable.\nNot more.\nIs it heavy?\nNo, it weighs a kilo."
    )
    assert made(text, title="Questions") == [
        ("faq", "How deep may it go?", "Fifty metres with the cable.\nNot more."),
        ("faq", "Is it heavy?", "No, it weighs a kilo."),
    ]


def test_letters_that_mark_question_and_answer_are_left_out() -> None:
    text = "Q: Is it heavy?\nA: No, it weighs a kilo.\nQ2. The price\nA2. Forty euros and a smile."
    assert [row[1:] for row in made(text)] == [
        ("Is it heavy?", "No, it weighs a kilo."),
        ("The price", "Forty euros and a smile."),
    ]


@pytest.mark.parametrize(("language", "template"), [*ASKING_FOR.items(), ("fi", "{}")])
def test_a_heading_asks_for_its_passage_in_the_language_of_the_page(language: str, template: str) -> None:
    found = made(f"Opening hours\n{PROSE}", title="Opening hours", language=language)
    assert found == [("passage", template.format("Opening hours"), PROSE)]


def test_an_inner_heading_is_asked_for_with_the_title() -> None:
    found = made(f"{PROSE}\nIn winter\n{PROSE}\n- one thing more", title="Opening hours")
    assert [row[1:] for row in found] == [
        ("Write a passage with the heading “Opening hours”.", PROSE),
        ("Write a passage with the heading “Opening hours: In winter”.", f"{PROSE}\n- one thing more"),
    ]


def test_a_title_that_asks_is_a_question() -> None:
    assert made(PROSE, title="When does the gate open?") == [("faq", "When does the gate open?", PROSE)]


@pytest.mark.parametrize(
    ("text", "title", "reason"),
    [
        pytest.param(PROSE, None, "no_heading", id="no heading"),
        pytest.param("Hours\nFrom six.", "Hours", "short_passage", id="short passage"),
        pytest.param("Is it?\nIt is.", None, "short_passage", id="short answer"),
        pytest.param(f"{PROSE} " * 60, "Hours", "long_passage", id="long passage"),
        pytest.param("Home\nProducts\nArticles\nSupport\nStatus\nAbout", None, "no_heading", id="menu"),
        pytest.param("Is it so?\nIs it not?", None, "no_heading", id="questions alone"),
        pytest.param("import polars\nfrom math import pi\nx = 1", None, "no_heading", id="code"),
    ],
)
def test_what_gives_nothing_has_a_reason(text: str, title: str | None, reason: str) -> None:
    frames = page(text, title=title)
    assert build(*frames).is_empty()
    assert reasons(*frames).rows() == [("dump:p1", reason)]


def test_rows_say_where_they_are_from() -> None:
    row = build(*page(f"Hours\n{PROSE}\nIs it free?\nIt costs nothing at all.")).row(1, named=True)
    assert (row["kind"], row["source"], row["raw_ids"], row["language"]) == ("faq", "dump", ["dump:p1"], "en")
    assert row["asks"] == [{"form": "question", "function": "question"}]
    assert row["answers"] == ["representative"]
    assert row["messages"] == [
        {"role": "user", "content": "Is it free?"},
        {"role": "assistant", "content": "It costs nothing at all."},
    ]


def test_a_question_that_goes_on_from_another_is_worth_less() -> None:
    rows = build(
        *page(
            "Is it free?\nIt costs nothing at all, to nobody, and has never cost a penny.\n"
            "And for guests?\nGuests pay the same, which is nothing at all, and get a cup of tea."
        )
    )
    assert rows["quality_reasons"].to_list() == [[], ["leans_on_context"]]


def test_the_same_section_twice_is_one_example() -> None:
    text = "Is it free?\nIt costs nothing at all."
    assert len(made(f"{text}\n{text}")) == 1


LINE = st.sampled_from(
    ["Hours", "Is it so?", PROSE, "- a thing", "", "  indented = 1", "Q: Why?", "A: So it is.", "ünï"]
)


@given(st.lists(LINE, max_size=12), st.sampled_from([None, "Hours", "Is it so?"]))
def test_sections_hold_lines_of_the_page_in_order(written: list[str], title: str | None) -> None:
    text = "\n".join(written)
    found = lines(text, [])
    assert [line.text for line in found] == [line.strip() for line in written if line.strip()]
    assert all(text[line.start :].lstrip().startswith(line.text) for line in found)
    places = [line.start for section in sections(found, title) for line in section.lines]
    assert places == sorted(set(places))


@given(st.lists(LINE, max_size=12), st.sampled_from([None, "Hours"]))
def test_a_page_gives_examples_or_a_reason(written: list[str], title: str | None) -> None:
    documents, utterances = page("\n".join(written), title=title)
    rows, nothing = build(documents, utterances), reasons(documents, utterances)
    assert rows.is_empty() == (nothing["id"].to_list() == ["dump:p1"])
    assert rows["id"].is_unique().all()
    assert not rows.filter((pl.col("instruction") == "") | (pl.col("output") == "")).height


def test_words_bound_a_passage() -> None:
    (section,) = sections(lines(PROSE, []), "Hours")
    assert usable(section) is None
    assert usable(section._replace(lines=())) == "short_passage"
