"""What was told of which problem: each cause once a day, its recovery once, and what fails again after that too."""

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from orchestration.alerting.problems import Problem, merged

AGAIN_AFTER = dt.timedelta(days=1)
# Of what is no asset nobody sees that it works again.
GIVEN_UP_AFTER = dt.timedelta(days=7)


@dataclass(kw_only=True)
class Entry:
    """A problem, when it was told (empty: not yet), by which message, and what of it is still to be told.

    `is_due`: the problem, once the day of quiet since it was told is over; `has_grown`: that it concerns more;
    `is_told`: nobody has heard of its recovery. `message`: as Alerts.post gives it.
    """

    problem: Problem
    is_open: bool = True
    is_due: bool = True
    has_grown: bool = False
    is_told: bool = False
    told_at: str = ""
    message: str = ""

    def is_quiet(self, now: dt.datetime) -> bool:
        """Whether it was told less than a day ago."""
        return bool(self.told_at) and now - dt.datetime.fromisoformat(self.told_at) < AGAIN_AFTER


@dataclass
class Book:
    """Entries by the key of their problem; it is the cursor of the sensor, as JSON."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def note(self, problems: Iterable[Problem], *, now: dt.datetime) -> None:
        """Notes problems that occurred, or still are."""
        for problem in problems:
            entry = self.entries.get(problem.key)
            if entry is None:
                self.entries[problem.key] = Entry(problem=problem)
                continue
            is_new = problem.event > entry.problem.event
            more = bool(set(problem.targets) - set(entry.problem.targets))
            if entry.is_open:
                entry.is_due = entry.is_due or ((is_new or more) and not entry.is_quiet(now))
                entry.has_grown = entry.has_grown or (more and entry.is_quiet(now))
                # A state says all that it concerns, an event what else.
                entry.problem = merged(entry.problem, problem) if problem.event else problem
            elif is_new or not problem.event:
                # Due even where it is quiet: people last heard that it works again.
                entry.is_open = entry.is_due = True
                entry.problem = problem

    def recover(self, key: str) -> None:
        """Notes that a problem is gone."""
        self.entries[key].is_open = False

    def tell(self, key: str, *, message: str, now: dt.datetime) -> None:
        """Notes that a problem was told by `message`."""
        entry = self.entries[key]
        entry.is_due, entry.is_told, entry.has_grown = False, True, False
        entry.told_at, entry.message = now.isoformat(), message

    def forget(self, *, now: dt.datetime) -> None:
        """Drops what is over and was told a day ago, or never had to be, and failures that were told a week ago."""
        for key, entry in list(self.entries.items()):
            age = now - dt.datetime.fromisoformat(entry.told_at) if entry.told_at else AGAIN_AFTER
            is_over = not entry.is_open and not entry.is_told and age >= AGAIN_AFTER
            if is_over or (entry.problem.event and age >= GIVEN_UP_AFTER and not entry.is_due):
                del self.entries[key]

    def dump(self) -> dict[str, Any]:
        return {key: dataclasses.asdict(entry) for key, entry in self.entries.items()}

    @classmethod
    def load(cls, found: dict[str, Any]) -> "Book":
        entries = {}
        for key, values in json.loads(json.dumps(found)).items():
            told = values.pop("problem")
            targets = tuple((asset, partition) for asset, partition in told.pop("targets"))
            entries[key] = Entry(problem=Problem(**told, targets=targets), **values)
        return cls(entries)
