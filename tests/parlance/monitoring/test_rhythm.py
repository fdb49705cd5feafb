"""How long a source may be silent: a week-end is no silence, a Tuesday is."""

from datetime import UTC, datetime, timedelta

import pytest

from parlance.monitoring.findings import Verdict
from parlance.monitoring.rhythm import freshness

# Four weeks of Monday to Friday, something in each hour from 8 to 18; the last is Friday the 30th.
OFFICE = [
    datetime(2026, 1, day, hour, 20, tzinfo=UTC)
    for day in range(5, 31)
    if datetime(2026, 1, day).weekday() < 5
    for hour in range(8, 18)
]
MONTHLY = [datetime(2025, month, 3, 12, tzinfo=UTC) for month in range(1, 13)]


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        ("2026-01-31T20:00", Verdict.FINE),  # Saturday
        ("2026-02-01T23:00", Verdict.FINE),  # Sunday
        ("2026-02-02T08:30", Verdict.FINE),  # Monday morning
        ("2026-02-02T18:00", Verdict.GROSS),
        ("2026-02-03T12:00", Verdict.GROSS),  # Tuesday
    ],
)
def test_a_week_end_is_no_silence(now: str, verdict: Verdict) -> None:
    assert freshness(OFFICE, datetime.fromisoformat(now).replace(tzinfo=UTC)).verdict == verdict


def test_a_tuesday_without_a_word_is_late_after_a_day() -> None:
    until_monday = [*OFFICE, *(datetime(2026, 2, 2, hour, tzinfo=UTC) for hour in range(8, 18))]
    assert freshness(until_monday, datetime(2026, 2, 3, 16, tzinfo=UTC)).verdict == Verdict.FINE  # below the floor
    assert freshness(until_monday, datetime(2026, 2, 3, 19, tzinfo=UTC)).verdict == Verdict.ALARM


def test_a_holiday_is_no_silence() -> None:
    monday = datetime(2026, 2, 2, 20, tzinfo=UTC)
    assert freshness(OFFICE, monday, holidays=["2026-02-02"]).verdict == Verdict.FINE


@pytest.mark.parametrize(("days", "verdict"), [(20, Verdict.FINE), (40, Verdict.FINE), (60, Verdict.ALARM)])
def test_a_slow_source_may_be_silent_longer(days: int, verdict: Verdict) -> None:
    assert freshness(MONTHLY, MONTHLY[-1] + timedelta(days=days)).verdict == verdict


@pytest.mark.parametrize(("hours", "verdict"), [(11, Verdict.FINE), (13, Verdict.ALARM), (25, Verdict.GROSS)])
def test_a_setting_goes_before_the_rhythm(hours: int, verdict: Verdict) -> None:
    found = freshness(MONTHLY, MONTHLY[-1] + timedelta(hours=hours), expected_hours=12)
    assert (found.verdict, found.due) == (verdict, MONTHLY[-1] + timedelta(hours=12))


def test_few_arrivals_have_no_rhythm() -> None:
    assert freshness(MONTHLY[:5], datetime(2026, 5, 1, tzinfo=UTC)).verdict == Verdict.UNKNOWN
    assert freshness([], datetime(2026, 5, 1, tzinfo=UTC)).verdict == Verdict.UNKNOWN
