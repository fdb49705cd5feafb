"""Windows of time, in microseconds since 1970 with both ends included: what was read, what is missing, what is due."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from parlance.errors import ConfigError
from parlance.sources.slack_export import is_day
from parlance.sources.slack_threads import moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
FAR = 2**62


@dataclass(frozen=True, order=True)
class Window:
    """From `oldest` to `latest`, both included."""

    oldest: int
    latest: int

    def __and__(self, other: "Window") -> "Window | None":
        """What both have; null where that is nothing."""
        oldest, latest = max(self.oldest, other.oldest), min(self.latest, other.latest)
        return Window(oldest, latest) if oldest <= latest else None

    def days(self) -> list[str]:
        """The UTC days that the window touches."""
        first, last = time_of(self.oldest).date(), time_of(self.latest).date()
        return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]


def of_days(first: str, last: str) -> Window:
    """The UTC days from `first` to `last`, both included. Raises ConfigError for what is no day, or out of order."""
    for name, day in (("first", first), ("last", last)):
        if not is_day(day):
            raise ConfigError(f"{name}={day!r} is no day; allowed: YYYY-MM-DD")
    if first > last:
        raise ConfigError(f"first={first!r} is after last={last!r}; allowed: first <= last")
    began, ended = (datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) for day in (first, last))
    return Window(micros(began), micros(ended + timedelta(days=1)) - 1)


def micros(time: datetime) -> int:
    return (time - EPOCH) // MICROSECOND


def time_of(number: int) -> datetime:
    return EPOCH + timedelta(microseconds=number)


def number_of(ts: str) -> int | None:
    """The microseconds that a Slack `ts` names; null where it is none."""
    found = moment(ts)
    return None if found is None else micros(found)


def ts_of(number: int) -> str:
    """The `ts` of a moment, of one length for every moment from 2001 to 2286, so that texts compare as times.

    >>> ts_of(1452837318000012), number_of("1452837318.000012")
    ('1452837318.000012', 1452837318000012)
    """
    return f"{number // 1_000_000:010d}.{number % 1_000_000:06d}"


def merged(windows: Iterable[Window]) -> list[Window]:
    """The same moments in the fewest windows, in order.

    >>> merged([Window(5, 9), Window(1, 2), Window(3, 6), Window(20, 21)])
    [Window(oldest=1, latest=9), Window(oldest=20, latest=21)]
    """
    found: list[Window] = []
    for window in sorted(windows):
        if found and window.oldest <= found[-1].latest + 1:
            found[-1] = Window(found[-1].oldest, max(found[-1].latest, window.latest))
        else:
            found.append(window)
    return found


def missing(window: Window, covered: list[Window]) -> Iterator[Window]:
    """The parts of `window` that are in none of the merged windows `covered`, in order."""
    oldest = window.oldest
    for index in range(bisect_left(covered, window.oldest, key=lambda one: one.latest), len(covered)):
        if covered[index].oldest > window.latest:
            break
        if covered[index].oldest > oldest:
            yield Window(oldest, covered[index].oldest - 1)
        oldest = covered[index].latest + 1
    if oldest <= window.latest:
        yield Window(oldest, window.latest)


@dataclass(frozen=True, order=True)
class Segment:
    """A window and when all of it was last read, in microseconds."""

    read_at: int
    window: Window


def last_read(reads: Iterable[Segment]) -> list[Segment]:
    """When each moment was last read: windows that do not overlap, the longest unread first."""
    found: list[Segment] = []
    covered: list[Window] = []
    for read in sorted(reads, reverse=True):
        parts = list(missing(read.window, covered))
        if parts:
            found += [Segment(read.read_at, part) for part in parts]
            covered = merged([*covered, *parts])
    return sorted(found)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What of one channel was read: `covered` ever, `done` in this run, `due` before it, the longest unread first."""

    covered: list[Window]
    done: list[Window]
    due: list[Segment]

    @classmethod
    def of(cls, reads: Iterable[Segment], *, started: int) -> "Reading":
        """The state in a run that began at `started`."""
        last = last_read(reads)
        return cls(
            covered=merged(segment.window for segment in last),
            done=merged(segment.window for segment in last if segment.read_at >= started),
            due=[segment for segment in last if segment.read_at < started],
        )

    def read_at(self, window: Window) -> int:
        """When the part of `window` was read that was read longest ago."""
        return min((segment.read_at for segment in self.due if segment.window & window), default=0)


def ring(covered: Mapping[str, list[Window]], *, after: tuple[str, int]) -> list[tuple[str, Window]]:
    """All windows by channel and time, as a ring that begins behind a place in a channel and ends with it.

    >>> ring({"A": [Window(0, 9)], "B": [Window(0, 4)]}, after=("A", 3))
    [('A', Window(oldest=4, latest=9)), ('B', Window(oldest=0, latest=4)), ('A', Window(oldest=0, latest=3))]
    """
    place, number = after
    behind: list[tuple[str, Window]] = []
    ahead: list[tuple[str, Window]] = []
    for channel in sorted(covered):
        for window in covered[channel]:
            split = number if channel == place else -1 if channel > place else FAR
            rest, read = window & Window(split + 1, FAR), window & Window(-FAR, split)
            behind += [(channel, rest)] if rest else []
            ahead += [(channel, read)] if read else []
    return behind + ahead
