"""Whether the sources go on: when what is in the lake was said, fetched or annotated, not when it was materialised."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence

import dagster as dg
import polars as pl
from pydantic import Field

from assets.lanes import Lane
from parlance.lake import Lake
from parlance.monitoring.findings import Verdict
from parlance.monitoring.rhythm import Freshness, freshness
from parlance.stages.monitoring import arrivals

NAME = "source_is_fresh"
ANNOTATIONS = "annotations"
ADVICE = (
    "Look at the last run of the source's schedule, its token or robots.txt; days off belong into PARLANCE_HOLIDAYS."
)


class FreshnessConfig(dg.Config):
    """When, and how much silence is never late."""

    now: str = Field(default="", description="The time to judge at, such as 2026-11-03T12:00:00+00:00; empty: now.")
    floor_hours: float = Field(default=24.0, ge=0, description="Silence of fewer hours is never late.")


def freshness_checks(
    lanes: Sequence[Lane], *, live: Collection[str], hours: Mapping[str, float], holidays: Sequence[str]
) -> list[dg.AssetChecksDefinition]:
    """A check for each lane and for annotations, by what arrived.

    Of a source that is not live, such as an export alone, nothing is expected. `hours` are the most that a source may
    be silent, where that is not to be learned from its rhythm.
    """
    keys = _assets(lanes)
    by_name = {lane.name: lane for lane in lanes}

    @dg.multi_asset_check(
        name="freshness",
        specs=[
            dg.AssetCheckSpec(
                NAME,
                asset=key,
                description=f"Something new came from {name} within its usual time, week-ends and holidays left out.",
            )
            for name, key in keys.items()
        ],
        required_resource_keys={"lake", *by_name},
        can_subset=True,
    )
    def check(context: dg.AssetCheckExecutionContext, config: FreshnessConfig) -> Iterator[dg.AssetCheckResult]:
        resources = context.op_execution_context.resources
        now = dt.datetime.fromisoformat(config.now) if config.now else dt.datetime.now(dt.UTC)
        for name, key in keys.items():
            if dg.AssetCheckKey(key, NAME) not in context.selected_asset_check_keys:
                continue
            of_source = getattr(resources, name).arrivals() if name in live and name in by_name else []
            came = [*of_source, *_came(resources.lake.open(), name)]
            expected = hours.get(name)
            found = freshness(came, now, expected_hours=expected, holidays=holidays, floor_hours=config.floor_hours)
            yield _result(key, name, found, expects=name in live or expected is not None or name == ANNOTATIONS)

    return [check]


def check_keys(lanes: Sequence[Lane]) -> list[dg.AssetCheckKey]:
    """The checks of `freshness_checks`."""
    return [dg.AssetCheckKey(key, NAME) for key in _assets(lanes).values()]


def _assets(lanes: Sequence[Lane]) -> dict[str, dg.AssetKey]:
    """What each source's check stands at: the vitals say when rows came."""
    return {lane.name: lane.key("vitals") for lane in lanes} | {ANNOTATIONS: dg.AssetKey(["corpus", ANNOTATIONS])}


def _came(lake: Lake, name: str) -> list[dt.datetime]:
    if name == ANNOTATIONS:
        rows = lake.table("corpus/annotation_files").scan().select(pl.col("first_seen").sort()).collect()
        found: list[dt.datetime] = rows["first_seen"].to_list()
        return found
    return arrivals(lake, name)


def _result(key: dg.AssetKey, name: str, found: Freshness, *, expects: bool) -> dg.AssetCheckResult:
    newest = "nothing" if found.newest is None else f"{found.newest:%Y-%m-%d %H:%M} UTC"
    late = expects and found.verdict in (Verdict.ALARM, Verdict.GROSS)
    if not expects:
        said = f"newest: {newest}; {name} is not read again, so nothing is expected of it"
    elif found.verdict == Verdict.UNKNOWN:
        said = f"newest: {newest}; too little came yet to know a rhythm: PARLANCE_FRESHNESS can name one"
    else:
        said = f"newest: {newest}, {found.silent_hours:,.0f} hours ago; late after {found.due:%Y-%m-%d %H:%M} UTC"
    shown: dict[str, object] = {"newest": newest, "verdict": str(found.verdict) if expects else "not expected"}
    if found.newest is not None:
        shown["silent_hours"] = round(found.silent_hours, 1)
    return dg.AssetCheckResult(
        check_name=NAME,
        asset_key=key,
        passed=not late,
        severity=dg.AssetCheckSeverity.ERROR if found.verdict == Verdict.GROSS else dg.AssetCheckSeverity.WARN,
        description=said,
        metadata=shown | {"what_to_do": ADVICE},
    )
