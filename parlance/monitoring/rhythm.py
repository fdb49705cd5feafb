"""How long a source may be silent, by its own rhythm of hours and weekdays."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from parlance.monitoring.findings import Verdict

HOUR = timedelta(hours=1)
WEEK = 168
LEAST_ARRIVALS, LEAST_DAYS = 10, 14
LEAST_HOURS = 2  # of the likeliest
SLACK, GROSS = 1.5, 2.0
MOST_HOURS = 5 * 365 * 24


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """How long a source has been silent, and how long it may be; `due` is when it becomes late, null where unknown."""

    newest: datetime | None
    silent_hours: float
    due: datetime | None
    verdict: Verdict


def freshness(
    arrivals: Sequence[datetime],
    now: datetime,
    *,
    expected_hours: float | None = None,
    holidays: Collection[str] = (),
    floor_hours: float = 24.0,
) -> Freshness:
    """Whether a source at which things came at `arrivals` is late at `now`; all times with a zone.

    With `expected_hours` it is late after that many. Else each hour of the week has a probability that something comes,
    learned from the last arrivals, and an hour without anything is as surprising as that was likely: a week-end's hours
    are not, where week-ends are silent, nor are those of `holidays` (YYYY-MM-DD, UTC). It is late when it surprises
    half again as much as it ever did, and is silent for `floor_hours`; twice that is gross. Unknown with fewer than ten
    arrivals or two weeks.
    """
    if not arrivals:
        return Freshness(newest=None, silent_hours=float("inf"), due=None, verdict=Verdict.UNKNOWN)
    newest = max(arrivals).astimezone(UTC)
    silent = (now - newest) / HOUR
    if expected_hours is not None:
        verdict = _verdict(silent, expected_hours)
        return Freshness(newest=newest, silent_hours=silent, due=newest + expected_hours * HOUR, verdict=verdict)
    first = _hour(min(arrivals))
    hours = np.unique([(_hour(at) - first) // HOUR for at in arrivals if (newest - at) / HOUR < MOST_HOURS])
    if len(hours) < LEAST_ARRIVALS or (newest - min(arrivals)).days < LEAST_DAYS:
        return Freshness(newest=newest, silent_hours=silent, due=None, verdict=Verdict.UNKNOWN)
    ahead = max(int(silent) + 1, 24 * 60)
    by_hour = _surprises(first, hours, ahead=ahead, holidays=holidays)
    surprise = np.cumsum(by_hour)
    usual = float(np.max(surprise[hours[1:] - 1] - surprise[hours[:-1]]))
    bound = max(SLACK * usual, LEAST_HOURS * float(by_hour.max()))
    since = surprise[hours[-1] :] - surprise[hours[-1]]
    limits = [max(float(np.searchsorted(since, times * bound)) + 1, times * floor_hours) for times in (1.0, GROSS)]
    verdict = Verdict.GROSS if silent > limits[1] else Verdict.ALARM if silent > limits[0] else Verdict.FINE
    return Freshness(newest=newest, silent_hours=silent, due=newest + limits[0] * HOUR, verdict=verdict)


def _surprises(
    first: datetime, hours: npt.NDArray[np.int64], *, ahead: int, holidays: Collection[str]
) -> npt.NDArray[np.float64]:
    """How surprising silence is in each hour from `first` to `ahead` hours after the last of `hours`."""
    count = int(hours[-1]) + 1 + ahead
    offset = first.weekday() * 24 + first.hour
    place = (offset + np.arange(count)) % WEEK
    off = _off(first, count, holidays)
    active = np.zeros(count, bool)
    active[hours] = True
    known = ~off & (np.arange(count) <= hours[-1])
    seen, there = (np.bincount(place[mask], minlength=WEEK).astype(float) for mask in (known, known & active))
    # Hours of working days, and of week-ends, are alike: what one week says of an hour is little.
    kind = np.arange(WEEK) % 24 + 24 * (np.arange(WEEK) >= 5 * 24)
    of_kind = np.bincount(kind, weights=there) / np.maximum(np.bincount(kind, weights=seen), 1)
    likely = (there + 2 * of_kind[kind]) / (seen + 2)
    found = -np.log1p(-np.minimum(likely, 0.98))[place]
    found[off] = 0.0
    return np.asarray(found)


def _off(first: datetime, count: int, holidays: Collection[str]) -> npt.NDArray[np.bool_]:
    found = np.zeros(count, bool)
    for day in holidays:
        begin = (datetime.combine(date.fromisoformat(day), datetime.min.time(), tzinfo=UTC) - first) // HOUR
        found[max(0, begin) : max(0, begin + 24)] = True
    return found


def _verdict(silent: float, most: float) -> Verdict:
    return Verdict.GROSS if silent > GROSS * most else Verdict.ALARM if silent > most else Verdict.FINE


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
