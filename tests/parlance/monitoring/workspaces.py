"""Lakes made of simulated workspaces: exports of weeks of talk, taken through the stages of the slack lane."""

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from parlance.lake import Lake
from parlance.monitoring import failures
from parlance.monitoring.failures import Settings, Vitals, Watch
from parlance.monitoring.findings import Finding, Verdict
from parlance.sources import slack
from parlance.stages import lanes as stages
from parlance.stages.monitoring import history, write_vitals
from tests.servers.slack_company import Company
from tests.servers.slack_export_files import write_export
from tests.servers.slack_workspace import DAY, START, World

WORDS = [
    "the",
    "water",
    "meter",
    "reads",
    "high",
    "again",
    "please",
    "look",
    "at",
    "leave",
    "policy",
    "forms",
    "and",
    "pay",
]


class Office(World):
    """Three channels and a bot, on working days; at week-ends a message or two in `general`."""

    def furnish(self) -> None:
        super().furnish()
        for number, name in enumerate(("general", "help", "random"), start=1):
            self.channels[f"C{number}"] = {"id": f"C{number}", "name": name, "created": int(START) - 100}

    def a_day(self, *, messages: int = 40) -> None:
        start = self.now
        is_weekend = datetime.fromtimestamp(start, UTC).weekday() >= 5
        for _ in range(self.random.randrange(3) if is_weekend else self.random.randrange(messages - 8, messages + 8)):
            channel = "C1" if is_weekend else self.random.choices(["C1", "C2", "C3"], [4, 4, 2])[0]
            self.post(channel, self.sentence(), after_s=self.random.random() * 900)
        self.now = max(self.now, start + DAY - 1)
        self.now = start + DAY

    def sentence(self) -> str:
        return " ".join(self.random.choices(WORDS, k=8)) + f" {self.random.randrange(10**6)}"


@dataclass(frozen=True)
class Ingested:
    """A lake whose slack lane went as far as signals and vitals, and its days."""

    lake: Lake
    days: Sequence[str]

    def found(self, watch: Watch, *, days: Sequence[str] | None = None) -> list[Finding]:
        vitals = Vitals(history(self.lake, "slack", self.days))
        return failures.watch([watch], vitals, days or self.days, Settings())

    def alarms(self, watch: Watch) -> dict[str, set[str]]:
        """Subjects that alarm, by day."""
        found: dict[str, set[str]] = {}
        for one in self.found(watch):
            if one.verdict in (Verdict.ALARM, Verdict.GROSS):
                found.setdefault(one.partition, set()).add(one.subject)
        return found


def ingest(export: Path, lake: Lake, *, measured: bool = False) -> Ingested:
    """An export through raw, documents and messages; `measured`: through signals, which takes longer."""
    days = slack.days(str(export))
    lake.table("slack/raw").replace(slack.raw(str(export)), days)
    stages.write_documents(lake, "slack", slack.documents, days, grouped=True)
    stages.write_messages(lake, "slack", days, pseudonyms=None)
    if measured:
        stages.write_signals(lake, "slack", days)
    write_vitals(lake, "slack", days, chat=True)
    return Ingested(lake, days)


def office(path: Path, *, days: int = 26, last: Callable[[Office], None] | None = None, seed: int = 1) -> Path:
    """An export of `days` days, from Monday the 5th of January, with `last` in place of the last."""
    world = Office(seed=seed)
    for number in range(days):
        if number == days - 1 and last is not None:
            last(world)
        else:
            world.a_day()
    return write_export(world, path / "export.zip")


def rewritten(export: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The export with each file as `change` makes it; without those of which it makes nothing."""
    target = export.with_name("changed.zip")
    with zipfile.ZipFile(export) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if name.endswith("/"):
                new.mkdir(name.rstrip("/"))
            elif (data := change(name, old.read(name))) is not None:
                new.writestr(name, data)
    return target


def messages_of(day: str, change: Callable[[dict[str, object]], dict[str, object]]) -> Callable[[str, bytes], bytes]:
    """A change of the messages of one day."""

    def of(name: str, data: bytes) -> bytes:
        return json.dumps([change(one) for one in json.loads(data)]).encode() if name.endswith(f"{day}.json") else data

    return of


def with_a_day_again(export: Path, day: str, again: str) -> Path:
    """The export with the messages of `day` once more on the next, `again`, each with another `ts`."""
    target = export.with_name("changed.zip")
    with zipfile.ZipFile(export) as old, zipfile.ZipFile(target, "w") as new:
        for name in (name for name in old.namelist() if not name.endswith("/")):
            new.writestr(name, old.read(name))
            if name.endswith(f"{day}.json"):
                moved = [one | {"ts": f"{float(one['ts']) + DAY:.6f}"} for one in json.loads(old.read(name))]
                new.writestr(name.replace(day, again), json.dumps(moved))
    return target


def company(path: Path, *, days: int, seed: int = 3) -> Path:
    """A company in which everything happens that happens in Slack, hostile texts and renamed channels too."""
    world = Company(seed=seed)
    for _ in range(days):
        world.live(DAY, 60)
    return write_export(world, path / "export.zip")


def counts(lake: Lake, measure: str, day: str) -> dict[str, int]:
    rows = lake.table("slack/vitals").scan([day]).filter(pl.col("measure") == measure).collect()
    return dict(rows.select("name", "count").iter_rows())
