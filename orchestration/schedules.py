"""One schedule for each lane; all are off until someone turns them on."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.lanes import Lane
from orchestration.settings import dumps_folder, path_setting
from resources.sources import Dumps


def schedules(lanes: Mapping[str, Lane], jobs: Mapping[str, Any]) -> list[dg.ScheduleDefinition]:
    """The slack lane takes yesterday at two in the morning; the dump lane looks into the inbox at three."""
    return [
        dg.build_schedule_from_partitioned_job(
            jobs["slack_lane"],
            name="slack_daily",
            hour_of_day=2,
            description="Yesterday's messages, every night.",
        ),
        _new_dumps(lanes["dump"], jobs["dump_lane"]),
    ]


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
            return dg.SkipReason(f"every dump of {path_setting('PARLANCE_DUMPS')} has documents")
        return [dg.RunRequest(partition_key=name) for name in missing]

    return new_dumps
