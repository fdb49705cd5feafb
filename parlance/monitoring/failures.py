"""Failures that raise no error, each told from the vitals of a partition beside those of the partitions before it.

Nothing here reads texts or tables. A partition with fewer than `least_history` before it is judged only where a number
is absurd by itself; else it is `unknown`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from parlance.monitoring.findings import Finding, Verdict, judged, unknown
from parlance.monitoring.noise import Bound, Counts, above, dispersion, share, silence
from parlance.monitoring.vitals import MOST_NAMES


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How much is too much. `z` and `gross_z` are standard deviations beyond which nothing is chance."""

    window: int = 28
    least_history: int = 5
    z: float = 4.0
    gross_z: float = 8.0
    least_lacking: float = 0.05
    least_garbled: float = 0.05
    least_vanished: float = 0.15
    least_flood: float = 0.25
    least_shrunk: float = 0.5
    least_copied: float = 0.3
    absurd: float = 0.5
    least_size: int = 10


class Before(NamedTuple):
    """What is counted of one partition (`now`), and of those before it (`history`: rows by partition), by name.

    `floor` and `floors` are the most that a name may have there which is not counted.
    """

    names: list[str]
    history: Counts
    now: Counts
    floors: Counts
    floor: float

    def of(self, name: str) -> tuple[Counts, float]:
        """History and present of one name; zeros where it was never counted."""
        if name not in self.names:
            return np.zeros(len(self.history)), 0.0
        place = self.names.index(name)
        return self.history[:, place], float(self.now[place])


