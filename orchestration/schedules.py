"""One schedule for each lane; all are off until someone turns them on."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.instruct import EXAMPLES
from assets.lanes import Lane
from orchestration.settings import crawl_list, dumps_folder
from resources.sources import Dumps


def schedules(lanes: Mapping[str, Lane], jobs: Mapping[str, Any]) -> list[dg.ScheduleDefinition]:
    """At night, UTC: the crawl at one for the day that began, Slack's yesterday at two, the inbox of dumps at three,
    what is made of all of it at five. Every hour whether all sources go on.
    """
    return [
        dg.build_schedule_from_partitioned_job(
            jobs["slack_lane"],
            name="slack_daily",
            hour_of_day=2,
            description="Yesterday's messages, every night.",
        ),
        _crawl(jobs["crawl_lane"]),
        _new_dumps(lanes["dump"], jobs["dump_lane"]),
        _corpus(lanes, jobs["corpus"]),
        dg.ScheduleDefinition(
            name="freshness_hourly",
            cron_schedule="30 * * * *",
            job=jobs["source_freshness"],
            description="Whether every source goes on, every hour.",
        ),
        dg.ScheduleDefinition(
            job=jobs["daily_digest"],
            name="daily_digest",
            cron_schedule="0 6 * * *",
            description="What the day before brought, every morning.",
        ),
        dg.ScheduleDefinition(
            job=jobs["old_runs"], name="old_runs", cron_schedule="0 4 * * 0", description="Old runs, every Sunday."
        ),
    ]


def _crawl(job: Any) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="crawl_daily",
        cron_schedule="0 1 * * *",
        job=job,
        description="One crawl of the list, every night: pages that have not changed are asked for, not fetched.",
    )
    def crawl(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not crawl_list():
            return dg.SkipReason("PARLANCE_CRAWL names no crawl list")
        day = context.scheduled_execution_time.astimezone(dt.UTC).date().isoformat()
        return dg.RunRequest(run_key=day, partition_key=day)

    return crawl


def _corpus(lanes: Mapping[str, Lane], job: Any) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="corpus_daily",
        cron_schedule="0 5 * * *",
        job=job,
        description="Examples, search index and report of all lanes, every night after which there is something new.",
    )
    def corpus(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        last = context.instance.get_latest_materialization_event
        made = [event.timestamp for lane in lanes.values() if (event := last(lane.key("utterances")))]
        if not made:
            return dg.SkipReason("no lane was made yet")
        if (before := last(EXAMPLES)) and max(made) < before.timestamp:
            return dg.SkipReason("no lane was made since the examples were")
        return dg.RunRequest(run_key=context.scheduled_execution_time.date().isoformat())

    return corpus


def _new_dumps(lane: Lane, job: Any) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="dump_daily",
        cron_schedule="0 3 * * *",
        job=job,
        description="Dumps that have no documents yet, every night: the sensor's safety net.",
    )
    def new_dumps(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        names = Dumps(folder=dumps_folder()).names()
        context.instance.add_dynamic_partitions("dumps", list(names))
        made = context.instance.get_materialized_partitions(lane.key("documents"))
        missing = [name for name in names if name not in made]
        if not missing:
            return dg.SkipReason(f"every dump of {dumps_folder()} has documents")
        return [dg.RunRequest(partition_key=name) for name in missing]

    return new_dumps
