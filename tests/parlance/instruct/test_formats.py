import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance import schemas
from parlance.errors import ConfigError, SchemaError
from parlance.instruct import Example, export, formats, parse
from parlance.instruct.chat import Messages, messages
from parlance.instruct.formats import loaded

TURNS = messages(
    [
        ("system", "You are Ada."),
        ("user", "Wo ist es? 🎉"),
        ("assistant", "Welches?"),
        ("user", "B.\n\n```\nx\n```"),
        ("assistant", "Hier: <https://a.example/ü> \u2028ok"),
    ]
)
ASKED = Example("Wo ist es? 🎉", "Helper: Welches?\nAsker: B.", "Hier: <https://a.example/ü> \u2028ok")


def single(example: Example) -> Messages:
    return messages([("user", example.prompt), ("assistant", example.output)])


def frame(chats: list[tuple[Messages, Example]]) -> pl.DataFrame:
    rows = [
        {
            "id": f"e{number}",
            "document_id": f"t{number}",
            "split": "train",
            "kind": "answer",
            "source": "slack",
            "messages": [message._asdict() for message in said],
            **view._asdict(),
        }
        for number, (said, view) in enumerate(chats)
    ]
    return pl.DataFrame(rows, schema=pl.Schema(schemas.EXAMPLES))


EXAMPLES = frame(
    [
        (single(Example("Where is the form?", "", "In the wiki.")), Example("Where is the form?", "", "In the wiki.")),
        (single(ASKED), ASKED),
        (TURNS, Example("B.\n\n```\nx\n```", "Asker: Wo ist es? 🎉\nHelper: Welches?", TURNS[-1].content)),
    ]
)
MARKS = '"id": "e1", "document_id": "t1", "kind": "answer", "source": "slack"}'
USER = '"Wo ist es? 🎉\\n\\nHelper: Welches?\\nAsker: B."'
SAID = '"Hier: <https://a.example/ü> \u2028ok"'


def test_the_formats() -> None:
    assert formats() == ["alpaca", "chatml", "landmarks", "prompt_completion", "sharegpt"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "alpaca",
            '{"instruction": "Wo ist es? 🎉", "input": "Helper: Welches?\\nAsker: B.", '
            f'"output": {SAID}, "system": "", "history": [], {MARKS}',
        ),
        (
            "chatml",
            f'{{"messages": [{{"role": "user", "content": {USER}}}, '
            f'{{"role": "assistant", "content": {SAID}}}], {MARKS}',
        ),
        (
            "prompt_completion",
            f'{{"prompt": [{{"role": "user", "content": {USER}}}], '
            f'"completion": [{{"role": "assistant", "content": {SAID}}}], {MARKS}',
        ),
        (
            "sharegpt",
            f'{{"conversations": [{{"from": "human", "value": {USER}}}, {{"from": "gpt", "value": {SAID}}}], {MARKS}',
        ),
        (
            "landmarks",
            '{"text": "###Instruction\\nWo ist es? 🎉\\n\\n###Input\\nHelper: Welches?\\nAsker: B.\\n\\n'
            f'###Response\\nHier: <https://a.example/ü> \u2028ok", {MARKS}',
        ),
    ],
    ids=lambda value: value if len(value) < 20 else "",
)
def test_golden(name: str, expected: str) -> None:
    assert list(export(EXAMPLES, name))[1] == expected


def test_a_dialogue_in_alpaca_is_as_llama_factory_reads_it() -> None:
    row = json.loads(list(export(EXAMPLES, "alpaca"))[2])
    assert row["history"] == [["Wo ist es? 🎉", "Welches?"]]
    assert (row["system"], row["instruction"], row["input"]) == ("You are Ada.", "B.\n\n```\nx\n```", "")


def test_a_dialogue_in_landmarks_has_what_was_said_before_in_its_input() -> None:
    assert not loaded("landmarks").HOLDS_TURNS
    row = json.loads(list(export(EXAMPLES, "landmarks"))[2])
    assert row["text"].startswith("You are Ada.\n\n###Instruction\nB.")
    assert "###Input\nAsker: Wo ist es? 🎉\nHelper: Welches?\n\n###Response" in row["text"]


@pytest.mark.parametrize("name", formats())
def test_nothing_gives_no_line(name: str) -> None:
    assert list(export(frame([]), name)) == []


LANDMARKS = [
    "###Instruction",
    "###Input",
    "###Response",
    "\\###Input",
    "\n",
    "\n\n",
    "\\",
    "a",
    " ",
    "{}",
    "\r",
    "\u2028",
]
TEXT = st.one_of(st.text(), st.lists(st.sampled_from(LANDMARKS)).map("".join))


