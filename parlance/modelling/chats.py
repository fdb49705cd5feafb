"""Messages as the tokens of a chat, by the tokenizer's own chat template."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from parlance.errors import ConfigError
from parlance.modelling.loading import load_tokenizer

IGNORED = -100  # the label that the loss of transformers skips
PROBE = "PROBE-7d1f"  # an answer that no template contains

TokenSequence = Mapping[str, Sequence[int] | npt.NDArray[np.int32]]
Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class LabelledExample:
    """An example as the model sees it: `sequence` holds `input_ids` and `labels`, `prompt` what is before `answer`."""

    id: str
    split: str
    prompt: Messages
    answer: str
    sequence: TokenSequence


def spoken(messages: Messages) -> Iterator[str]:
    """The roles and contents of messages, one after another."""
    return (part for one in messages for part in (one["role"], one["content"]))


def asked(text: str) -> Messages:
    """A question as a chat of its own."""
    return [{"role": "user", "content": text}]


def chat_texts(examples: pl.DataFrame, *, tokenizer: Path) -> Iterator[str]:
    """Each example as one chat, with the template's special tokens: pretraining on them teaches a base their form."""
    loaded = load_tokenizer(str(tokenizer))
    for messages in examples["messages"].to_list():
        yield _render(loaded, messages)


def whole_prompt(tokenizer: PreTrainedTokenizerBase, messages: Messages) -> list[int]:
    """The tokens of the chat up to where the answer begins."""
    return encode(tokenizer, _render(tokenizer, messages, prompt=True))


def prompt_tokens(tokenizer: PreTrainedTokenizerBase, messages: Messages, *, at_most: int) -> tuple[list[int], bool]:
    """As `whole_prompt`, and whether something was left out to fit `at_most` tokens.

    What was said first goes first, but for the system message; then the end of the last message is cut off.
    """
    system = [one for one in messages[:1] if one["role"] == "system"]
    told = list(messages[len(system) :])
    tokens = whole_prompt(tokenizer, [*system, *told])
    cut = len(tokens) > at_most
    while len(tokens) > at_most and len(told) > 1:
        told = told[2:]
        tokens = whole_prompt(tokenizer, [*system, *told])
    text = told[-1]["content"]
    while len(tokens) > at_most:
        if not text:
            raise ConfigError(
                f"{at_most} tokens are left for the question; the chat template alone takes {len(tokens)}"
            )
        starts = _token_starts(tokenizer, text)
        text = text[: starts[max(len(starts) - (len(tokens) - at_most), 0)]] if starts else ""
        tokens = whole_prompt(tokenizer, [*system, *asked(text)])
    return tokens, cut


def labelled_tokens(
    tokenizer: PreTrainedTokenizerBase, messages: Messages, *, end: int | None = None
) -> tuple[list[int], list[int]]:
    """Tokens and labels of one chat; labels stand only on what the assistant says and its end tokens, else `IGNORED`.

    An answer is what the template adds to the prompt, so that any template works, with generation markers or
    without; prompt and answer are encoded apart, as they are when the model writes the answer. Where a template writes
    earlier answers otherwise than the last, that one alone is learned. `end` is the `end_of_answer`, which is looked
    for where it is null.
    """
    end = end_of_answer(tokenizer) if end is None else end
    tokens: list[int] = []
    labels: list[int] = []
    said = ""
    for place, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        prompt, chat = _render(tokenizer, messages[:place], prompt=True), _render(tokenizer, messages[: place + 1])
        if not prompt.startswith(said):
            # Qwen3 and Phi-3: an earlier answer, written as the last one, is not what the model reads before this.
            tokens, labels, said = [], [], ""
        if not chat.startswith(prompt):
            raise ConfigError(
                f"the chat template of {tokenizer.name_or_path!r} does not continue its own prompt: {chat!r}"
            )
        before, answered = encode(tokenizer, prompt[len(said) :]), encode(tokenizer, chat[len(prompt) :])
        # Some templates write a line break after the end token.
        learned = answered.index(end) + 1 if end in answered else len(answered)
        tokens += before + answered
        labels += [IGNORED] * len(before) + answered[:learned] + [IGNORED] * (len(answered) - learned)
        said = chat
    return tokens, labels


def end_of_answer(tokenizer: PreTrainedTokenizerBase) -> int:
    """The first special token that the template writes after an answer; where it writes none, the tokenizer's end.

    They differ in many a base: the end token of Qwen2.5 ends documents, and its template ends turns with `<|im_end|>`.
    """
    chat = _render(tokenizer, [*asked("?"), {"role": "assistant", "content": PROBE}])
    special = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    after = encode(tokenizer, chat.partition(PROBE)[2])
    return int(next((token for token in after if token in special), tokenizer.eos_token_id))


def labelled_examples(
    tokenizer: PreTrainedTokenizerBase, examples: pl.DataFrame, *, at_most: int
) -> tuple[list[LabelledExample], list[str]]:
    """The examples of up to `at_most` tokens, and the ids of the longer ones.

    Raises ConfigError, with its id, where the chat template refuses an example.
    """
    fitting, too_long = [], []
    end = end_of_answer(tokenizer)
    for id, split, messages in examples.select("id", "split", "messages").iter_rows():
        try:
            tokens, labels = labelled_tokens(tokenizer, messages, end=end)
        except (ConfigError, TemplateError) as error:
            raise ConfigError(f"example {id!r} cannot be learned from: {error}") from error
        if len(tokens) > at_most:
            too_long.append(id)
            continue
        sequence = {"input_ids": tokens, "labels": labels}
        prompt, answer = messages[:-1], messages[-1]["content"]
        fitting.append(LabelledExample(id=id, split=split, prompt=prompt, answer=answer, sequence=sequence))
    return fitting, too_long


def encode(tokenizer: PreTrainedTokenizerBase, chat: str) -> list[int]:
    """The tokens of a rendered chat; the template has written every special token that it needs."""
    tokens: list[int] = tokenizer(chat, add_special_tokens=False, verbose=False)["input_ids"]
    return tokens


def disarmed(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """`text` with a space inside whatever would read as a special token: nobody writes `<|assistant|>` into a chat."""
    special = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    pattern = "|".join(re.escape(token) for token in sorted(special, key=len, reverse=True))
    return re.sub(pattern, _opened, text) if pattern else text


def _opened(found: re.Match[str]) -> str:
    token = found[0]
    return f"{token[0]} {token[1:]}" if len(token) > 1 else " "


def _token_starts(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return [start for start, _ in offsets]


def _render(tokenizer: PreTrainedTokenizerBase, messages: Messages, *, prompt: bool = False) -> str:
    """The chat as text; a `prompt` ends with what comes before an answer."""
    if not tokenizer.chat_template:
        raise ConfigError(f"the tokenizer of {tokenizer.name_or_path!r} has no chat template; chats need one")
    chat = [{"role": one["role"], "content": disarmed(tokenizer, one["content"])} for one in messages]
    try:
        return _written(tokenizer, chat, prompt=prompt)
    except TemplateError:
        # Gemma has no system role: what it would say begins the first question, in training as in use.
        if [one["role"] for one in chat[:2]] != ["system", "user"]:
            raise
        system, first, *rest = chat
        told = {"role": "user", "content": f"{system['content']}\n\n{first['content']}"}
        return _written(tokenizer, [told, *rest], prompt=prompt)


def _written(tokenizer: PreTrainedTokenizerBase, chat: list[dict[str, str]], *, prompt: bool) -> str:
    # Read by the templates of models that can think, such as Qwen3: answers are learned and asked for without thoughts.
    return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=prompt, enable_thinking=False))
