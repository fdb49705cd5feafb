"""Every labelling function, by the contracts that hold for all of them."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import ConfigError, SchemaError
from parlance.schemas import LABELLED
from parlance.speech_acts import LABELS
from parlance.speech_acts.labelling import ABSTAINS, describe, fired, functions, in_conversations, votes
from parlance.speech_acts.labelling.evidence import CONTEXT
from parlance.speech_acts.labelling.registry import LabellingFunction, Target, labels
from parlance.speech_acts.labels import SpeechAct

SAMPLE = Path(__file__).parents[4] / "sample/speech_acts/labelled/mixed.jsonl"
PIECES = [
    *("Thanks", "could you", "send it", "?", "!", ".", " ", "\n", "I'll", "`a`", "🎉", "é", "\u0301", "ok", "hereby"),
    *("you're fired", "\ud83d", "\x00", "¿", "@bob", "https://a.example", "that's great", "yeah", "the"),
]
TEXTS = st.one_of(st.text(max_size=20), st.lists(st.sampled_from(PIECES), max_size=8).map("".join)).map(
    lambda text: text.encode("utf-8", "replace").decode()
)
ROWS = st.lists(
    st.tuples(TEXTS, st.none() | TEXTS, st.none() | st.booleans(), st.integers(0, 9), st.booleans()), max_size=5
)


def frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame([(*row, "chat") for row in rows], schema=CONTEXT, orient="row")


def test_there_are_functions_for_every_form_and_every_function() -> None:
    described = describe()
    assert described.height >= 40
    assert described["name"].is_sorted()
    assert {*described["form"].drop_nulls()} == {*described["function"].drop_nulls()} == {*LABELS}
    assert described.filter(pl.col("summary") == "").is_empty()


@pytest.mark.parametrize("one", functions(), ids=lambda one: one.name)
def test_a_function_shows_by_example_where_it_votes(one: LabellingFunction) -> None:
    said = one.condition.__doc__ or ""
    assert f">>> {one.name}(" in said
    assert "True" in said


def test_no_function_votes_on_everything() -> None:
    rows = in_conversations(pl.read_ndjson(SAMPLE))
    assert max(fired(rows).mean().row(0)) < 0.25


@settings(deadline=None, max_examples=12)
@given(ROWS)
def test_votes_do_not_depend_on_the_other_rows(rows: list[tuple[object, ...]]) -> None:
    together = fired(frame(rows))
    assert together.equals(pl.concat([together.clear(), *(fired(frame([row])) for row in rows)]))
    assert together.width == len(functions())
    assert sum(together.null_count().row(0)) == 0


@pytest.mark.parametrize("target", ["form", "function"])
def test_votes_are_acts_or_abstentions(target: Target) -> None:
    rows = [
        ("Could you send it?", None, None, 0, False),
        ("Sure!", "Could you send it?", True, 1, False),
        ("x", None, None, 0, False),
    ]
    found = votes(frame(rows), target=target)
    acts = {one.name: one.act(target) for one in functions()}
    assert found.columns == [name for name, act in acts.items() if act is not None]
    assert {*found.dtypes} == {pl.Int8}
    for name in found.columns:
        assert {*found[name]} <= {ABSTAINS, LABELS.index(acts[name])}
    request = {"form": "question", "function": "directive"}[target]
    assert found["polite_request"].to_list() == [LABELS.index(request), ABSTAINS, ABSTAINS]
    assert ("acceptance" in found.columns) == (target == "function")


def test_what_went_before_counts() -> None:
    rows = [
        ("Yes.", "Did it work?", True, 1, False),
        ("Yes.", "Could you send it?", True, 1, False),
        ("Yeah.", "So I went there", True, 1, False),
        ("Yes.", "Did it work?", False, 1, False),
    ]
    found = fired(frame(rows))
    assert found["yes_or_no"].to_list() == [True, False, False, False]
    assert found["acceptance"].to_list() == [False, True, False, False]
    assert found["backchannel"].to_list() == [False, False, True, False]


def test_missing_context_is_refused() -> None:
    with pytest.raises(SchemaError, match="utterances lack the columns \\['medium'\\]"):
        fired(frame([]).drop("medium"))
    with pytest.raises(SchemaError, match="labelled utterances lack the columns \\['conversation'\\]"):
        in_conversations(pl.DataFrame(schema=[name for name in LABELLED.names if name != "conversation"]))


def test_a_function_that_votes_for_nothing_or_takes_a_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="both are None"):
        labels()

    def thanks() -> pl.Expr:
        return pl.lit(True)

    functions()
    with pytest.raises(ConfigError, match="'thanks' stands in both"):
        labels(form=SpeechAct.NONE)(thanks)


def test_in_conversations_takes_the_order_from_positions() -> None:
    rows = [
        ("c", "k", 5, "ann", "Done.", None, None, "en", "chat"),
        ("a", "k", 1, "ann", "Could you?", None, None, "en", "chat"),
        ("x", "l", 0, None, "Hi", None, None, "en", "chat"),
        ("b", "k", 3, "bob", "Sure", None, None, "en", "chat"),
        ("y", "l", 1, None, "Hello", None, None, "en", "chat"),
    ]
    found = in_conversations(pl.DataFrame(rows, schema=LABELLED.names, orient="row"))
    assert found.select("id", "previous", "speaker_changed", "position").rows() == [
        ("a", None, None, 0),
        ("b", "Could you?", True, 1),
        ("c", "Sure", True, 2),
        ("x", None, None, 0),
        ("y", "Hi", True, 1),
    ]
