"""What a model is made from, as one name: equal settings, data and starting point give an equal fingerprint."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from parlance.modelling.settings import TrainingSettings
from parlance.versions import content_version, version

# Of a model's or tokenizer's folder; what else lies there does not change what is learned from it.
IDENTITY_FILES = ("*.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def fingerprint(settings: TrainingSettings, *, data: Iterable[str], start: str) -> str:
    """12 hex digits of the settings, the data in its order and where training starts from.

    `start` is a folder with a tokenizer or a model, which counts by its content wherever it lies, or a name on a hub.
    """
    return version(type(settings).__name__, settings, content_version(data), identity(start))


def identity(start: str) -> str:
    """64 hex digits of what a folder with a model or a tokenizer holds; a name on a hub is its own."""
    folder = Path(start)
    if not folder.is_dir():
        return start
    digest = hashlib.sha256()
    for path in sorted(path for pattern in IDENTITY_FILES for path in folder.glob(pattern)):
        with path.open("rb") as file:
            digest.update(f"{path.name}:{hashlib.file_digest(file, 'sha256').hexdigest()};".encode())
    return digest.hexdigest()
