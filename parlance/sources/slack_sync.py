"""Brings the archive of a Slack workspace up to date: what was not read yet, what changed, and a sweep."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from parlance.errors import ConfigError, ParlanceError, TransientError
from parlance.rights import Rights
from parlance.sources.slack_api import RefusedError, SlackApi
from parlance.sources.slack_archive import BY_RIGHTS, Archive
from parlance.sources.slack_export import Json
from parlance.sources.slack_fields import channel_fields, is_text, user_fields
from parlance.sources.slack_reader import Reader
from parlance.sources.slack_recorder import Recorder
from parlance.sources.slack_sweep import Sweep
from parlance.sources.slack_windows import Window, micros, missing, of_days

LOGGER = logging.getLogger(__name__)

TYPES = ("public_channel", "private_channel", "mpim", "im")
# Refusals that are about one channel; every other one is about the app.
OF_A_CHANNEL = frozenset({
    "not_in_channel", "channel_not_found", "is_archived", "no_permission", "access_denied", "team_access_not_granted",
    "method_not_supported_for_channel_type",
})  # fmt: skip
FAILURES_IN_A_ROW = 3


@dataclass(frozen=True, kw_only=True)
class SyncSettings:
    """How much is read. Where a token lacks the scopes for a kind of channel, name the other kinds as `types`.

    `sweep_requests` is what a sweep may spend in a run; `slack_sweep` says in how many runs everything is read again.
    """

    types: tuple[str, ...] = TYPES
    look_back_days: int = 14
    page_size: int = 999
    sweep_requests: int = 400
    sweep_requests_limited: int = 40

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.types) - set(TYPES)):
            raise ConfigError(f"unknown types of channels {unknown}; allowed: {', '.join(TYPES)}")
        for name, least, most in (("look_back_days", 0, 3650), ("page_size", 1, 999)):
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"{name}={getattr(self, name)} is out of bounds; allowed: {least} to {most}")
        for name in ("sweep_requests", "sweep_requests_limited"):
            if getattr(self, name) < 4 and getattr(self, name) != 0:
                raise ConfigError(f"{name}={getattr(self, name)} is too few; allowed: 0 for no sweep, or 4 and more")


DEFAULTS = SyncSettings()


@dataclass(frozen=True, kw_only=True)
class SyncReport:
    """What a sync did. `unreadable` counts messages without a `ts`; `refused` has a reason for each channel by id."""

    channels: int
    new: int
    changed: int
    deleted: int
    unreadable: int
    threads: int
    requests: int
    refused: dict[str, str] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """The numbers by name, for a log or a materialisation."""
        return asdict(self) | {"refused": len(self.refused)}


def sync(
    api: SlackApi,
    archive: Archive,
    *,
    first: str,
    last: str,
    rights: Rights | None = None,
    settings: SyncSettings = DEFAULTS,
    log: Callable[[str], None] = LOGGER.info,
) -> SyncReport:
    """Reads what was not read yet of the days from `first` to `last`, in UTC, and sweeps what was read before.

    A window is covered to the time at which it was read; the sweep finds what appeared in it since. Of what `rights`
    refuses nothing is asked. A channel that Slack refuses is noted, and the others go on; so they do where one fails,
    and TransientError is raised at the end. What was read by then is stored, and the next sync goes on from there.

    Raises ConfigError for days and settings that cannot be, and where Slack refuses the app; TransientError where it
    could not be reached.
    """
    wanted = of_days(first, last)
    run = _Run(api, archive, rights=rights, settings=settings, log=log)
    try:
        run.history(wanted)
        run.sweep()
    except ParlanceError:
        run.recorder.store()
        raise
    run.recorder.store()
    if run.failures:
        raise TransientError(f"{len(run.failures)} times a channel could not be read; first: {run.failures[0]}")
    return run.report()


class _Run:
    """One sync: the workspace as it is listed now, and what became of its channels."""

    def __init__(
        self,
        api: SlackApi,
        archive: Archive,
        *,
        rights: Rights | None,
        settings: SyncSettings,
        log: Callable[[str], None],
    ) -> None:
        self._api, self._archive, self._settings, self._log = api, archive, settings, log
        self._started, self._requests = api.now(), api.requests
        self.failures: list[TransientError] = []
        self._in_a_row = 0
        self._refused: dict[str, str] = {}
        listed = self._list(rights)
        archive.compact()
        self.recorder = Recorder(
            archive,
            workspace=archive.workspace(),
            rights=rights,
            now=api.now,
            requests=lambda: api.requests,
            requests_at_once=10 if api.tier == "limited" else 50,
        )
        self._page_size = api.page_size("conversations.history", settings.page_size)
        self._reader = Reader(api, self.recorder, page_size=self._page_size, log=log)
        self._channels = self._allowed(listed, rights)

    def history(self, wanted: Window) -> None:
        """Reads what was never read of `wanted`, so far as it has passed."""
        covered = self._archive.coverage()
        for number, channel in enumerate(list(self._channels.values()), 1):
            passed = wanted & Window(0, micros(self._api.now()))
            unread = [] if passed is None else list(missing(passed, covered.get(channel["id"], [])))
            for window in reversed(unread):
                self._attempt(channel, partial(self._reader.window, channel, window, "history"))
            if unread:
                self._log(f"Slack history: {number} of {len(self._channels)} channels, {self._api.requests} requests")

    def sweep(self) -> None:
        """Reads again, newest and oldest, what other runs read."""
        settings = self._settings
        limited = self._api.tier == "limited"
        requests = settings.sweep_requests_limited if limited else settings.sweep_requests
        if not requests:
            return
        Sweep(
            api=self._api,
            archive=self._archive,
            recorder=self.recorder,
            reader=self._reader,
            channels=self._channels,
            attempt=self._attempt,
            log=self._log,
            started=self._started,
            look_back_days=settings.look_back_days,
            page_size=self._page_size,
            requests=requests,
        )()

    def report(self) -> SyncReport:
        return SyncReport(
            channels=len(self._channels),
            threads=len(self._reader.threads),
            requests=self._api.requests - self._requests,
            refused=self._refused,
            **asdict(self.recorder.counts),
        )

    def _list(self, rights: Rights | None) -> list[Json]:
        """The channels of the workspace, which are stored with its people as last seen."""
        team = self._api.call("auth.test").get("team_id")
        if not is_text(team):
            raise TransientError(f"auth.test named no team but {team!r}")
        limit = self._settings.page_size
        types = ",".join(self._settings.types)
        channels = self._listed("conversations.list", "channels", types=types, exclude_archived=False, limit=limit)
        opted_out = rights.opt_out_users if rights is not None else frozenset()
        users = (user for user in self._listed("users.list", "members", limit=limit) if user["id"] not in opted_out)
        found = {channel["id"]: channel_fields(channel) for channel in channels}
        people = {user["id"]: user_fields(user) for user in users}
        self._archive.remember(team=str(team), channels=found, users=people, at=self._api.now())
        return list(found.values())

    def _listed(self, method: str, name: str, **arguments: Any) -> Iterator[Json]:
        for page in self._api.pages(method, name, **arguments):
            yield from (one for one in page.things if isinstance(one, dict) and is_text(one.get("id")))

    def _allowed(self, listed: list[Json], rights: Rights | None) -> dict[str, Json]:
        """The channels that `rights` let be read, by id; the others are noted once."""
        known = self._archive.refusals()
        allowed: dict[str, Json] = {}
        for channel in listed:
            refusal = rights.refusal(channel) if rights is not None else None
            if refusal is None:
                allowed[channel["id"]] = channel
            else:
                self._refuse(channel["id"], BY_RIGHTS + refusal, known=known)
        return allowed

    def _refuse(self, channel: str, reason: str, *, known: dict[str, str]) -> None:
        self._refused[channel] = reason
        if known.get(channel) != reason:
            self.recorder.cover(channel, "refused", None, reason=reason)

    def _attempt(self, channel: Json, action: Callable[[], None]) -> None:
        """Does something with a channel; one that Slack refuses, or that fails, is left out of the rest of the run."""
        if channel["id"] not in self._channels:
            return
        try:
            action()
        except RefusedError as error:
            if error.code not in OF_A_CHANNEL:
                raise
            del self._channels[channel["id"]]
            self._log(f"Slack channel {channel['id']} cannot be read: {error}")
            self._refuse(channel["id"], error.code, known={})
        except TransientError as error:
            del self._channels[channel["id"]]
            self._log(f"Slack channel {channel['id']} failed: {error}")
            self.failures.append(error)
            self._in_a_row += 1
            if self._in_a_row == FAILURES_IN_A_ROW:
                raise
        else:
            self._in_a_row = 0
