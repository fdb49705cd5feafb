"""Fine-tuning by whoever keeps the model: an OpenAI-compatible fine-tuning API. Nothing here loads torch.

https://platform.openai.com/docs/api-reference/fine-tuning: upload a file, create a job, read its events, and the name
of the model that comes out. A job costs money, so that nothing is created before it was looked for: files carry the
version of the model in their names, and a job is known by its training file. A run that crashed, or whose answer was
lost on the way, finds what it made before.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

import httpx2
import polars as pl
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from parlance.errors import ConfigError, TransientError
from parlance.modelling.settings import FinetuningSettings

ATTEMPTS: Final = 6
MOST_WAIT_S: Final = 60.0
# What may pass: https://platform.openai.com/docs/guides/error-codes
_RETRYABLE: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LOST: Final = ("failed", "cancelled")
# The API's `batch_size` counts otherwise, and its `learning_rate_multiplier` is none of a rate that is known.
FOLLOWED: Final = frozenset({"epochs", "seed"})

Json = dict[str, Any]
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The name of a model that was fine-tuned, the job that made it, and the tokens that were billed (null: unsaid)."""

    model: str
    job: str
    tokens: int | None


class Provider:
    """The API at `url`, with its version as in `https://host/v1`. `key` may be empty."""

    def __init__(
        self, url: str, *, key: str = "", timeout_s: float = 120, pause_s: float = 1, poll_s: float = 10
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"PARLANCE_TRAINING_URL is {url!r}; it must be an http(s) address that ends like /v1")
        self.url = url.rstrip("/")
        self.poll_s = poll_s
        self._pause_s = pause_s
        self._client = httpx2.Client(headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=timeout_s)

    def close(self) -> None:
        self._client.close()

    def uploaded(self, name: str, content: bytes) -> str:
        """The id of the file `name` with `content`, which is uploaded unless it lies there."""
        return self._retried(lambda: self._find_file(name, len(content)) or self._upload(name, content))

    def started(self, request: Json) -> tuple[str, bool]:
        """The id of the job on the training file of `request`, and whether it was found: it is created where none is.

        A job that failed or was cancelled is none.
        """

        def find_or_create() -> tuple[str, bool]:
            found = self._find_job(request["training_file"])
            return (found, True) if found else (str(self._ask("POST", "/fine_tuning/jobs", json=request)["id"]), False)

        return self._retried(find_or_create)

    def finished(self, job: str, *, say: Callable[[str], None]) -> Trained:
        """Waits for `job`, saying each of its events once. Raises ConfigError, with its reason, where it fails."""
        said: set[str] = set()
        while True:
            found = self._retried(lambda: self._ask("GET", f"/fine_tuning/jobs/{job}"))
            self._report(job, said, say)
            status = str(found["status"])
            if status == "succeeded":
                return Trained(model=str(found["fine_tuned_model"]), job=job, tokens=found.get("trained_tokens"))
            if status in _LOST:
                reason = (found.get("error") or {}).get("message") or "the server gives no reason"
                raise ConfigError(f"fine-tuning job {job} at {self.url} {status}: {reason}")
            time.sleep(self.poll_s)

    def _report(self, job: str, said: set[str], say: Callable[[str], None]) -> None:
        page = self._retried(lambda: self._ask("GET", f"/fine_tuning/jobs/{job}/events", params={"limit": 100}))
        for event in reversed(page.get("data", [])):  # the newest come first
            if event["id"] not in said:
                said.add(event["id"])
                say(f"{job}: {event['message']}")

    def _find_file(self, name: str, size: int) -> str | None:
        files = self._pages("/files", {"purpose": "fine-tune"})
        return next((str(one["id"]) for one in files if one["filename"] == name and one["bytes"] == size), None)

    def _find_job(self, training_file: str) -> str | None:
        jobs = self._pages("/fine_tuning/jobs", {})
        mine = (one for one in jobs if one["training_file"] == training_file and one["status"] not in _LOST)
        return next((str(one["id"]) for one in mine), None)

    def _upload(self, name: str, content: bytes) -> str:
        file = {"file": (name, content, "application/jsonl")}
        return str(self._ask("POST", "/files", files=file, data={"purpose": "fine-tune"})["id"])

    def _pages(self, path: str, asked: Mapping[str, Any]) -> Iterator[Json]:
        after: dict[str, str] = {}
        while True:
            page = self._ask("GET", path, params={**asked, "limit": 100, **after})
            yield from page["data"]
            if not page.get("has_more") or not page["data"]:
                return
            after = {"after": page["data"][-1]["id"]}

    def _ask(self, method: str, path: str, **more: Any) -> Json:
        try:
            response = self._client.request(method, f"{self.url}{path}", **more)
        except httpx2.TransportError as error:
            raise _PassingError(f"{self.url}{path} did not answer: {type(error).__name__} {error}") from error
        said = f"{method} {self.url}{path} answered {response.status_code}: {response.text[:300]!r}"
        if response.status_code in _RETRYABLE:
            raise _PassingError(said, response.headers.get("Retry-After"))
        if not response.is_success:
            raise ConfigError(
                f"{said}; PARLANCE_TRAINING_URL, PARLANCE_TRAINING_KEY and PARLANCE_BASE_MODEL say whom to ask"
            )
        try:
            found: Json = response.json()
        except ValueError as error:
            raise _PassingError(f"{said}, which is no JSON") from error
        return found

    def _retried(self, ask: Callable[[], R]) -> R:
        return Retrying(
            retry=retry_if_exception_type(_PassingError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=self._pause,
            reraise=True,
        )(ask)

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.after_s if isinstance(error, _PassingError) else None
        backed_off = wait_exponential_jitter(multiplier=self._pause_s, max=MOST_WAIT_S, jitter=self._pause_s)(state)
        return min(asked, MOST_WAIT_S) if asked is not None else backed_off


class _PassingError(TransientError):
    """Tried again; `after_s` is the pause that the server asks for."""

    def __init__(self, message: str, retry_after: str | None = None) -> None:
        super().__init__(message)
        try:
            self.after_s: float | None = max(float(retry_after or ""), 0.0)
        except ValueError:
            self.after_s = None


def finetune_there(
    provider: Provider,
    examples: pl.DataFrame,
    *,
    model: str,
    version: str,
    settings: FinetuningSettings,
    say: Callable[[str], None],
) -> Trained:
    """Fine-tunes `model` at `provider` on the answers of split `train`; `version` names the job, whoever asks again.

    Epochs and the seed are asked for; the rest of how a model is trained is the provider's. Raises ConfigError for any
    other setting that is not the usual one, and where there is no example of split `train`.
    """
    _require_followable(settings)
    files = {split: _lines(examples, split) for split in ("train", "validation")}
    if not files["train"]:
        raise ConfigError(f"no example of split 'train' to fine-tune on, of {examples.height} examples")
    ids = {
        split: provider.uploaded(f"parlance-{version}-{split}.jsonl", content)
        for split, content in files.items()
        if content
    }
    request: Json = {
        "model": model,
        "training_file": ids["train"],
        "suffix": f"parlance-{version}",
        "seed": settings.seed,
        "hyperparameters": {"n_epochs": settings.epochs},
    }
    job, found = provider.started(request | ({"validation_file": ids["validation"]} if "validation" in ids else {}))
    say(f"{job} at {provider.url} {'was there already: it is not paid twice' if found else 'was created'}")
    return provider.finished(job, say=say)


def _require_followable(settings: FinetuningSettings) -> None:
    """A setting that nobody follows would be a job of its own all the same, and be paid for."""
    usual = asdict(FinetuningSettings())
    for name, value in asdict(settings).items():
        if name not in FOLLOWED and value != usual[name]:
            raise ConfigError(
                f"{name} {value!r}, but a fine-tuning endpoint decides that itself; allowed: {usual[name]!r}, or "
                "PARLANCE_TRAINING local, ray or kubernetes"
            )


def _lines(examples: pl.DataFrame, split: str) -> bytes:
    chosen = examples.filter(pl.col("split") == split).sort("id")["messages"]
    chats: Sequence[Any] = chosen.to_list()
    lines = [
        json.dumps({"messages": [{key: one[key] for key in ("role", "content")} for one in chat]}, ensure_ascii=False)
        for chat in chats
    ]
    return "".join(f"{line}\n" for line in lines).encode()
