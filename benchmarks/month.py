"""Thirty simulated days without a hand: the daemon by a stepped clock, a world on loopback, and what went wrong in it.

python -m benchmarks.month --output FOLDER [--days 30] [--lanes-only] [--postgres] [--s3] [--compare LAKE]

Asks for a C compiler: `month_clock.py` says why. The driver turns schedules and sensors on, changes the world and
steps the clock; it never launches a run. In the end every partition is held against a lake that gets the final state
of the world in one backfill.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import s3fs
import yaml
from rich.console import Console

from benchmarks import month_report
from benchmarks import month_truth as truth
from benchmarks.month_clock import Clock, compiled
from benchmarks.month_deployment import Deployment, Watcher
from benchmarks.month_events import Event, script
from benchmarks.month_world import HOST, Inbox, Site, Slack, Workspace, day_start
from parlance.errors import ConfigError
from parlance.lake import Lake
from tests.servers import sites
from tests.servers.postgres import postgres, programs
from tests.servers.s3 import s3
from tests.servers.slack_export_files import write_export
from tests.servers.slack_web_api import Fault, no_fault, serve
from tests.servers.slack_workspace import DAY, Json

FIRST_DAY = 12  # days of the world before the month: what the export holds, enough for a model to be trained
HOUR = 3600.0
Alerts = list[tuple[float, Json]]
STATEMENT = {
    "granted_by": "The simulated company",
    "granted_on": date(2026, 1, 1),
    "statement": "Everything in this workspace is made up.",
    "uses": ["search", "annotation", "training", "evaluation", "drafts"],
    "people": "pseudonyms",
}


@dataclass
class Day:
    """What a day took of real time and of the processors."""

    number: int
    wall_s: float
    cpu_s: float
    runs: int


@dataclass
class Month:
    """The world, the deployment and the clock; `number` is today."""

    folder: Path
    workspace: Workspace
    slack: Slack
    site: Site
    inbox: Inbox
    clock: Clock
    deployment: Deployment
    is_trained: bool = True
    number: int = 0
    growing: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def export(self) -> Path:
        return self.folder / "export.zip"

    @property
    def noon(self) -> float:
        return day_start(self.number) + 12 * HOUR

    def fail(self, fault: Fault) -> None:
        self.slack.fault = fault

    def forbid(self, path: str) -> None:
        self.site.forbidden = path
        self.site.publish()

    def take_down(self, is_down: bool) -> None:
        self.site.is_down = is_down
        self.site.publish()

    def export_anew(self, *, is_cut: bool = False) -> None:
        """Writes the export as the workspace is now, or half of it, at the time of the clock."""
        write_export(self.workspace, self.export)
        if is_cut:
            self.export.write_bytes(self.export.read_bytes()[: self.export.stat().st_size // 2])
        os.utime(self.export, (self.clock.now(), self.clock.now()))

    def copy_slowly(self, name: str) -> None:
        """A dump that has grown at each look of the sensors, until it is whole."""
        whole = self.inbox.whole(name)
        self.growing = [(name, whole[: len(whole) * part // 5]) for part in range(1, 6)]

    def grow(self) -> bool:
        """Copies the next part of a dump that is being copied; whether there was one."""
        if not self.growing:
            return False
        self.inbox.put(*self.growing.pop(0))
        return True

    def begin(self) -> None:
        """The days before the month, an export of them, and what somebody does who sets it up.

        That is the main job; or, where no model is trained, a backfill of the days that are exported.
        """
        for number in range(FIRST_DAY):
            self.workspace.plan(number)
        self.workspace.live_until(day_start(FIRST_DAY))
        self.clock.set(day_start(FIRST_DAY) + 600)
        self.export_anew()
        self.inbox.put("first.jsonl.gz", self.inbox.whole("first.jsonl.gz"))
        if self.is_trained:
            self.deployment.check("orchestration", "--config", "recipes/quick.yaml", log="main-job")
        else:
            days = [_date(day_start(number)) for number in (0, FIRST_DAY - 1)]
            self.deployment.check("orchestration", "backfill", "slack", *days, log="set-up")
        self.deployment.start()
        self.deployment.turn_on(but=() if self.is_trained else ["corpus_daily"])

    def live(self, watcher: Watcher, events: list[Event]) -> None:
        """One day: the night with its schedules, noon with what people bring, and the evening."""
        self.workspace.plan(self.number)
        self.night(watcher, events)
        self._live_until(self.noon)
        if self.number % 4 == 0:
            name = f"day-{self.number:02d}.jsonl.gz"
            self.inbox.put(name, self.inbox.whole(name))
        for event in self._today(events):
            if event.is_at_noon:
                event.begin(self)
        self._rest(watcher)
        self._live_until(day_start(self.number + 1) - 30)

    def night(self, watcher: Watcher, events: list[Event]) -> None:
        """What the day brings begins or passes; then the hours at which schedules are due."""
        for event in events:
            if event.until == self.number - FIRST_DAY:
                event.end(self)
        for event in self._today(events):
            if not event.is_at_noon and not event.kill:
                event.begin(self)
        self.site.live(self.number)
        for hour in (1, 2, 3):
            kills = [event for event in self._today(events) if event.kill and hour == 2]
            self._go_to(watcher, day_start(self.number) + hour * HOUR + 5, kills=kills)
        self._rest(watcher)

    def _today(self, events: list[Event]) -> list[Event]:
        return [event for event in events if event.day == self.number - FIRST_DAY]

    def _go_to(self, watcher: Watcher, time: float, *, kills: list[Event]) -> None:
        self.workspace.live_until(max(time, self.workspace.now))
        if self.deployment.is_running():
            watcher.step_to(time, while_running=[lambda event=event: event.begin(self) for event in kills])
        else:
            self.clock.set(max(time, self.clock.now() + 1))

    def _rest(self, watcher: Watcher) -> None:
        if self.deployment.is_running():
            watcher.rest(before=self.grow)

    def _live_until(self, time: float) -> None:
        self.workspace.live_until(max(time, self.workspace.now))
        self.clock.set(max(time, self.clock.now() + 1))


@contextmanager
def world(
    folder: Path, *, seed: int, talks: int, is_trained: bool, on_postgres: bool = False, settings: Mapping[str, str]
) -> Iterator[Month]:
    """A month that has not begun, with its servers on loopback."""
    with ExitStack() as stack:
        workspace = Workspace(seed=seed, talks_a_day=talks)
        clock = Clock(compiled(folder), folder / "clock")
        database_url = stack.enter_context(postgres_by(clock)) if on_postgres else ""
        slack = stack.enter_context(serve(Slack(workspace, listed=200, clock=clock.now)))  # type: ignore[type-var]
        site = Site(seed=seed)
        served = stack.enter_context(sites.served(site.hosts))
        (folder / "inbox").mkdir(parents=True)
        crawl = {
            "seeds": [f"http://{HOST}/"],
            "contact": "mailto:month@parlance.example",
            "connect_to": {f"http://{HOST}": served.origin},
            "delay_s": 0.02,
            "timeout_s": 5.0,
        }
        (folder / "crawl.yaml").write_text(yaml.safe_dump(crawl))
        (folder / "rights.yaml").write_text(yaml.safe_dump(STATEMENT))
        os.utime(folder / "rights.yaml", (day_start(0), day_start(0)))
        own = {
            "PARLANCE_SLACK_TOKEN": "xoxb-1",
            "PARLANCE_SLACK_API": slack.base_url,
            "PARLANCE_SLACK_EXPORT": str(folder / "export.zip"),
            "PARLANCE_SLACK_RIGHTS": str(folder / "rights.yaml"),
            "PARLANCE_SLACK_START": _date(day_start(0)),
            "PARLANCE_PSEUDONYM_KEY": "the key of the simulated month, of no secret",
            "PARLANCE_CRAWL": str(folder / "crawl.yaml"),
            "PARLANCE_CRAWL_START": _date(day_start(FIRST_DAY)),
            "PARLANCE_DUMPS": str(folder / "inbox"),
            "PARLANCE_SPEECH_ACTS": "light",
            "PARLANCE_ALERTS_CHANNEL": "C0GEN1",
            "PARLANCE_ALERTS_TOKEN": "xoxb-1",
            "PARLANCE_ALERTS_API": slack.base_url,
        }
        deployment = Deployment(folder / "home", clock, own | dict(settings), database_url)
        stack.callback(deployment.stop)
        deployment.prepare()
        inbox = Inbox(folder / "inbox", clock.now, seed)
        yield Month(folder, workspace, slack, site, inbox, clock, deployment, is_trained)


def simulate(month: Month, options: argparse.Namespace) -> bool:
    """Lives the days, holds what came of them against the truth and tells it; whether nothing is wrong."""
    console, events = Console(width=160), script()
    lines = lived(month, days=options.days, events=events, console=console)
    keys = keys_of(month, days=options.days)
    found = list(verified(month, keys))
    if options.compare:
        other = truth.same(Lake(root=month.deployment.lake), Lake(root=options.compare), keys)
        found += [replace(one, what=f"{one.what.partition(' =')[0]} = {options.compare}") for one in other]
    with month.deployment.instance() as instance:
        ran = month_report.runs(instance)
        happened = [_told(event, instance, ran, month.slack.told) for event in events if event.day < options.days]
    sections = [
        ("Events and reactions", ("event", "from", "until", "where it shows", "reaction", "right at"), happened),
        ("Held against the truth", *month_report.findings(found)),
    ]
    for section in sections:
        month_report.show(console, *section)
    options.output.mkdir(parents=True, exist_ok=True)
    month_report.write(options.output / "month.md", sections, lines)
    is_right = not any(one.wrong for one in found)
    if options.s3 and not is_right:  # the bucket ends with its server
        s3fs.S3FileSystem().get(f"{month.deployment.lake}/", f"{options.output}/lake/", recursive=True)
    return is_right


def lived(month: Month, *, days: int, events: list[Event], console: Console) -> list[str]:
    """Lives the days after the set-up; gives a line for each of what it took and did."""
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        console.print(line, highlight=False, soft_wrap=True)

    started = time.monotonic()
    month.begin()
    cpu = month.deployment.cpu_seconds()
    tell(f"set up: {time.monotonic() - started:.0f} s wall {cpu:.0f} s CPU")
    with month.deployment.instance() as instance, month.deployment.measured(month.deployment.processes):
        watcher = Watcher(month.deployment, instance)
        for number in range(FIRST_DAY, FIRST_DAY + days):
            started, runs, month.number = time.monotonic(), instance.get_runs_count(), number
            month.live(watcher, events)
            spent = month.deployment.cpu_seconds()
            day = Day(number, time.monotonic() - started, spent - cpu, instance.get_runs_count() - runs)
            cpu = spent
            tell(month_report.line(day, instance, _date(day_start(number))))
        month.number += 1
        month.night(watcher, events)  # brings the messages of the last day in
    month.deployment.stop()
    return lines


def keys_of(month: Month, *, days: int) -> truth.Keys:
    """The partitions that there must be now."""
    begin = day_start(FIRST_DAY)
    crawled = [_date(begin + number * DAY) for number in range(days + 1)]
    return {
        "slack": [_date(day_start(number)) for number in range(FIRST_DAY + days)],
        "crawl": [day for day in crawled if (month.deployment.home / "crawls" / day).is_dir()],
        "dump": sorted(path.name for path in month.inbox.folder.iterdir() if not path.name.startswith(".")),
    }


def verified(month: Month, keys: truth.Keys) -> Iterator[truth.Finding]:
    """The lake against the world, and against one that is made at once."""
    lake = Lake(root=month.deployment.lake)
    month.fail(no_fault)
    month.export_anew()  # an older one has what was deleted since, and only the archive knows
    yield from truth.balances(lake, keys)
    yield from truth.messages(lake, month.workspace, keys["slack"])
    yield truth.coverage(lake, keys["slack"])
    yield from truth.same(lake, truth.made_at_once(month.deployment, month.folder / "at-once", keys), keys)


def _told(event: Event, instance: dg.DagsterInstance, ran: list[month_report.Ran], alerts: Alerts) -> list[str]:
    """The row of an event."""
    begin, until = (day_start(FIRST_DAY + number) for number in (event.day, event.until))
    begin += 12 * HOUR if event.is_at_noon else 0.0
    shows = event.partition
    partition = shows if isinstance(shows, str) else _date(day_start(FIRST_DAY + event.day + shows))
    did = month_report.reaction(ran, alerts, begin, min(until, begin + 2 * DAY) + DAY)
    # What was made while the event went on counts where nothing had to be made again behind it.
    made = (month_report.made_at(instance, event.lane, partition, after) for after in (until, begin))
    right = next((at for at in made if at is not None), None)
    times = [month_report.moment(time) for time in (begin, until, right)]
    return [event.name, *times[:2], f"{event.lane} {partition}", did, times[2]]


def _date(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).date().isoformat()


@contextmanager
def postgres_by(clock: Clock) -> Iterator[str]:
    """Address of a PostgreSQL that lives by the clock, as long as the block lasts. Raises ConfigError without one."""
    found = programs()
    if found is None:
        raise ConfigError("PostgreSQL is not installed; its programs are looked for in PATH and in /usr/lib/postgresql")
    clock.file.chmod(0o666)  # PostgreSQL runs as another user
    with postgres(found, environment=clock.environment()) as url:
        yield url


def main() -> int:
    parser = argparse.ArgumentParser(description="Simulates a month of a deployment.")
    parser.add_argument("--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--talks", type=int, default=10, help="threads that begin on a day")
    parser.add_argument("--home", type=Path, help="an empty folder to keep what is made in")
    parser.add_argument(
        "--lanes-only", action="store_true", help="without the main job and corpus_daily: no model is trained"
    )
    parser.add_argument("--postgres", action="store_true", help="runs and events in PostgreSQL and not in SQLite")
    parser.add_argument("--s3", action="store_true", help="a lake in a bucket (moto) and not in a folder")
    parser.add_argument("--compare", help="root of the lake of another run with the same seed, which must be the same")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parlance-month-")))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            month = stack.enter_context(
                world(
                    folder,
                    seed=options.seed,
                    talks=options.talks,
                    is_trained=not options.lanes_only,
                    on_postgres=options.postgres,
                    settings=stack.enter_context(s3("lake")) | {"PARLANCE_LAKE": "s3://lake/month"}
                    if options.s3
                    else {},
                )
            )
        except ConfigError as error:
            Console(stderr=True).print(f"skipped: {error}", highlight=False)
            return 2
        return 0 if simulate(month, options) else 1


if __name__ == "__main__":
    sys.exit(main())
