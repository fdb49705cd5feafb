"""What befalls the simulated month, on which day, and when it passes."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.slack_web_api import no_fault, seeded

if TYPE_CHECKING:
    from benchmarks.month import Month

FLOOD = 500


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happens at the beginning of day `day` (or at noon) and passes at that of `until`.

    `lane` and `partition` are where it shows: the partition is the day's number of days before, or a name. `kill`: it
    happens while a run of the lane goes on.
    """

    name: str
    day: int
    begin: "Callable[[Month], object]"
    until: int
    lane: str
    partition: int | str
    end: "Callable[[Month], object]" = lambda month: None
    is_at_noon: bool = False
    kill: bool = False


def script(slow: str = "slow.jsonl.gz", bad: str = "bad.jsonl.gz", garbled: str = "garbled.jsonl.gz") -> list[Event]:
    """Every event of the month in its order."""
    return [
        Event(
            name="a dump is copied slowly",
            day=1, until=2, lane="dump", partition=slow, is_at_noon=True,
            begin=lambda month: month.copy_slowly(slow),
        ),
        Event(
            name=f"a bot floods a channel with {FLOOD} messages",
            day=2, until=3, lane="slack", partition=0,
            begin=lambda month: month.workspace.at(month.noon, lambda: month.workspace.flood(FLOOD)),
        ),
        Event(
            name="a dump with an encoding accident",
            day=3, until=4, lane="dump", partition=garbled, is_at_noon=True,
            begin=lambda month: month.inbox.put(garbled, month.inbox.whole(garbled, garble=True)),
        ),
        Event(
            name="a storm of 429",
            day=5, until=6, lane="slack", partition=-1,
            # The clock is stepped over long waits, short ones take their time: many of them would take the day.
            begin=lambda month: month.fail(seeded(5, 0.5, (*["429 long"] * 9, "429 fraction"))),
            end=lambda month: month.fail(no_fault),
        ),
        Event(
            name="Slack refuses connections for a day",
            day=7, until=8, lane="slack", partition=-1,
            begin=lambda month: month.fail(lambda method, arguments: "reset"), end=lambda month: month.fail(no_fault),
        ),
        Event(
            name="a dump is cut off; it comes whole five days later",
            day=9, until=14, lane="dump", partition=bad, is_at_noon=True,
            begin=lambda month: month.inbox.put(bad, month.inbox.whole(bad)[:2000]),
            end=lambda month: month.inbox.put(bad, month.inbox.whole(bad)),
        ),
        Event(
            name="a busy channel falls silent",
            day=10, until=30, lane="slack", partition=0,
            begin=lambda month: month.workspace.silent.add("support"),
        ),
        Event(
            name="robots.txt forbids a part of the site",
            day=12, until=30, lane="crawl", partition=0,
            begin=lambda month: month.forbid("/notes/"),
        ),
        Event(
            name="the Slack export is replaced by a broken zip for two days",
            day=15, until=17, lane="slack", partition=-1,
            begin=lambda month: month.export_anew(is_cut=True),
            end=lambda month: month.export_anew(),
        ),
        Event(
            name="the site answers 503 for a day",
            day=18, until=19, lane="crawl", partition=0,
            begin=lambda month: month.take_down(True), end=lambda month: month.take_down(False),
        ),
        Event(
            name="code server and daemon are down for two days",
            day=20, until=22, lane="slack", partition=-1,
            begin=lambda month: month.deployment.stop(), end=lambda month: month.deployment.start(),
        ),
        Event(
            name="the process of a run is killed",
            day=24, until=25, lane="slack", partition=-1, kill=True,
            begin=lambda month: [worker.send_signal(signal.SIGKILL) for worker in month.deployment.run_workers()],
        ),
    ]  # fmt: skip
