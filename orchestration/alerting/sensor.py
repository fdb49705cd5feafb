"""The sensor `alerts`: looks at everything that can go wrong, and tells each cause once."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.lanes import Lane
from orchestration.alerting import wording
from orchestration.alerting.book import Book, Entry
from orchestration.alerting.checks import failed_checks, gates_of
from orchestration.alerting.problems import DAYS, Problem, failures, is_made_since, named, sources
from parlance.errors import ConfigError, TransientError
from resources.alerts import Alerts

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

# Runs are looked at again for so long, since their end may be written late.
OVERLAP = dt.timedelta(minutes=5)


def alerts_sensor(lanes: Mapping[str, Lane]) -> dg.SensorDefinition:
    """One sensor, and not Dagster's for failed runs: that sees one run at a time, and ten may fail for one reason."""

    @dg.sensor(name="alerts", minimum_interval_seconds=60)
    def sensor(context: dg.SensorEvaluationContext, alerts: Alerts) -> dg.SensorResult:
        """Tells, in PARLANCE_ALERTS_CHANNEL and in its log, what failed, is held back or brings no new data, and why.

        A source that cannot be read is told too. A cause is told once a day however often it occurs, and its end once;
        what fails again after that is told when the day is over, if it still fails. What a cause concerns is kept up to
        date in its message. From the time on at which it is turned on.
        """
        now = dt.datetime.now(dt.UTC)
        cursor = json.loads(context.cursor or "{}")
        book = Book.load(cursor.get("book", {}))
        assert context.repository_def is not None
        seen = look(
            book,
            context.instance,
            context.repository_def.asset_graph,
            list(lanes.values()),
            now=now,
            since=dt.datetime.fromisoformat(cursor["at"]) if "at" in cursor else now,
            seen=cursor.get("seen", []),
        )
        told = tell(book, alerts, now=now, log=context.log)
        state = {"at": now.isoformat(), "seen": seen, "book": book.dump()}
        return dg.SensorResult(skip_reason=told or "nothing new", cursor=json.dumps(state))

    return sensor


def look(
    book: Book,
    instance: dg.DagsterInstance,
    graph: "BaseAssetGraph",
    lanes: Sequence[Lane],
    *,
    now: dt.datetime,
    since: dt.datetime,
    seen: Sequence[str],
) -> list[str]:
    """Notes what is wrong, and what no longer is; gives the failed runs that were looked at, for the next time."""
    chosen = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since - OVERLAP)
    records = [one for one in instance.get_run_records(chosen) if _ended(one) >= since - OVERLAP]
    new = [one for one in records if one.dagster_run.run_id not in seen]
    book.note(failures(instance, graph, lanes, new), now=now)
    known = {key: entry.problem for key, entry in book.entries.items() if entry.is_open}
    checks = failed_checks(instance, graph, known=known, gates=gates_of(instance, new))
    states = [*checks, *sources(instance, lanes, now=now)]
    book.note(states, now=now)
    present = {problem.key for problem in states}
    # Whether a source that cannot be read is behind is not known.
    present |= {f"stale:{lane.name}" for lane in lanes if f"unreadable:{lane.name}" in present}
    for key, entry in book.entries.items():
        if not entry.is_open or key in present:
            continue
        is_failure = key.startswith("failure:")
        if not is_failure or is_made_since(instance, graph, entry.problem.targets, entry.problem.event):
            book.recover(key)
    return [one.dagster_run.run_id for one in records]


def _ended(record: Any) -> dt.datetime:
    return dt.datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), dt.UTC)


def tell(book: Book, alerts: Alerts, *, now: dt.datetime, log: Any) -> str:
    """Tells what is due; gives it in one line. What Slack does not take is told on the next look.

    A message that cannot be changed stays as it was.
    """
    told = []
    for key, entry in book.entries.items():
        try:
            if entry.is_open and entry.is_due and entry.is_quiet(now):
                continue
            if entry.is_open and entry.is_due:
                log.error(f"{headline(entry.problem)}: {entry.problem.reason}")
                ts = alerts.post(headline(entry.problem), _blocks(entry.problem))
                book.tell(key, message=ts, now=now)
                told.append(headline(entry.problem))
            elif entry.is_open and entry.has_grown:
                alerts.change(entry.message, headline(entry.problem), _blocks(entry.problem))
                entry.has_grown = False
            elif not entry.is_open:
                told += _recovered(entry, alerts, log=log)
        except TransientError as error:
            log.error(f"not told yet: {wording.one_line(str(error))}")
        except ConfigError as error:
            entry.has_grown = False  # its message may have been deleted; the others go on
            told.append(f"not told: {wording.one_line(str(error))}")
            log.error(told[-1])
    book.forget(now=now)
    return "; ".join(dict.fromkeys(told))


def _recovered(entry: Entry, alerts: Alerts, *, log: Any) -> list[str]:
    entry.is_due = entry.has_grown = False
    if not entry.is_told:
        return []
    said = f"Works again: {named(entry.problem)}"
    log.info(said)
    alerts.post(said, wording.blocks(said, [f"It was: {entry.problem.reason}"], links=entry.problem.links))
    entry.is_told = False
    return [said]


def headline(problem: Problem) -> str:
    """What is wrong, and with what."""
    return f"{named(problem)} {problem.what}"


def _blocks(problem: Problem) -> list[dict[str, Any]]:
    partitions = sorted({partition for _, partition in problem.targets if partition})
    days = f"{partitions[0]} {partitions[-1]}" if partitions else ""
    lines = [f"Why: {problem.reason}", f"Next: {problem.advice.replace(DAYS, days)}"]
    return wording.blocks(headline(problem), lines, links=problem.links)
