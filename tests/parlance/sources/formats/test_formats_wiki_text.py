"""Markup to text: what is kept, what is left out, and what hostile markup does."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parlance.sources.formats.wiki_text import DEPTH, NAMESPACES, plain


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("a [[b]] c", "a b c"),
        ("[[b|c]] [[:Category:d|e]] [[:Category:f]]", "c e Category:f"),
        ("[[a|b|c]]", "b|c"),
        ("x[[File:a.png|thumb|350px|A [[b|c]] and [http://d e]]]y", "xy"),
        ("x [[Image:a.png|thumb|two\n\nparagraphs]] y", "x y"),
        ("[[Category:A]]\n[[Category:B]]\nc", "c"),
        ("a\n[[de:B]]\n[[zh-min-nan:C]]", "a"),
        ("[[Star Trek: Picard]]", "Star Trek: Picard"),
        ("a{{b|c={{d}}|e}}f", "af"),
        ("{{lang|fr|bon [[mot]]}} {{lang-de|Wort}} {{nowrap|a b}}", "bon mot Wort a b"),
        ("{{convert|10|km|mi}} {{convert|1|to|2|km}} 1{{ndash}}2", "10 km 1 to 2 km 1–2"),
        ("{{quote|text=a|b}}", "b"),
        ("{{nowrap|1=a=b}}", "a=b"),
        ("{{{1|x}}}a{{#if:x|y}}", "a"),
        ("a{|\nb", "a{|\nb"),
        ("a\n{| class=x\n! h !! i\n|-\n| b || {{c}}\n{|\n| d\n|}\n|}\ne", "a\n\ne"),
        ("a\n{|\n| cell\n! head !! er\nb", "a\n\nb"),
        ("[[a|b [c]]] [[d]]] [[e|[[f]]]]", "b [c] d] f"),
        ("a<ref>b</ref><ref name=c /> d", "a d"),
        ("a<ref>b\n\n== C ==\nd<ref>e</ref>", "ab\n\n## C\nd"),
        ("a<references><ref>b</ref></references>c", "ac"),
        ("a<!-- [[b]] -->c<!-- d", "ac d"),
        ("<nowiki>[[a]] ''b''</nowiki>", "[[a]] ''b''"),
        ("<math>\\frac{{a}}{b}</math>", "\\frac{ {a}}{b}"),
        ("<syntaxhighlight lang=c>\nif (a[0]) {\n  * b;\n}\n</syntaxhighlight>", "if (a[0]) {\n  * b;\n}"),
        ("a<br/>b<span style='x'>c</span> <stdio.h>", "a\nbc <stdio.h>"),
        ("<gallery>\na.png|b\n</gallery>c", "c"),
        ("<table><tr><td>a</td></tr></table>b", "b"),
        ("'''a''' ''b'' '''''c'''''", "a b c"),
        ("L'''amour'' '''a'''", "L'amour a"),
        ("* a\n** b\n# c\n: d\n; e", "- a\n  - b\n- c\nd\ne"),
        ("== A ==\n=== B ===\nc\n== D ==\n== E ==", "## A\n\n### B\nc"),
        ("a\n== b ==\n----\nc", "a\n\n## b\nc"),
        ("A (, {{ipa|x}}; b) and ({{c}}) d", "A (b) and d"),
        ("a&nbsp;b &amp; &lt;c&gt; &#91;", "a b & <c> ["),
        ("__NOTOC__a __init__ __БЕЗСЪДЪРЖАНИЕ__", "a __init__"),
        ("[http://a b c] [http://d] http://e [1]", "b c http://e [1]"),
        ("a\r\n\r\n\r\nb", "a\n\nb"),
        ("unclosed [[a\n\nb {{c ]] d }} e", "unclosed a\n\nb e"),
    ],
)
def test_markup_and_its_text(markup: str, text: str) -> None:
    assert plain(markup) == text


def test_names_of_namespaces_are_those_of_the_wiki() -> None:
    markup = "[[Datei:a.png|mini|b]][[Kategorie:C]]d"
    assert plain(markup, hidden=NAMESPACES | {"datei", "kategorie"}) == "d"
    assert plain(markup) != "d"


MARKS = ["[[", "]]", "[", "]", "{{", "}}", "{", "}", "|", "\n", "\n\n", "{|", "|}", "<ref>", "</ref>", "<b>", "<!--"]
MARKS += ["-->", "''", "=", "==", "*", "a", " ", "File:", "http://", "(", ")", "&lt;", "&#91;", "<table>", "</table>"]
marks = st.sampled_from(MARKS)


@example(pieces=["[", "''", "["])
@given(pieces=st.lists(marks, max_size=60))
def test_no_brackets_are_left_of_any_markup(pieces: list[str]) -> None:
    text = plain("".join(pieces))
    assert not any(mark in text for mark in ("[[", "]]", "{{", "}}"))
    assert text == text.strip()


@given(text=st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_words_are_kept(text: str) -> None:
    assert plain(text) == text
    assert plain(f"[[x|{text}]]{{{{y|{text}}}}}") == text


HOSTILE = ["{{", "[[", "{{{", "<b>", "<ref>", "''a", "\n{|\n|", "\n==a", "[http://a ", "<!--", "&amp", "{{a|b=", "\n*"]
HOSTILE += ["[[File:a|thumb|", '<div a="', "{{[[", "<nowiki>", "( ,", "<ref>\n==a==</ref>", "x''' ''", "}}", "[[\n\n"]
HOSTILE += ["<ref>a\n==\n", "|", "{{lang|x|", "<table>", "{{a|[[b|<i>''", "__A", "=", " ", "(", "\t\n"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_markup_is_read_in_one_pass(piece: str) -> None:
    """A parser that goes back would take hours here."""
    size = 200_000 // len(piece)
    assert len(plain(piece * size)) <= 200_000


@pytest.mark.parametrize(("start", "end"), [("[[a|", "]]"), ("{{lang|en|", "}}"), ("\n{|", "\n|}"), ("{{", "]]")])
def test_nesting_is_bounded(start: str, end: str) -> None:
    assert isinstance(plain(start * 50_000 + "x" + end * 50_000), str)


def test_both_sides_of_the_bound_of_nesting() -> None:
    assert plain("[[a|" * DEPTH + "x" + "]]" * DEPTH) == "x"
    assert "x" in plain("[[a|" * (DEPTH + 1) + "x" + "]]" * (DEPTH + 1))