class Vitals:
    """The vitals of a lane as matrices; partitions are in their order."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self.partitions: list[str] = rows["partition"].unique().sort().to_list()
        self._place = {name: place for place, name in enumerate(self.partitions)}
        self._rows = {str(key[0]): part for key, part in rows.group_by("measure")}
        self._matrices: dict[str, tuple[list[str], Counts]] = {}

    def matrix(self, measure: str) -> tuple[list[str], Counts]:
        """The names that a measure has, and its counts: (partitions, names)."""
        if measure not in self._matrices:
            rows = self._rows.get(measure)
            names: list[str] = [] if rows is None else rows["name"].unique().sort().to_list()
            found = np.zeros((len(self.partitions), len(names)))
            if rows is not None:
                at = np.searchsorted(np.array(self.partitions), rows["partition"].to_numpy())
                found[at, np.searchsorted(np.array(names), rows["name"].to_numpy())] = rows["count"].to_numpy()
            self._matrices[measure] = (names, found)
        return self._matrices[measure]

    def floors(self, measure: str) -> Counts:
        """By partition, the most that a name may have which is not counted: only the `MOST_NAMES` largest are."""
        _, counts = self.matrix(measure)
        least = np.where(counts > 0, counts, np.inf).min(axis=1, initial=np.inf)
        return np.where((counts > 0).sum(axis=1) < MOST_NAMES, 0.0, least)

    def before(self, measure: str, partition: str, *, window: int) -> Before:
        """A partition and up to `window` before it."""
        names, counts = self.matrix(measure)
        at, floors = self._place[partition], self.floors(measure)
        past = slice(max(0, at - window), at)
        return Before(names, counts[past], counts[at], floors[past], float(floors[at]))

    def total(self, measure: str, partition: str, *, window: int) -> tuple[Counts, float]:
        """History and present of all names of a measure together."""
        found = self.before(measure, partition, window=window)
        return found.history.sum(axis=1), float(found.now.sum())

    def place(self, partition: str) -> int:
        return self._place[partition]


Watch = Callable[[Vitals, str, Settings], Iterator[Finding]]


def channel_fell_silent(vitals: Vitals, partition: str, settings: Settings) -> Iterator[Finding]:
    """Channels that say nothing while others do: `value` is how improbable that is (negative natural logarithm).

    Expected is the channel's part of what is said elsewhere on days of its kind, working days or week-ends. Silent days
    in a row add up. Where all are silent nothing is expected, and archived channels are left out.
    """
    names, counts = vitals.matrix("channel")
    archived = set(vitals.matrix("archived")[0])
    at, totals, floors = vitals.place(partition), counts.sum(axis=1), vitals.floors("channel")
    weekend = np.array([_is_weekend(name) for name in vitals.partitions])
    warn, gross = (one * one / 2 + float(np.log(max(len(names), 1))) for one in (settings.z, settings.gross_z))
    bound = Bound(expected=0.0, warn=warn, gross=gross)
    for column, name in enumerate(names):
        spoken = np.flatnonzero(counts[: at + 1, column])
        if name in archived or not len(spoken):
            continue
        last = int(spoken[-1])
        expected = surprise = least_surprise = 0.0
        judgeable = last == at
        for kind in (False, True):
            before = np.arange(max(0, last + 1 - settings.window), last + 1)
            before = before[weekend[before] == kind]
            silent = np.arange(last + 1, at + 1)
            silent = silent[weekend[silent] == kind]
            if len(before) < settings.least_history or not len(silent):
                continue
            # A flood elsewhere is no reason to expect more here.
            usual = np.minimum(totals[silent], 2 * np.median(totals[before]))
            history = counts[before, column], totals[before] - counts[before, column]
            more, improbable = silence(*history, now=usual, most=np.zeros(len(silent)))
            least_surprise += silence(*history, now=usual, most=floors[silent])[1]
            expected, surprise, judgeable = expected + more, surprise + improbable, True
        if judgeable:
            found = (judged(partition, name, value, bound, size=expected) for value in (surprise, least_surprise))
            yield _certain(*found)
        else:
            yield unknown(partition, name, 0.0, size=0)


def export_layout_changed(vitals: Vitals, partition: str, settings: Settings) -> Iterator[Finding]:
    """Messages that lack what messages have, fields that are gone, and fields that were never seen before."""
    sampled, now = vitals.total("sampled", partition, window=settings.window)
    lacking = vitals.before("lacking", partition, window=settings.window)
    for name in ("without_text", "without_author", "unknown_author"):
        yield from _share(
            partition, name, lacking.of(name), (sampled, now), least=settings.least_lacking, settings=settings
        )
    rows = vitals.total("rows", partition, window=settings.window)
    unreadable = vitals.total("unreadable", partition, window=settings.window)
    yield from _share(partition, "unreadable", unreadable, rows, least=settings.least_lacking, settings=settings)
    fields = vitals.before("field", partition, window=settings.window)
    if len(sampled) < settings.least_history or now < settings.least_size:
        return
    for name in fields.names:
        found, here = fields.of(name)
        if found.sum() >= 0.5 * sampled.sum():
            gone = (sampled - found, now - here)
            yield from _share(partition, f"field {name} is gone", gone, (sampled, now), least=0.25, settings=settings)
        elif not found.any() and here:
            yield from _share(
                partition, f"field {name} is new", (found, here), (sampled, now), least=0.05, settings=settings
            )


def encoding_accident(vitals: Vitals, partition: str, settings: Settings) -> Iterator[Finding]:
    """The share of documents with signs of a wrong encoding."""
    documents = vitals.total("documents", partition, window=settings.window)
    garbled = vitals.before("encoding", partition, window=settings.window)
    for name in ("mojibake", "replaced", "control"):
        yield from _share(partition, name, garbled.of(name), documents, least=settings.least_garbled, settings=settings)


def bot_flood(vitals: Vitals, partition: str, settings: Settings) -> Iterator[Finding]:
    """Authors whose part of what is said jumps, by what they say at all and by what is nearly the same."""
    said = vitals.total("author", partition, window=settings.window)
    for measure, least in (("author", 1.5 * settings.least_flood), ("alike", settings.least_flood)):
        counts = vitals.before(measure, partition, window=settings.window)
        for place in np.argsort(-counts.now)[:3]:
            if counts.now[place]:
                found = (counts.history[:, place], float(counts.now[place]))
                subject = f"{counts.names[place]}, {'nearly the same' if measure == 'alike' else 'all'}"
                yield from _share(partition, subject, found, said, least=least, settings=settings)


def text_vanished(vitals: Vitals, partition: str, settings: Settings) -> Iterator[Finding]:
    """The share of rows that became no document, and of documents that were not kept, by rule and in all."""
    for measure, of in (("rejected", "rows"), ("dropped", "documents")):
        totals = vitals.total(of, partition, window=settings.window)
        counts = vitals.before(measure, partition, window=settings.window)
        everything = vitals.total(measure, partition, window=settings.window)
        yield from _share(
            partition, measure, everything, totals, least=settings.least_vanished, settings=settings, absurd=False
        )
        for name in counts.names:
            found = counts.of(name)
            if found[1]:
                subject = f"{measure}: {name}"
                yield from _share(
                    partition, subject, found, totals, least=settings.least_vanished, settings=settings, absurd=False
                )


def crawl_shrank(vitals: Vitals, partition: str, settings: Settings) -> Iterator[Finding]:
    """Pages of a host that are gone, and one text at many of its addresses, such as a login page's."""
    pages = vitals.before("host", partition, window=settings.window)
    same = vitals.before("same_text", partition, window=settings.window)
    for name in pages.names:
        before, now = pages.of(name)
        if len(before) >= settings.least_history and before.sum():
            found = (_shrunk(partition, name, before, count, settings) for count in (now, max(now, pages.floor)))
            yield _certain(*found)
        elif before.any() or now:
            yield unknown(partition, f"pages of {name}", now, size=now)
        if now:
            subject = f"one text at addresses of {name}"
            history, copied = same.of(name)
            found_same = (np.minimum(np.maximum(history, same.floors), before), copied)
            yield from _share(
                partition, subject, found_same, (before, now), least=settings.least_copied, settings=settings
            )


