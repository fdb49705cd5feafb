"""One message for a cause, its recovery once, nothing secret in it; and the digest. Posted to a real socket."""

import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from assets.lane_checks import lane_checks
from orchestration.alerting import checks
from orchestration.alerting.book import Book
from orchestration.alerting.digest import digest
from orchestration.alerting.sensor import look, tell
from orchestration.alerting.wording import one_line
from orchestration.definitions import defs
from orchestration.main import range_tags
from parlance.errors import ConfigError, TransientError
from parlance.lake import Lake
from resources.alerts import Alerts
from tests.orchestration.failing_lane import Failing, definitions, made, run, tickets
from tests.servers.slack_posts import CHANNEL, NAME, TOKEN, Posts, slack_posts

NOW = dt.datetime.now(dt.UTC)
DAYS = [(NOW.date() - dt.timedelta(days=back)).isoformat() for back in range(12, 0, -1)]
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
LOG = logging.getLogger("alerts")


@pytest.fixture(scope="module")
def posts() -> Iterator[Posts]:
    with slack_posts() as found:
        yield found


@pytest.fixture
def desk(posts: Posts, tmp_path: Path) -> Iterator["Desk"]:
    posts.messages.clear()
    with dg.DagsterInstance.ephemeral() as instance:
        yield Desk(posts, tmp_path, instance)


class Desk:
    """A lane that fails as told, and what the sensor says of it."""

    def __init__(self, posts: Posts, folder: Path, instance: dg.DagsterInstance) -> None:
        self.posts, self.instance, self.lake = posts, instance, folder / "lake"
        self.source = Failing(folder=str(folder))
        self.lane = tickets(self.source, first=DAYS[0], days=DAYS)
        self.graph = definitions(self.lane, self.lake).resolve_asset_graph()
        self.alerts = Alerts(channel=CHANNEL, token=TOKEN, api_url=posts.base_url)
        self.book, self.seen, self.said = Book(), list[str](), ""

    def run(self, day: str) -> dg.DagsterRun:
        return run(self.lane, self.lake, self.instance, partition_key=day)

    def tick(self, at: dt.timedelta = dt.timedelta()) -> list[str]:
        """What is posted anew on a look at the time `at` from now; the state goes through JSON as in the cursor."""
        before = len(self.posts.messages)
        self.book = Book.load(self.book.dump())
        self.seen = look(
            self.book, self.instance, self.graph, [self.lane], now=NOW + at, since=NOW - HOUR, seen=self.seen
        )
        self.said = tell(self.book, self.alerts, now=NOW + at, log=LOG)
        return self.posts.texts()[before:]


def test_ten_days_that_fail_for_one_reason_are_one_message(desk: Desk) -> None:
    for day in DAYS[:10]:
        desk.source.fail(day, ConfigError(f"the desk refuses 2026: no rights for {day}"))
        desk.run(day)
    assert desk.tick() == [f"tickets/raw (10 partitions, {DAYS[0]} to {DAYS[9]}) failed"]
    shown = desk.posts.shown()
    assert "no rights for" in shown
    assert f"python -m orchestration backfill tickets {DAYS[0]} {DAYS[9]}" in shown
    assert "/runs/" in shown
    assert "Traceback" not in shown
    assert desk.tick(HOUR) == []


def test_a_repetition_is_told_after_a_day_and_an_end_once(desk: Desk) -> None:
    desk.lane = tickets(desk.source, first=DAYS[0], days=DAYS[:2])
    desk.source.fail(DAYS[0], ConfigError("no such desk"))
    desk.run(DAYS[0])
    assert len(desk.tick()) == 1
    desk.run(DAYS[0])
    assert desk.tick(HOUR) == []
    desk.source.fail(DAYS[1], ConfigError("no such desk"))
    desk.run(DAYS[1])
    assert desk.tick(2 * HOUR) == []
    assert desk.posts.texts() == [f"tickets/raw (2 partitions, {DAYS[0]} to {DAYS[1]}) failed"]
    for day in DAYS[:2]:
        desk.source.fail(day, None)
    desk.run(DAYS[0])
    assert desk.tick(3 * HOUR) == []
    desk.run(DAYS[1])
    assert [text.partition(":")[0] for text in desk.tick(4 * HOUR)] == ["Works again"]
    assert desk.tick(5 * HOUR) == []
    desk.source.fail(DAYS[1], ConfigError("no such desk"))
    desk.run(DAYS[1])
    assert desk.tick(6 * HOUR) == []
    assert desk.tick(23 * HOUR) == []
    assert desk.tick(DAY + HOUR) == [f"tickets/raw ({DAYS[1]}) failed"]
    assert desk.tick(DAY + 2 * HOUR) == []


