"""A model that completes chats, whatever is behind it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from parlance.errors import ParlanceError


class Answer(NamedTuple):
    """What the model said, why it stopped (`stop`, `length`, ...), and the tokens that were counted."""

    text: str
    finish: str
    prompt_tokens: int
    answer_tokens: int


class RefusedError(ParlanceError):
    """The endpoint refuses this one request; another may do."""


class Endpoint(Protocol):
    """Something that completes chats."""

    model: str

    def answer(self, messages: Sequence[Mapping[str, str]], parameters: Mapping[str, Any]) -> Answer:
        """The model's answer. Raises RefusedError, ConfigError or TransientError."""
