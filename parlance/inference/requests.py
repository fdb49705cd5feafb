"""What is asked of a model, and what became of it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from parlance.modelling.settings import GenerationSettings

Messages = Sequence[Mapping[str, str]]
LENGTH = 24


@dataclass(frozen=True, kw_only=True)
class Request:
    """A chat to answer. Its `id` says all that its answer depends on; `seed` is for this attempt."""

    id: str
    messages: Messages
    seed: int = 0


class Outcome(NamedTuple):
    """What came of one request: an answer, or the `error` that this request met and another may not.

    `seconds` is the time of the request or, where many are generated together, its share; `asked` how often it was
    asked for until its answer was what a schema wants.
    """

    id: str
    text: str = ""
    finish: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0
    prompt_was_cut: bool = False
    asked: int = 1
    error: str | None = None


class Writer(Protocol):
    """Something that answers requests."""

    def answers(self, requests: Sequence[Request], settings: GenerationSettings) -> Iterator[Outcome]:
        """One outcome for each request, as they come, in any order.

        Raises TransientError or ConfigError where the writer as such fails; what was given before then counts.
        """


def request_id(*, model: str, prompt: str, schema: str | None, sampling: Mapping[str, Any], messages: Messages) -> str:
    """24 hex digits of all that an answer depends on: versions of model, prompt and schema, sampling, and the chat.

    >>> asked = {"model": "m", "prompt": "p", "schema": None, "messages": [{"role": "user", "content": "a"}]}
    >>> request_id(sampling={"seed": 1}, **asked) == request_id(sampling={"seed": 2}, **asked)
    False
    """
    chat = [[one["role"], one["content"]] for one in messages]
    asked = json.dumps([model, prompt, schema, dict(sampling), chat], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(asked.encode()).hexdigest()[:LENGTH]


def seed_of(id: str, attempt: int) -> int:
    """A seed below 2**31, as every server takes it, for one attempt at one request."""
    return int.from_bytes(hashlib.sha256(f"{id}/{attempt}".encode()).digest()[:4], "big") >> 1