def test_what_comes_and_goes_is_told_once_a_day(desk: Desk) -> None:
    desk.lane = tickets(desk.source, first=DAYS[0], days=DAYS[:1])
    told = []
    for hour in range(0, 48, 4):
        desk.source.fail(DAYS[0], ConfigError("no such desk") if hour % 8 == 0 else None)
        desk.run(DAYS[0])
        told += desk.tick(hour * HOUR)
    assert [text.partition(" ")[0] for text in told] == ["tickets/raw", "Works"] * 2


def test_two_reasons_are_two_messages(desk: Desk) -> None:
    errors = (ConfigError("no such desk"), TransientError("the desk does not answer"))
    for day, error in zip(DAYS[:2], errors, strict=True):
        desk.source.fail(day, error)
        desk.run(day)
    assert len(desk.tick()) == 2
    assert "asks for it again by itself" in desk.posts.shown()


@pytest.mark.parametrize("error", [ConfigError("no such desk"), TransientError("the desk does not answer")])
def test_a_partition_that_was_made_before_is_to_be_made_again(desk: Desk, error: Exception) -> None:
    """Such as a dump that has changed: for missing_days, and for a backfill, it is there."""
    made(desk.lane, desk.instance, *DAYS)
    desk.source.fail(DAYS[0], error)
    desk.run(DAYS[0])
    assert len(desk.tick()) == 1
    assert f"python -m orchestration backfill tickets {DAYS[0]} {DAYS[0]} --again" in desk.posts.shown()
    assert "by itself" not in desk.posts.shown()


def test_while_slack_is_away_nothing_is_lost(desk: Desk) -> None:
    desk.source.fail(DAYS[0], ConfigError("no such desk"))
    desk.run(DAYS[0])
    desk.posts.failures = [503] * 4
    desk.alerts = Alerts(channel=CHANNEL, token=TOKEN, api_url=desk.posts.base_url)
    assert desk.tick() == []
    desk.posts.failures = []
    assert len(desk.tick(HOUR)) == 1


@pytest.mark.parametrize("said", ["0.05", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "1"])
def test_a_message_waits_as_long_as_slack_says(desk: Desk, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setattr(desk.posts, "retry_after", said)
    desk.posts.failures += [429, 429]
    desk.source.fail(DAYS[0], ConfigError("no such desk"))
    desk.run(DAYS[0])
    assert len(desk.tick()) == 1
    assert desk.posts.failures == []


def test_a_refused_message_says_why(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="channel_not_found"):
        Alerts(channel="C0OTHER", token=TOKEN, api_url=desk.posts.base_url).post("hello", [])
    with pytest.raises(ConfigError, match="PARLANCE_ALERTS_TOKEN"):
        Alerts(channel=CHANNEL, api_url=desk.posts.base_url).post("hello", [])
    assert Alerts().post("hello", []) == ""


def test_a_channel_may_be_named_as_people_name_it(desk: Desk) -> None:
    desk.alerts = Alerts(channel=NAME, token=TOKEN, api_url=desk.posts.base_url)
    for at, day in enumerate(DAYS[:2]):
        desk.source.fail(day, ConfigError("no such desk"))
        desk.run(day)
        desk.tick(at * HOUR)
    assert desk.posts.texts() == [f"tickets/raw (2 partitions, {DAYS[0]} to {DAYS[1]}) failed"]


def test_a_deleted_message_holds_up_no_other(desk: Desk) -> None:
    desk.source.fail(DAYS[0], ConfigError("no such desk"))
    desk.run(DAYS[0])
    assert len(desk.tick()) == 1
    desk.posts.messages.clear()
    for day, error in zip(DAYS[1:3], (ConfigError("no such desk"), ValueError("the disk is full")), strict=True):
        desk.source.fail(day, error)
        desk.run(day)
    assert desk.tick(HOUR) == [f"tickets/raw ({DAYS[2]}) failed"]
    assert desk.tick(2 * HOUR) == []


def test_what_slack_refuses_is_told_once_it_takes_it(desk: Desk) -> None:
    desk.source.fail(DAYS[0], ConfigError("no such desk"))
    desk.run(DAYS[0])
    accepted, desk.alerts = desk.alerts, Alerts(channel="C0OTHER", token=TOKEN, api_url=desk.posts.base_url)
    assert desk.tick() == []
    assert "channel_not_found" in desk.said
    desk.alerts = accepted
    assert len(desk.tick(HOUR)) == 1
    assert desk.tick(2 * HOUR) == []


def test_neither_secrets_nor_what_people_wrote_are_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLANCE_SLACK_TOKEN", "no-shape-of-a-token")
    said = (
        "token no-shape-of-a-token at https://me:hunter2@desk.example/x, key AKIAIOSFODNN7EXAMPLE of ann@example.com: "
        "cannot parse 'I am not well and stay at home today' as a number of 'day'"
    )
    desk.source.fail(DAYS[0], ValueError(said))
    desk.run(DAYS[0])
    assert len(desk.tick()) == 1
    shown = desk.posts.shown()
    assert "cannot parse '…' as a number of 'day'" in shown
    for secret in ("no-shape", "hunter2", "AKIA", "ann@", "not well"):
        assert secret not in shown
    assert "\n" not in one_line("a\nb")


def test_a_gate_is_told_while_it_holds(desk: Desk) -> None:
    (check,) = [one for one in lane_checks(desk.lane) if "ids_are_unique" in str(one.check_keys)]
    defined = definitions(desk.lane, desk.lake, checks=[check])
    desk.graph = defined.resolve_asset_graph()
    key = desk.lane.key("documents")

    def begin_a_run() -> None:
        """The check is planned, and says nothing as long as the run goes on."""
        desk.instance.create_run_for_job(defined.resolve_job_def("tickets_lane"))
        ((_, record),) = desk.instance.event_log_storage.get_latest_asset_check_execution_by_key(
            list(check.check_keys)
        ).items()
        assert record.status.value == "PLANNED"

    def evaluate(*, passed: bool) -> None:
        desk.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key, check_name="ids_are_unique", passed=passed, blocking=True, description="3 ids are not"
            )
        )

    begin_a_run()
    assert desk.tick() == []
    evaluate(passed=False)
    assert desk.tick() == ["tickets/documents holds back what comes after it"]
    assert "ids_are_unique: 3 ids are not" in desk.posts.shown()
    assert desk.tick(HOUR) == []
    begin_a_run()
    assert desk.tick(HOUR) == []
    evaluate(passed=True)
    assert desk.tick(2 * HOUR) == ["Works again: tickets/documents"]
    begin_a_run()
    assert desk.tick(3 * HOUR) == []
    evaluate(passed=False)
    assert desk.tick(4 * HOUR) == []
    evaluate(passed=True)
    assert desk.tick(5 * HOUR) == []
    evaluate(passed=False)
    assert desk.tick(6 * HOUR) == []
    assert desk.tick(DAY + HOUR) == ["tickets/documents holds back what comes after it"]
    assert desk.tick(3 * DAY) == []


