import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parlance import schemas
from parlance.errors import ConfigError, SchemaError
from parlance.speech_acts import LABELS, annotate, train
from parlance.speech_acts.classifier import Classifier
from parlance.speech_acts.features import form_line, function_line
from parlance.speech_acts.forms import certain_form
from parlance.stages.speech_act_model import labelled_rows

ROOT = Path(__file__).parents[3]
LABELLED = ROOT / "sample/speech_acts/labelled"
SEED = ROOT / "../shared/data/speech_acts/synthetic_seed.jsonl"

ACTS = {
    "expressive": ["Thanks a lot!", "Thank you so much", "Sorry about that", "Good morning", "Congrats, well done"],
    "commissive": ["I'll send it tonight", "I promise to call", "We will fix it", "I'll do it", "I will look at it"],
    "directive": [
        "Please send the file",
        "Open the window please",
        "Send it now",
        "Please call me",
        "Restart it please",
    ],
    "declaration": ["I hereby resign", "The meeting is hereby closed", "You are hereby appointed", "Approved, hereby"],
    "verdictive": ["That is a great idea", "This is terrible work", "The food was awful", "A great result overall"],
    "question": ["Where is the file?", "Is it done?", "Who has the key?", "How do I log in?", "When does it start?"],
    "representative": ["The server runs on port 80", "It rained all day", "The form is on the wiki", "He left at six"],
    "none": ["https://a.example", "`ls -l`", ":tada:", "hmm", "uh, the"],
}


LABELLED_COLUMNS = pl.Schema(schemas.LABELLED)


def labelled_row(
    name: str, text: str, form: str | None, function: str | None, *, position: int = 0
) -> dict[str, object]:
    row = {"id": f"{name}.{position}", "conversation": name, "position": position, "author": "ab"[position % 2]}
    return row | {"text": text, "form": form, "function": function, "lang": "en", "medium": "chat"}


def after_what_was_said() -> pl.DataFrame:
    """Conversations in which the same word has another function by what stands before it."""
    rows = [
        row
        for number in range(20)
        for previous, act in [("Can you?", "commissive"), ("I did.", "none")]
        for row in (
            labelled_row(f"{number}{act}", previous, None, None),
            labelled_row(f"{number}{act}", "sure", "representative", act, position=1),
        )
    ]
    return pl.DataFrame(rows, schema=LABELLED_COLUMNS)


@pytest.fixture(scope="module")
def labelled() -> pl.DataFrame:
    rows = [
        labelled_row(f"{act}-{copy}-{number}", text, act, act)
        for act, texts in ACTS.items()
        for number, text in enumerate(texts)
        for copy in range(3)
    ]
    return pl.DataFrame(rows, schema=LABELLED_COLUMNS)


@pytest.fixture(scope="module")
def model(labelled: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("models") / "deeper" / "model")
    train(labelled, path, level="light", held_out=0.2)
    return path


def test_annotate_gives_each_utterance_of_each_text(model: str) -> None:
    texts = pl.Series(["Where is the file? Please send it", "", None, "https://a.example/?b", "Thanks a lot! 🎉"])
    table = annotate(texts, model=model)
    assert dict(table.schema) == {
        "row": pl.UInt32,
        "start": pl.Int32,
        "end": pl.Int32,
        "form": pl.String,
        "form_score": pl.Float32,
        "function": pl.String,
        "function_score": pl.Float32,
        "function_alone": pl.String,
        "abstained": pl.Boolean,
    }
    assert table.select("row", "start", "end", "form", "function").rows() == [
        (0, 0, 18, "question", "question"),
        (0, 19, 33, "directive", "directive"),
        (3, 0, 20, "none", "none"),
        (4, 0, 15, "expressive", "expressive"),
    ]
    assert table.filter(row=3)["form_score"].to_list() == [1.0]


