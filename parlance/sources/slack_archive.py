"""Every version of every Slack message that the Web API was seen to give, and which windows of time were read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import pyarrow as pa

from parlance.rights import Rights
from parlance.schemas import TIME
from parlance.sources.rows import Row
from parlance.sources.slack_export import UNKNOWN_TEAM, Json, Workspace
from parlance.sources.slack_versions import Read, Reads, raw_rows
from parlance.sources.slack_windows import FAR, Segment, Window, merged, micros, missing, of_days, time_of
from parlance.storage import Table

# One row for each look at a message that showed something new. `revision` counts them from 1. A row with the
# fingerprint of the row before it is the same version with other reactions or counts of replies. `kind` is message,
# tombstone (its replies are left) or deleted. `observed_at` is when Slack said it, `recorded_at` when it was stored.
ARCHIVE = pa.schema(
    [
        pa.field("team", pa.string(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("ts", pa.string(), nullable=False),
        pa.field("thread_ts", pa.string()),
        pa.field("in_history", pa.bool_(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("revision", pa.int64(), nullable=False),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("observed_at", TIME, nullable=False),
        pa.field("recorded_at", TIME, nullable=False),
        pa.field("error", pa.string()),
        pa.field("payload", pa.large_binary()),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# One row for each thing that was read to its end: a window of a channel's history (`history` the first time, `audit`
# again, with a `mark` where the rotation came to), a `thread` with the `mark` that its root then had, a `search` for
# changed threads; or a channel that could not be read (`refused`), with the reason. Both ends of a window are in it.
# A window of the history with a reason was asked for and not shown.
COVERAGE = pa.schema(
    [
        pa.field("team", pa.string(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("thread_ts", pa.string()),
        pa.field("oldest", TIME),
        pa.field("latest", TIME),
        pa.field("read_at", TIME, nullable=False),
        pa.field("messages", pa.int64(), nullable=False),
        pa.field("requests", pa.int64(), nullable=False),
        pa.field("mark", pa.string()),
        pa.field("reason", pa.string()),
    ]
)

# Channels and people as last seen; `fields` is JSON of what a raw row carries of them.
LISTED = pa.schema(
    [
        pa.field("team", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("fields", pa.large_string(), nullable=False),
        pa.field("seen_at", TIME, nullable=False),
    ]
)

BY_RIGHTS = "refused by rights: "
HIDDEN = "hidden: older than what the workspace's plan shows"
HISTORY = ("history", "audit")
ROWS_AT_ONCE = 4000
MOST_FILES = 8  # of a day of messages, and of all reads
KEYS = ["channel", "ts", "revision"]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A part of a channel's history that was not read, and why; `reason` is null where nobody asked for it."""

    channel: str
    name: str
    oldest: datetime
    latest: datetime
    reason: str | None


