"""A run whose steps all wait, for a place in a pool or for their next try, leaves the processor to others."""

import time
from functools import wraps
from typing import Any

from dagster._core.execution.plan.active import ActiveExecution

REST_S = 0.05


def rest_while_waiting() -> None:
    """From now on this process rests between two looks at what may begin, where nothing goes on meanwhile.

    Dagster's executor of processes asks again at once and keeps a core busy as long as it waits: a run that waited for
    the pool of Slack took as much of the machine as the one that read from Slack.
    """
    if not hasattr(ActiveExecution.get_steps_to_execute, "__wrapped__"):
        ActiveExecution.get_steps_to_execute = _resting(ActiveExecution.get_steps_to_execute)  # type: ignore[method-assign]


def _resting(look: Any) -> Any:
    @wraps(look)
    def steps(execution: ActiveExecution, *arguments: Any, **named: Any) -> Any:
        found = look(execution, *arguments, **named)
        if not found and not execution.has_in_flight_steps and not execution.is_complete:
            time.sleep(REST_S)
        return found

    return steps
