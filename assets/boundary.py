"""The border between the engine's errors and Dagster's."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import dagster as dg

from parlance.errors import ConfigError, SchemaError

P = ParamSpec("P")
R = TypeVar("R")


def no_useless_retries(compute: Callable[P, R]) -> Callable[P, R]:
    """A request that is wrong stays wrong: ConfigError and SchemaError fail the step without a retry."""
    if inspect.isgeneratorfunction(compute):

        @functools.wraps(compute)
        def generator(*args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
            try:
                yield from compute(*args, **kwargs)
            except (ConfigError, SchemaError) as error:
                raise dg.Failure(str(error), allow_retries=False) from error

        return generator  # type: ignore[return-value]

    @functools.wraps(compute)
    def function(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return compute(*args, **kwargs)
        except (ConfigError, SchemaError) as error:
            raise dg.Failure(str(error), allow_retries=False) from error

    return function