class Gate:
    """A check of the tickets' documents that does not pass for `bad` days, and the lane's job with it."""

    def __init__(self, desk: Desk) -> None:
        bad = self.bad = set[str]()
        desk.lane = replace(desk.lane, inputs=list)

        @dg.asset_check(asset=desk.lane.key("documents"), name="ids_are_unique", blocking=True)
        def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=not bad & set(context.op_execution_context.partition_keys))

        defined = definitions(desk.lane, desk.lake, checks=[check])
        desk.graph = defined.resolve_asset_graph()
        self.job, self.instance = defined.resolve_job_def("tickets_lane"), desk.instance

    def run(self, first: str, last: str = "") -> bool:
        """Runs the lane for a day, or for a range of days; whether all of it passed."""
        days = {"tags": range_tags(first, last)} if last else {"partition_key": first}
        return self.job.execute_in_process(instance=self.instance, raise_on_error=False, **days).success


def test_a_day_that_is_held_back_is_told_while_others_pass(desk: Desk) -> None:
    gate = Gate(desk)
    gate.bad |= {DAYS[1], DAYS[4]}
    assert not gate.run(DAYS[1])
    assert gate.run(DAYS[2])
    assert desk.tick() == [f"tickets/documents ({DAYS[1]}) holds back what comes after it"]
    assert gate.run(DAYS[6])
    assert desk.tick(HOUR) == []
    assert not gate.run(DAYS[3], DAYS[5])
    assert gate.run(DAYS[3])
    assert desk.tick(2 * HOUR) == []
    assert desk.posts.texts() == [
        f"tickets/documents (3 partitions, {DAYS[1]} to {DAYS[5]}) holds back what comes after it"
    ]
    lines = digest(desk.instance, desk.graph, Lake(root=str(desk.lake)), [desk.lane], now=NOW)
    assert lines[-1].endswith(f"(tickets/documents (3 partitions, {DAYS[1]} to {DAYS[5]}))")
    gate.bad.clear()
    assert gate.run(DAYS[3], DAYS[5])
    assert desk.tick(3 * HOUR) == []
    assert gate.run(DAYS[1])
    assert desk.tick(4 * HOUR) == [f"Works again: tickets/documents ({DAYS[1]})"]


