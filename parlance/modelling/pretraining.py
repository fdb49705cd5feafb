"""A small language model from scratch."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, set_seed

from parlance.errors import ConfigError
from parlance.modelling.chats import encode
from parlance.modelling.fingerprints import fingerprint, identity
from parlance.modelling.loading import LanguageModel, load_tokenizer, padding_token, quiet
from parlance.modelling.records import libraries, metrics_of, write_record
from parlance.modelling.reports import OnProgress, TrainingReport
from parlance.modelling.settings import PretrainingSettings
from parlance.modelling.training import OnSaved, train
from parlance.versions import content_version

Tokens = npt.NDArray[np.int32]


def pretrain(
    texts: Iterable[str],
    *,
    tokenizer: Path,
    output: Path,
    checkpoints: Path,
    settings: PretrainingSettings,
    progress: OnProgress,
    chats: Iterable[str] = (),
    saved: OnSaved | None = None,
) -> TrainingReport:
    """Trains a Llama of the settings' size on `texts` and `chats` and writes model and tokenizer to `output`.

    `texts` are plain: what reads like a special token in them is not one. `chats` come from `chat_texts` and carry
    the special tokens of the chat template. Raises ConfigError where no text is left to train on.
    """
    texts, chats = list(texts), list(chats)
    loaded = load_tokenizer(str(tokenizer))
    name = fingerprint(settings, data=[*texts, *chats], start=str(tokenizer))
    documents = [(text, plain_tokens(loaded, text)) for text in texts]
    documents += [(chat, _ended(loaded, encode(loaded, chat))) for chat in chats]
    held_out = {text for text, _ in documents if is_held_out(text, share=settings.held_out_share)}
    training = Packed.of((tokens for text, tokens in documents if text not in held_out), settings.sequence_length)
    if not len(training):
        raise ConfigError(
            f"no text is left to train on: {len(documents)} texts, {len(held_out)} of them held out; "
            f"give more texts or a held_out_share below {settings.held_out_share}"
        )
    model = new_model(loaded, settings)
    report = train(
        model,
        sequences=training,
        validation=Packed.of((tokens for text, tokens in documents if text in held_out), settings.sequence_length),
        padding=padding_token(loaded),
        checkpoints=checkpoints,
        fingerprint=name,
        settings=settings,
        progress=progress,
        saved=saved,
    )
    model.save_pretrained(output)
    loaded.save_pretrained(output)
    write_record(
        output,
        fingerprint=name,
        dataset_version=content_version([*texts, *chats]),
        tokenizer_version=identity(str(tokenizer)),
        settings=asdict(settings),
        metrics=metrics_of(report),
        libraries=libraries(),
    )
    return report


def new_model(tokenizer: PreTrainedTokenizerBase, settings: PretrainingSettings) -> LanguageModel:
    """An untrained Llama; the seed decides its weights. Input and output embeddings are one matrix."""
    quiet()
    set_seed(settings.seed)
    special = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        # Not `padding_token`: the embedding of a padding token is never learned, and that of the end token must be.
        "pad_token_id": tokenizer.pad_token_id,
    }
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=settings.hidden_size,
            # Llama's 8/3 of the hidden size, to a multiple of 32.
            intermediate_size=-(-settings.hidden_size * 8 // 3 // 32) * 32,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            max_position_embeddings=settings.sequence_length,
            tie_word_embeddings=True,
            **special,
        )
    )
    model.generation_config = GenerationConfig.from_dict(special)
    return model


@dataclass(frozen=True)
class Packed:
    """One stream of tokens, cut into sequences of `length`; the last may be shorter, at least two tokens."""

    tokens: Tokens
    length: int

    @classmethod
    def of(cls, documents: Iterable[list[int]], length: int) -> "Packed":
        arrays = [np.asarray(tokens, dtype=np.int32) for tokens in documents]
        return cls(np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int32), length)

    def __len__(self) -> int:
        # A single token has no successor to predict.
        full, rest = divmod(len(self.tokens), self.length)
        return full + (rest > 1)

    def __getitem__(self, index: int) -> dict[str, Tokens]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        tokens = self.tokens[index * self.length : (index + 1) * self.length]
        return {"input_ids": tokens, "labels": tokens}


def is_held_out(text: str, *, share: float) -> bool:
    """Whether `text` belongs to the held-out share: decided by its content, whatever the other texts are."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) < share * 2**64


def plain_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The document `text` between the tokenizer's begin token, where it has one, and its end token."""
    tokens = tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"]
    begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    return _ended(tokenizer, begin + tokens)


def _ended(tokenizer: PreTrainedTokenizerBase, tokens: list[int]) -> list[int]:
    return tokens if tokens[-1:] == [tokenizer.eos_token_id] else [*tokens, tokenizer.eos_token_id]
