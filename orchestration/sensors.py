"""Sensors: dumps in the inbox, changes in Slack and of duplicates, finished annotations, and enough new gold."""

import datetime as dt
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
import polars as pl

from assets.lanes import Lane
from orchestration import decisions
from orchestration.alerting.sensor import alerts_sensor
from orchestration.catching_up import busy, missing_days, ranges_of, request_of, tables_of
from orchestration.settings import annotations_folder, dumps_folder, lake_root, retrain_after, setting
from parlance.lake import Lake
from parlance.sources.slack_archive import Archive
from parlance.stages.annotation import annotation_files, file_hash
from parlance.storage import Table
from parlance.versions import content_version
from resources.sources import Dumps

MOST_REQUESTS = 25
MOST_MADE = 1000
DAY_S = 86_400.0
# A change is stamped before it is committed, and what is looked at twice is asked for once.
OVERLAP = dt.timedelta(hours=1)


def sensors(lanes: Mapping[str, Lane], jobs: Mapping[str, Any]) -> list[dg.SensorDefinition]:
    """Every sensor; all are off until someone turns them on."""
    return [
        _inbox(lanes["dump"], jobs["dump_lane"]),
        _changes(lanes["slack"], jobs["slack_lane"]),
        _late_replies(lanes["slack"], jobs["slack_threads"]),
        _finished_annotations(jobs["annotations"]),
        _enough_gold(jobs["retraining"]),
        missing_days(lanes, jobs),
        alerts_sensor(lanes),
        decisions.sensor(lanes, jobs),
    ]


def _inbox(lane: Lane, job: Any) -> dg.SensorDefinition:
    @dg.sensor(name="dumps_inbox", job=job, minimum_interval_seconds=30)
    def inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Adds a partition for each new or changed dump, and runs the lane for it.

        A file counts once its size and time are the same on two looks, so that one still being copied is left alone.
        Where the run of a changed one failed it is asked for again each day: `missing_days` sees nothing missing.
        """
        cursor = json.loads(context.cursor or "{}")
        seen, taken, asked = (cursor.get(name, {}) for name in ("seen", "taken", "asked"))
        found, now = Dumps(folder=dumps_folder()).names(), time.time()
        settled = [name for name, mark in found.items() if seen.get(name) == mark and taken.get(name) != mark]
        chosen = settled[:MOST_REQUESTS]
        taken = {name: mark for name, mark in taken.items() if name in found} | {name: found[name] for name in chosen}
        requests = [dg.RunRequest(run_key=f"{name}@{found[name]}", partition_key=name) for name in chosen]
        going_on = busy(lane, context.instance) if asked else set()
        waiting = dict.fromkeys(chosen, now)
        for name in asked.keys() & found.keys() - waiting.keys():
            made = _made(context.instance, lane, tables_of(lane), name)
            if made is None or made.timestamp >= asked[name]:
                continue
            is_due = now - asked[name] >= DAY_S and name not in going_on
            if is_due:
                requests.append(dg.RunRequest(run_key=f"{name}@{found[name]}/{now:.0f}", partition_key=name))
            waiting[name] = now if is_due else asked[name]
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[lane.partitions.build_add_request(chosen)] if chosen else [],
            cursor=json.dumps({"seen": found, "taken": taken, "asked": waiting}, sort_keys=True),
        )

    return inbox


def _changes(lane: Lane, job: Any) -> dg.SensorDefinition:
    @dg.sensor(name="slack_changes", job=job, minimum_interval_seconds=60)
    def changes(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Runs the lane for days in which the Web API found late replies, edits or deletions after they were made.

        Until a day is made again its changes stay pending: where the run failed it is asked for anew each day, and not
        while a run of that day goes on.
        """
        if not setting("PARLANCE_SLACK_TOKEN"):
            return dg.SkipReason("PARLANCE_SLACK_TOKEN is not set")
        now = dt.datetime.now(dt.UTC)
        since = dt.datetime.fromisoformat(context.cursor) if context.cursor else now - OVERLAP
        pending = {}
        for day, changed in Archive(lake_root()).changed_days(since).items():
            made = _made(context.instance, lane, tables_of(lane), day)
            if made and dt.datetime.fromtimestamp(made.timestamp, dt.UTC) < changed:
                pending[day] = changed
        asked = pending.keys() - (busy(lane, context.instance) if pending else set())
        requests = []
        for first, last in ranges_of(lane, context.instance, asked):
            stamp = max(changed for day, changed in pending.items() if first <= day <= last)
            key = f"{first}..{last}@{stamp.isoformat()}/{now.date()}"
            requests.append(request_of(job.name, first, last, key=key))
        looked = since if pending else max(since, now - OVERLAP)
        return dg.SensorResult(run_requests=requests, cursor=looked.isoformat())

    return changes


def _made(instance: dg.DagsterInstance, lane: Lane, tables: Iterable[str], day: str) -> dg.EventLogRecord | None:
    """The oldest of the last materialisations of `tables`; null where one never was: that is left to `missing_days`."""
    found = []
    for table in tables:
        wanted = dg.AssetRecordsFilter(asset_key=lane.key(table), asset_partitions=[day])
        records = instance.fetch_materializations(wanted, limit=1).records
        if not records:
            return None
        found += records
    return min(found, key=lambda record: record.storage_id)


