"""Every fault of the Slack Web API by itself: messages in the workspace, messages in the archive.

python -m benchmarks.faults_slack
"""

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks.fault import Fault
from parlance.sources.slack_api import SlackApi, Tier
from parlance.sources.slack_archive import Archive
from parlance.sources.slack_sync import SyncSettings, sync
from tests.servers.slack_web_api import FAULTS, Api, no_fault, seeded, serve
from tests.servers.slack_workspace import DAY, START, World

EVENTS = 250
SETTINGS = SyncSettings(sweep_requests=100_000, sweep_requests_limited=100_000, page_size=15)


def rows() -> list[Fault]:
    """One fault a row, in a quarter of the requests; then all of them, the limited tier, and a process that dies."""
    found = [_fault(kind, _faults(kind)) for kind in FAULTS]
    found.append(_fault("all of them", _faults(*FAULTS)))
    found.append(_fault("all of them, 1 request a minute", _faults(*FAULTS), tier="limited"))
    found.append(_fault("messages change between two pages", _alive, is_settled=True))
    found.append(_fault("killed at request 10, 20, 30 ...", lambda server: None, is_killed=True))
    return found


def _faults(*kinds: str) -> Callable[[Api], None]:
    def set_up(server: Api) -> None:
        server.fault = seeded(1, 0.25, kinds)

    return set_up


def _alive(server: Api) -> None:
    changes = iter(range(40))

    def change(method: str, arguments: dict[str, object]) -> None:
        if "cursor" in arguments and next(changes, None) is not None:
            server.world.live(1, 1)

    server.fault = change


class _Killed(BaseException):
    """The process dies."""


def _fault(
    what: str,
    set_up: Callable[[Api], None],
    *,
    tier: Tier = "internal",
    is_killed: bool = False,
    is_settled: bool = False,
) -> Fault:
    """Ten days, read twice under the fault; `is_settled`: once more, when nothing changes while it is read."""
    world = World(seed=7)
    with tempfile.TemporaryDirectory() as root, serve(Api(world, page=15, limited=tier == "limited")) as server:
        archive = Archive(root)
        set_up(server)
        for number in range(3 if is_settled else 2):
            world.live(5 * DAY, EVENTS if number < 2 else 0)
            server.fault = server.fault if number < 2 else no_fault
            stops = iter(range(10, 1000, 10)) if is_killed else iter(())
            while not _is_synced(server, archive, tier=tier, stop=next(stops, None)):
                pass
        days = [_day(START + number * DAY) for number in range(16)]
        got = (json.loads(row["payload"]) | {"id": row["id"]} for row in archive.rows(days) if row["payload"])
        there = {(place, ts) for (place, ts), one in world.said.items() if one.deleted_at is None}
        ids = {tuple(one["id"].split("/")[1:]) for one in got if one["deleted_at"] is None}
        note = f"{len(server.log)} requests, {len(ids - there)} wrongly kept, {server.refusals} times over the limit"
        return Fault(area="slack", what=what, unit="messages", readable=len(there), got=len(ids & there), note=note)


def _is_synced(server: Api, archive: Archive, *, tier: Tier, stop: int | None) -> bool:
    """Whether a sync came to its end; it is killed before request number `stop`."""
    world = server.world
    end = None if stop is None else len(server.log) + stop

    def log(line: str) -> None:
        if end is not None and len(server.log) >= end:
            raise _Killed

    def clock() -> float:
        log("")
        return world.now

    api = SlackApi("xoxb-1", base_url=server.base_url, tier=tier, sleep=world.sleep, clock=clock, log=log)
    try:
        sync(api, archive, first=_day(START), last=_day(world.now), settings=SETTINGS, log=log)
    except _Killed:
        return False
    return True


def _day(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).date().isoformat()


if __name__ == "__main__":
    import sys

    from benchmarks import faults

    sys.argv[1:] = ["slack"]
    sys.exit(faults.main())
