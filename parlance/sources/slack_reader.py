"""Reads windows of a channel's history and threads to their end, and records what they hold and what they lack."""

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from parlance.errors import TransientError
from parlance.sources.slack_api import Page, RefusedError, SlackApi
from parlance.sources.slack_archive import HIDDEN
from parlance.sources.slack_export import Json
from parlance.sources.slack_recorder import Known, Recorder, ThreadRead
from parlance.sources.slack_versions import key_of, root_of, thread_mark
from parlance.sources.slack_windows import FAR, Window, micros, number_of, ts_of

Kind = Literal["history", "audit"]

RESTARTS = 5
NO_THREAD = frozenset({"thread_not_found", "message_not_found"})
GONE_MARK = "gone"
# What a free plan shows at least: https://slack.com/help/articles/115002422943
SHOWN = timedelta(days=90)


class Reader:
    """One sync's reading: `threads` are those that it read, by channel and root."""

    def __init__(self, api: SlackApi, recorder: Recorder, *, page_size: int, log: Callable[[str], None]) -> None:
        self._api, self._recorder, self._log = api, recorder, log
        self._page_size = page_size
        self.threads: set[tuple[str, str]] = set()
        # By channel, a moment from which on Slack shows what was said, and one up to which it hides it.
        self._shown: dict[str, int] = {}
        self._hidden: dict[str, int] = {}

    def window(self, channel: Json, window: Window, kind: Kind, *, mark: str | None = None) -> None:
        """Reads `window`, newest first. Each page with its changed threads is recorded by itself, the last with `mark`.

        A message that was known and is not on its page is gone, unless it is hidden: of what a free plan hides only the
        window is recorded, as a gap. A cursor that Slack no longer knows begins the rest of the window anew. Raises as
        `SlackApi.pages`.
        """
        latest, restarts = window.latest, 0
        while latest >= window.oldest:
            rest = Window(window.oldest, latest)
            try:
                latest = self._rest(channel, rest, kind, mark)
            except _CursorError as error:
                restarts = restarts + 1 if error.latest == rest.latest else 1
                latest = error.latest
                self._check_restarts(restarts, channel, error)

    def thread(self, channel: Json, root: str) -> None:
        """Reads the replies of `root` and marks those that are gone; once for each thread."""
        if (channel["id"], root) in self.threads:
            return
        for restarts in range(1, RESTARTS + 2):
            try:
                self._thread(channel, root)
                break
            except RefusedError as error:
                if error.code in NO_THREAD:
                    self._gone(channel["id"], root, error.code)
                    break
                if error.code != "invalid_cursor":
                    raise
                self._check_restarts(restarts, channel, error)
        self.threads.add((channel["id"], root))

    def _rest(self, channel: Json, window: Window, kind: Kind, mark: str | None) -> int:
        """Reads `window`; gives where the next one would end, which is before its `oldest`."""
        latest = window.latest
        pages = self._api.pages(
            "conversations.history",
            "messages",
            channel=channel["id"],
            oldest=ts_of(window.oldest),
            latest=ts_of(window.latest),
            inclusive=True,
            limit=self._page_size,
        )
        try:
            for page in pages:
                latest = self._page(channel, page, Window(window.oldest, latest), kind, mark)
        except RefusedError as error:
            if error.code != "invalid_cursor":
                raise
            raise _CursorError(latest) from error
        return latest

    def _page(self, channel: Json, page: Page, rest: Window, kind: Kind, mark: str | None) -> int:
        """Records one page of the window `rest`; gives where the next page begins."""
        messages, is_last = page.things, not page.more_follow
        numbers = [number for message in messages if (number := number_of(key_of(message) or "")) is not None]
        oldest = rest.oldest if is_last else max(min(numbers, default=rest.latest + 1), rest.oldest)
        at = self._api.now()
        # A page may repeat what came before, above `rest`.
        known = self._recorder.known(channel["id"], Window(min([oldest, *numbers]), max([rest.latest, *numbers])))
        before = dict(known)
        seen = set(self._recorder.observe(channel, messages, known, at=at))
        # Slack pages by time: what lies between this page's oldest message and the page before it, and is not on
        # this page, is not there.
        absent = [
            one
            for one in before.values()
            if one.in_history
            and one.kind != "deleted"
            and one.ts not in seen
            and ts_of(oldest) <= one.ts <= ts_of(rest.latest)
        ]
        self._show(channel["id"], numbers)
        if page.is_limited:
            absent = [one for one in absent if self._is_shown(channel["id"], one.ts)]
        self._recorder.vanish(channel["id"], absent, at=at)
        for root in self._changed_threads(channel["id"], messages, before, absent):
            self.thread(channel, root)
        if oldest > rest.latest:
            return rest.latest
        done, mark = Window(oldest, rest.latest), mark if oldest == rest.oldest else None
        shown_from = min([*numbers, micros(at - SHOWN)]) if page.is_limited and is_last else oldest
        if hidden := done & Window(0, shown_from - 1):
            self._recorder.cover(channel["id"], kind, hidden, mark=mark, reason=HIDDEN)
        if shown := done & Window(shown_from, FAR):
            mark = None if hidden else mark
            self._recorder.cover(channel["id"], kind, shown, messages=len(seen), mark=mark)
        return oldest - 1

    def _show(self, channel: str, numbers: list[int]) -> None:
        self._shown[channel] = min([self._shown.get(channel, FAR), *numbers])

    def _is_shown(self, channel: str, ts: str) -> bool:
        """Whether Slack would show what was said at `ts`: it hides none that is newer than one it shows."""
        number = number_of(ts) or 0
        if number >= min(self._shown.get(channel, FAR), micros(self._api.now() - SHOWN)):
            return True
        if number <= self._hidden.get(channel, -1):
            return False
        asked = {"channel": channel, "latest": ts, "inclusive": True, "limit": 1}
        page = next(self._api.pages("conversations.history", "messages", **asked))
        if page.is_limited and not page.things and not page.more_follow:
            self._hidden[channel] = number
            return False
        self._show(channel, [number if page.is_limited else 0])
        return True

    def _changed_threads(
        self, channel: str, messages: list[Json], before: dict[str, Known], absent: list[Known]
    ) -> list[str]:
        """Roots whose count of replies or latest reply is another than when the thread was last read.

        So are the roots of replies that were sent to the channel and were not known, and roots that are gone.
        """
        marks: dict[str, str] = {}
        shown: set[str] = set()
        for message in messages:
            ts, root = key_of(message), root_of(message)
            if ts is not None and root in (None, ts):
                marks[ts] = thread_mark(message)
            elif ts is not None and root is not None and ts not in before:
                shown.add(root)
        read = self._recorder.threads(channel, [*marks, *(one.ts for one in absent)])
        changed = {ts for ts, mark in marks.items() if _mark(read.get(ts)) != mark}
        gone = {one.ts for one in absent if _mark(read.get(one.ts))}
        return sorted(changed | shown | gone)

    def _thread(self, channel: Json, root: str) -> None:
        id, read = channel["id"], self._recorder.threads(channel["id"], [root]).get(root)
        began = number_of(root) or 0
        latest = began if read is None else max(began, read.latest)
        mark: str | None = None
        seen: set[str] = set()
        known: dict[str, Known] = {}
        pages = self._api.pages("conversations.replies", "messages", channel=id, ts=root, limit=self._page_size)
        for page in pages:
            messages = page.things
            latest = max([latest, *(number_of(key_of(message) or "") or 0 for message in messages)])
            known = self._recorder.known(id, Window(began, latest), thread=root)
            # The root stands first on every page; what the first one says is the oldest, so nothing is missed.
            said = next((thread_mark(message) for message in messages if key_of(message) == root), None)
            mark = said if mark is None else mark
            seen |= set(self._recorder.observe(channel, messages, known, at=self._api.now()))
        absent = [one for one in known.values() if one.kind != "deleted" and one.ts not in seen and one.ts != root]
        if absent and self._is_shown(id, root):
            self._recorder.vanish(id, absent, at=self._api.now())
        window = Window(began, latest)
        self._recorder.cover(id, "thread", window, messages=len(seen), thread_ts=root, mark=mark or "")

    def _gone(self, channel: str, root: str, code: str) -> None:
        """Marks a whole thread as deleted, where it is not only hidden."""
        began = number_of(root) or 0
        read = self._recorder.threads(channel, [root]).get(root)
        window = Window(began, began if read is None else max(began, read.latest))
        known = self._recorder.known(channel, window, thread=root)
        there = [one for one in known.values() if one.kind != "deleted"]
        if there and not self._is_shown(channel, root):
            there, code = [], HIDDEN
        self._recorder.vanish(channel, there, at=self._api.now())
        self._recorder.cover(channel, "thread", window, thread_ts=root, mark=GONE_MARK, reason=code)

    def _check_restarts(self, restarts: int, channel: Json, error: Exception) -> None:
        if restarts > RESTARTS:
            raise TransientError(
                f"channel {channel['id']!r}: Slack forgot its cursor {restarts} times in a row; last answer: "
                f"{error.__cause__ or error}"
            ) from error
        self._log(f"channel {channel['id']!r}: the cursor is no longer known; reading the rest anew")


class _CursorError(Exception):
    """Slack no longer knows the cursor of a window of which the part up to `latest` is still to be read."""

    def __init__(self, latest: int) -> None:
        super().__init__(f"invalid_cursor before {latest}")
        self.latest = latest


def _mark(read: ThreadRead | None) -> str:
    """What the root said when its thread was last read; empty where it was not, had no replies or was gone."""
    return "" if read is None or read.mark == GONE_MARK else read.mark
