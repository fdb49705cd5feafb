"""The Slack workspace, by day: an official export, the Web API, or both."""

import datetime as dt

import dagster as dg

from assets.lanes import Lane
from orchestration.settings import day_setting, path_setting, setting, slack_export, slack_rights
from parlance.errors import ConfigError
from parlance.sources import slack
from resources.slack import Slack

MODULES = (
    "pseudonyms",
    "rights",
    "sources.rows",
    "sources.slack",
    "sources.slack_archive",
    "sources.slack_export",
    "sources.slack_fields",
    "sources.slack_text",
    "sources.slack_threads",
    "sources.slack_versions",
    "sources.slack_windows",
)


def lane() -> Lane:
    return lane_from(first_day())


def lane_from(first: str) -> Lane:
    """The lane whose first day is `first`, in UTC."""
    return Lane(
        name="slack",
        title="the Slack workspace",
        partitions=dg.DailyPartitionsDefinition(start_date=first),
        recipe="slack",
        modules=MODULES,
        grouped=True,
        kinds=frozenset({"slack"}),
        source=source(),
        inputs=lambda: days(first),
        setting="PARLANCE_SLACK_EXPORT",
        made_of_it=("features",),
    )


def source() -> Slack:
    return Slack(
        export=slack_export(),
        rights=slack_rights(),
        key=setting("PARLANCE_PSEUDONYM_KEY"),
        key_file=f"{path_setting('PARLANCE_HOME')}/pseudonym.key",
        token=setting("PARLANCE_SLACK_TOKEN"),
        tier=setting("PARLANCE_SLACK_TIER"),
        api_url=setting("PARLANCE_SLACK_API"),
    )


def days(first: str) -> list[str]:
    """The days of the export from `first` on; with a token all days to yesterday."""
    if setting("PARLANCE_SLACK_TOKEN"):
        return list(dg.DailyPartitionsDefinition(start_date=first).get_partition_keys())
    return [day for day in slack.days(slack_export()) if day >= first] if slack_export() else []


def first_day() -> str:
    """PARLANCE_SLACK_START, or else the first day of the export.

    Raises ConfigError where the setting is no day, or is needed and not there.
    """
    if start := day_setting("PARLANCE_SLACK_START"):
        return start
    if setting("PARLANCE_SLACK_TOKEN") and not slack_export():
        raise ConfigError("PARLANCE_SLACK_START is not set; with PARLANCE_SLACK_TOKEN alone it must name a day")
    return _first_exported_day()


def _first_exported_day() -> str:
    """Yesterday where there is no export that can be read: the lane's first step then says what is wrong with it."""
    try:
        found = slack.days(slack_export()) if slack_export() else []
    except ConfigError:
        found = []
    return found[0] if found else (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)).isoformat()
