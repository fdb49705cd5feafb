"""A model behind an OpenAI-compatible endpoint, several requests at once."""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from threading import Lock
from typing import Any

from parlance.errors import ConfigError, TransientError
from parlance.inference.requests import Outcome, Request
from parlance.inference.schema import AnswerSchema
from parlance.modelling.settings import GenerationSettings
from parlance.synthesis.cache import Cached
from parlance.synthesis.endpoint import Answer, RefusedError
from parlance.synthesis.server import Server

# So many requests that do not recover, one after another, are no longer the fault of each.
MOST_LOST = 8
# What no server has a reason to refuse.
HARMLESS = "Hello."


class Served:
    """`cached`, which is `server` with its answers on disk, with `parallel` requests at once.

    A request that the server refuses, or answers with errors while it is up, is an outcome with that error. Where the
    server is gone, asks to wait without end, or loses every request, TransientError ends it; where it refuses any,
    ConfigError.
    """

    def __init__(self, server: Server, cached: Cached, *, parallel: int, schema: AnswerSchema | None) -> None:
        self._server, self._cached, self._parallel = server, cached, parallel
        self._shape = {"response_format": schema.response_format()} if schema else {}
        self._has_answered = False
        self._lock = Lock()

    def answers(self, requests: Sequence[Request], settings: GenerationSettings) -> Iterator[Outcome]:
        """As Writer has it. What runs when an error ends it is waited for: it is paid, and kept on disk."""
        waiting, lost = iter(requests), 0
        pool = ThreadPoolExecutor(self._parallel)
        try:
            running = self._begun(pool, islice(waiting, self._parallel), settings)
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                # What came is given before an error is raised.
                for future in sorted(done, key=lambda one: one.exception() is not None):
                    outcome, was_lost = future.result()
                    yield outcome
                    lost = lost + 1 if was_lost else 0
                    if lost >= MOST_LOST:
                        raise TransientError(f"{lost} requests in a row were lost; the last: {outcome.error}")
                running |= self._begun(pool, islice(waiting, len(done)), settings)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _begun(
        self, pool: ThreadPoolExecutor, requests: Iterable[Request], settings: GenerationSettings
    ) -> "set[Future[tuple[Outcome, bool]]]":
        return {pool.submit(self._asked, request, settings) for request in requests}

    def _asked(self, request: Request, settings: GenerationSettings) -> tuple[Outcome, bool]:
        """The outcome of one request, and whether it was lost: the server failed over it, and is up."""
        started = time.monotonic()
        try:
            answer = self._cached.answer(request.messages, self._parameters(request, settings))
        except RefusedError as error:
            self._require_answers(request, settings)
            return Outcome(request.id, seconds=time.monotonic() - started, error=str(error)), False
        except TransientError as error:
            if self._server.is_overloaded(error) or not self._server.is_up():
                raise
            return Outcome(request.id, seconds=time.monotonic() - started, error=str(error)), True
        return self._outcome(request, answer, time.monotonic() - started), False

    def _require_answers(self, request: Request, settings: GenerationSettings) -> None:
        """Raises ConfigError where a server that answered nothing yet refuses a harmless request of the same form too.

        Else each question would be booked as failed, and after some runs never be asked again.
        """
        with self._lock:
            if self._has_answered or self._cached.asked:
                return
            harmless = [*request.messages[:-1], {**request.messages[-1], "content": HARMLESS}]
            try:
                self._server.answer(harmless, self._parameters(request, settings))
            except RefusedError as error:
                raise ConfigError(f"the endpoint refuses every request, {HARMLESS!r} too: {error}") from error
            self._has_answered = True

    def _outcome(self, request: Request, answer: Answer, seconds: float) -> Outcome:
        return Outcome(
            id=request.id,
            text=answer.text.strip(),
            finish=answer.finish,
            prompt_tokens=answer.prompt_tokens,
            answer_tokens=answer.answer_tokens,
            seconds=seconds,
        )

    def _parameters(self, request: Request, settings: GenerationSettings) -> dict[str, Any]:
        """What every such endpoint takes; some refuse what they do not know, so no more than that."""
        return {
            "max_tokens": settings.max_new_tokens,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "seed": request.seed,
            **self._shape,
        }
