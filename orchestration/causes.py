"""Why a run failed: for each step that did, the root cause in one line and whether a later run may succeed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from assets.boundary import FAILED, IS_TRANSIENT
from parlance.transience import was_tried_again

if TYPE_CHECKING:
    from dagster._core.execution.plan.objects import StepFailureData
    from dagster_shared.error import SerializableErrorInfo

GATE = "DagsterAssetCheckFailedError"
# What Dagster or the system ended, not the step itself.
ENDED = frozenset({"ChildProcessCrashException", "DagsterExecutionInterruptedError", "TransientError"})


@dataclass(frozen=True, kw_only=True)
class Cause:
    """`step` is empty where the whole run ended; `is_gate`: a blocking check did not pass; `event` is its id.

    `partitions` are those that failed where the others of the run did not; else it is empty.
    """

    step: str
    reason: str
    is_transient: bool
    is_gate: bool
    event: int
    partitions: tuple[str, ...] = ()


def causes_of(instance: dg.DagsterInstance, run_id: str) -> list[Cause]:
    """A cause for each failed step of a run that failed; one without a step where the run ended without any."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    records = instance.get_records_for_run(run_id, of_type=kinds).records
    steps, ended = [], []
    for record in records:
        event = record.event_log_entry.dagster_event
        if event is not None and event.is_step_failure:
            steps.append(_of_step(event, record.storage_id))
        elif event is not None:
            said = " ".join((event.message or "the run ended early").split())
            ended.append(Cause(step="", reason=said, is_transient=True, is_gate=False, event=record.storage_id))
    return steps or ended[:1]


def _of_step(event: dg.DagsterEvent, storage_id: int) -> Cause:
    data = event.step_failure_data
    errors = list(chain(data.error))
    classes = {one.cls_name for one in errors}
    metadata = data.user_failure_data.metadata if data.user_failure_data else {}
    said, failed = metadata.get(IS_TRANSIENT), metadata.get(FAILED)
    passing = bool(classes & ENDED) or any(was_tried_again(one.message) for one in errors)
    return Cause(
        step=event.step_key or "",
        reason=reason_of(data),
        is_transient=bool(said.value) if said is not None else passing,
        is_gate=GATE in classes,
        event=storage_id,
        partitions=tuple(failed.value) if isinstance(failed, dg.JsonMetadataValue) else (),  # type: ignore[arg-type]
    )


def reason_of(data: "StepFailureData") -> str:
    """The root cause of a failed step in one line, without its traceback."""
    if data.user_failure_data is not None and data.user_failure_data.description:
        return " ".join(data.user_failure_data.description.split())
    *_, root = [None, *chain(data.error)]
    return " ".join(root.message.split()) if root is not None else "unknown"


def chain(error: "SerializableErrorInfo | None") -> Iterator["SerializableErrorInfo"]:
    """The error, what it was raised from, and so on to the root."""
    while error is not None:
        yield error
        error = error.cause
