"""The vital figures of a lane, and the checks that tell its silent failures from them."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.lanes import Lane
from parlance import plots, schemas
from parlance.lake import Lake
from parlance.monitoring import failures
from parlance.monitoring.failures import Settings, Vitals, Watch
from parlance.monitoring.findings import Finding, Verdict, frame, worst
from parlance.stages import monitoring as stages
from resources.lake import LakeResource

MOST_JUDGED = 100
SHOWN = 8
SAID = 3
RUNS_DAILY = dg.FreshnessPolicy.time_window(warn_window=dt.timedelta(hours=30), fail_window=dt.timedelta(hours=54))


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A silent failure: what is looked for, in which lanes, and what to do about it."""

    watch: Watch
    description: str
    advice: str
    of: Callable[[Lane], bool]


WATCHED: dict[str, Watched] = {
    "channel_fell_silent": Watched(
        watch=failures.channel_fell_silent,
        description="No channel that used to talk is silent while others talk. A week-end or a holiday is no silence.",
        advice=(
            "Look whether the app is still a member of the channel, or the export's owner still exports it; whether it "
            "was renamed, archived or opted out. Then materialise `slack/raw` of the days again."
        ),
        of=lambda lane: lane.grouped,
    ),
    "export_layout_changed": Watched(
        watch=failures.export_layout_changed,
        description="Messages have text, an author whom the export lists, and the fields that they had before.",
        advice=(
            "Look into a day's file of the export: a renamed field, or no users.json. Take the export again, or teach "
            "`parlance/sources/slack_export.py` the new layout; do not materialise what comes after before."
        ),
        of=lambda lane: lane.grouped,
    ),
    "encoding_accident": Watched(
        watch=failures.encoding_accident,
        description="No jump of documents with signs of a wrong encoding: Ã© for é, replacement or control characters.",
        advice="Find the step that read bytes with the wrong encoding: the raw rows' payload says what was sent.",
        of=lambda lane: True,
    ),
    "bot_flood": Watched(
        watch=failures.bot_flood,
        description="No author's part of what is said jumps, neither in all nor in messages that are nearly the same.",
        advice="Name the bot in the statement of rights as opted out, or lower `conversation_bot_turn_share`.",
        of=lambda lane: lane.grouped,
    ),
    "text_vanished": Watched(
        watch=failures.text_vanished,
        description="No rule rejects or drops a larger part than it did before.",
        advice="The samples of `rejected` and `dropped` show what the rule took; compare recipes before changing one.",
        of=lambda lane: lane.is_by_day,
    ),
    "crawl_shrank": Watched(
        watch=failures.crawl_shrank,
        description="No host lost its pages, and none shows one text, such as a login page, at many addresses.",
        advice="Open the host in a browser: does it want a login, does it refuse? Its errors stand in `rejected`.",
        of=lambda lane: lane.is_by_day and not lane.grouped,
    ),
    "duplicate_export": Watched(
        watch=failures.duplicate_export,
        description="No day's documents stand in another day, or twice in one, under other ids.",
        advice=(
            "An export was taken twice under another team, channel or day: remove one of them, then materialise both "
            "days. Until then duplicates keep the earlier copy of each text."
        ),
        of=lambda lane: lane.grouped,
    ),
}


class VitalsConfig(dg.Config):
    """How much is too much: the settings of the checks."""

    window: int = Field(default=28, ge=5, description="Partitions before a partition that it is compared with.")
    least_history: int = Field(default=5, ge=2, description="With fewer before it a partition is not judged.")
    z: float = Field(default=4.0, gt=0, description="Standard deviations beyond which a jump warns.")
    gross_z: float = Field(default=8.0, gt=0, description="Standard deviations beyond which a jump is an error.")
    least_lacking: float = Field(default=0.05, ge=0, le=1, description="Least jump of messages without text or author.")
    least_garbled: float = Field(default=0.05, ge=0, le=1, description="Least jump of badly encoded documents.")
    least_vanished: float = Field(default=0.15, ge=0, le=1, description="Least jump of what a rule takes.")
    least_flood: float = Field(default=0.25, ge=0, le=1, description="Least jump of an author's part of the messages.")
    least_shrunk: float = Field(default=0.5, ge=0, le=1, description="Least part of a host's pages that is gone.")
    least_copied: float = Field(default=0.3, ge=0, le=1, description="Least part of a day that stands in another.")