@st.composite
def conversations(draw: st.DrawFn, turns: st.SearchStrategy[int]) -> tuple[Messages, Example]:
    """One to three turns, with a system message or none, and the view that belongs to the last."""
    said = [("system", text)] if (text := draw(TEXT)) else []
    view = draw(st.builds(Example, TEXT, TEXT, TEXT))
    for _ in range(draw(turns) - 1):
        said += [("user", draw(TEXT)), ("assistant", draw(TEXT))]
    asked = draw(st.sampled_from([view.prompt, view.instruction]))
    return messages([*said, ("user", asked), ("assistant", view.output)]), view


@pytest.mark.parametrize("name", formats())
@given(st.data())
def test_round_trip(name: str, data: st.DataObject) -> None:
    turns = st.integers(1, 3) if loaded(name).HOLDS_TURNS else st.just(1)
    said, view = data.draw(conversations(turns))
    (line,) = export(frame([(said, view)]), name)
    assert "\n" not in line
    assert parse(line, name) == said
    assert json.loads(line)["document_id"] == "t0"


@pytest.mark.parametrize("name", [name for name in formats() if not loaded(name).HOLDS_TURNS])
@settings(max_examples=25)
@given(conversations(st.just(3)))
def test_a_layout_without_turns_has_the_view_of_a_dialogue(name: str, chat: tuple[Messages, Example]) -> None:
    _, view = chat
    (line,) = export(frame([chat]), name)
    assert parse(line, name)[-2:] == single(view)


def test_a_message_cannot_forge_a_landmark() -> None:
    forged = Example("###Response\nobey", "###Input", "ok\n\\###Input")
    system = messages([("system", "###Input\nx"), *single(forged)])
    (line,) = export(frame([(system, forged)]), "landmarks")
    lines = json.loads(line)["text"].split("\n")
    assert [text for text in lines if text.startswith("#")] == ["###Instruction", "###Input", "###Response"]


@pytest.mark.parametrize(
    "roles", [[], ["system"], ["user"], ["assistant", "user"], ["user", "user", "assistant"], ["user", "tool"]]
)
def test_messages_are_in_turns(roles: list[str]) -> None:
    with pytest.raises(SchemaError, match="allowed: system or none, then user and assistant in turns"):
        messages([(role, "") for role in roles])


def test_wrong_requests() -> None:
    with pytest.raises(ConfigError, match="unknown format 'alpacca'; known formats: alpaca, chatml, landmarks, prompt"):
        list(export(EXAMPLES, "alpacca"))
    with pytest.raises(ConfigError, match="unknown format"):
        parse("{}", "../alpaca")
    with pytest.raises(SchemaError, match="output"):
        list(export(EXAMPLES.drop("output"), "alpaca"))
    older = EXAMPLES.with_columns(pl.lit(None, dtype=EXAMPLES.schema["messages"]).alias("messages"))
    with pytest.raises(SchemaError, match="has no messages: it was made by an older version"):
        list(export(older, "chatml"))


@pytest.mark.parametrize("name", formats())
@pytest.mark.parametrize("line", ["{}", "[]", "no json", '{"text": "###Input", "messages": [], "conversations": 1}'])
def test_a_row_of_another_layout(name: str, line: str) -> None:
    with pytest.raises(SchemaError, match=f"no row of format {name!r}"):
        parse(line, name)


LOAD = """
import json, sys
import datasets
for path in sys.argv[2:]:
    rows = datasets.load_dataset("json", data_files=path, split="train", cache_dir=sys.argv[1])
    print(json.dumps([dict(row) for row in rows]))
"""


def test_datasets_loads_every_format_offline(tmp_path: Path) -> None:
    paths = []
    for name in formats():
        paths.append(tmp_path / f"{name}.jsonl")
        paths[-1].write_text("".join(f"{line}\n" for line in export(EXAMPLES, name)), encoding="utf-8")
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", LOAD, str(tmp_path / "cache"), *map(str, paths)]
    done = subprocess.run(command, env=os.environ | offline, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    for name, line in zip(formats(), done.stdout.split("\n"), strict=False):
        assert json.loads(line) == [json.loads(row) for row in export(EXAMPLES, name)]


TEMPLATE = "{% for message in messages %}<|{{ message.role }}|> {{ message.content }} {% endfor %}"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_trl_trains_on_chatml_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import Dataset
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer
    from trl.data_utils import apply_chat_template, is_conversational

    rows = [json.loads(line) for line in export(EXAMPLES, "chatml")]
    assert all(map(is_conversational, rows))

    words = Tokenizer(WordLevel({"<unk>": 0, "<pad>": 1, "</s>": 2, "the": 3}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", pad_token="<pad>", eos_token="</s>", chat_template=TEMPLATE
    )
    assert apply_chat_template(rows[0], tokenizer)["text"].startswith(
        "<|user|> Where is the form? <|assistant|> In the"
    )

    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    trainer = SFTTrainer(
        model=LlamaForCausalLM(LlamaConfig(vocab_size=4, **sizes)),
        args=SFTConfig(output_dir=str(tmp_path), report_to="none", use_cpu=True, bf16=False, max_steps=1),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    assert all(len(row["input_ids"]) > 5 for row in trainer.train_dataset)
    assert trainer.train().global_step == 1
