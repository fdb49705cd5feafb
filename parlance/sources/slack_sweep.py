"""Reads again what was read before, within a number of requests: late replies, edits and deletions have no feed.

Of `S` requests a run (`SyncSettings.sweep_requests`, or `sweep_requests_limited`) the look-back has at most a half. A
quarter is kept for the rotation through the whole history, page by page and channel after channel, and a quarter for
the threads that were read longest ago; what one part leaves, the next may use. With `M` messages in the history of a
channel, `P` on a page, `R` separate stretches of days read, and `T` threads in all:

- a late reply, an edit or a deletion in the history, a deleted reply: seen within
  `ceil((1 + sum over channels of (ceil(M / P) + R + 1)) / (S / 4))` runs, however old the message is;
- an edited reply, which changes nothing at its root: within `ceil(T / (S / 4))` runs, for threads of one page;
- with a user token, a late reply: in the next run, once Slack's search has it.

Requests that fail and are sent again count, so faults take runs. A window with the changed threads in it is read to its
end once it was begun, and the search comes on top, so a run may need more than `S` by these. What was read when stands
in `coverage` and nowhere else.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from parlance.errors import TransientError
from parlance.sources.slack_api import RefusedError, SlackApi
from parlance.sources.slack_archive import Archive
from parlance.sources.slack_export import Json
from parlance.sources.slack_reader import GONE_MARK, Reader
from parlance.sources.slack_recorder import Recorder
from parlance.sources.slack_versions import key_of
from parlance.sources.slack_windows import FAR, Reading, Window, micros, missing, number_of, ring, ts_of

DAY = timedelta(days=1)
ROTATION = "rotation to "
SEARCH_PAGES, SEARCH_COUNT = 100, 100  # page 101 silently answers page 1 again
SEARCH_OVERLAP = 2 * DAY  # its days are those of the person's time zone, and its index may lag behind
ROOT = re.compile(r"[?&]thread_ts=([0-9]{10}\.[0-9]{6})")
NO_SEARCH = frozenset({"missing_scope", "not_allowed_token_type", "no_permission", "enterprise_is_restricted"})


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What a sweep works with.

    `channels`, by id, are those that can be read. `attempt` does something with one of them and deals with its being
    refused. What was read since `started` is not read again.
    """

    api: SlackApi
    archive: Archive
    recorder: Recorder
    reader: Reader
    channels: Mapping[str, Json]
    attempt: Callable[[Json, Callable[[], None]], None]
    log: Callable[[str], None]
    started: datetime
    look_back_days: int
    page_size: int
    requests: int

    def __call__(self) -> None:
        """All parts in turn."""
        self.search()
        began = self.api.requests
        end = began + self.requests
        self.look_back(began + self.requests // 2)
        self.rotation(end - self.requests // 4)
        self.oldest_threads(end)
        self.log(f"Slack sweep: {self.api.requests - began} of {self.requests} requests")

    def look_back(self, end: int) -> None:
        """Reads the last days of the channels again; channels that were read longest ago first."""
        recent = Window(micros(self.started - self.look_back_days * DAY), micros(self.started))
        due: list[tuple[int, str, Window]] = []
        for channel, reading in self._readings().items():
            parts = [part for window in reading.covered if (part := window & recent)]
            for window in (one for part in parts for one in missing(part, reading.done)):
                due.append((reading.read_at(window), channel, window))
        for _, channel, window in sorted(due):
            if self.api.requests >= end:
                return
            self._read(channel, window)

    def rotation(self, end: int) -> None:
        """Reads on, page by page, from where the last run's rotation ended: through one channel after the other."""
        readings = self._readings()
        covered = {channel: reading.covered for channel, reading in readings.items()}
        for channel, window in ring(covered, after=self._last_place()):
            for part in missing(window, readings[channel].done):
                rest: Window | None = part
                while rest is not None and channel in self.channels:
                    if self.api.requests >= end:
                        return
                    page = self._one_page(channel, rest)
                    self._read(channel, page, mark=f"{ROTATION}{page.latest}")
                    rest = rest & Window(page.latest + 1, FAR)

    def oldest_threads(self, end: int) -> None:
        """Reads threads again that were read longest ago."""
        self.recorder.store()
        reads = self.archive.reads.scan().filter(kind="thread").sort("read_at")
        newest = reads.group_by("channel", "thread_ts").agg(pl.col("mark", "read_at").last())
        due = newest.filter(~pl.col("mark").is_in(["", GONE_MARK]), pl.col("read_at") < self.started)
        threads = (
            due.sort("read_at", "channel", "thread_ts").select("channel", "thread_ts").head(self.requests).collect()
        )
        for channel, root in threads.iter_rows():
            if self.api.requests >= end:
                return
            if channel in self.channels:
                self._thread(channel, root)

    def search(self) -> None:
        """Reads threads of which Slack's search has replies that are not known; user tokens only."""
        if not self.api.is_user_token:
            return
        last = self.archive.reads.scan().filter(kind="search").select(pl.col("latest").max()).collect().item()
        since = (last or self.started - self.look_back_days * DAY) - SEARCH_OVERLAP
        replies: dict[tuple[str, str], set[str]] = {}
        try:
            for match in self._matches(since.date()):
                channel, root, ts = _place(match)
                if channel is not None and channel in self.channels and root is not None and ts is not None:
                    replies.setdefault((channel, root), set()).add(ts)
        except RefusedError as error:
            if error.code not in NO_SEARCH:
                raise
            self.log(f"Slack's search cannot be used, late replies are found by re-reading: {error}")
            return
        for (channel, root), found in sorted(replies.items()):
            if channel in self.channels and found - self._known(channel, found, root):
                self._thread(channel, root)
        self.recorder.cover("", "search", Window(micros(since), micros(self.started)), messages=len(replies))

    def _known(self, channel: str, found: set[str], root: str) -> set[str]:
        numbers = [number for ts in found if (number := number_of(ts)) is not None]
        known = self.recorder.known(channel, Window(min(numbers), max(numbers)), thread=root)
        return {ts for ts, one in known.items() if one.kind != "deleted"}

    def _matches(self, since: date) -> Iterator[Json]:
        """The replies that were sent from `since` on; day by day where they are more than the search can page."""
        matches, pages = self._found(f"threads:replies after:{since - DAY}", 1)
        if pages <= SEARCH_PAGES:
            yield from matches
            yield from self._following(f"threads:replies after:{since - DAY}", pages)
            return
        for number in range((self.started.date() - since).days + 2):
            query = f"threads:replies on:{since + number * DAY}"
            matches, pages = self._found(query, 1)
            if pages > SEARCH_PAGES:
                self.log(
                    f"Slack's search gives {SEARCH_PAGES} of {pages} pages of {query!r}; re-reading finds the rest"
                )
            yield from matches
            yield from self._following(query, min(pages, SEARCH_PAGES))

    def _following(self, query: str, pages: int) -> Iterator[Json]:
        for page in range(2, pages + 1):
            yield from self._found(query, page)[0]

    def _found(self, query: str, page: int) -> tuple[list[Json], int]:
        """The matches of one page, and how many pages there are."""
        order: dict[str, Any] = {"sort": "timestamp", "sort_dir": "desc", "count": SEARCH_COUNT}
        answer = self.api.call("search.messages", query=query, page=page, **order).get("messages")
        paging = answer.get("paging") if isinstance(answer, dict) else None
        if not isinstance(answer, dict) or not isinstance(answer.get("matches"), list) or not isinstance(paging, dict):
            raise TransientError(
                f"search.messages for {query!r} gave no list of matches with paging, but {answer!r:.200}"
            )
        return [match for match in answer["matches"] if isinstance(match, dict)], int(paging.get("pages") or 0)

    def _read(self, channel: str, window: Window, *, mark: str | None = None) -> None:
        if channel in self.channels:
            fields = self.channels[channel]
            self.attempt(fields, lambda: self.reader.window(fields, window, "audit", mark=mark))

    def _thread(self, channel: str, root: str) -> None:
        fields = self.channels[channel]
        self.attempt(fields, lambda: self.reader.thread(fields, root))

    def _readings(self) -> dict[str, Reading]:
        self.recorder.store()
        started = micros(self.started)
        found = self.archive.segments()
        return {channel: Reading.of(found[channel], started=started) for channel in found if channel in self.channels}

    def _last_place(self) -> tuple[str, int]:
        """The channel and the moment to which the rotation came."""
        marked = self.archive.reads.scan().filter(pl.col("kind") == "audit", pl.col("mark").is_not_null())
        newest = marked.sort("read_at").select("channel", "mark").tail(1).collect()
        return (newest["channel"][0], int(newest["mark"][0].removeprefix(ROTATION))) if newest.height else ("", 0)

    def _one_page(self, channel: str, window: Window) -> Window:
        """The older part of `window` that has one page of known messages."""
        rows = self.archive.messages.scan(window.days()).filter(
            pl.col("channel") == channel,
            pl.col("in_history"),
            pl.col("ts").is_between(pl.lit(ts_of(window.oldest)), pl.lit(ts_of(window.latest))),
        )
        page = rows.select(pl.col("ts").unique().sort().head(self.page_size)).collect()["ts"].to_list()
        last = number_of(page[-1]) if len(page) == self.page_size else None
        return window if last is None else Window(window.oldest, last)


def _place(match: Json) -> tuple[str | None, str | None, str | None]:
    """Channel, root and `ts` of a reply that the search found; the root stands in its link only."""
    channel = match.get("channel")
    link = ROOT.search(str(match.get("permalink")))
    return channel.get("id") if isinstance(channel, dict) else None, link[1] if link else None, key_of(match)
