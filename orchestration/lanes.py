"""The lanes. A new source is one module in `parlance/sources/`, one resource and one entry here."""

import dagster as dg

from assets.lanes import Lane
from orchestration.partitions import dumps


def lanes(days: dg.DailyPartitionsDefinition) -> dict[str, Lane]:
    """Every lane by name."""
    return {
        lane.name: lane
        for lane in (
            Lane(
                name="slack",
                title="the Slack workspace",
                partitions=days,
                recipe="slack",
                modules=(
                    "sources.slack",
                    "sources.slack_export",
                    "sources.slack_text",
                    "sources.slack_threads",
                    "sources.rows",
                ),
                grouped=True,
                kinds=frozenset({"slack"}),
            ),
            Lane(
                name="dump",
                title="the dumps folder",
                partitions=dumps,
                recipe="web",
                modules=(
                    "sources.dumps",
                    "sources.warc",
                    "sources.warc_frames",
                    "sources.json_rows",
                    "sources.web_documents",
                ),
                grouped=False,
                kinds=frozenset({"file"}),
            ),
        )
    }
