"""Silent failures in simulated workspaces: each is told, and an ordinary week, its week-end and a holiday are not."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import workspaces
from workspaces import Ingested, Office, ingest, messages_of, office, rewritten

from parlance.lake import Lake
from parlance.monitoring import failures
from parlance.monitoring.failures import Settings, Vitals
from parlance.monitoring.findings import Verdict
from parlance.monitoring.vitals import MOST_NAMES
from parlance.stages.monitoring import arrivals

LAST = "2026-01-30"  # the 26th day, a Friday
WATCHES = {
    "channel_fell_silent": failures.channel_fell_silent,
    "export_layout_changed": failures.export_layout_changed,
    "encoding_accident": failures.encoding_accident,
    "bot_flood": failures.bot_flood,
    "text_vanished": failures.text_vanished,
    "crawl_shrank": failures.crawl_shrank,
    "duplicate_export": failures.duplicate_export,
}


def taken(tmp_path: Path, export: Path, *, measured: bool = False) -> Ingested:
    return ingest(export, Lake(root=str(tmp_path / "lake")), measured=measured)


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    folder = tmp_path_factory.mktemp("office")
    return taken(folder, office(folder))


@pytest.mark.parametrize("name", WATCHES)
def test_ordinary_days_and_week_ends_raise_no_alarm(ordinary: Ingested, name: str) -> None:
    assert len(ordinary.days) > 20  # a week-end without a message has no file
    assert ordinary.alarms(WATCHES[name]) == {}


def test_a_workspace_of_everything_raises_no_alarm(tmp_path: Path) -> None:
    made = taken(tmp_path, workspaces.company(tmp_path, days=16))
    alarms = {name: made.alarms(watch) for name, watch in WATCHES.items()}
    assert {name: found for name, found in alarms.items() if found} == {}


def without(channel: str) -> workspaces.Callable[[Office], None]:
    def day(world: Office) -> None:
        start = world.now
        for _ in range(40):
            world.post(world.random.choice([one for one in ("C1", "C2", "C3") if one != channel]), world.sentence())
        world.now = start + workspaces.DAY

    return day


def test_a_channel_that_falls_silent_while_others_talk(tmp_path: Path) -> None:
    made = taken(tmp_path, office(tmp_path, last=without("C2")))
    assert made.alarms(failures.channel_fell_silent) == {LAST: {"C2"}}
    (found,) = (one for one in made.found(failures.channel_fell_silent, days=[LAST]) if one.subject == "C2")
    assert 8 < found.size < 40  # messages that were expected


def test_a_holiday_on_which_all_are_silent_is_none(tmp_path: Path) -> None:
    def holiday(world: Office) -> None:
        world.post("C1", "happy holidays to all of you who are not here")

    assert taken(tmp_path, office(tmp_path, last=holiday)).alarms(failures.channel_fell_silent) == {}


def test_an_archived_channel_is_none(tmp_path: Path) -> None:
    def archived(world: Office) -> None:
        world.post("C2", "archived", subtype="channel_archive")
        without("C2")(world)

    assert taken(tmp_path, office(tmp_path, last=archived)).alarms(failures.channel_fell_silent) == {}


@pytest.mark.parametrize(("silent_days", "alarms"), [(1, False), (12, True)])
def test_silence_of_a_quiet_channel_adds_up(silent_days: int, alarms: bool) -> None:
    days = [f"2026-01-{day:02d}" for day in range(1, 32)]
    rows = [("channel", "loud", 50, day) for day in days]
    rows += [("channel", "quiet", 2, day) for day in days[: 31 - silent_days]]
    vitals = Vitals(pl.DataFrame(rows, schema=["measure", "name", "count", "partition"], orient="row"))
    found = {one.subject: one for one in failures.channel_fell_silent(vitals, days[-1], Settings())}
    assert (found["quiet"].verdict != Verdict.FINE) is alarms


@pytest.mark.parametrize(
    ("usual", "others", "verdict"),
    [(9, 8, Verdict.FINE), (30, 20, Verdict.UNKNOWN), (300, 20, Verdict.GROSS), (90, 0, Verdict.GROSS)],
)
def test_a_channel_below_those_that_are_counted_need_not_be_silent(usual: int, others: int, verdict: Verdict) -> None:
    days = [f"2026-01-{day:02d}" for day in range(1, 32)]
    rows = [("channel", f"c{place}", others or 20, day) for day in days for place in range(MOST_NAMES - (not others))]
    rows += [("channel", "c", usual, day) for day in days[:-2]]
    vitals = Vitals(pl.DataFrame(rows, schema=["measure", "name", "count", "partition"], orient="row"))
    assert {one.subject: one.verdict for one in failures.channel_fell_silent(vitals, days[-2], Settings())}[
        "c"
    ] == verdict


def renamed(message: dict[str, object]) -> dict[str, object]:
    return {("body" if name == "text" else name): value for name, value in message.items()}


def test_a_renamed_field_is_told_by_its_absence_and_its_new_name(tmp_path: Path) -> None:
    made = taken(tmp_path, rewritten(office(tmp_path), messages_of(LAST, renamed)))
    found = made.alarms(failures.export_layout_changed)
    assert found == {LAST: {"without_text", "field text is gone", "field body is new"}}


def test_missing_people_are_told_in_the_first_export_already(tmp_path: Path) -> None:
    def nobody(name: str, data: bytes) -> bytes | None:
        if name == "users.json":
            return None
        if not name.partition("/")[2]:
            return data
        return json.dumps(
            [{key: one[key] for key in one if key != "user_profile"} for one in json.loads(data)]
        ).encode()

    made = taken(tmp_path, rewritten(office(tmp_path, days=3), nobody))
    assert made.alarms(failures.export_layout_changed) == {day: {"unknown_author"} for day in made.days}


@pytest.mark.parametrize(
    ("sign", "garble"),
    [
        ("mojibake", lambda text: f"café {text}".encode().decode("cp1252")),
        ("replaced", lambda text: f"caf\ufffd {text}"),
        ("control", lambda text: text.encode("utf-16-le").decode("latin-1")),
    ],
    ids=["utf8_as_cp1252", "replacement", "utf16_as_latin1"],
)
def test_encoding_accidents(tmp_path: Path, sign: str, garble: workspaces.Callable[[str], str]) -> None:
    def garbled(message: dict[str, object]) -> dict[str, object]:
        return message | {"text": garble(str(message["text"]))}

    made = taken(tmp_path, rewritten(office(tmp_path), messages_of(LAST, garbled)))
    assert made.alarms(failures.encoding_accident) == {LAST: {sign}}


def test_letters_with_accents_are_no_accident(tmp_path: Path) -> None:
    def french(message: dict[str, object]) -> dict[str, object]:
        return message | {"text": "Ça va déjà très bien, merci à vous; SÃO PAULO à 20 °C « où ça ? » – “oui”…"}

    made = taken(tmp_path, rewritten(office(tmp_path), messages_of(LAST, french)))
    assert made.alarms(failures.encoding_accident) == {}


@pytest.mark.parametrize(("messages", "alarms"), [(6, False), (120, True)])
def test_a_flood_of_a_bot(tmp_path: Path, messages: int, alarms: bool) -> None:
    def flood(world: Office) -> None:
        world.a_day()
        world.now -= workspaces.DAY / 2
        for number in range(messages):
            world.post("C2", f"deploy {number} of the meter service is done", bot_id="B0LOUD", subtype="bot_message")

    found = taken(tmp_path, office(tmp_path, last=flood)).alarms(failures.bot_flood)
    assert found == ({LAST: {"B0LOUD, all", "B0LOUD, nearly the same"}} if alarms else {})


def test_text_that_vanishes_by_a_rule(tmp_path: Path) -> None:
    def emptied(message: dict[str, object]) -> dict[str, object]:
        return message | {"text": ""}

    made = taken(tmp_path, rewritten(office(tmp_path), messages_of(LAST, emptied)))
    assert made.alarms(failures.text_vanished) == {LAST: {"rejected", "rejected: empty_text"}}


def test_a_day_that_comes_twice_under_other_ids(tmp_path: Path) -> None:
    """What was said on Thursday stands in Friday's files again, a day later."""
    export = office(tmp_path, last=lambda world: None)
    made = taken(tmp_path, workspaces.with_a_day_again(export, "2026-01-29", LAST), measured=True)
    # Both days came at once, so each has its twin in the other.
    expected = {LAST: {"also in 2026-01-29"}, "2026-01-29": {f"also in {LAST}"}}
    assert made.alarms(failures.duplicate_export) == expected


