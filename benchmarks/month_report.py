"""What the simulated month shows: a line for each day, what each event did, and what was held against the truth."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from rich.console import Console
from rich.table import Table

from benchmarks.month_truth import Finding

TYPES = {dg.DagsterEventType.ASSET_CHECK_EVALUATION, dg.DagsterEventType.STEP_FAILURE}
SHOWN_FINDINGS, SHOWN_CHARACTERS = 5, 160
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run with what is to be told of it; times are the simulated clock's."""

    job: str
    status: str
    partition: str
    begin: float
    end: float
    failures: tuple[str, ...]
    checks: tuple[str, ...]


def runs(instance: dg.DagsterInstance) -> list[Ran]:
    """Every run of the instance, the oldest first."""
    return [_ran(instance, record) for record in reversed(instance.get_run_records())]


def _ran(instance: dg.DagsterInstance, record: Any) -> Ran:
    run, failures, checks = record.dagster_run, [], []
    for entry in instance.all_logs(run.run_id, of_type=TYPES):
        event = entry.dagster_event
        if event.is_step_failure:
            failures.append(f"{event.step_key}: {_reason(event.step_failure_data)}")
        else:
            found = event.asset_check_evaluation_data
            if not found.passed:
                checks.append(f"{found.check_name} ({found.severity.value})")
    tags = run.tags
    first = tags.get("dagster/asset_partition_range_start", "")
    span = f"{first}...{tags['dagster/asset_partition_range_end']}" if first else tags.get("dagster/partition", "")
    return Ran(
        job=run.job_name,
        status=run.status.value,
        partition=span,
        begin=record.start_time or record.create_timestamp.timestamp(),
        end=record.end_time or 0.0,
        failures=tuple(failures),
        checks=tuple(checks),
    )


def _reason(data: Any) -> str:
    error = data.error
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    while error is not None and error.cause is not None:
        error = error.cause
    return " ".join(error.message.split()) if error is not None else "unknown"


def made_at(instance: dg.DagsterInstance, lane: str, partition: str, after: float) -> float | None:
    """When the partition's kept documents were first made after a time."""
    wanted = dg.AssetRecordsFilter(
        asset_key=dg.AssetKey([lane, "kept"]), asset_partitions=[partition], after_timestamp=after
    )
    records = instance.fetch_materializations(wanted, limit=1, ascending=True).records
    return records[0].timestamp if records else None


def reaction(ran: Iterable[Ran], alerts: Iterable[tuple[float, Any]], begin: float, end: float) -> str:
    """What was done between two times: runs that failed with the first reason, checks that failed, alerts."""
    within = [one for one in ran if begin <= one.begin < end]
    failed = [one for one in within if one.status != "SUCCESS"]
    parts = [f"{len(within)} runs, {len(failed)} not successful"]
    reasons = Counter(f"{one.job} {one.status}" for one in failed)
    parts += [f"{name} x{count}" for name, count in reasons.items()]
    parts += list(dict.fromkeys(failure for one in failed for failure in one.failures))[:1]
    checks = Counter(check for one in within for check in one.checks)
    parts += [f"check {name} x{count}" for name, count in checks.most_common()]
    told = sum(begin <= time < end for time, _ in alerts)
    return "; ".join(part[:SHOWN_CHARACTERS] for part in [*parts, *([f"{told} alerts"] if told else [])])


def moment(time: float | None) -> str:
    return "never" if time is None else datetime.fromtimestamp(time, UTC).strftime("%m-%d %H:%M")


def line(day: Any, instance: dg.DagsterInstance, date: str) -> str:
    """A day with its runs by job and status."""
    records = instance.get_run_records(limit=day.runs) if day.runs else []
    counted = Counter(f"{one.dagster_run.job_name} {one.dagster_run.status.value}" for one in records)
    listed = ", ".join(f"{name} x{count}" for name, count in sorted(counted.items()))
    return f"{date}  {day.wall_s:5.0f} s wall {day.cpu_s:6.0f} s CPU  {listed or 'no runs'}"


def findings(found: Iterable[Finding]) -> tuple[Sequence[str], Rows]:
    header = ("what", "checked", "wrong", "first of them")
    rows = [
        (one.what, f"{one.checked:,}", f"{len(one.wrong):,}", "; ".join(one.wrong[:SHOWN_FINDINGS])) for one in found
    ]
    return header, rows


def show(console: Console, title: str, header: Sequence[str], rows: Rows) -> None:
    table = Table(*header, title=title, title_justify="left", show_lines=True)
    for row in rows:
        table.add_row(*row)
    console.print(table, highlight=False, markup=False)


def write(path: Path, sections: Sequence[tuple[str, Sequence[str], Rows]], lines: Sequence[str]) -> None:
    """The sections as tables of Markdown, and below them the lines."""
    parts = ["# A simulated month", ""]
    for title, header, rows in sections:
        parts += [f"## {title}", "", _row(header), _row(["---"] * len(header)), *map(_row, rows), ""]
    path.write_text("\n".join([*parts, "## Days", "", "```", *lines, "```", ""]), encoding="utf-8")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