def _late_replies(lane: Lane, job: Any) -> dg.SensorDefinition:
    @dg.sensor(name="late_replies", job=job, minimum_interval_seconds=30)
    def late_replies(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """A reply to a thread of an earlier day makes that day's documents anew, so that the thread has its reply.

        It looks at every day whose raw rows were made since its last look; a run that made both days has it already.
        Until the documents are made their thread stays pending: where the run failed it is asked for anew each day, and
        not while a run of that day goes on.
        """
        state = json.loads(context.cursor or "{}")
        records = _made_since(context.instance, lane.key("raw"), state.get("seen"))
        made_together: dict[str, list[dg.EventLogRecord]] = {}
        for record in records:
            made_together.setdefault(record.run_id, []).append(record)
        rows = Lake(root=lake_root()).table(f"{lane.name}/raw")
        replied: dict[str, int] = state.get("pending", {})
        for together in made_together.values():
            reply = max(record.storage_id for record in together)
            for day in _earlier_days(rows, {str(record.partition_key) for record in together}):
                replied[day] = max(reply, replied.get(day, 0))
        pending = {}
        for day, reply in replied.items():
            made = _made(context.instance, lane, _after_raw(lane), day)
            if made and made.storage_id < reply:
                pending[day] = reply
        asked = pending.keys() - (busy(lane, context.instance) if pending else set())
        today = dt.datetime.now(dt.UTC).date()
        requests = []
        for first, last in ranges_of(lane, context.instance, asked):
            reply = max(reply for day, reply in pending.items() if first <= day <= last)
            requests.append(request_of(job.name, first, last, key=f"{first}..{last}<{reply}/{today}"))
        seen = max([state.get("seen", 0), *(record.storage_id for record in records)])
        cursor = json.dumps({"seen": seen, "pending": pending}, sort_keys=True)
        if requests:
            return dg.SensorResult(run_requests=requests, cursor=cursor)
        reason = f"being made: {', '.join(sorted(pending))}" if pending else "no thread is pending"
        return dg.SensorResult(skip_reason=reason, cursor=cursor)

    return late_replies


def _made_since(instance: dg.DagsterInstance, key: dg.AssetKey, seen: int | None) -> list[dg.EventLogRecord]:
    """The materialisations of partitions since the one with that id; without an id the last alone."""
    wanted = dg.AssetRecordsFilter(asset_key=key, after_storage_id=seen)
    found = instance.fetch_materializations(wanted, limit=MOST_MADE if seen else 1, ascending=bool(seen)).records
    return [record for record in found if record.partition_key is not None]


def _after_raw(lane: Lane) -> list[str]:
    """What is made of the raw rows."""
    return [table for table in tables_of(lane) if table != "raw"]


def _earlier_days(raw: Table, together: set[str]) -> list[str]:
    """Days with threads that got replies in the days that were made `together`, and that are none of them."""
    rows = raw.scan(sorted(together)).select(day="document_partition", of="partition").unique()
    earlier = rows.filter((pl.col("day") < pl.col("of")) & ~pl.col("day").is_in(sorted(together)))
    return earlier.select(pl.col("day").unique().sort()).collect()["day"].to_list()


def _finished_annotations(job: Any) -> dg.SensorDefinition:
    @dg.sensor(name="finished_annotations", job=job, minimum_interval_seconds=30)
    def finished_annotations(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Takes annotation files that are new or changed, by their content, once they are the same on two looks."""
        cursor = json.loads(context.cursor or "{}")
        seen, taken = cursor.get("seen", {}), set(cursor.get("taken", []))
        found = {name: file_hash(path) for name, path in annotation_files(annotations_folder()).items()}
        settled = {name: mark for name, mark in found.items() if seen.get(name) == mark}
        new = sorted(set(settled.values()) - taken)
        # While another file is still being copied nothing is taken: the run reads the whole folder.
        ready = bool(new) and len(settled) == len(found)
        taken = (taken & set(found.values())) | (set(new) if ready else set())
        return dg.SensorResult(
            run_requests=[dg.RunRequest(run_key=f"annotations@{content_version(new)}")] if ready else [],
            cursor=json.dumps({"seen": found, "taken": sorted(taken)}, sort_keys=True),
        )

    return finished_annotations


def _enough_gold(job: Any) -> dg.SensorDefinition:
    @dg.asset_sensor(asset_key=dg.AssetKey(["corpus", "gold"]), name="enough_gold", job=job)
    def enough_gold(context: dg.SensorEvaluationContext, event: dg.EventLogEntry) -> dg.RunRequest | dg.SkipReason:
        """Trains the classifier again when there are as many new gold labels as PARLANCE_RETRAIN_AFTER says."""
        needed = retrain_after()
        rows = Lake(root=lake_root()).table("corpus/gold").scan().select(pl.len()).collect().item()
        known = _trained_with(context.instance)
        if rows - known < needed:
            return dg.SkipReason(f"{rows - known} gold labels since the last training; {needed} are needed")
        return dg.RunRequest(run_key=f"gold@{event.run_id}")

    return enough_gold


def _trained_with(instance: dg.DagsterInstance) -> int:
    """The gold labels that there were when the classifier was last trained."""
    event = instance.get_latest_materialization_event(dg.AssetKey(["corpus", "speech_act_model"]))
    materialization = event.asset_materialization if event else None
    value = materialization.metadata.get("gold_labels") if materialization else None
    return int(str(value.value)) if value is not None else 0