def pages(by_day: list[dict[str, int]], *, same: list[dict[str, int]] | None = None) -> Vitals:
    days = [f"2026-01-{day:02d}" for day in range(1, len(by_day) + 1)]
    rows = [
        ("host", host, count, day) for day, hosts in zip(days, by_day, strict=True) for host, count in hosts.items()
    ]
    rows += [
        ("same_text", host, count, day)
        for day, hosts in zip(days, same or [], strict=False)
        for host, count in hosts.items()
    ]
    return Vitals(pl.DataFrame(rows, schema=["measure", "name", "count", "partition"], orient="row"))


@pytest.mark.parametrize(
    ("last", "alarms"),
    [
        ({"a.example": 95}, set()),
        ({"a.example": 20}, {"pages of a.example"}),
        ({"b.example": 90}, {"pages of a.example"}),
    ],
    ids=["as_always", "a_fifth", "gone"],
)
def test_pages_of_a_host_that_vanish(last: dict[str, int], alarms: set[str]) -> None:
    random = np.random.default_rng(1)
    before = [{"a.example": int(count)} for count in random.poisson(100, 12)]
    found = failures.crawl_shrank(pages([*before, last]), "2026-01-13", Settings())
    assert {one.subject for one in found if one.verdict in (Verdict.ALARM, Verdict.GROSS)} == alarms


