"""Writes what was seen to the archive: what is new only, messages first and then the windows they were read in."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

import polars as pl
import pyarrow as pa

from parlance.rights import Rights
from parlance.sources.rows import Row, batches
from parlance.sources.slack_archive import ARCHIVE, COVERAGE, Archive
from parlance.sources.slack_export import Json, Workspace
from parlance.sources.slack_versions import Observation, observation
from parlance.sources.slack_windows import Window, micros, number_of, time_of, ts_of

CoverageKind = Literal["history", "audit", "thread", "search", "refused"]

BATCH_ROWS = 2000


@dataclass(frozen=True, kw_only=True)
class Known:
    """The newest look at a message."""

    ts: str
    thread_ts: str | None
    in_history: bool
    kind: str
    revision: int
    fingerprint: str
    state: str
    error: str | None


@dataclass(frozen=True, kw_only=True)
class ThreadRead:
    """What a thread's root said of its replies when the thread was last read, and its last message then."""

    mark: str
    latest: int


@dataclass(kw_only=True)
class Counts:
    """What was stored: messages not seen before, new versions of known ones, messages gone, messages without `ts`."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    unreadable: int = 0


class Recorder:
    """The one writer of an archive during a sync.

    Rows wait until there are 2,000 or `requests_at_once` requests were made since the last commit; a crash loses
    what waits, which is then read again. A look that equals the newest one stores nothing, so reading twice is safe.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        workspace: Workspace,
        rights: Rights | None,
        now: Callable[[], datetime],
        requests: Callable[[], int],
        requests_at_once: int,
    ) -> None:
        self.counts = Counts()
        self._archive, self._workspace, self._rights = archive, workspace, rights
        self._now, self._requests, self._requests_at_once = now, requests, requests_at_once
        self._rows: list[Row] = []
        self._covered: list[Row] = []
        self._newest: dict[tuple[str, str], Known] = {}
        self._counted = requests()
        self._look_again()

    def known(self, channel: str, window: Window, *, thread: str | None = None) -> dict[str, Known]:
        """The newest look at each message of the window, of one thread where it is named, by `ts`; without payloads."""
        first, last = ts_of(window.oldest), ts_of(window.latest)
        within = pl.col("partition").is_in(window.days()) & pl.col("ts").is_between(pl.lit(first), pl.lit(last))
        rows = self._stored.filter(within, pl.col("channel") == channel)
        if thread is not None:
            rows = rows.filter((pl.col("thread_ts") == thread) | (pl.col("ts") == thread))
        newest = rows.select(list(Known.__dataclass_fields__)).sort("revision").unique("ts", keep="last").collect()
        found = {row["ts"]: Known(**row) for row in newest.iter_rows(named=True)}
        waiting = {ts: one for (place, ts), one in self._newest.items() if place == channel and first <= ts <= last}
        return found | {ts: one for ts, one in waiting.items() if thread is None or thread in (one.thread_ts, one.ts)}

    def threads(self, channel: str, roots: Iterable[str]) -> dict[str, ThreadRead]:
        """How each of the threads was when it was last read, by the `ts` of its root."""
        wanted = set(roots)
        reads = self._stored_reads.filter(
            pl.col("kind") == "thread", pl.col("channel") == channel, pl.col("thread_ts").is_in(sorted(wanted))
        )
        marked = reads.select("thread_ts", "mark", pl.col("latest").dt.epoch("us"), "read_at").sort("read_at")
        newest = marked.unique("thread_ts", keep="last").collect()
        found = {root: ThreadRead(mark=mark, latest=latest) for root, mark, latest, _ in newest.iter_rows()}
        for row in self._covered:
            if row["kind"] == "thread" and row["channel"] == channel and row["thread_ts"] in wanted:
                found[row["thread_ts"]] = ThreadRead(mark=row["mark"], latest=micros(row["latest"]))
        return found

    def observe(self, channel: Json, messages: Iterable[Json], known: dict[str, Known], *, at: datetime) -> list[str]:
        """Stores what `messages` say that is not in `known`, which is kept up; gives the `ts` of all of them."""
        seen: list[str] = []
        for message in messages:
            look = observation(message, channel=channel, workspace=self._workspace, rights=self._rights)
            if look is None:
                self.counts.unreadable += 1
                continue
            seen.append(look.ts)
            before = known.get(look.ts)
            if before is None or _says_more(look, before):
                self._count(look, before)
                known[look.ts] = self._store(channel["id"], look, before, at)
        self._store_if_due()
        return seen

    def vanish(self, channel: str, gone: Iterable[Known], *, at: datetime) -> None:
        """Marks messages that are no longer there as deleted."""
        for one in gone:
            look = Observation(
                ts=one.ts,
                thread_ts=one.thread_ts,
                in_history=one.in_history,
                kind="deleted",
                fingerprint=one.fingerprint,
                state="",
                payload=None,
                error=one.error,
            )
            self.counts.deleted += 1
            self._store(channel, look, one, at)

    def cover(
        self,
        channel: str,
        kind: CoverageKind,
        window: Window | None,
        *,
        messages: int = 0,
        thread_ts: str | None = None,
        mark: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Notes that something was read to its end, or why it could not be; stores what waits where that is much."""
        requests = self._requests()
        self._covered.append(
            {
                "team": self._workspace.team,
                "channel": channel,
                "kind": kind,
                "thread_ts": thread_ts,
                "oldest": None if window is None else time_of(window.oldest),
                "latest": None if window is None else time_of(window.latest),
                "read_at": self._now(),
                "messages": messages,
                "requests": requests - self._counted,
                "mark": mark,
                "reason": reason,
            }
        )
        self._counted = requests
        self._store_if_due()

    def store(self) -> None:
        """Stores what waits. A window is stored after its messages: a crash between the two makes it be read again."""
        recorded_at = self._now()
        rows = (row | {"recorded_at": recorded_at} for row in self._rows)
        self._archive.messages.append(batches(rows, ARCHIVE))
        if self._covered:
            self._archive.reads.append([pa.RecordBatch.from_pylist(self._covered, schema=COVERAGE)])
        self._rows, self._covered, self._newest = [], [], {}
        self._look_again()

    def _look_again(self) -> None:
        """Opens the tables as they stand: nobody else writes them, so until the next commit they need no other look."""
        self._stored, self._stored_reads = self._archive.messages.scan(), self._archive.reads.scan()
        self._stored_at = self._requests()

    def _store_if_due(self) -> None:
        if len(self._rows) >= BATCH_ROWS or self._requests() - self._stored_at >= self._requests_at_once:
            self.store()

    def _store(self, channel: str, look: Observation, before: Known | None, at: datetime) -> Known:
        number = number_of(look.ts)
        assert number is not None
        revision = 1 if before is None else before.revision + 1
        here = {"team": self._workspace.team, "channel": channel, "revision": revision, "observed_at": at}
        self._rows.append(asdict(look) | here | {"partition": time_of(number).date().isoformat()})
        kept = {name: getattr(look, name) for name in Known.__dataclass_fields__ if name != "revision"}
        self._newest[channel, look.ts] = found = Known(revision=revision, **kept)
        return found

    def _count(self, look: Observation, before: Known | None) -> None:
        if before is None:
            self.counts.new += 1
        elif look.kind == "tombstone" and before.kind == "message":
            self.counts.deleted += 1
        elif look.fingerprint != before.fingerprint or look.kind != before.kind:
            self.counts.changed += 1


def _says_more(look: Observation, before: Known) -> bool:
    return (look.kind, look.state, look.error) != (before.kind, before.state, before.error)
