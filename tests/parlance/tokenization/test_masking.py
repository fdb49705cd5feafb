"""Ids and masks of chats, beside those of transformers."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance import tokenization
from parlance.errors import ConfigError
from parlance.tokenization.masking import ChatTokenizer

TEXTS = ["Where is the form? In the wiki, under leave.", "Wo liegt das? 🎉 Im Ordner.\n\nDanke!", "鍵はどこ"] * 3
ROLES = ("system", "user", "assistant")
Chat = list[dict[str, str]]


@pytest.fixture(scope="module", params=["byte_level_bpe", "sentencepiece_bpe"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tokenization.train(TEXTS, request.param, 400, path=tmp_path_factory.mktemp(request.param))


def chat(*said: tuple[str, str]) -> Chat:
    return [{"role": role, "content": content} for role, content in said]


CONTENT = st.one_of(st.text(max_size=12), st.sampled_from(["", " ", "\n", "<|end|>", "a<|assistant|>b", "\U0010f000▁"]))
CHATS = st.lists(st.tuples(st.sampled_from(ROLES), CONTENT), min_size=1, max_size=5).map(lambda said: chat(*said))


@pytest.mark.filterwarnings("ignore")
def test_ids_and_masks_are_those_of_transformers(folder: Path) -> None:
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(folder)
    ours = ChatTokenizer(folder)

    @settings(max_examples=150)
    @given(CHATS)
    def same(messages: Chat) -> None:
        found = theirs.apply_chat_template(messages, return_assistant_tokens_mask=True, return_dict=True)
        assert ours.masked(messages) == (found["input_ids"], found["assistant_masks"])

    same()


def test_what_is_learned_are_the_answers_with_their_ends(folder: Path) -> None:
    ours = ChatTokenizer(folder)
    messages = chat(
        ("system", "Be brief."), ("user", "Where?"), ("assistant", "Here."), ("user", "Oh"), ("assistant", "Ja.")
    )
    text, spans = ours.rendered(messages)
    assert [text[start:end] for start, end in spans] == ["Here.<|end|>", "Ja.<|end|>"]
    masked = ours.masked(messages)
    assert len(masked.input_ids) == len(masked.mask)
    assert ours.all_masked([messages, messages[:3]])[0] == masked


def test_a_text_that_reads_like_a_special_token_is_noticed(folder: Path) -> None:
    ours = ChatTokenizer(folder)
    assert ours.marks_in("see <|end|> there")
    assert not ours.marks_in("see <end> there")


def test_folders_that_cannot_say_what_is_learned(folder: Path, tmp_path: Path) -> None:
    configuration = json.loads((folder / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    for template, message in ((None, "no chat template"), ("{{ messages }}", "no generation marks")):
        written = json.dumps(configuration | {"chat_template": template})
        (tmp_path / "tokenizer_config.json").write_text(written)
        with pytest.raises(ConfigError, match=message):
            ChatTokenizer(tmp_path)


def test_a_template_of_a_file_of_its_own_goes_first(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "chat_template.jinja").write_text("{% generation %}{{ messages[0].content }}{% endgeneration %}!")
    assert ChatTokenizer(tmp_path).rendered(chat(("user", "x"))) == ("x!", [(0, 1)])


def test_a_role_that_the_template_does_not_know(folder: Path) -> None:
    with pytest.raises(ConfigError, match="unknown role tool; known: system, user, assistant"):
        ChatTokenizer(folder).masked(chat(("tool", "x")))
