"""Names for content: the same inputs give the same version."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

LENGTH = 12


def version(*parts: Any) -> str:
    """12 hex digits of settings, names and digests: JSON values and dataclasses, mappings and sequences of them."""
    return _digest([json.dumps(_plain(part), sort_keys=True, ensure_ascii=False) for part in parts])


def content_version(texts: Iterable[str]) -> str:
    """12 hex digits of texts in their order."""
    return _digest(texts)


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode()
        digest.update(len(data).to_bytes(8, "little"))  # so that ["ab", "c"] is not ["a", "bc"]
        digest.update(data)
    return digest.hexdigest()[:LENGTH]


def _plain(part: Any) -> Any:
    if is_dataclass(part) and not isinstance(part, type):
        return _plain(asdict(part))
    if isinstance(part, Mapping):
        return {str(key): _plain(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain(value) for value in part]
    return part
