"""Models and tokenizers from a folder or a hub.

Weights are read as safetensors only and no code that comes with a model is run: a pickle is a programme too.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase, set_seed
from transformers.utils import logging

from parlance.errors import ConfigError, ParlanceError, TransientError
from parlance.modelling.records import reference

# A causal language model of transformers, whose own types do not say that it can generate and be moved.
LanguageModel = Any

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer in the folder `name`, or of that name on the hub. It must have an end token."""
    _require_here(Path(name))
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise _failure(name, error) from error
    if tokenizer.eos_token_id is None:
        raise ConfigError(f"the tokenizer of {name!r} names no eos_token; training needs one to end documents with")
    return tokenizer


def load_model(name: str) -> LanguageModel:
    """The causal language model in the folder `name`, or of that name on the hub, in 32 bits, on `device()`."""
    quiet()
    _require_here(Path(name))
    _require_safetensors(Path(name))
    try:
        model: LanguageModel = AutoModelForCausalLM.from_pretrained(
            name, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise _failure(name, error) from error
    return model.to(device())


def untrained_model(name: str, *, seed: int) -> LanguageModel:
    """A model of the architecture of `name` (a folder or a name on the hub), with random weights by `seed`."""
    quiet()
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise _failure(name, error) from error
    set_seed(seed)
    build: Callable[..., LanguageModel] = AutoModelForCausalLM.from_config
    model = build(config, dtype=torch.float32, trust_remote_code=False)
    return model.to(device())


def _require_here(folder: Path) -> None:
    """Raises ConfigError where `folder` only names a model that an endpoint keeps."""
    model, endpoint = reference(folder) or ("", None)
    if endpoint:
        raise ConfigError(f"model {model!r} is kept by {endpoint} and cannot be loaded here; ask that endpoint")


def _require_safetensors(folder: Path) -> None:
    """Raises ConfigError where the weights in `folder`, its own or an adapter's, are pickles."""
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    adapter = (folder / "adapter_config.json").exists() and not (folder / "adapter_model.safetensors").exists()
    if pickles and (adapter or not any(folder.glob("*.safetensors"))):
        raise ConfigError(
            f"the model in {str(folder)!r} has its weights in {pickles}, which can run code when they are read; "
            "allowed: safetensors"
        )


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


def ends(model: LanguageModel) -> set[int]:
    """The tokens that end what the model writes."""
    known = model.generation_config.eos_token_id  # one, several or null
    return set(known) if isinstance(known, list) else {known} - {None}


def _failure(name: str, error: Exception) -> ParlanceError:
    if isinstance(error.__cause__, (LocalEntryNotFoundError, ConnectionError)):
        return TransientError(f"model {name!r} could not be downloaded: {error}")
    kind = "folder" if Path(name).is_dir() else "name"
    return ConfigError(f"no model could be loaded from the {kind} {name!r}: {error}")
