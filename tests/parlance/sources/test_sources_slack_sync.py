"""A workspace that lives, is read daily under faults and crashes, and is in the archive as it was."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from parlance.errors import ConfigError, TransientError
from parlance.rights import Rights
from parlance.schemas import RAW
from parlance.sources import slack, slack_archive, slack_recorder, slack_sweep
from parlance.sources.rows import Row, batches
from parlance.sources.slack_api import SlackApi, Tier
from parlance.sources.slack_archive import Archive
from parlance.sources.slack_sync import SyncReport, SyncSettings, sync
from parlance.storage import Table
from tests.servers.slack_export_files import write_export
from tests.servers.slack_web_api import FAULTS, Api, no_fault, seeded, serve
from tests.servers.slack_workspace import DAY, START, TEAM, World

ALL = SyncSettings(sweep_requests=100_000, sweep_requests_limited=100_000, page_size=20, look_back_days=3)
FEW = SyncSettings(sweep_requests=12, sweep_requests_limited=12, page_size=20, look_back_days=3)
NONE = SyncSettings(sweep_requests=0, sweep_requests_limited=0, page_size=20)


def day(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).date().isoformat()


def day_number(number: int) -> str:
    return day(START + number * DAY)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(str(tmp_path / "lake"))


@pytest.fixture
def server() -> Iterator[Api]:
    with serve(Api(World())) as server:
        yield server


def client(server: Api, *, token: str = "xoxb-1", tier: Tier = "internal") -> SlackApi:
    world = server.world
    return SlackApi(token, base_url=server.base_url, tier=tier, sleep=world.sleep, clock=world.clock)


def synced(
    server: Api,
    archive: Archive,
    *,
    first: str = day(START),
    last: str | None = None,
    rights: Rights | None = None,
    settings: SyncSettings = ALL,
    token: str = "xoxb-1",
    tier: Tier = "internal",
) -> SyncReport:
    api = client(server, token=token, tier=tier)
    last = last or day(server.world.now)
    return sync(api, archive, first=first, last=last, rights=rights, settings=settings)


def rows(archive: Archive, server: Api, *, rights: Rights | None = None) -> list[Row]:
    days = [day_number(number) for number in range(int((server.world.now - START) // DAY) + 1)]
    return list(archive.rows(days, rights=rights))


def documents(rows: list[Row]) -> list[Row]:
    table = pa.Table.from_batches(batches(iter(rows), RAW), schema=RAW).sort_by(slack.ORDER)
    return [one for batch, _ in slack.documents(table.to_batches()) for one in batch.to_pylist()]


def exported(server: Api, path: Path) -> list[Row]:
    export = str(write_export(server.world, path))
    return [one for batch in slack.read_export(export) for one in batch.to_pylist()]


def payloads(found: list[Row]) -> dict[str, Row]:
    return {row["id"].removeprefix(f"{TEAM}/"): json.loads(row["payload"]) for row in found if row["payload"]}


def archived_texts(archive: Archive) -> dict[tuple[str, str], list[str]]:
    """The texts that each message was seen to have, one after the other."""
    looks = archive.messages.scan().filter(pl.col("kind") == "message").sort("channel", "ts", "revision").collect()
    keyed = groupby(looks.iter_rows(named=True), key=lambda look: (look["channel"], look["ts"]))
    texts = {key: [json.loads(look["payload"])["text"] for look in group] for key, group in keyed}
    return {key: [text for text, _ in groupby(said)] for key, said in texts.items()}


def assert_archive_is_the_truth(archive: Archive, server: Api, tmp_path: Path) -> None:
    """What can be seen is there with its text, what was seen and is gone is marked, every version is a true one."""
    world = server.world
    found = payloads(rows(archive, server))
    there = {key: one["message"]["text"] for key, one in found.items() if one["deleted_at"] is None}
    assert there == {
        f"{channel}/{ts}": one.fields["text"] for (channel, ts), one in world.said.items() if one.deleted_at is None
    }
    gone = {tuple(key.split("/")) for key, one in found.items() if one["deleted_at"] is not None}
    assert gone <= {key for key, one in world.said.items() if one.deleted_at is not None}
    assert documents(rows(archive, server)) == exported(server, tmp_path / "export.zip")
    for key, texts in archived_texts(archive).items():
        said = iter(text for _, text in world.said[key].versions)
        assert all(text in said for text in texts), key  # in the order in which they were said
    keys = archive.messages.scan().select("channel", "ts", "revision").collect()
    assert keys.is_unique().all()


class Crash(BaseException):
    """The process is killed."""


def crashing(api: SlackApi, after: int) -> SlackApi:
    """`api`, of which the request number `after` kills the process."""
    send = api._client.api_call

    def api_call(*args: object, **more: object) -> object:
        if api.requests > after:
            raise Crash
        return send(*args, **more)

    api._client.api_call = api_call  # type: ignore[method-assign, assignment]
    return api


@pytest.mark.parametrize(("seed", "tier"), [(0, "internal"), (1, "limited")], ids=["bot", "person-limited"])
def test_two_months_under_faults_and_crashes_are_in_the_archive(
    seed: int, tier: Tier, archive: Archive, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    kinds = FAULTS
    world = World(seed=seed)
    token = "xoxp-1" if seed % 2 else "xoxb-1"
    seen: dict[tuple[str, str], list[str]] = {}
    skipped: list[int] = []
    with serve(Api(world, page=6, limited=tier == "limited", fault=seeded(seed, 0.2, kinds))) as server:
        server.user_token = token.startswith("xoxp")
        for number in range(0, 60, 4):
            world.live(4 * DAY - (world.now - START) % DAY, 12)
            if chance.random() < 0.3:
                skipped += range(number, number + 4)
                continue
            if chance.random() < 0.5:
                crashed = crashing(client(server, token=token, tier=tier), chance.randrange(1, 40))
                with suppress(Crash):
                    sync(crashed, archive, first=day_number(number), last=day(world.now), settings=FEW)
            settings = ALL if chance.random() < 0.3 else FEW
            synced(server, archive, first=day_number(number), settings=settings, token=token, tier=tier)
            if settings is ALL:
                remember(seen, archive, world)
        for past in skipped:
            first = day_number(past)
            synced(server, archive, first=first, last=first, settings=NONE, token=token, tier=tier)
        synced(server, archive, token=token, tier=tier)
        assert archive.gaps(day(START), day(world.now - DAY)) == []
        assert_archive_is_the_truth(archive, server, tmp_path)
        texts = archived_texts(archive)
        for key, versions in seen.items():
            kept = iter(texts[key])
            assert all(version in kept for version, _ in groupby(versions)), key


def remember(seen: dict[tuple[str, str], list[str]], archive: Archive, world: World) -> None:
    """What a sync that swept everything must have seen: the messages of the days read."""
    covered = archive.coverage()
    for (channel, ts), one in world.said.items():
        number = int(float(ts) * 1_000_000)
        is_read = any(window.oldest <= number <= window.latest for window in covered.get(channel, []))
        if one.deleted_at is None and is_read and one.fields.get("thread_ts") is None:
            seen.setdefault((channel, ts), []).append(one.fields["text"])


def test_a_window_is_read_once_and_only_so_far_as_it_has_passed(archive: Archive, server: Api) -> None:
    server.world.live(DAY / 2, 10)
    synced(server, archive, settings=NONE)
    assert max(window.latest for windows in archive.coverage().values() for window in windows) < (START + DAY) * 1e6
    assert {gap.reason for gap in archive.gaps(day(START), day(START))} == {None}
    server.world.live(DAY, 10)
    synced(server, archive, settings=NONE)
    assert archive.gaps(day(START), day(START)) == []
    server.log.clear()
    synced(server, archive, settings=NONE, last=day(START))
    assert not any(method.startswith("conversations.history") for method, _ in server.log)
    synced(server, archive, first="2099-01-01", last="2099-01-02", settings=NONE)
    assert not any(method.startswith("conversations.history") for method, _ in server.log)


def test_an_unchanged_workspace_adds_no_row(archive: Archive, server: Api) -> None:
    server.world.live(5 * DAY, 60)
    assert synced(server, archive).new == len(server.world.shown("C1")) + sum(
        len(server.world.shown(id)) for id in ("C2", "G1", "D1")
    )
    before = archive.messages.version()
    report = synced(server, archive)
    assert (report.new, report.changed, report.deleted) == (0, 0, 0)
    assert archive.messages.version() == before


def test_what_many_syncs_leave_lies_in_few_files(archive: Archive, server: Api, tmp_path: Path) -> None:
    for _ in range(2 * slack_archive.MOST_FILES):
        server.world.live(DAY / 8, 2)
        synced(server, archive)
    assert (archive.reads.version() or 0) > 2 * slack_archive.MOST_FILES
    for table in (archive.reads, archive.messages):
        folders = Counter(uri.rpartition("/")[0] for uri in DeltaTable(table.uri).file_uris())
        assert max(folders.values()) <= slack_archive.MOST_FILES + 1  # and that of the last sync
    assert_archive_is_the_truth(archive, server, tmp_path)


def test_a_crash_between_the_two_commits_stores_everything_once(
    archive: Archive, server: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.world.live(DAY, 20)
    append = Table.append

    def killed(table: Table, batches: object) -> object:
        if table.name == "slack/coverage":
            raise Crash
        return append(table, batches)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, suppress(Crash):
        patch.setattr(Table, "append", killed)
        synced(server, archive)
    stored = archive.messages.scan().collect().height
    assert stored > 0
    assert archive.coverage() == {}
    synced(server, archive)
    assert archive.messages.scan().collect().height == stored


@pytest.mark.parametrize("after", range(3, 30, 4))
def test_after_a_crash_anywhere_the_next_run_reads_the_rest(
    after: int, archive: Archive, server: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_recorder, "BATCH_ROWS", 1)  # every page is stored by itself
    server.page = 3
    server.world.live(DAY, 50)
    with suppress(Crash):
        sync(crashing(client(server), after), archive, first=day(START), last=day(START), settings=NONE)
    synced(server, archive, settings=NONE)
    found = {(channel, ts) for channel, ts in archive.messages.scan().select("channel", "ts").collect().iter_rows()}
    assert found == {key for key, one in server.world.said.items() if one.deleted_at is None or one.is_tombstone}


def rights(**more: frozenset[str]) -> Rights:
    return Rights(granted_by="Ada", granted_on=date(2026, 1, 1), statement="", uses=("training",), **more)


def test_what_rights_refuse_is_not_asked_for(archive: Archive, server: Api) -> None:
    server.world.post("C1", "one")
    server.world.post("D1", "private")
    server.world.now += DAY
    for _ in range(2):
        report = synced(server, archive, rights=rights(opt_out_channels=frozenset({"general"})))
        assert report.refused == {
            "C1": "refused by rights: channel opted out",
            "D1": "refused by rights: direct message not named",
        }
    assert {arguments["channel"] for method, arguments in server.log if "channel" in arguments} == {"C2", "G1"}
    assert archive.refusals() == report.refused
    assert archive.gaps(day(START), day(START)) == []
    assert archive.reads.scan().filter(kind="refused").collect().height == 2
    synced(server, archive)
    assert archive.refusals() == {}


def test_of_people_who_opted_out_only_the_key_is_kept(archive: Archive, server: Api) -> None:
    world = server.world
    said = world.post("C1", "my secret", user="U2")
    world.reply("C1", said, "a reply of mine", user="U2")
    quote = {"author_id": "U2", "text": "my secret"}
    world.post("C1", "look", user="U1", attachments=[quote, {"author_id": "U3", "text": "fine"}])
    given = rights(opt_out_users=frozenset({"U2"}), direct_messages=frozenset({"D1"}))
    synced(server, archive, rights=given)
    stored = repr([table.scan().collect().to_dicts() for table in (archive.messages, archive.users)])
    assert "secret" not in stored
    assert "of mine" not in stored
    assert "Person U2" not in stored
    found = rows(archive, server)
    assert [row["error"] for row in found] == ["refused: user opted out"] * 2 + [None]
    assert [row["payload"] is None for row in found] == [True, True, False]
    assert found[0]["id"] == f"{TEAM}/C1/{said}"
    assert found[1]["document_id"] == f"slack:{TEAM}/C1/{said}"
    export = write_export(server.world, Path(archive.root) / "export.zip")
    keys = ("id", "document_id", "document_partition", "created_at", "error", "partition")
    expected = [{key: row[key] for key in keys} for row in slack.rows(str(export), rights=given)]
    assert [{key: row[key] for key in keys} for row in found] == expected


def test_who_opts_out_later_is_refused_in_the_rows_at_once(archive: Archive, server: Api) -> None:
    server.world.post("C1", "my secret", user="U2")
    synced(server, archive)
    later = rights(opt_out_users=frozenset({"U2"}))
    assert [row["payload"] for row in rows(archive, server, rights=later)] == [None]
    assert rows(archive, server)[0]["payload"] is not None
    synced(server, archive, rights=later)
    assert [(row["payload"], row["error"]) for row in rows(archive, server)] == [(None, "refused: user opted out")]


def test_a_channel_that_slack_refuses_is_a_gap_with_its_reason(archive: Archive, server: Api) -> None:
    server.world.live(DAY, 30)
    server.world.forbidden = {"C2"}
    assert synced(server, archive).refused == {"C2": "not_in_channel"}
    gaps = archive.gaps(day(START), day(START))
    assert [(gap.channel, gap.name, gap.reason) for gap in gaps] == [("C2", "random", "not_in_channel")]
    assert set(archive.coverage()) == {"C1", "G1", "D1"}
    server.world.forbidden = set()
    assert synced(server, archive).refused == {}
    assert archive.gaps(day(START), day(START)) == []


def test_a_channel_that_fails_lets_the_others_be_read_and_raises(archive: Archive, server: Api) -> None:
    server.world.live(DAY, 30)
    server.fault = lambda method, arguments: "503" if arguments.get("channel") == "C1" else None
    with pytest.raises(TransientError, match=r"conversations.history of channel 'C1' failed 8 times; .* HTTP 503"):
        synced(server, archive)
    assert {gap.channel for gap in archive.gaps(day(START), day(START))} == {"C1"}
    server.fault = lambda method, arguments: "503" if method == "conversations.history" else None
    server.log.clear()
    server.world.now += DAY
    with pytest.raises(TransientError):
        synced(server, archive)
    asked = {arguments["channel"] for method, arguments in server.log if method == "conversations.history"}
    assert len(asked) == 3


def test_a_cursor_that_is_never_known_is_transient(archive: Archive, server: Api) -> None:
    server.page = 2
    server.world.live(DAY, 60)
    server.fault = lambda method, arguments: "invalid_cursor" if arguments.get("cursor") else None
    report = synced(server, archive, settings=NONE)  # each first page is one step further
    assert report.new == archive.messages.scan().select("channel", "ts").unique().collect().height > 40

    def stuck(method: str, arguments: dict[str, object]) -> str | None:
        if method != "conversations.history":
            return None
        return "invalid_cursor" if arguments.get("cursor") else "empty page"

    server.fault = stuck
    server.world.now += DAY
    with pytest.raises(TransientError, match=r"forgot its cursor 6 times in a row; last answer: .*invalid_cursor"):
        synced(server, archive, settings=NONE)


def test_what_changes_between_two_pages_is_found(archive: Archive, server: Api, tmp_path: Path) -> None:
    server.page = 3
    server.world.live(3 * DAY, 60)
    alive = iter(range(40))

    def change(method: str, arguments: dict[str, object]) -> str | None:
        if "cursor" in arguments and method.startswith("conversations.") and next(alive, None) is not None:
            server.world.happen()
        return None

    server.fault = change
    for _ in range(3):
        synced(server, archive, settings=SyncSettings(sweep_requests=100_000, page_size=3))
        server.world.now += DAY
    server.fault = no_fault
    synced(server, archive)
    assert_archive_is_the_truth(archive, server, tmp_path)


def seen(archive: Archive, server: Api, channel: str, ts: str) -> Row:
    return payloads(rows(archive, server))[f"{channel}/{ts}"]


def test_edits_reactions_and_deletions(archive: Archive, server: Api) -> None:
    world = server.world
    edited, liked, lost = (world.post("C1", text) for text in ("first", "liked", "lost"))
    root = world.post("C1", "a question")
    replies = [world.reply("C1", root, text) for text in ("yes", "no")]
    synced(server, archive)
    times = [world.now]
    world.now += DAY
    world.edit("C1", edited, "second")
    world.react("C1", liked)
    for ts in (lost, root, replies[0]):
        world.delete("C1", ts)
    report = synced(server, archive)
    assert (report.new, report.changed, report.deleted) == (0, 1, 3)
    times.append(world.now)
    now = {ts: seen(archive, server, "C1", ts) for ts in (edited, liked, lost, root, *replies)}
    assert now[edited]["message"]["text"] == "second"
    assert archived_texts(archive)["C1", edited] == ["first", "second"]
    assert now[liked]["message"]["reactions"][0]["name"] == "wave"
    assert [now[ts]["versions"] for ts in (edited, liked, lost, root)] == [2, 1, 1, 1]
    assert [now[ts]["deleted_at"] is None for ts in (edited, liked, lost, root, *replies)] == [
        True, True, False, False, False, True,
    ]  # fmt: skip
    assert now[root]["message"]["text"] == "a question"
    assert now[lost]["message"]["text"] == "lost"
    first_seen = datetime.fromisoformat(now[lost]["first_seen"]).timestamp()
    last_seen = datetime.fromisoformat(now[lost]["last_seen"]).timestamp()
    noticed = datetime.fromisoformat(now[lost]["deleted_at"]).timestamp()
    assert first_seen <= last_seen <= times[0] < noticed <= times[1]
    assert datetime.fromisoformat(now[liked]["last_seen"]).timestamp() > times[0] + DAY - 1
    world.now += DAY
    world.delete("C1", replies[1])
    synced(server, archive)
    assert seen(archive, server, "C1", replies[1])["deleted_at"] is not None


def test_what_comes_back_is_no_longer_deleted(archive: Archive, server: Api) -> None:
    ts = server.world.post("C1", "here")
    synced(server, archive)
    for deleted_at in (server.world.now, None):
        server.world.said["C1", ts].deleted_at = deleted_at
        server.world.now += DAY
        synced(server, archive)
        found = seen(archive, server, "C1", ts)
        assert (found["deleted_at"] is None, found["versions"]) == (deleted_at is None, 1)


def test_a_tombstone_that_goes_is_still_a_row(archive: Archive, server: Api) -> None:
    root = server.world.post("C1", "never seen")
    reply = server.world.reply("C1", root, "yes")
    server.world.delete("C1", root)
    synced(server, archive)
    server.world.now += DAY
    server.world.delete("C1", reply)
    synced(server, archive)
    found = seen(archive, server, "C1", root)
    assert (found["message"]["subtype"], found["versions"]) == ("tombstone", 1)
    assert found["deleted_at"] == found["first_seen"]
    assert seen(archive, server, "C1", reply)["deleted_at"] > found["deleted_at"]


def test_changed_days_are_those_of_the_messages(archive: Archive, server: Api) -> None:
    world = server.world
    old = world.post("C1", "old")
    world.now += 3 * DAY
    world.post("C1", "new")
    synced(server, archive)
    since = datetime.fromtimestamp(world.now, UTC)
    world.now += DAY
    assert archive.changed_days(since) == {}
    world.edit("C1", old, "changed")
    world.reply("C1", old, "late")
    synced(server, archive)
    assert list(archive.changed_days(since)) == [day_number(0), day_number(4)]
    assert all(at > since for at in archive.changed_days(since).values())
    assert archive.changed_days(datetime.fromtimestamp(world.now + 1, UTC)) == {}


def test_a_message_without_ts_is_counted(archive: Archive, server: Api) -> None:
    ts = server.world.post("C1", "fine")
    server.world.said["C1", "0000000000.000001"] = server.world.said["C1", ts]
    answer = server.conversations_history
    server.conversations_history = lambda arguments: (
        answer(arguments)
        | {  # type: ignore[method-assign]
            "messages": [*answer(arguments)["messages"], {"text": "no ts"}, {"ts": 5}]
        }
    )
    report = synced(server, archive, settings=NONE)
    assert (report.new, report.unreadable) == (1, 2 * 4)
    assert report.figures()["unreadable"] == 8


def a_month_of(server: Api, *, position: int = 20) -> tuple[str, str]:
    """A workspace of a month with 600 messages and 60 threads; the root at `position`, and its reply."""
    for number in range(600):
        root = server.world.post("C1", f"message {number}")
        if number % 10 == 0:
            answer = server.world.reply("C1", root, f"answer {number}")
        if number == position:
            old = root, answer
        server.world.now += DAY / 20
    return old


@pytest.mark.parametrize("position", [20, 300])  # the second is far from both ends of every rotation
@pytest.mark.parametrize("token", ["xoxb-1", "xoxp-1"])
def test_a_reply_to_an_old_root_is_found_in_the_promised_number_of_runs(
    token: str, position: int, archive: Archive, server: Api
) -> None:
    server.user_token = token.startswith("xoxp")
    settings = SyncSettings(sweep_requests=8, page_size=50, look_back_days=3)
    root, _ = a_month_of(server, position=position)
    synced(server, archive, settings=NONE)
    late = server.world.reply("C1", root, "a late answer")
    stretches = sum(len(windows) + 1 for windows in archive.coverage().values())
    promised = 1 if server.user_token else -(-(1 + 600 // 50 + stretches) // (8 // 4))
    for _ in range(promised):
        before = len(server.log)
        synced(server, archive, settings=settings, token=token)
        requests = [method for method, _ in server.log[before:] if method.startswith("conversations.")]
        assert len(requests) <= 8 + 4 + 2 + 4  # the sweep, new days, the list, the threads of the last window
        if any(row["id"].endswith(late) for row in rows(archive, server)):
            break
        server.world.now += DAY
    else:
        pytest.fail(f"not found in {promised} runs")


def test_an_edited_reply_is_found_in_the_promised_number_of_runs(archive: Archive, server: Api) -> None:
    settings = SyncSettings(sweep_requests=40, page_size=50, look_back_days=3)
    _, reply = a_month_of(server)
    synced(server, archive, settings=NONE)
    server.world.edit("C1", reply, "edited")
    threads = archive.reads.scan().filter(kind="thread").collect().height
    assert threads == 60
    for _ in range(-(-threads // (40 // 4))):
        server.world.now += DAY
        synced(server, archive, settings=settings)
    assert seen(archive, server, "C1", reply)["versions"] == 2


def test_what_a_free_plan_hides_is_not_deleted_but_a_gap(archive: Archive, server: Api) -> None:
    settings = SyncSettings(sweep_requests=100, page_size=20, look_back_days=3)
    world, server.shown_s = server.world, 90 * DAY
    for number in range(5):
        world.post("C1", f"question {number}")
    root = world.post("C1", "root")
    world.reply("C1", root, "an answer")
    world.now += DAY
    assert synced(server, archive, settings=settings).new == 7
    for later in (50, 50, 40):
        world.now += later * DAY
        world.post("C1", f"after {later} days")
        report = synced(server, archive, first=day(world.now - DAY), settings=settings)
        assert (report.new, report.deleted) == (1, 0)
    assert [one["deleted_at"] for one in payloads(rows(archive, server)).values()] == [None] * 10
    assert archive.gaps(day(START), day(START)) == []  # it was read before it was hidden
    synced(server, archive, settings=settings)
    gaps = [gap for gap in archive.gaps(day(START), day(world.now - DAY)) if gap.channel == "C1"]
    assert [gap.reason for gap in gaps] == [slack_archive.HIDDEN] * len(gaps) != []
    assert max(gap.latest for gap in gaps).timestamp() < world.now - 90 * DAY


def test_deletions_in_what_a_free_plan_shows_are_seen(archive: Archive, server: Api) -> None:
    world, server.shown_s = server.world, 90 * DAY
    world.post("C1", "hidden by and by")
    world.now += 60 * DAY
    first, root = world.post("C1", "first of its day"), world.post("C1", "root")
    reply = world.reply("C1", root, "an answer")
    world.now += 40 * DAY
    world.post("C1", "last")
    synced(server, archive)
    for ts in (first, reply, root):
        world.delete("C1", ts)
    world.now += DAY
    assert synced(server, archive).deleted == 3


def test_what_was_hidden_is_read_once_the_plan_shows_it(archive: Archive, server: Api) -> None:
    server.shown_s = 90 * DAY
    root = server.world.post("C1", "old root")
    server.world.now += 100 * DAY
    assert synced(server, archive).new == 0
    server.shown_s = None
    server.world.reply("C1", root, "late")
    assert synced(server, archive).new == 2
    assert archive.gaps(day(START), day(server.world.now - DAY)) == []


def test_the_search_goes_day_by_day_where_it_has_too_many_pages(
    archive: Archive, server: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_sweep, "SEARCH_COUNT", 2)
    monkeypatch.setattr(slack_sweep, "SEARCH_PAGES", 2)
    server.user_token = True
    root = server.world.post("C1", "old root")
    server.world.now += 40 * DAY
    synced(server, archive, settings=NONE)
    replies = []
    for _ in range(3):
        replies += [server.world.reply("C1", root, f"late {number}") for number in range(3)]
        server.world.now += DAY
    synced(server, archive, settings=SyncSettings(sweep_requests=4, look_back_days=0), token="xoxp-1")
    queries = [arguments["query"] for method, arguments in server.log if method == "search.messages"]
    assert {query.split(":")[1].split(" ")[-1] for query in queries} == {"replies after", "replies on"} or queries
    assert any(" on:" in query for query in queries)
    assert max(int(arguments["page"]) for method, arguments in server.log if method == "search.messages") <= 2
    ids = {row["id"].rpartition("/")[2] for row in rows(archive, server)}
    assert set(replies) <= ids


def test_a_token_that_may_not_search_goes_on_without(archive: Archive, server: Api) -> None:
    server.world.live(DAY, 10)
    said: list[str] = []
    api = client(server, token="xoxp-1")
    sync(api, archive, first=day(START), last=day(server.world.now), settings=ALL, log=said.append)
    assert any("search cannot be used" in line and "not_allowed_token_type" in line for line in said)
    assert any("sweep" in line for line in said)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"types": ("im", "dm")}, r"\['dm'\]; allowed: public_channel"),
        ({"page_size": 0}, "page_size=0"),
        ({"page_size": 1000}, "allowed: 1 to 999"),
        ({"look_back_days": -1}, "look_back_days=-1"),
        ({"sweep_requests": 3}, "allowed: 0 for no sweep, or 4 and more"),
    ],
)
def test_settings_out_of_bounds_are_named(settings: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        SyncSettings(**settings)  # type: ignore[arg-type]


def test_days_out_of_order_are_named_before_any_request(archive: Archive, server: Api) -> None:
    with pytest.raises(ConfigError, match="first='2026-01-06' is after last='2026-01-05'"):
        synced(server, archive, first="2026-01-06", last="2026-01-05")
    with pytest.raises(ConfigError, match="'5 Jan' is no day"):
        synced(server, archive, last="5 Jan")
    assert server.log == []


def test_an_empty_workspace(archive: Archive, server: Api) -> None:
    server.world.channels.clear()
    assert synced(server, archive).channels == 0
    assert rows(archive, server) == []
    assert archive.gaps(day(START), day(START)) == []
    assert archive.changed_days(datetime.fromtimestamp(0, UTC)) == {}
