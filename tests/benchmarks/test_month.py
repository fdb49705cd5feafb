"""The clock and the world of the simulated month; the month itself is a benchmark."""

import datetime as dt
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.month_clock import Clock, compiled
from benchmarks.month_events import script
from benchmarks.month_world import HOST, Inbox, Site, Workspace, day_start
from parlance.errors import ConfigError
from parlance.sources import dumps
from tests.servers.sites import Page
from tests.servers.slack_workspace import DAY, day_of

BEGIN = dt.datetime(2026, 1, 5, tzinfo=dt.UTC).timestamp()
WATCHED = """
import datetime, multiprocessing, sqlite3, sys, time
lock = multiprocessing.Lock()
lock.acquire()
for line in sys.stdin:
    since = time.monotonic()
    time.sleep(0.1)
    lock.acquire(timeout=0.1)
    shown = sqlite3.connect(":memory:").execute("select current_timestamp").fetchone()[0]
    print(datetime.datetime.now(datetime.UTC).isoformat(), shown[:13], 0.2 < time.monotonic() - since < 30, flush=True)
"""


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    try:
        return Clock(compiled(tmp_path), tmp_path / "clock")
    except ConfigError as error:
        pytest.skip(str(error))


def test_a_process_lives_by_the_clock_and_waits_as_long_as_ever(clock: Clock) -> None:
    clock.set(BEGIN)
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHED],
        env={**os.environ, **clock.environment()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for hour in (0, 5):
        process.stdin.write("\n")
        process.stdin.flush()
        told, day, found, waited = process.stdout.readline().split()
        assert abs(dt.datetime.fromisoformat(told).timestamp() - clock.now()) < 30
        assert (day, found, waited) == ("2026-01-05", f"{hour:02d}", "True")
        clock.step(5 * 3600)
    process.communicate()
    assert process.returncode == 0


def test_a_long_sleep_steps_the_clock_for_all(clock: Clock) -> None:
    clock.set(BEGIN)
    sleeper = "import time; begun = time.time(), time.monotonic(); time.sleep(3600)"
    sleeper += "; print(time.time() - begun[0], time.monotonic() - begun[1])"
    told = subprocess.run(
        [sys.executable, "-c", sleeper], env={**os.environ, **clock.environment()}, capture_output=True, check=True
    )
    slept, really = map(float, told.stdout.split())
    assert 3600 <= slept < 3700
    assert really < 100
    assert clock.now() >= BEGIN + 3600
    clock.set(BEGIN + 7200)
    assert abs(clock.now() - BEGIN - 7200) < 30


def test_a_clock_does_not_go_back(clock: Clock) -> None:
    clock.set(BEGIN)
    with pytest.raises(ValueError, match="a clock goes forward"):
        clock.set(BEGIN - 3600)


def lived(days: int) -> Workspace:
    workspace = Workspace(seed=1)
    for number in range(days):
        workspace.plan(number)
        workspace.live_until(day_start(number + 1))
    return workspace


def test_the_same_seed_gives_the_same_workspace() -> None:
    first, second = lived(6), lived(6)
    assert [(key, one.fields) for key, one in first.said.items()] == [
        (key, one.fields) for key, one in second.said.items()
    ]


def test_the_workspace_answers_edits_and_deletes_what_is_days_old() -> None:
    workspace = lived(9)
    late = [ts for (_, ts), one in workspace.said.items() if float(ts) - float(one.fields.get("thread_ts", ts)) > DAY]
    assert late
    assert any(len(one.versions) > 1 for one in workspace.said.values())
    assert any(one.deleted_at is not None for one in workspace.said.values())
    assert {day_of(ts) for _, ts in workspace.said} >= {day_of(f"{day_start(number)}") for number in range(9)}


def test_nobody_talks_in_a_channel_that_fell_silent() -> None:
    workspace = lived(2)
    workspace.silent.add("support")
    support = {id for id, one in workspace.channels.items() if one.get("name") == "support"}
    before = {key for key in workspace.said if key[0] in support}
    for number in range(2, 5):
        workspace.plan(number)
        workspace.live_until(day_start(number + 1))
    begun = [key for key in workspace.said if key[0] in support and "thread_ts" not in workspace.said[key].fields]
    assert before
    assert set(begun) <= before


def test_a_site_grows_changes_and_loses_pages_and_can_be_down() -> None:
    site = Site(seed=1)
    before = dict(site.pages)
    for number in range(1, 5):
        site.live(number)
    assert site.pages.keys() - before.keys()
    assert before.keys() - site.pages.keys()
    assert any(site.pages[path] != text for path, text in before.items() if path in site.pages)
    site.is_down = True
    site.publish()
    assert {answer.status for answer in site.hosts[HOST].values() if isinstance(answer, Page)} == {503}


def test_a_dump_in_the_inbox_can_be_read_and_half_of_it_cannot(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, time.time)
    inbox.put("a.jsonl.gz", whole := inbox.whole("a.jsonl.gz"))
    rows = [row for batch in dumps.raw(str(tmp_path / "a.jsonl.gz"), partition="a") for row in batch.to_pylist()]
    assert [row["error"] for row in rows] == [None] * 12
    inbox.put("b.jsonl.gz", whole[:2000])
    rows = [row for batch in dumps.raw(str(tmp_path / "b.jsonl.gz"), partition="b") for row in batch.to_pylist()]
    assert any(row["error"] for row in rows)


def test_every_event_begins_before_it_passes_and_within_the_month() -> None:
    assert [event.name for event in script() if not 0 < event.day < event.until <= 30] == []
