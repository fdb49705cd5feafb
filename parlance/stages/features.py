"""Acts by version of their messages, and features by day, as tables."""

import datetime as dt
from collections.abc import Sequence

import polars as pl

from parlance import features, schemas
from parlance.lake import Lake
from parlance.storage import Written, record_batches

ACTIVE_DAYS = {"threads": 7, "authors": 30}


def write_act_versions(lake: Lake, partitions: Sequence[str]) -> Written:
    """The acts of the messages of the threads of `partitions`, beside those of versions that they had before.

    A version that is known keeps its time; its acts are those of the classifier of now, as long as it is the newest.
    """
    table = lake.table("features/acts")
    utterances = lake.table("slack/utterances").scan(partitions)
    times = lake.table("slack/messages").scan().select("id", "created_at", "edited_ts")
    edited = (pl.col("edited_ts").cast(pl.Float64, strict=False) * 1_000_000).round(0).cast(pl.Int64)
    at = pl.from_epoch(edited, time_unit="us").dt.replace_time_zone("UTC")
    now = (
        utterances.filter(pl.col("message_id").is_not_null(), ~pl.col("abstained"))
        .sort("message_id", "start")
        .group_by("message_id", "partition", maintain_order=True)
        .agg(acts="function_alone")
        .join(times.unique("id", keep="first"), left_on="message_id", right_on="id")
        .select("message_id", "acts", "partition", valid_from=pl.coalesce(at, "created_at"))
        .drop_nulls("valid_from")
        .select(table.schema.names)
        .collect()
    )
    before = table.scan(partitions).collect().join(now, on=["message_id", "valid_from"], how="anti")
    rows = pl.concat([now.cast(before.schema), before]).sort("partition", "message_id", "valid_from")
    return table.replace(record_batches(rows, schemas.ACT_VERSIONS), partitions)


def write_features(lake: Lake, kind: str, partitions: Sequence[str]) -> Written:
    """The features of `kind` at the end of each of `partitions`, of threads and authors who wrote shortly before."""
    names = features.THREADS if kind == "threads" else features.AUTHORS
    table = lake.table(f"features/{kind}")
    ends = pl.DataFrame({"partition": list(partitions)}, schema={"partition": pl.String}).with_columns(
        timestamp=(pl.col("partition").str.to_date() + pl.duration(days=1)).cast(pl.Datetime("us", "UTC"))
        - pl.duration(microseconds=1)
    )
    windows = ends.with_columns(since=pl.col("timestamp") - pl.duration(days=ACTIVE_DAYS[kind]))
    active = windows.lazy().join_where(
        _spoken(lake, kind, partitions), pl.col("at") <= pl.col("timestamp"), pl.col("at") > pl.col("since")
    )
    entities = active.select("partition", "id", "timestamp").unique().sort("partition", "id").collect()
    found = features.as_of(lake, entities, features=names).rename({"timestamp": "event_timestamp"})
    return table.replace(record_batches(found.select(table.schema.names), table.schema), partitions)


def _spoken(lake: Lake, kind: str, partitions: Sequence[str]) -> pl.LazyFrame:
    """Who, or which thread, wrote on which day, and when first."""
    from parlance.features.events import said

    first = dt.date.fromisoformat(min(partitions)) - dt.timedelta(days=ACTIVE_DAYS[kind] + 1)
    since = dt.datetime.combine(first, dt.time(), tzinfo=dt.UTC)
    rows = said(lake).select("at", id="thread" if kind == "threads" else "author", day=pl.col("at").dt.date())
    ours = rows.filter(pl.col("at") >= since, pl.col("id") != "")
    return ours.group_by("id", "day").agg(pl.col("at").min()).collect().lazy()