@pytest.mark.parametrize(
    ("usual", "others", "verdict"),
    [(30, 20, Verdict.UNKNOWN), (300, 20, Verdict.GROSS), (30, 1, Verdict.ALARM), (2, 2, Verdict.UNKNOWN)],
)
def test_pages_of_a_host_below_those_that_are_counted(usual: int, others: int, verdict: Verdict) -> None:
    rest = {f"h{place}.example": others for place in range(MOST_NAMES)}
    found = failures.crawl_shrank(pages([{"a.example": usual}] * 12 + [rest]), "2026-01-13", Settings())
    assert {one.subject: one.verdict for one in found}["pages of a.example"] == verdict


def test_one_text_below_those_that_are_counted_is_no_new_one() -> None:
    rest = {f"h{place}.example": 50 for place in range(MOST_NAMES)}
    made = pages([{"a.example": 100}] * 12, same=[rest] * 11 + [{"a.example": 60}])
    assert {one.verdict for one in failures.crawl_shrank(made, "2026-01-12", Settings())} == {Verdict.FINE}


def test_a_login_wall_is_one_text_at_many_addresses() -> None:
    hosts = [{"a.example": 100}] * 12
    found = failures.crawl_shrank(
        pages(hosts, same=[*[{"a.example": 3}] * 11, {"a.example": 80}]), "2026-01-12", Settings()
    )
    alarms = [one.subject for one in found if one.verdict in (Verdict.ALARM, Verdict.GROSS)]
    assert alarms == ["one text at addresses of a.example"]


def test_the_hours_of_arrivals_are_read_back(ordinary: Ingested) -> None:
    found = arrivals(ordinary.lake, "slack")
    assert found == sorted(set(found))
    assert {f"{at:%Y-%m-%d}" for at in found} == set(ordinary.days)