def vitals_assets(lane: Lane, *, live: bool) -> list[dg.AssetsDefinition]:
    """The vitals of `lane`, with their checks; a `live` lane of days is to run each day, says its freshness policy."""
    watched = {name: one for name, one in WATCHED.items() if one.of(lane)}
    key = lane.key("vitals")
    deps = [lane.key("dropped"), *([lane.key("messages")] if lane.grouped else [])]

    @dg.asset(
        key=key,
        deps=deps,
        description=(
            "Counts of each partition by which its silent failures are told: by channel, author, field, encoding, "
            "rule, host and twin. The checks compare a partition with those before it."
        ),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.VITALS)},
        check_specs=[dg.AssetCheckSpec(name, asset=key, description=one.description) for name, one in watched.items()],
        freshness_policy=RUNS_DAILY if live and lane.is_by_day else None,
        partitions_def=lane.partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        **lane.common("monitoring.vitals", "stages.monitoring"),
    )
    @no_useless_retries
    def vitals(context: dg.AssetExecutionContext, config: VitalsConfig, lake: LakeResource) -> dg.MaterializeResult:
        opened, keys = lake.open(), list(context.partition_keys)
        written = stages.write_vitals(opened, lane.name, keys, chat=lane.grouped)
        metadata.by_partition(context, key, written.rows_by_partition)
        history = stages.history(opened, lane.name, keys)
        known, settings = Vitals(history), Settings(**config.model_dump())
        results = [
            _result(opened, lane, name, one, failures.watch([one.watch], known, keys[-MOST_JUDGED:], settings))
            for name, one in watched.items()
        ]
        shown = metadata.of_table(opened.table(f"{lane.name}/vitals"), written)
        return dg.MaterializeResult(metadata=shown | {"over_time": _over_time(history)}, check_results=results)

    return [vitals]


def _result(lake: Lake, lane: Lane, name: str, watched: Watched, found: Sequence[Finding]) -> dg.AssetCheckResult:
    """The check's outcome: what is worst first, with what to do about it where something is."""
    verdict, rows = worst(found), frame(found)
    bad = rows.filter(pl.col("verdict").is_in([Verdict.ALARM, Verdict.GROSS]))
    if not bad.is_empty() and "channel" in name:
        rows, bad = (_with_names(lake, lane, part) for part in (rows, bad))
    unjudged = int((rows["verdict"] == Verdict.UNKNOWN).sum())
    shown = {"judged": len(found) - unjudged, "unjudged": unjudged, "alarms": bad.height}
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=lane.key("vitals"),
        passed=bad.is_empty(),
        severity=dg.AssetCheckSeverity.ERROR if verdict == Verdict.GROSS else dg.AssetCheckSeverity.WARN,
        description=_said(bad, watched) if not bad.is_empty() else f"{shown['judged']:,} numbers within their bounds",
        metadata=shown | {"worst": metadata.table_of(rows.head(SHOWN)), "what_to_do": watched.advice},
    )


def _said(bad: pl.DataFrame, watched: Watched) -> str:
    said = [
        f"{row['partition']}: {row['subject']} {row['value']:.3g}, expected {row['expected']:.3g},"
        f" at most {row['bound']:.3g}"
        for row in bad.head(SAID).iter_rows(named=True)
    ]
    more = f"; and {bad.height - SAID:,} more" if bad.height > SAID else ""
    return f"{'; '.join(said)}{more}. {watched.advice}"


def _with_names(lake: Lake, lane: Lane, rows: pl.DataFrame) -> pl.DataFrame:
    """Channels by name, since nobody knows their ids."""
    named = lake.table(f"{lane.name}/messages").scan().filter(pl.col("channel").is_in(rows["subject"].to_list()))
    names = named.group_by("channel").agg(pl.col("channel_name").last()).collect()
    joined = rows.join(names, left_on="subject", right_on="channel", how="left", maintain_order="left")
    return joined.with_columns(subject=pl.coalesce("channel_name", "subject")).drop("channel_name")


def _over_time(history: pl.DataFrame) -> dg.MetadataValue:
    """Rows of the newest partitions, and of their documents those that were dropped."""
    sums = history.group_by("partition", "measure").agg(pl.col("count").sum())
    partitions = sums["partition"].unique().sort().to_list()
    found = {(row[0], row[1]): row[2] for row in sums.iter_rows()}
    series = {name: [found.get((key, name), 0) for key in partitions] for name in ("documents", "dropped", "rejected")}
    return metadata.picture(plots.stacked(partitions, series, title="Documents, dropped and rejected"))
