"""Models and tokenizers from a folder or a hub, as safetensors only: a pickle is never read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging

from parlance.errors import ConfigError, ParlanceError, TransientError

# A causal language model of transformers, whose own types do not say that it can generate and be moved.
LanguageModel = Any


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer in the folder `name`, or of that name on the hub. It must have an end token."""
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise _failure(name, error) from error
    if tokenizer.eos_token_id is None:
        raise ConfigError(f"the tokenizer of {name!r} names no eos_token; training needs one to end documents with")
    return tokenizer


def load_model(name: str) -> LanguageModel:
    """The causal language model in the folder `name`, or of that name on the hub, in 32 bits, on `device()`."""
    quiet()
    try:
        model: LanguageModel = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise _failure(name, error) from error
    return model.to(device())


def quiet() -> None:
    """Turns off the bars that transformers draws while it reads and writes weights: our progress is reported."""
    turn_off: Callable[[], None] = logging.disable_progress_bar
    turn_off()


def device() -> torch.device:
    """CUDA where it is present, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def padding_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """The padding token or, where the tokenizer has none, its end token: what is masked can be any."""
    return int(tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)


def window(model: LanguageModel) -> int:
    """How many tokens the model was made for, question and answer together."""
    return int(model.config.get_text_config().max_position_embeddings)


def _failure(name: str, error: Exception) -> ParlanceError:
    if isinstance(error.__cause__, (LocalEntryNotFoundError, ConnectionError)):
        return TransientError(f"model {name!r} could not be downloaded: {error}")
    kind = "folder" if Path(name).is_dir() else "name"
    return ConfigError(f"no model could be loaded from the {kind} {name!r}: {error}")
