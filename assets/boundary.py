"""The border between the engine's errors and Dagster's: what is retried, and what fails at once."""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import dagster as dg
from dagster._core.errors import DagsterInvariantViolationError, DagsterPipesExecutionError

from parlance.errors import ConfigError, SchemaError
from parlance.transience import causes, is_transient

P = ParamSpec("P")
R = TypeVar("R")

# 5, 15 and 35 seconds, each up to 5 more or fewer, so that what failed together does not come again together.
TRANSIENT = dg.RetryPolicy(max_retries=3, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
# A process that died, perhaps of its memory: a second time it will again.
CRASHED = dg.RetryPolicy(max_retries=1, delay=5, jitter=dg.Jitter.PLUS_MINUS)
# In the metadata of a failed step: whether a later run may succeed with nothing changed.
IS_TRANSIENT = "transient"
# And which partitions of its range failed, where the others did not.
FAILED = "failed_partitions"


def no_useless_retries(compute: Callable[P, R]) -> Callable[P, R]:
    """Retries a step whose error may be gone next time, and no other.

    That is no retry policy of Dagster's, which would also retry what cannot help, and a run that somebody cancelled.
    """
    if inspect.isgeneratorfunction(compute):

        @functools.wraps(compute)
        def generator(*args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
            with _translated():
                yield from compute(*args, **kwargs)

        return generator  # type: ignore[return-value]

    @functools.wraps(compute)
    def function(*args: P.args, **kwargs: P.kwargs) -> R:
        with _translated():
            return compute(*args, **kwargs)

    return function


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (ConfigError, SchemaError) as error:
        raise failure(error) from error
    except Exception as error:
        policy = _policy(error)
        if policy is None:
            raise
        raised = error if isinstance(error, dg.Failure) else failure(error)
        if raised is not error:
            raised.__cause__ = error
        wait = policy.calculate_delay(_attempt())
        raise dg.RetryRequested(max_retries=policy.max_retries, seconds_to_wait=max(0, wait)) from raised


def failure(error: BaseException) -> dg.Failure:
    """The failure of a step in one line, and whether a later run may succeed."""
    *_, root = causes(error)
    is_parlance = isinstance(error, (ConfigError, SchemaError))
    said = str(error) or f"{type(root).__name__}: {root}"
    return dg.Failure(said, metadata={IS_TRANSIENT: _policy(error) is not None}, allow_retries=not is_parlance)


def _policy(error: BaseException) -> dg.RetryPolicy | None:
    if isinstance(error, dg.Failure):
        said = error.metadata.get(IS_TRANSIENT)
        return TRANSIENT if said is not None and said.value and error.allow_retries else None
    if is_transient(error):
        return TRANSIENT
    return CRASHED if any(isinstance(one, DagsterPipesExecutionError) for one in causes(error)) else None


def _attempt() -> int:
    """Which attempt has failed, from 1 on."""
    try:
        return dg.AssetExecutionContext.get().retry_number + 1
    except DagsterInvariantViolationError:  # called by hand, or a check
        return 1