@dataclass(frozen=True)
class Archive:
    """The tables `slack/archive`, `slack/coverage`, `slack/channels` and `slack/users` of the lake at `root`."""

    root: str

    @property
    def messages(self) -> Table:
        return self._table("archive", ARCHIVE)

    @property
    def reads(self) -> Table:
        return self._table("coverage", COVERAGE)

    @property
    def channels(self) -> Table:
        return self._table("channels", LISTED)

    @property
    def users(self) -> Table:
        return self._table("users", LISTED)

    def compact(self) -> None:
        """Joins the small files that syncs left: what was read is asked for many times in a sync."""
        self.messages.compact(most=MOST_FILES)
        self.reads.compact(most=MOST_FILES)

    def rows(self, days: Sequence[str], *, rights: Rights | None = None) -> Iterator[Row]:
        """The `RAW` rows of the messages of `days`, in the order of the days, channels and times.

        Ids are those that an export gives. The payload is that of the last look at which the message was there, and
        has `first_seen`, `last_seen`, `versions` and `deleted_at` beside it. A message that `rights` did not allow
        when it was read, or does not now, is a row with an `error` and without a payload. Some 4,000 looks are in
        memory at a time, or those of one channel's day.
        """
        workspace, messages, reads = self.workspace(), self.messages.scan(), self.reads.scan()
        for day, channels in _few_channels(messages.filter(pl.col("partition").is_in(list(days)))):
            found = messages.filter(pl.col("partition") == day, pl.col("channel").is_in(channels))
            looks = found.unique(KEYS, keep="first").sort(KEYS).collect().iter_rows(named=True)
            yield from raw_rows(looks, workspace=workspace, rights=rights, reads=_reads_of(reads, day, channels))

    def changed_days(self, since: datetime) -> dict[str, datetime]:
        """The days of the messages of which something new was stored after `since`, in order, and when the last was."""
        found = self.messages.scan().filter(pl.col("recorded_at") > since)
        last = found.group_by("partition").agg(pl.col("recorded_at").max()).sort("partition")
        return dict(last.collect().iter_rows())

    def coverage(self) -> dict[str, list[Window]]:
        """For each channel the windows of its history that were read at least once, merged and in order."""
        return {
            channel: merged(segment.window for segment in segments) for channel, segments in self.segments().items()
        }

    def segments(self) -> dict[str, list[Segment]]:
        """For each channel every window of its history that was read, and when."""
        return self._windows(pl.col("reason").is_null())

    def _windows(self, which: pl.Expr) -> dict[str, list[Segment]]:
        """By channel the windows of histories that were read, in microseconds."""
        numbers = [pl.col(name).dt.epoch("us") for name in ("oldest", "latest", "read_at")]
        windows = self.reads.scan().filter(pl.col("kind").is_in(list(HISTORY)), which).select("channel", *numbers)
        found: dict[str, list[Segment]] = {}
        for channel, oldest, latest, read_at in windows.collect().iter_rows():
            found.setdefault(channel, []).append(Segment(read_at, Window(oldest, latest)))
        return found

    def gaps(self, first: str, last: str) -> list[Gap]:
        """What was not read of the days from `first` to `last`, by channel and time.

        Channels that rights refuse have no gaps. A channel has none before it was made, nor after it was last listed.
        """
        covered, refusals = self.coverage(), self.refusals()
        hidden = self._windows(pl.col("reason") == HIDDEN)
        listed = self.channels.scan().sort("id").collect()
        newest = listed["seen_at"].max()
        found: list[Gap] = []
        for id, fields, seen_at in listed.select("id", "fields", "seen_at").iter_rows():
            reason, channel = refusals.get(id), json.loads(fields)
            ended = FAR if seen_at == newest else micros(seen_at)
            life = Window(channel.get("created", 0) * 1_000_000, ended)
            wanted = of_days(first, last) & life
            if wanted is None or (reason or "").startswith(BY_RIGHTS):
                continue
            for part in missing(wanted, covered.get(id, [])):
                is_hidden = any(segment.window & part for segment in hidden.get(id, []))
                found.append(
                    Gap(
                        channel=id,
                        name=channel["name"],
                        oldest=time_of(part.oldest),
                        latest=time_of(part.latest),
                        reason=HIDDEN if is_hidden and reason is None else reason,
                    )
                )
        return found

    def refusals(self) -> dict[str, str]:
        """Why a channel could not be read when it was last asked for; channels that could are not in it."""
        found = self.reads.scan().filter(pl.col("kind").is_in(["refused", *HISTORY]))
        # Of two at the same time the refusal goes first: it is known again at the next look.
        newest = found.sort("read_at", pl.col("kind") == "refused").group_by("channel").last()
        refused = newest.filter(kind="refused").select("channel", "reason").collect()
        return dict(refused.iter_rows())

    def workspace(self) -> Workspace:
        """Channels by id and people by id, as last seen."""
        channels, users = (table.scan().collect() for table in (self.channels, self.users))
        return Workspace(
            team=channels["team"][0] if channels.height else UNKNOWN_TEAM,
            channels=_fields(channels),
            users=_fields(users),
        )

    def remember(self, *, team: str, channels: Mapping[str, Json], users: Mapping[str, Json], at: datetime) -> None:
        """Stores the fields of channels and people, by id, as seen now; those no longer listed stay as last seen."""
        for table, listed in ((self.channels, channels), (self.users, users)):
            now = [{"team": team, "id": id, "fields": json.dumps(listed[id]), "seen_at": at} for id in sorted(listed)]
            before = [row for row in table.scan().collect().iter_rows(named=True) if row["id"] not in listed]
            table.replace([pa.RecordBatch.from_pylist([*now, *before], schema=LISTED)])

    def _table(self, name: str, schema: pa.Schema) -> Table:
        return Table(uri=f"{self.root.rstrip('/')}/slack/{name}", name=f"slack/{name}", schema=schema)


def _fields(listed: pl.DataFrame) -> dict[str, Json]:
    return {id: json.loads(fields) for id, fields in listed.select("id", "fields").iter_rows()}


def _few_channels(messages: pl.LazyFrame) -> Iterator[tuple[str, list[str]]]:
    """The days with their channels, as many channels at a time as have some 4,000 rows together."""
    counted = messages.group_by("partition", "channel").len().sort("partition", "channel")
    few: list[str] = []
    rows, current = 0, ""
    for day, channel, count in counted.collect().iter_rows():
        if few and (day != current or rows + count > ROWS_AT_ONCE):
            yield current, few
            few, rows = [], 0
        few.append(channel)
        rows, current = rows + count, day
    if few:
        yield current, few


def _reads_of(reads: pl.LazyFrame, day: str, channels: Sequence[str]) -> Reads:
    """By channel, what was read of the messages of `day`."""
    wanted = of_days(day, day)
    within = (pl.col("oldest") <= time_of(wanted.latest)) & (pl.col("latest") >= time_of(wanted.oldest))
    found = reads.filter(
        pl.col("kind").is_in([*HISTORY, "thread"]),
        pl.col("channel").is_in(list(channels)),
        pl.col("reason").is_null(),
        within,
    )
    windows = found.with_columns(pl.col("oldest", "latest").dt.epoch("us"))
    by_channel: Reads = {}
    names = ("oldest", "latest", "thread_ts", "read_at")
    for row in windows.select("channel", *names).collect().iter_rows(named=True):
        by_channel.setdefault(row["channel"], []).append(Read(**{name: row[name] for name in names}))
    return by_channel