def test_no_text_gives_the_same_columns(model: str) -> None:
    table = annotate(pl.Series([], dtype=pl.String), model=model)
    assert table.height == 0
    assert table.schema == annotate(pl.Series(["ok"]), model=model).schema


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(st.text(), st.sampled_from(["__label__question a\n__label__none", "</s>", "\x00", "ﷺ" * 500])),
        max_size=5,
    )
)
def test_any_text_is_labelled_alike_alone_and_together(model: str, texts: list[str]) -> None:
    together = annotate(pl.Series(texts, dtype=pl.String), model=model)
    alone = [
        annotate(pl.Series([text]), model=model).with_columns(row=pl.lit(row, pl.UInt32))
        for row, text in enumerate(texts)
    ]
    assert together.equals(pl.concat([together.clear(), *alone]))
    assert set(together["form"]) | set(together["function"]) <= set(LABELS)
    assert together.select(pl.col("form_score", "function_score").is_between(0, 1).all()).row(0) == (True, True)


def test_previous_is_the_text_before_and_then_the_utterance_before(tmp_path: Path) -> None:
    path = str(tmp_path / "model")
    train(after_what_was_said(), path, level="light")
    texts, previous = pl.Series(["sure", "sure", "ok? sure"]), pl.Series(["Will you come?", "It is late.", None])
    table = annotate(texts, previous, model=path)
    assert table["function"].to_list()[:2] == ["commissive", "none"]
    assert table["function"].to_list()[3] == "commissive"


def test_training_again_gives_the_same_bytes_whatever_the_order(labelled: pl.DataFrame, tmp_path: Path) -> None:
    first = train(labelled, str(tmp_path / "first"), epochs=5, level="light")
    dirt = [bytearray(b"\xff" * size) for size in (10**5, 10**6, 3 * 10**6)]
    del dirt  # dirty memory for the second training to find
    second = train(labelled.reverse(), str(tmp_path / "second"), epochs=5, level="light")
    assert first.labels.equals(second.labels)
    assert {path.name for path in (tmp_path / "first").iterdir()} == {"form.bin", "function.bin", "meta.json"}
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes(), path.name


def test_report_counts_every_held_out_row(labelled: pl.DataFrame, tmp_path: Path) -> None:
    report = train(labelled, str(tmp_path / "model"), epochs=5, level="light")
    assert 0 < report.held_out < report.rows == labelled.height
    for target in ("form", "function"):
        assert report.labels.filter(target=target)["label"].to_list() == list(LABELS)
        assert report.labels.filter(target=target)["support"].sum() == report.held_out
        assert report.confusion.filter(target=target)["count"].sum() == report.held_out
        assert 0 <= report.accuracy[target] <= 1
    meta = json.loads((tmp_path / "model/meta.json").read_text())
    assert meta["held_out"] == report.figures()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param(lambda rows: rows.drop("lang"), SchemaError, "lang", id="column missing"),
        pytest.param(lambda rows: rows.with_columns(form=pl.lit("quetsion")), ConfigError, "quetsion", id="label"),
        pytest.param(lambda rows: rows.clear(), ConfigError, "0 labelled rows", id="empty"),
        pytest.param(lambda rows: rows.head(1), ConfigError, "label more", id="one row"),
    ],
)
def test_wrong_labelled_rows(labelled: pl.DataFrame, tmp_path: Path, change, error, message) -> None:
    with pytest.raises(error, match=message):
        train(change(labelled), str(tmp_path / "model"), level="light")
    assert not (tmp_path / "model").exists()


def test_the_full_level_has_a_network_and_each_level_its_own_scores(labelled: pl.DataFrame, tmp_path: Path) -> None:
    report = train(labelled, str(tmp_path), epochs=2)
    assert (tmp_path / "network.safetensors").is_file()
    assert report.held_out
    texts = pl.Series(["Where is the file?", "Thanks a lot!"])
    full, light = (annotate(texts, model=str(tmp_path), level=level) for level in ("full", "light"))
    assert full.select("row", "start", "end").equals(light.select("row", "start", "end"))
    assert not full["function_score"].equals(light["function_score"])
    train(labelled, str(tmp_path), epochs=2, level="light")
    assert not (tmp_path / "network.safetensors").exists()


