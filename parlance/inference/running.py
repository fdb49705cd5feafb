"""All requests of a batch through a writer: what is no answer asked for again, what is one kept as it comes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from parlance.inference.requests import Outcome, Request, Writer, seed_of
from parlance.inference.settings import InferenceSettings

if TYPE_CHECKING:
    from parlance.inference.schema import AnswerSchema

Keep = Callable[[Sequence[Outcome]], None]
# The likeliest answer is the same however often it is asked for: what was none is drawn the next time.
RETRY_TEMPERATURE = 0.7


def run(
    requests: Sequence[Request],
    writer: Writer,
    settings: InferenceSettings,
    *,
    keep: Keep,
    schema: "AnswerSchema | None" = None,
    tried: Mapping[str, int] | None = None,
) -> None:
    """Has `writer` answer `requests` and gives each outcome to `keep` once, in lots, as they come.

    An answer that is empty or breaks `schema` is asked for again with another seed; the last one is an outcome with its
    error, and tokens and seconds of all attempts. `tried` is how often requests failed in earlier runs: their seeds are
    new. Raises what the writer raises, after what came before was kept.
    """
    before = tried or {}
    waiting = list(requests)
    spent: dict[str, Outcome] = {}
    with _lots(keep, settings) as add:
        for attempt in range(settings.answer_attempts):
            again: dict[str, Outcome] = {}
            drawn = [
                replace(one, seed=seed_of(one.id, before.get(one.id, 0) * settings.answer_attempts + attempt))
                for one in waiting
            ]
            generation = settings.generation
            if attempt:
                generation = replace(generation, temperature=max(generation.temperature, RETRY_TEMPERATURE))
            for outcome in writer.answers(drawn, generation):
                whole = _together(spent.pop(outcome.id, None), outcome)
                error = _fault(whole, schema)
                if error is not None and outcome.error is None and attempt + 1 < settings.answer_attempts:
                    again[outcome.id] = whole
                else:
                    add(whole._replace(error=error))
            spent = again
            waiting = [one for one in waiting if one.id in again]
            if not waiting:
                return


def _fault(outcome: Outcome, schema: "AnswerSchema | None") -> str | None:
    """Why the outcome is no answer; null where it is one."""
    if outcome.error is not None:
        return outcome.error
    if schema is not None:
        broken = schema.error(outcome.text)
        return None if broken is None else f"not of the JSON schema: {broken}"
    return None if outcome.text.strip() else f"empty answer, finish {outcome.finish!r}"


def _together(earlier: Outcome | None, outcome: Outcome) -> Outcome:
    """The later outcome with the tokens and seconds of both: all of them were paid."""
    if earlier is None:
        return outcome
    return outcome._replace(
        asked=earlier.asked + 1,
        prompt_tokens=earlier.prompt_tokens + outcome.prompt_tokens,
        answer_tokens=earlier.answer_tokens + outcome.answer_tokens,
        seconds=earlier.seconds + outcome.seconds,
    )


@contextmanager
def _lots(keep: Keep, settings: InferenceSettings) -> Iterator[Callable[[Outcome], None]]:
    """Gives a call that collects outcomes; whatever happens, those that came are kept."""
    waiting: list[Outcome] = []
    since = time.monotonic()

    def flush() -> None:
        nonlocal since
        lot, waiting[:] = list(waiting), []
        if lot:
            keep(lot)
        since = time.monotonic()

    def add(outcome: Outcome) -> None:
        waiting.append(outcome)
        if len(waiting) >= settings.keep_every or time.monotonic() - since >= settings.keep_after_s:
            flush()

    try:
        yield add
    finally:
        flush()