def duplicate_export(vitals: Vitals, partition: str, settings: Settings) -> Iterator[Finding]:
    """The share of a day's documents that stand in one other day, or in the same under other ids."""
    documents = vitals.total("long_documents", partition, window=settings.window)
    twins = vitals.before("twins", partition, window=settings.window)
    # What earlier days share with this one or with later ones, which may have come with them, is no history of it.
    later = set(vitals.partitions[vitals.place(partition) :])
    known = [place for place, name in enumerate(twins.names) if name not in later]
    most = twins.history[:, known].max(axis=1, initial=0)
    for place in np.argsort(-twins.now)[:3]:
        if twins.now[place]:
            found = (most, float(twins.now[place]))
            subject = f"also in {twins.names[place]}"
            yield from _share(partition, subject, found, documents, least=settings.least_copied, settings=settings)


def _share(
    partition: str,
    subject: str,
    found: tuple[Counts, float],
    of: tuple[Counts, float],
    *,
    least: float,
    settings: Settings,
    absurd: bool = True,
) -> Iterator[Finding]:
    """A share beside its history; without one it is judged where it is `absurd` by itself."""
    (before, now), (totals, total) = found, of
    if not total:
        return
    value = now / total
    if len(totals) >= settings.least_history and totals.sum():
        bound = share(before, totals, total=total, z=settings.z, gross_z=settings.gross_z, least=least)
        yield judged(partition, subject, value, bound, size=total)
    elif absurd and total >= settings.least_size:
        yield judged(partition, subject, value, Bound(expected=0.0, warn=settings.absurd, gross=0.9), size=total)
    else:
        yield unknown(partition, subject, value, size=total)


def _shrunk(partition: str, host: str, before: Counts, now: float, settings: Settings) -> Finding:
    """How many of the expected pages are gone, as a share of them."""
    expected = float(np.median(before)) if np.median(before) else float(before.mean())
    spread = dispersion(before, np.full(len(before), expected))
    lost = (expected - now) / expected
    warn, gross = ((above(expected, spread, z) - expected) / expected for z in (settings.z, settings.gross_z))
    least = settings.least_shrunk
    # All of a small host is never beyond chance by its count alone, but a host that is always there and now is not is.
    always = bool((before > 0).all()) and len(before) >= 2 * settings.least_history
    bound = Bound(
        expected=0.0,
        warn=max(least, min(warn, 0.99) if always else warn),
        gross=max(least + 0.3, min(gross, 0.99) if always and expected >= settings.least_size else gross),
    )
    return judged(partition, f"pages of {host}", lost, bound, size=expected)


def _certain(worst: Finding, best: Finding) -> Finding:
    """What holds of a name that may be cut off, between none of it and as much as was cut off."""
    if best.verdict != Verdict.FINE:
        return best
    is_fine = worst.verdict == Verdict.FINE
    return worst if is_fine else unknown(worst.partition, worst.subject, best.value, size=worst.size)


def _is_weekend(partition: str) -> bool:
    """False for partitions that are no days."""
    try:
        return date.fromisoformat(partition).weekday() >= 5
    except ValueError:
        return False


def watch(watches: Sequence[Watch], vitals: Vitals, partitions: Sequence[str], settings: Settings) -> list[Finding]:
    """What `watches` find in those of `partitions` that have vitals."""
    known = [partition for partition in partitions if partition in vitals.partitions]
    return [finding for one in watches for partition in known for finding in one(vitals, partition, settings)]
