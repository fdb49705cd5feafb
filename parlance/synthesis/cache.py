"""Answers on disk by what was asked, so that nothing is paid twice and a run that broke off goes on where it was."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from parlance.synthesis.endpoint import Answer, Endpoint


class Cached:
    """`endpoint` with its answers kept in `folder`, one file for each.

    A file is named by model, messages and parameters, the seed among them; not by the address, which may change.
    `asked` counts the answers that were not there, `paid` their tokens.
    """

    def __init__(self, endpoint: Endpoint, folder: Path) -> None:
        self.model = endpoint.model
        self.asked = 0
        self.paid = 0
        self._endpoint, self._folder = endpoint, folder
        self._lock = Lock()

    def answer(self, messages: Sequence[Mapping[str, str]], parameters: Mapping[str, Any]) -> Answer:
        """The answer of before, or the endpoint's, with its errors; those are not kept."""
        path = self._path(key(self.model, messages, parameters))
        if path.exists():
            return Answer(**json.loads(path.read_text(encoding="utf-8")))
        found = self._endpoint.answer(messages, parameters)
        with self._lock:
            self.asked += 1
            self.paid += found.prompt_tokens + found.answer_tokens
        _write(path, json.dumps(found._asdict(), ensure_ascii=False))
        return found

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}.json"


def key(model: str, messages: Sequence[Mapping[str, str]], parameters: Mapping[str, Any]) -> str:
    """32 hex digits of what is asked.

    >>> key("m", [{"role": "user", "content": "a"}], {}) == key("m", [{"content": "a", "role": "user"}], {})
    True
    """
    asked = json.dumps([model, list(messages), dict(parameters)], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(asked.encode(), digest_size=16).hexdigest()


def _write(path: Path, text: str) -> None:
    """Whole or not at all, whatever happens meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".new", delete=False, encoding="utf-8") as file:
        file.write(text)
    os.replace(file.name, path)
