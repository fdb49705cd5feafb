"""The trained folder as `transformers` sees it, without a network."""

from pathlib import Path
from typing import Any

import pytest

from parlance import tokenization

LOSSLESS = ["byte_level_bpe", "sentencepiece_bpe", "unigram"]
CONVERSATION = [
    {"role": "system", "content": "Be  brief.\n"},
    {"role": "user", "content": " Où est la clé ▁?"},
    {"role": "assistant", "content": " 👩 Here \n "},
    {"role": "user", "content": "thanks"},
    {"role": "assistant", "content": ""},
]
RENDERED = (
    "<|begin|><|system|>Be  brief.\n<|end|><|user|> Où est la clé ▁?<|end|>"
    "<|assistant|> 👩 Here \n <|end|><|user|>thanks<|end|><|assistant|><|end|>"
)


@pytest.fixture(scope="module", params=LOSSLESS)
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    folder: Path = tmp_path_factory.mktemp(request.param)
    tokenization.train(["Here is the key. Thanks!"] * 4, request.param, 400, path=folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        return AutoTokenizer.from_pretrained(folder)


def test_special_tokens_are_set(tokenizer: Any) -> None:
    assert (tokenizer.pad_token, tokenizer.bos_token, tokenizer.eos_token) == ("<|pad|>", "<|begin|>", "<|end|>")
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, 1, 2)


@pytest.mark.parametrize("text", ["  Here  is ", "日本 👩 \x00", "a ▁ b", "don 't , he 's ."])
def test_transformers_gives_back_every_text(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_template_renders_white_space_as_it_is(tokenizer: Any) -> None:
    assert tokenizer.apply_chat_template(CONVERSATION, tokenize=False) == RENDERED
    prompt = tokenizer.apply_chat_template(CONVERSATION[:2], tokenize=False, add_generation_prompt=True)
    assert RENDERED.startswith(prompt)
    assert prompt.endswith("<|end|><|assistant|>")


def test_mask_marks_what_the_assistant_says(tokenizer: Any) -> None:
    encoded = tokenizer.apply_chat_template(
        CONVERSATION, return_assistant_tokens_mask=True, return_dict=True, tokenize=True
    )
    pairs = list(zip(encoded["input_ids"], encoded["assistant_masks"], strict=True))
    assert tokenizer.decode([token for token, _ in pairs]) == RENDERED
    assert tokenizer.decode([token for token, said in pairs if said]) == " 👩 Here \n <|end|><|end|>"


def test_unknown_roles_are_refused(tokenizer: Any) -> None:
    from jinja2 import TemplateError

    with pytest.raises(TemplateError, match="unknown role tool; known: system, user, assistant"):
        tokenizer.apply_chat_template([{"role": "tool", "content": "x"}], tokenize=False)


def test_wordpiece_loads_with_the_same_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoTokenizer

    tokenization.train(["Here is the key. Thanks!"] * 4, "wordpiece", 400, path=tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.apply_chat_template(CONVERSATION, tokenize=False) == RENDERED
    assert loaded.decode(loaded("Here  is the KEY.")["input_ids"]) == "here is the key ."
    assert loaded.unk_token_id in loaded("👩")["input_ids"]
