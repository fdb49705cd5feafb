"""A model behind an OpenAI-compatible endpoint: one chat completion at a time, with bounded retries.

https://platform.openai.com/docs/api-reference/chat/create; vLLM, llama.cpp and Ollama speak the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from parlance.errors import ConfigError, TransientError
from parlance.synthesis.endpoint import Answer, RefusedError

ATTEMPTS: Final = 6
MOST_WAIT_S: Final = 60.0
# What may pass: https://platform.openai.com/docs/guides/error-codes
_RETRYABLE: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_BUSY: Final = frozenset({429, 529})
_PROBE_S: Final = 10.0
# The request as such is refused: too long, or against the rules of the provider.
_REFUSED: Final = frozenset({400, 413, 422})
# OpenAI's newer models take the second alone, most other servers know the first alone.
_LIMIT: Final = "max_tokens"
_LIMIT_OF_NEWER: Final = "max_completion_tokens"


class Server:
    """The endpoint at `url` (with its version, as in `https://host/v1`), asked for `model`.

    `key` may be empty, as local servers want it. Safe to use from several threads.
    """

    def __init__(self, url: str, model: str, *, key: str = "", timeout_s: float = 120, pause_s: float = 1) -> None:
        if not url.startswith(("http://", "https://")) or not model:
            raise ConfigError(f"model {model!r} at {url!r}; needed: a name and an http(s) address that ends like /v1")
        self.model = model
        self._base = url.rstrip("/")
        self._url = f"{self._base}/chat/completions"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx2.Client(headers=headers, timeout=timeout_s)
        self._pause_s = pause_s
        self._limit = _LIMIT

    def close(self) -> None:
        self._client.close()

    def is_up(self) -> bool:
        """Whether something there answers at all: the list of models, which every such server has, or a refusal."""
        try:
            return self._client.get(f"{self._base}/models", timeout=_PROBE_S).status_code < 500
        except httpx2.TransportError:
            return False

    def is_overloaded(self, error: TransientError) -> bool:
        """Whether the server asked for a pause to the end: what it was asked is not to blame."""
        return isinstance(error, _PassingError) and error.status in _BUSY

    def answer(self, messages: Sequence[Mapping[str, str]], parameters: Mapping[str, Any]) -> Answer:
        """One completion; what may pass is tried six times, after the pause that the server asks for.

        `max_tokens` among the parameters is named as the model wants it.

        Raises RefusedError where the server refuses this request, ConfigError where it refuses any (address, key,
        model), TransientError where it does not recover.
        """
        body = {"model": self.model, "messages": list(messages), **parameters}
        for attempt in Retrying(
            retry=retry_if_exception_type(_PassingError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=self._pause,
            reraise=True,
        ):
            with attempt:
                return self._asked(body)
        raise AssertionError("tenacity returns or raises")

    def _asked(self, body: Mapping[str, Any]) -> Answer:
        sent = {self._limit if name == _LIMIT else name: value for name, value in body.items()}
        try:
            response = self._client.post(self._url, json=sent)
        except httpx2.TransportError as error:
            raise _PassingError(f"{self._url} did not answer: {type(error).__name__} {error}") from error
        if response.status_code == 200:
            return _read(response, self._url)
        said = f"{self._url} answered {response.status_code} for model {self.model!r}: {response.text[:300]!r}"
        if response.status_code in _RETRYABLE:
            passing = _PassingError(said)
            passing.status, passing.after_s = response.status_code, _retry_after(response)
            raise passing
        if _LIMIT in sent and _wants_newer_limit(response):
            self._limit = _LIMIT_OF_NEWER
            return self._asked(body)
        if response.status_code in _REFUSED:
            raise RefusedError(said)
        raise ConfigError(f"{said}; PARLANCE_LLM_URL, PARLANCE_LLM_MODEL and PARLANCE_LLM_KEY say whom to ask")

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.after_s if isinstance(error, _PassingError) else None
        backed_off = wait_exponential_jitter(multiplier=self._pause_s, max=MOST_WAIT_S, jitter=self._pause_s)(state)
        return min(asked, MOST_WAIT_S) if asked is not None else backed_off


class _PassingError(TransientError):
    """Tried again; `after_s` is the pause that the server asks for, `status` what it said; null where nothing."""

    status: int | None = None
    after_s: float | None = None


def _wants_newer_limit(response: httpx2.Response) -> bool:
    """Whether the server refuses the name `max_tokens`, and not how many they are."""
    try:
        error = response.json()["error"]
        return bool(error["param"] == _LIMIT and error["code"] == "unsupported_parameter")
    except (ValueError, KeyError, TypeError):
        return False


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds of the header Retry-After; null where there is none, or a date, which only proxies send."""
    try:
        return max(float(response.headers.get("Retry-After", "")), 0.0)
    except ValueError:
        return None


def _read(response: httpx2.Response, url: str) -> Answer:
    """The first choice. An answer that breaks off or has no counts is as passing as a lost one."""
    try:
        found = response.json()
        choice, usage = found["choices"][0], found["usage"]
        text = choice["message"]["content"] or ""
        return Answer(text, choice["finish_reason"] or "", usage["prompt_tokens"], usage["completion_tokens"])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise _PassingError(f"{url} sent no chat completion with its usage: {response.text[:300]!r}") from error