def test_a_day_stays_held_back_however_many_others_pass(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MOST_EVALUATIONS", 2)
    gate = Gate(desk)
    gate.bad |= {DAYS[1], DAYS[2]}
    gate.run(DAYS[1])
    assert len(desk.tick()) == 1
    gate.run(DAYS[2])
    assert desk.tick(DAY + HOUR) == [
        f"tickets/documents (2 partitions, {DAYS[1]} to {DAYS[2]}) holds back what comes after it"
    ]
    for day in DAYS[3:6]:
        gate.run(day)
        assert desk.tick(DAY + 2 * HOUR) == []
    gate.bad.clear()
    gate.run(DAYS[1], DAYS[2])
    assert [text.partition(":")[0] for text in desk.tick(DAY + 3 * HOUR)] == ["Works again"]


def test_a_source_that_brings_nothing_is_told(desk: Desk) -> None:
    at = dt.datetime.combine(NOW.date(), dt.time(12), dt.UTC) - NOW
    made(desk.lane, desk.instance, *DAYS[:-2])
    assert desk.tick(at) == ["tickets/raw has no new data"]
    assert f"nothing since {DAYS[-3]}, 2 days behind" in desk.posts.shown()
    made(desk.lane, desk.instance, DAYS[-2])
    assert desk.tick(at) == ["Works again: tickets/raw"]


def test_a_source_that_cannot_be_read_is_told_and_holds_up_no_other(desk: Desk) -> None:
    at = dt.datetime.combine(NOW.date(), dt.time(12), dt.UTC) - NOW
    made(desk.lane, desk.instance, *DAYS[:-2])
    assert desk.tick(at) == ["tickets/raw has no new data"]
    refused = ConfigError("no zip: export.zip")

    def inputs() -> list[str]:
        raise refused

    readable, desk.lane = desk.lane, replace(desk.lane, inputs=inputs, setting="PARLANCE_SLACK_EXPORT")
    desk.source.fail(DAYS[0], ConfigError("no such desk"))
    run(readable, desk.lake, desk.instance, partition_key=DAYS[0])
    assert desk.tick(at) == [f"tickets/raw ({DAYS[0]}) failed", "tickets cannot be read"]
    assert "Why: no zip: export.zip\\nNext: Mend what PARLANCE_SLACK_EXPORT names." in desk.posts.shown()
    lines = digest(desk.instance, desk.graph, Lake(root=str(desk.lake)), [desk.lane], now=NOW)
    assert lines[0] == "tickets: cannot be read: no zip: export.zip"
    made(desk.lane, desk.instance, *DAYS[-2:])
    desk.lane = readable
    assert desk.tick(at) == ["Works again: tickets/raw", "Works again: tickets"]


def test_the_digest_counts_rows_and_names_what_is_missing(desk: Desk) -> None:
    desk.run(DAYS[-1])
    desk.instance.report_runless_asset_event(
        dg.AssetMaterialization(
            dg.AssetKey(["models", "tuned"]), metadata={"version": "abc", "trained_now": True, "seconds": 90.0}
        )
    )
    tuned = dg.asset(key=["models", "tuned"], group_name="models")(lambda: None)
    graph = definitions(desk.lane, desk.lake, tuned).resolve_asset_graph()
    at = dt.datetime.combine(NOW.date(), dt.time(12), dt.UTC)
    lines = digest(desk.instance, graph, Lake(root=str(desk.lake)), [desk.lane], now=at)
    assert lines[0].startswith("tickets: 1 rows in, 0 rejected; 0 documents kept, 0 dropped")
    assert f"newest day {DAYS[-1]}" in lines[0]
    assert f"missing: {len(DAYS)} partitions, {DAYS[0]} to {DAYS[-1]}" in lines[0]
    cost = "Cost: 90 s of training and generation"
    assert lines[1:] == ["New: models/tuned abc", cost, "Every check that ran passed."]


def test_the_sensor_itself(posts: Posts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the time on at which it is turned on, with the code location's own assets and checks."""
    monkeypatch.setenv("PARLANCE_HOME", str(tmp_path))
    monkeypatch.setenv("PARLANCE_ALERTS_CHANNEL", CHANNEL)
    monkeypatch.setenv("PARLANCE_ALERTS_TOKEN", TOKEN)
    monkeypatch.setenv("PARLANCE_ALERTS_API", posts.base_url)
    posts.messages.clear()
    definitions = defs()
    sensor = definitions.resolve_sensor_def("alerts")
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["instruct", "examples"]), check_name="rights_allow_training", passed=False, blocking=True
    )
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = None
        for _ in range(2):
            with dg.build_sensor_context(
                instance=instance,
                cursor=cursor,
                repository_def=definitions.get_repository_def(),
                resources={"alerts": Alerts(channel=CHANNEL, token=TOKEN, api_url=posts.base_url)},
            ) as context:
                cursor = sensor.evaluate_tick(context).cursor
            instance.report_runless_asset_event(evaluation)
    assert posts.texts() == ["instruct/examples holds back what comes after it"]
