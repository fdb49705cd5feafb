"""Which tokens are learned, and that text cannot pass for a chat's structure."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import ANSWERS, SPECIAL, TEMPLATE, chat, examples, refusing, save_tokenizer

from parlance.errors import ConfigError
from parlance.modelling import chat_texts
from parlance.modelling.chats import (
    IGNORED,
    asked,
    disarmed,
    encode,
    end_of_answer,
    labelled_examples,
    labelled_tokens,
    prompt_tokens,
)
from parlance.modelling.loading import load_tokenizer
from parlance.tokenization.masking import ChatTokenizer

TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)
THINKING = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' }}"
    "{% if loop.last and message['role'] == 'assistant' %}{{ '-' }}{% endif %}{{ message['content'] + eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ '-' }}{% endif %}{% endif %}"
)  # as Qwen3's, with "-" for no thoughts
HOSTILE = st.lists(st.sampled_from([*SPECIAL, "<|", "|>", "end", "<", " ", "a"]), max_size=8).map("".join)


@pytest.mark.parametrize(
    ("question", "answer"), [*ANSWERS.items(), ("潮位は?", "毎時です。🙂"), ("", "ok"), ("ok?", "")]
)
def test_the_answer_and_its_end_token_are_learned_and_nothing_else(tokenizer: Path, question: str, answer: str) -> None:
    loaded = load_tokenizer(str(tokenizer))
    tokens, labels = labelled_tokens(loaded, chat(question, answer))
    learned = [label for label in labels if label != IGNORED]
    assert loaded.decode(learned) == f"{answer}<|end|>"
    assert tokens[-len(learned) :] == learned
    assert loaded.decode(tokens) == f"<|begin|><|user|>{question}<|end|><|assistant|>{answer}<|end|>"


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param(chat("Which receipt?", "Each."), id="one answer"),
        pytest.param(chat("Which receipt?", "For what?", "Tea.", "None."), id="two answers"),
        pytest.param([{"role": "system", "content": "You are Ada."}, *chat("Tea?", "Yes.")], id="a system message"),
    ],
)
def test_the_labels_are_the_assistant_mask_of_the_template(tokenizer: Path, messages: list[dict[str, str]]) -> None:
    loaded = load_tokenizer(str(tokenizer))
    whole = loaded.apply_chat_template(messages, return_assistant_tokens_mask=True, return_dict=True)
    tokens, labels = labelled_tokens(loaded, messages)
    assert tokens == whole["input_ids"]
    assert [int(label != IGNORED) for label in labels] == whole["assistant_masks"]


@given(question=TEXT, answers=st.lists(TEXT, min_size=1, max_size=3))
@settings(deadline=None)
def test_the_labels_are_those_by_which_lengths_are_measured(tokenizer: Path, question: str, answers: list[str]) -> None:
    """Two ways to the same: one takes any template and tokenizer, the other loads neither transformers nor torch."""
    messages = chat(*(part for answer in answers for part in (question, answer)))
    masked = ChatTokenizer(tokenizer).masked(messages)
    tokens, labels = labelled_tokens(load_tokenizer(str(tokenizer)), messages)
    assert tokens == masked.input_ids
    assert [int(label != IGNORED) for label in labels] == masked.mask


def test_what_a_template_writes_after_the_end_token_is_not_learned(tokenizer: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    loaded.chat_template = (
        "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + eos_token + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    )
    _, labels = labelled_tokens(loaded, chat("one?", "two"))
    assert labels[-1] == IGNORED
    assert loaded.decode([label for label in labels if label != IGNORED]) == "two<|end|>"


def test_an_answer_ends_as_the_template_ends_it_whatever_ends_documents(tokenizer: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    loaded.chat_template = TEMPLATE.replace("eos_token", "'<|end|>\n'")
    loaded.eos_token = "<|pad|>"
    _, labels = labelled_tokens(loaded, chat("one?", "two", "three?", ""))
    assert loaded.decode([label for label in labels if label != IGNORED]) == "two<|end|><|end|>"
    loaded.chat_template = TEMPLATE.replace("eos_token", "'\n'")
    assert end_of_answer(loaded) == loaded.eos_token_id


def test_where_earlier_answers_are_written_otherwise_the_last_is_learned(tokenizer: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    loaded.chat_template = THINKING
    tokens, labels = labelled_tokens(loaded, chat("one?", "two", "three?", "four"))
    asked_and_answered = "<|user|>one?<|end|><|assistant|>two<|end|><|user|>three?<|end|><|assistant|>-four<|end|>"
    assert loaded.decode(tokens) == asked_and_answered
    assert loaded.decode([label for label in labels if label != IGNORED]) == "four<|end|>"


def test_thoughts_are_neither_learned_nor_asked_for(tokenizer: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    loaded.chat_template = THINKING
    _, labels = labelled_tokens(loaded, chat("one?", "two"))
    assert loaded.decode([label for label in labels if label != IGNORED]) == "two<|end|>"
    prompt, _ = prompt_tokens(loaded, asked("one?"), at_most=100)
    assert loaded.decode(prompt) == "<|user|>one?<|end|><|assistant|>-"


def test_a_template_without_a_system_role_begins_the_first_question_with_it(tokenizer: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    system = [{"role": "system", "content": "You are Ada."}]
    folded = chat("You are Ada.\n\nTea?", "Yes.", "Milk?", "No.")
    expected, prompt = labelled_tokens(loaded, folded), prompt_tokens(loaded, folded[:3], at_most=100)
    loaded.chat_template = refusing("messages[0]['role'] == 'system'")
    told = [*system, *chat("Tea?", "Yes.", "Milk?", "No.")]
    assert labelled_tokens(loaded, told) == expected
    assert prompt_tokens(loaded, told[:4], at_most=100) == prompt


@pytest.mark.parametrize(
    "template",
    [refusing("messages | length > 1 and 'two' in messages[1]['content']"), "{{ messages | length }}"],
    ids=["refuses", "does not continue"],
)
def test_the_example_that_a_template_refuses_is_named(tokenizer: Path, template: str) -> None:
    loaded = load_tokenizer(str(tokenizer))
    loaded.chat_template = template
    with pytest.raises(ConfigError, match=r"example 'train-0' cannot be learned from: .*(refused|continue)"):
        labelled_examples(loaded, examples({"one?": "two"}), at_most=100)


def test_a_template_that_does_not_continue_its_prompt_is_refused(tokenizer: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    loaded.chat_template = "{{ messages | length }}{% if add_generation_prompt %}?{% endif %}"
    with pytest.raises(ConfigError, match="does not continue its own prompt"):
        labelled_tokens(loaded, chat("one?", "two"))


def test_a_tokenizer_without_a_template_is_refused(tmp_path: Path) -> None:
    folder = save_tokenizer(tmp_path, chat_template=None)
    with pytest.raises(ConfigError, match="has no chat template"):
        labelled_tokens(load_tokenizer(str(folder)), chat("one?", "two"))


@given(question=TEXT | HOSTILE, answer=TEXT | HOSTILE)
@settings(deadline=None)
def test_no_text_adds_structure_to_a_chat(tokenizer: Path, question: str, answer: str) -> None:
    loaded = load_tokenizer(str(tokenizer))
    tokens, labels = labelled_tokens(loaded, chat(question, answer))
    special = [token for token in loaded.convert_ids_to_tokens(tokens) if token in SPECIAL]
    assert special == ["<|begin|>", "<|user|>", "<|end|>", "<|assistant|>", "<|end|>"]
    assert len(labels) == len(tokens)
    assert [label for label in labels if label != IGNORED][-1] == loaded.eos_token_id


def test_a_disarmed_token_stays_readable(tokenizer: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    assert disarmed(loaded, "what is <|end|>? a<b|>") == "what is < |end|>? a<b|>"


@given(text=TEXT | HOSTILE, at_most=st.integers(4, 30))
@settings(deadline=None)
def test_a_prompt_fits_and_says_whether_it_was_cut(tokenizer: Path, text: str, at_most: int) -> None:
    loaded = load_tokenizer(str(tokenizer))
    whole, _ = prompt_tokens(loaded, asked(text), at_most=10_000)
    tokens, was_cut = prompt_tokens(loaded, asked(text), at_most=at_most)
    assert len(tokens) <= at_most
    assert was_cut == (len(whole) > at_most)
    assert was_cut or tokens == whole
    assert tokens[-2:] == whole[-2:]


def test_no_room_for_the_template_itself_is_refused(tokenizer: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    assert len(prompt_tokens(loaded, asked("a question"), at_most=4)[0]) == 4
    with pytest.raises(ConfigError, match="3 tokens are left for the question; the chat template alone takes 4"):
        prompt_tokens(loaded, asked("a question"), at_most=3)


def test_longer_examples_are_listed_not_cut(tokenizer: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    frame = examples({"short?": "yes", "long?": "word " * 50})
    length = len(labelled_tokens(loaded, chat("long?", "word " * 50))[0])
    fitting, too_long = labelled_examples(loaded, frame, at_most=length)
    assert ([example.id for example in fitting], too_long) == (["train-0", "train-1"], [])
    fitting, too_long = labelled_examples(loaded, frame, at_most=length - 1)
    assert ([example.id for example in fitting], too_long) == (["train-0"], ["train-1"])


def test_chat_texts_teach_the_form(tokenizer: Path) -> None:
    frame = examples({"how?\n\ncontext": "<|user|>so"})
    (text,) = chat_texts(frame, tokenizer=tokenizer)
    assert text == "<|begin|><|user|>how?\n\ncontext<|end|><|assistant|>< |user|>so<|end|>"
    loaded = load_tokenizer(str(tokenizer))
    assert encode(loaded, text) == labelled_tokens(loaded, chat("how?\n\ncontext", "<|user|>so"))[0]
    assert list(chat_texts(frame.clear(), tokenizer=tokenizer)) == []


def test_what_was_said_first_is_left_out_first(tokenizer: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    system = [{"role": "system", "content": "You are Ada."}]
    told = [*system, *chat("an old question?", "an old answer", "and now?")]
    whole, was_cut = prompt_tokens(loaded, told, at_most=1_000)
    assert not was_cut
    shorter, was_cut = prompt_tokens(loaded, told, at_most=len(whole) - 1)
    assert was_cut
    assert loaded.decode(shorter) == "<|begin|><|system|>You are Ada.<|end|><|user|>and now?<|end|><|assistant|>"