def test_an_unknown_level_is_refused(labelled: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'heavy'; known: light, full"):
        train(labelled, str(tmp_path / "model"), level="heavy")


def test_turns_of_a_conversation_are_read_together(tmp_path: Path) -> None:
    train(after_what_was_said(), str(tmp_path), level="light")
    turns = pl.Series(["Will you come?", "sure", "It is late.", "sure"])
    found = Classifier(str(tmp_path)).annotate(turns, conversations=pl.Series(["a", "a", "b", "b"]))
    assert found["function"].to_list()[1::2] == ["commissive", "none"]
    assert found["function_alone"][1] == found["function_alone"][3]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_held_out_is_a_share(labelled: pl.DataFrame, tmp_path: Path, share: float) -> None:
    with pytest.raises(ConfigError, match="held_out"):
        train(labelled, str(tmp_path / "model"), held_out=share)


def test_wrong_models_and_lengths(model: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no speech-act model"):
        annotate(pl.Series(["a"]), model=str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="1 previous texts for 2 texts"):
        annotate(pl.Series(["a", "b"]), pl.Series(["c"]), model=model)
    for name in ("form.bin", "function.bin", "meta.json"):
        (tmp_path / name).write_bytes(Path(model, name).read_bytes())
    (tmp_path / "form.bin").write_bytes(b"not a model")
    with pytest.raises(ConfigError, match="no fastText model"):
        annotate(pl.Series(["a"]), model=str(tmp_path))
    (tmp_path / "meta.json").write_text('{"features": 0}')
    with pytest.raises(ConfigError, match="train it again"):
        annotate(pl.Series(["a"]), model=str(tmp_path))


@pytest.mark.parametrize(
    "text",
    ["", " ", "🎉🎉", ":tada:", "`ls -l`", "```\nx\n```", "<@U1> https://a.example", "12:30", "...", "a@b.example"],
)
def test_what_has_no_word_is_none(text: str) -> None:
    assert certain_form(text) == "none"


@pytest.mark.parametrize("text", ["ok", "ok :tada:", "see `x`", "か", "é"])
def test_what_has_a_word_may_be_anything(text: str) -> None:
    assert certain_form(text) != "none"


@pytest.mark.parametrize(
    "text", ["Where is it?", "so when do we go ?!", "(Is it done?)", "¿Dónde está?", "wann ist es？ :eyes:"]
)
def test_an_opening_and_a_mark_make_a_question(text: str) -> None:
    assert certain_form(text) == "question"


@pytest.mark.parametrize("text", ["Where it is.", "Sure?", "Is https://a.example/?q", "We know why? No.", ""])
def test_one_sign_alone_is_no_certain_question(text: str) -> None:
    assert certain_form(text) != "question"


@settings(deadline=None)
@given(st.text(), st.one_of(st.none(), st.text()))
def test_a_line_is_never_empty_and_one_line_and_holds_no_label(text: str, previous: str | None) -> None:
    line = function_line(form_line(text), previous)
    assert line.strip()
    assert "\n" not in line
    assert not any(token.startswith("__label__") for token in line.split())


def test_quality_on_the_sample(tmp_path: Path) -> None:
    """Floors stay below what was measured of the light classifier: macro-F1 .76 by form and .67 by function."""
    report = train(labelled_rows(str(LABELLED)), str(tmp_path / "model"), level="light")
    assert report.accuracy["form"] >= 0.74
    assert report.macro_f1["form"] >= 0.70
    assert report.accuracy["function"] >= 0.62
    assert report.macro_f1["function"] >= 0.61
    assert sum(path.stat().st_size for path in (tmp_path / "model").iterdir()) < 10_000_000
    if not SEED.exists():
        pytest.skip(f"{SEED} is not on this machine: the outside check did not run")
    rows = [json.loads(line) for line in SEED.read_text(encoding="utf-8").splitlines()]
    texts = [row["text"] for row in rows]
    alone = pl.DataFrame({"conversation": range(len(texts)), "author": ["a"] * len(texts), "text": texts})
    said = Classifier(str(tmp_path / "model")).acts(alone)["function"]
    assert sum(label == row["label"] for label, row in zip(said, rows, strict=True)) / len(rows) >= 0.45
