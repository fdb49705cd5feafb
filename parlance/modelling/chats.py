"""Questions and answers as the tokens of a chat, by the tokenizer's own chat template."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from transformers import PreTrainedTokenizerBase

from parlance.errors import ConfigError
from parlance.modelling.loading import load_tokenizer

IGNORED = -100  # the label that the loss of transformers skips


TokenSequence = Mapping[str, Sequence[int] | npt.NDArray[np.int32]]


@dataclass(frozen=True, kw_only=True)
class LabelledExample:
    """An example as the model sees it: `sequence` holds `input_ids` and `labels`."""

    id: str
    split: str
    question: str
    answer: str
    sequence: TokenSequence


def question(instruction: str, given: str) -> str:
    """What the user says: the instruction and, where there is one, the input it is about."""
    return f"{instruction}\n\n{given}" if given else instruction


def chat_texts(examples: pl.DataFrame, *, tokenizer: Path) -> Iterator[str]:
    """Each example as one chat, with the template's special tokens: pretraining on them teaches a base their form."""
    loaded = load_tokenizer(str(tokenizer))
    for instruction, given, answer in examples.select("instruction", "input", "output").iter_rows():
        yield _render(loaded, question(instruction, given), answer)


def prompt_tokens(tokenizer: PreTrainedTokenizerBase, text: str, *, at_most: int) -> tuple[list[int], bool]:
    """The chat up to where the answer begins, and whether the end of `text` was cut off to fit `at_most` tokens."""
    tokens = encode(tokenizer, _render(tokenizer, text))
    cut = len(tokens) > at_most
    while len(tokens) > at_most:
        if not text:
            raise ConfigError(
                f"{at_most} tokens are left for the question; the chat template alone takes {len(tokens)}"
            )
        starts = _token_starts(tokenizer, text)
        text = text[: starts[max(len(starts) - (len(tokens) - at_most), 0)]] if starts else ""
        tokens = encode(tokenizer, _render(tokenizer, text))
    return tokens, cut


def labelled_tokens(tokenizer: PreTrainedTokenizerBase, text: str, answer: str) -> tuple[list[int], list[int]]:
    """Tokens and labels of one chat; a label stands only on the answer and its end token, elsewhere `IGNORED`.

    The answer is what the template adds to the prompt, so that any template works, with generation markers or
    without; prompt and answer are encoded apart, as they are when the model writes the answer.
    """
    prompt, chat = _render(tokenizer, text), _render(tokenizer, text, answer)
    if not chat.startswith(prompt):
        raise ConfigError(f"the chat template of {tokenizer.name_or_path!r} does not continue its own prompt: {chat!r}")
    asked, answered = encode(tokenizer, prompt), encode(tokenizer, chat[len(prompt) :])
    end = tokenizer.eos_token_id
    # Some templates write a line break after the end token; generation stops before it.
    learned = len(answered) - answered[::-1].index(end) if end in answered else len(answered)
    labels = [IGNORED] * len(asked) + answered[:learned] + [IGNORED] * (len(answered) - learned)
    return asked + answered, labels


def labelled_examples(
    tokenizer: PreTrainedTokenizerBase, examples: pl.DataFrame, *, at_most: int
) -> tuple[list[LabelledExample], list[str]]:
    """The examples of up to `at_most` tokens, and the ids of the longer ones."""
    fitting, too_long = [], []
    for row in examples.iter_rows(named=True):
        asked, answer = question(row["instruction"], row["input"]), row["output"]
        tokens, labels = labelled_tokens(tokenizer, asked, answer)
        if len(tokens) > at_most:
            too_long.append(row["id"])
            continue
        sequence = {"input_ids": tokens, "labels": labels}
        fitting.append(
            LabelledExample(id=row["id"], split=row["split"], question=asked, answer=answer, sequence=sequence)
        )
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


def _render(tokenizer: PreTrainedTokenizerBase, text: str, answer: str | None = None) -> str:
    """The chat as text: the question, then the answer or, where there is none, what comes before one."""
    if not tokenizer.chat_template:
        raise ConfigError(f"the tokenizer of {tokenizer.name_or_path!r} has no chat template; chats need one")
    messages = [{"role": "user", "content": disarmed(tokenizer, text)}]
    if answer is not None:
        messages.append({"role": "assistant", "content": disarmed(tokenizer, answer)})
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer is None))
