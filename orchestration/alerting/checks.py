"""Checks that do not pass. A gate is judged by partition: a day that is held back stays so while others pass."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    AssetCheckExecutionRecordStatus,
)

from orchestration.alerting import wording
from orchestration.alerting.problems import MOST_TARGETS, Problem
from orchestration.catching_up import FIRST, PARTITION, partitions_of

if TYPE_CHECKING:
    from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
    from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord
    from dagster._core.storage.dagster_run import RunRecord

# Of one gate, the newest; what was held before them stays held.
MOST_EVALUATIONS = 200


def failed_checks(
    instance: dg.DagsterInstance,
    graph: "BaseAssetGraph",
    *,
    known: Mapping[str, Problem] | None = None,
    gates: Set[dg.AssetCheckKey] | None = None,
    all: bool = False,
) -> list[Problem]:
    """Checks whose last evaluation did not pass, those alone that block, are errors or say that data is old.

    Of a gate before partitions the last of each partition counts. Its history is read where its last evaluation did not
    pass, where it is among `gates` (null: always) and where its problem is `known`.
    """
    keys = sorted(graph.asset_check_keys, key=lambda key: (key.asset_key, key.name))
    found = []
    for key, latest in instance.event_log_storage.get_latest_asset_check_execution_by_key(keys).items():
        record = _evaluated(instance, key, latest)
        evaluation = record.evaluation if record else None
        if record is None or evaluation is None:
            continue
        earlier = (known or {}).get(_name(key))
        is_gate = evaluation.blocking and graph.has(key.asset_key) and graph.get(key.asset_key).is_partitioned
        is_suspect = gates is None or key in gates or earlier is not None or _holds(evaluation)
        held = _held(instance, graph, key, earlier) if is_gate and is_suspect else {}
        if not held and not evaluation.passed and not (is_gate and _holds(evaluation)):
            held = {record.partition or "": record}
        if problem := _problem(key, held, earlier, all=all):
            found.append(problem)
    return found


def gates_of(instance: dg.DagsterInstance, failed: "Iterable[RunRecord]") -> set[dg.AssetCheckKey]:
    """The checks that did not pass in runs that failed; for other partitions they may have passed since."""
    kind = {dg.DagsterEventType.ASSET_CHECK_EVALUATION}
    found = set()
    for run in (record.dagster_run for record in failed):
        for record in instance.get_records_for_run(run.run_id, of_type=kind).records:
            event = record.event_log_entry.dagster_event
            if event is not None and not event.asset_check_evaluation_data.passed:
                found.add(event.asset_check_evaluation_data.asset_check_key)
    return found


def _problem(
    key: dg.AssetCheckKey,
    held: "Mapping[str, AssetCheckExecutionRecord | None]",
    earlier: Problem | None,
    *,
    all: bool,
) -> Problem | None:
    """What is told of a check that holds partitions, with the reason of its newest evaluation among them."""
    path = key.asset_key.to_user_string()
    targets = tuple((path, partition) for partition in sorted(held)[:MOST_TARGETS])
    record = next((one for one in held.values() if one is not None), None)
    evaluation = record.evaluation if record else None
    if record is None or evaluation is None:
        return replace(earlier, targets=targets) if held and earlier else None
    is_error = evaluation.severity == dg.AssetCheckSeverity.ERROR
    if not (is_error or "fresh" in key.name or all):
        return None
    return Problem(
        key=_name(key),
        what="holds back what comes after it" if _holds(evaluation) else "did not pass",
        reason=wording.one_line(f"{key.name}: {evaluation.description or 'its page says what it found'}"),
        advice=f"Look at what the check lists, then materialise {path} again.",
        targets=targets,
        links=wording.asset_link(path, "checks") | wording.run_link(record.run_id),
    )


def _name(key: dg.AssetCheckKey) -> str:
    return f"check:{key.asset_key.to_user_string()}:{key.name}"


def _holds(evaluation: "AssetCheckEvaluation") -> bool:
    return evaluation.blocking and not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR


def _evaluated(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, latest: "AssetCheckExecutionRecord"
) -> "AssetCheckExecutionRecord | None":
    """`latest`, or the one before it that said something: a run that goes on, or was killed, has said nothing yet."""
    if latest.status is not AssetCheckExecutionRecordStatus.PLANNED:
        return latest
    said = _history(instance, key, most=1)
    return said[0] if said else None


def _history(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, *, most: int
) -> "Sequence[AssetCheckExecutionRecord]":
    statuses = COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
    return instance.event_log_storage.get_asset_check_execution_history(key, limit=most, status=statuses)


def _held(
    instance: dg.DagsterInstance, graph: "BaseAssetGraph", key: dg.AssetCheckKey, earlier: Problem | None
) -> "dict[str, AssetCheckExecutionRecord | None]":
    """Partitions whose last evaluation holds back what comes after, with it, the newest first.

    An evaluation of no partition is of all. With null: those of `earlier` that were not evaluated again.
    """
    records = _history(instance, key, most=MOST_EVALUATIONS)
    if earlier is None and not any(record.evaluation and _holds(record.evaluation) for record in records):
        return {}
    partitions = graph.get(key.asset_key).partitions_def
    assert partitions is not None
    known = partitions.get_partition_keys(dynamic_partitions_store=instance)
    ids = sorted({record.run_id for record in records if record.run_id})
    runs = instance.get_runs(dg.RunsFilter(run_ids=ids)) if ids else []
    by_id = {run.run_id: partitions_of(run, known) if run.tags.keys() & {PARTITION, FIRST} else [""] for run in runs}
    held: dict[str, AssetCheckExecutionRecord | None] = {}
    judged: set[str] = set()
    # By the time at which they were evaluated: they are in the order in which their runs were made.
    for record in sorted(records, key=lambda one: one.event.timestamp if one.event else 0, reverse=True):
        # A run that was removed is of no partition that is not made since.
        of = [record.partition] if record.partition else by_id.get(record.run_id, []) if record.run_id else [""]
        fails = record.evaluation is not None and _holds(record.evaluation)
        held |= {name: record for name in of if fails and name not in judged}
        judged |= set(of)
        if "" in of:
            return held
    if earlier is not None and len(records) == MOST_EVALUATIONS:
        held |= {name: None for _, name in earlier.targets if name in known and name not in judged}
    return held
