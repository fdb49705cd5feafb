"""The partitions of the lanes."""

import datetime as dt

import dagster as dg

from orchestration.settings import setting, slack_export
from parlance.errors import ConfigError
from parlance.sources import slack

dumps = dg.DynamicPartitionsDefinition(name="dumps")


def slack_days() -> dg.DailyPartitionsDefinition:
    """The days of the slack lane, in UTC, from PARLANCE_SLACK_START or else from the first day of the export."""
    return dg.DailyPartitionsDefinition(start_date=first_slack_day())


def first_slack_day() -> str:
    """Raises ConfigError where the setting is no day."""
    start = setting("PARLANCE_SLACK_START")
    if not start:
        return _first_exported_day()
    try:
        return dt.date.fromisoformat(start).isoformat()
    except ValueError as error:
        raise ConfigError(f"PARLANCE_SLACK_START is {start!r}; it must be a day such as 2026-10-05") from error


def _first_exported_day() -> str:
    """Yesterday where there is no export that can be read: the lane's first step then says what is wrong with it."""
    try:
        days = slack.days(slack_export()) if slack_export() else []
    except ConfigError:
        days = []
    return days[0] if days else (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)).isoformat()
