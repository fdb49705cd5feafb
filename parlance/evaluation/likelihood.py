"""How likely a model holds a continuation of a text, or an answer to a question."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedTokenizerBase

from parlance.errors import ConfigError
from parlance.evaluation.scoring import answer_nats
from parlance.modelling.chats import IGNORED, TokenSequence, asked, encode, labelled_tokens
from parlance.modelling.loading import LanguageModel, padding_token, window


def continuation_likelihoods(
    model: LanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[tuple[str, str]],
    *,
    batch_size: int,
) -> npt.NDArray[np.float64]:
    """Mean log-likelihood in nats per token of the second text of each pair after the first, as plain text."""
    return _mean(model, tokenizer, [_continued(tokenizer, *pair) for pair in pairs], batch_size=batch_size)


def answer_likelihoods(
    model: LanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[tuple[str, str]],
    *,
    batch_size: int,
) -> npt.NDArray[np.float64]:
    """Mean log-likelihood in nats per token of the second text of each pair as the answer to the first, as a chat."""
    sequences: list[TokenSequence] = []
    for question, answer in pairs:
        tokens, labels = labelled_tokens(tokenizer, [*asked(question), {"role": "assistant", "content": answer}])
        sequences.append({"input_ids": tokens, "labels": labels})
    return _mean(model, tokenizer, sequences, batch_size=batch_size)


def _mean(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, sequences: Sequence[TokenSequence], *, batch_size: int
) -> npt.NDArray[np.float64]:
    longest = max((len(sequence["input_ids"]) for sequence in sequences), default=0)
    if longest > window(model):
        raise ConfigError(f"a text of {longest} tokens does not fit the model's window of {window(model)}")
    nats, tokens = answer_nats(model, sequences, padding=padding_token(tokenizer), batch_size=batch_size)
    return -nats / np.maximum(tokens, 1)


def _continued(tokenizer: PreTrainedTokenizerBase, before: str, after: str) -> TokenSequence:
    """Both texts as tokens; only those of the second count. A text begins as the tokenizer's own texts do."""
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    given, measured = start + encode(tokenizer, before), encode(tokenizer, after)
    return {"input_ids": given + measured, "labels": [IGNORED] * len(given) + measured}
