"""A company's workspace by a seed: under any faults the API gives what was said there, as its export does.

PARLANCE_SLACK_SEEDS=20 runs the seeds 0 to 19.
"""

import json
import os
import random
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from parlance.errors import ConfigError, TransientError
from parlance.pseudonyms import Pseudonyms
from parlance.rights import Rights
from parlance.schemas import RAW
from parlance.sources import slack, slack_columns
from parlance.sources.rows import Row, batches
from parlance.sources.slack_api import SlackApi, Tier
from parlance.sources.slack_archive import Archive
from parlance.sources.slack_sync import SyncSettings, sync
from tests.servers.slack_company import EMPTY, OTHER_TEAM, THINGS, Company
from tests.servers.slack_export_files import LISTS, write_export
from tests.servers.slack_talk import HOSTILE, PERSON, TALKS, Around, with_names
from tests.servers.slack_web_api import SCOPES, SCOPES_OF, Api, Fault, seeded, serve
from tests.servers.slack_workspace import DAY, START, TEAM, Said, World, day_of, kind_of

SEEDS = range(int(os.environ.get("PARLANCE_SLACK_SEEDS", "3")))
SETTINGS = SyncSettings(sweep_requests=100_000, sweep_requests_limited=100_000, look_back_days=5)
PERSON_ID = re.compile(r"\b[UW]0[A-Z]+[0-9]")
BOTS = {"U0BOT1", "USLACKBOT"}
# The files of an export are days of the workspace's time zone: Pacific, UTC, Tokyo.
ZONES = tuple(partial(day_of, hours=hours) for hours in (-8, 0, 9))
# Only an export has `replies`, and other links to files; only the API says who is a member, which channels are shared,
# and the root of a reply that was sent to the channel; only the archive saw messages more than once.
OF_ONE_SIDE = ["replies", "channel_is_member", "channel_is_ext_shared", "root", "first_seen", "last_seen", "versions"]


@dataclass(frozen=True)
class Turn:
    """What must be known of a message that says something."""

    document: str
    text: str
    author: str | None
    is_bot: bool
    created_at: datetime
    day: str
    channel: str


@dataclass(frozen=True)
class Lived:
    """A workspace after two months, what the API gave of it, and its exports of the first days and of the end."""

    world: Company
    archive: Archive
    early: str
    late: str

    def observed(self, *, rights: Rights | None = None) -> list[Row]:
        days = (START + number * DAY for number in range(int((self.world.now - START) // DAY) + 2))
        return list(self.archive.rows([day_of(f"{day:.0f}") for day in days], rights=rights))


@pytest.fixture(scope="module", params=SEEDS, ids="seed {}".format)
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return _lived(request.param, tmp_path_factory.mktemp("lived"))


def _lived(seed: int, folder: Path) -> Lived:
    """20 days without the API, and then two looks at it while things happen, and one when nothing does."""
    world, archive = Company(seed=seed), Archive(str(folder / "lake"))
    world.live(20 * DAY, 70)
    zone = ZONES[seed % len(ZONES)]
    early = write_export(world, folder / "early.zip", day=zone)
    tier: Tier = "limited" if seed % 3 == 2 else "internal"
    api = Api(world, page=5 + 4 * (seed % 5), listed=5, user_token=seed % 2 == 1, limited=tier == "limited")
    with serve(api) as server:
        token = "xoxp-1" if server.user_token else "xoxb-1"
        for number in range(2):
            world.live(20 * DAY, 70)
            server.fault = restless(world, seeded(seed, 0.15))
            first = START if number else START + 10 * DAY
            with suppress(TransientError):
                synced(server, archive, token=token, tier=tier, first=day_of(f"{first:.0f}"))
        server.fault = seeded(seed + 1000, 0.2)
        synced(server, archive, token=token, tier=tier)
    late = write_export(world, folder / "late.zip", day=zone)
    return Lived(world=world, archive=archive, early=str(early), late=str(late))


def synced(
    server: Api,
    archive: Archive,
    *,
    token: str = "xoxb-1",
    tier: Tier = "internal",
    first: str = day_of(f"{START:.0f}"),
) -> None:
    world = server.world
    api = SlackApi(token, base_url=server.base_url, tier=tier, sleep=world.sleep, clock=world.clock)
    sync(api, archive, first=first, last=day_of(f"{world.now:.6f}"), settings=SETTINGS)


def restless(world: World, fault: Fault) -> Fault:
    """Beside the faults, something happens before every third page but the first."""
    pages = iter(range(60))

    def changing(method: str, arguments: dict[str, Any]) -> str | None:
        if "cursor" in arguments and next(pages, 1) % 3 == 0:
            world.happen()
        return fault(method, arguments)

    return changing


def well_formed(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def truth(world: Company, *, strangers: bool = True) -> dict[str, Turn | str]:
    """What each message that can be seen is: a turn, or the rule by which it is none.

    Without `strangers` nobody knows the names of the people of other teams.
    """
    names = {id: name for id, name in world.names().items() if strangers or world.users[id]["team_id"] == TEAM}
    return {
        f"{TEAM}/{channel}/{ts}": _true(world.said[channel, ts], world, names)
        for channel in world.channels
        for ts in world.shown(channel)
    }


def _true(said: Said, world: Company, names: dict[str, str]) -> Turn | str:
    if said.deleted_at is not None:
        return "deleted"
    if said.seen is None:
        return "channel_event"
    text = well_formed(with_names(said.seen, names)).strip()
    if not text:
        return "empty_text"
    fields = said.fields
    root = fields.get("thread_ts", fields["ts"])
    seconds, _, micros = fields["ts"].partition(".")
    return Turn(
        document=f"slack:{TEAM}/{said.channel}/{root}",
        text=text,
        author=fields.get("user"),
        is_bot="bot_id" in fields or fields["user"] in BOTS,
        created_at=datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(micros)),
        day=day_of(root),
        channel=world.channels[said.channel].get("name", said.channel),
    )


def ingested(rows: list[Row], pseudonyms: Pseudonyms | None = None) -> tuple[list[Row], dict[str, Turn | str]]:
    """The documents of raw rows; and of each message what it became."""
    table = pa.Table.from_batches(batches(iter(rows), RAW), schema=RAW).sort_by(slack.ORDER)
    documents: list[Row] = []
    found: dict[str, Turn | str] = {}
    for kept, ledger in slack.documents(table.to_batches(), pseudonyms=pseudonyms):
        documents += kept.to_pylist()
        for row in ledger.to_pylist():
            assert row["id"] not in found, row["id"]
            found[row["id"]] = row["rule"]
    for one in documents:
        for turn in one["turns"]:
            assert turn["message_id"] not in found
            said = {name: turn[name] for name in ("author", "is_bot", "created_at")}
            text = one["text"][turn["start"] : turn["end"]]
            found[turn["message_id"]] = Turn(
                document=one["id"], text=text, day=one["partition"], channel=one["channel"], **said
            )
    return documents, found


def gone(rows: list[Row]) -> set[str]:
    """The ids of messages that the API gave once and no more."""
    read = ((row["id"], json.loads(row["payload"])) for row in rows if row["payload"])
    return {id for id, payload in read if payload.get("deleted_at") is not None}


def test_the_api_under_faults_gives_what_was_said(lived: Lived) -> None:
    rows = lived.observed()
    _, found = ingested(rows)
    there = truth(lived.world)
    # What Slack told of a channel is known as that, even where it was deleted since and is a tombstone now.
    found |= {id: "deleted" for id, rule in found.items() if there.get(id) == "deleted" and rule == "channel_event"}
    deleted = {
        f"{TEAM}/{channel}/{ts}" for (channel, ts), one in lived.world.said.items() if one.deleted_at is not None
    }
    assert gone(rows) <= deleted
    assert {id: one for id, one in found.items() if id in there or id not in gone(rows)} == there
    assert {rule for id, rule in found.items() if id not in there} <= {"deleted", "channel_event"}
    versions = dict(lived.archive.messages.scan().group_by("channel").len().collect().iter_rows())
    assert EMPTY not in versions
    assert lived.archive.gaps(day_of(f"{START:.0f}"), day_of(f"{lived.world.now - DAY:.0f}")) == []


def test_the_export_gives_what_was_said(lived: Lived) -> None:
    """It does not name people of other teams: where they are mentioned, their id stands."""
    _, found = ingested(list(slack.rows(lived.late)))
    assert found == truth(lived.world, strangers=False)


def test_the_export_and_the_api_say_the_same(lived: Lived) -> None:
    """Message for message and document for document, but for what is deleted and for the names of other teams."""
    exported, observed = list(slack.rows(lived.late)), lived.observed()
    keys = ("id", "document_id", "document_partition", "partition", "created_at", "error")
    left = gone(observed) - {row["id"] for row in exported}
    assert sorted((tuple(row[key] for key in keys) for row in exported), key=str) == sorted(
        (tuple(row[key] for key in keys) for row in observed if row["id"] not in left), key=str
    )
    strangers = {id for id, user in lived.world.users.items() if user["team_id"] == OTHER_TEAM}
    of_export, of_api = (ingested(rows)[0] for rows in (exported, observed))
    named = [one for one in of_api if not names_one_of(strangers, one["turns"], lived.world)]
    assert len(named) > len(of_api) / 2
    ids = {one["id"] for one in named}
    assert [one for one in of_export if one["id"] in ids] == named
    assert [(one["id"], one["raw_ids"], one["author"]) for one in of_export] == [
        (one["id"], one["raw_ids"], one["author"]) for one in of_api
    ]


def names_one_of(people: set[str], turns: list[Row], world: Company) -> bool:
    seen = (world.said[key(turn["message_id"])].seen or "" for turn in turns)
    return any(id in people for text in seen for id, _ in PERSON.findall(text))


def key(id: str) -> tuple[str, str]:
    _, channel, ts = id.split("/")
    return channel, ts


def test_under_rights_and_pseudonyms_the_export_and_the_api_give_the_same_documents(lived: Lived) -> None:
    """Names of other teams too: pseudonyms need none. What is deleted says in an export no more by whom it was."""
    rights = Rights(
        granted_by="Ada",
        granted_on=date(2026, 1, 1),
        statement="",
        uses=("training",),
        opt_out_users=frozenset({"U0ZOE1", "U0FAR1"}),
        opt_out_channels=frozenset({"G0OLD1"}),
        direct_messages=frozenset({"D0ADA1"}),
    )
    pseudonyms = Pseudonyms(b"a key of sixteen bytes")
    of_export, found = ingested(list(slack.rows(lived.late, rights=rights)), pseudonyms)
    of_api, seen = ingested(lived.observed(rights=rights), pseudonyms)
    assert of_export == of_api
    refused, known = (
        {id for id, rule in one.items() if rule == "refused" and lived.world.said[key(id)].deleted_at is None}
        for one in (found, seen)
    )
    assert refused == known != set()
    assert {one["channel"] for one in of_api}.isdisjoint({"D0BOT1", "mpdm-ada--zoe--griddy-1"})
    assert not PERSON_ID.search(str(of_api))


def test_every_column_of_the_export_and_the_api_is_the_same(lived: Lived) -> None:
    exported, observed = (columns(rows) for rows in (list(slack.rows(lived.late)), lived.observed()))
    observed = observed.filter(pl.col("deleted_at").is_null())
    assert exported.height > 100
    tombstones = exported.filter(subtype="tombstone")["id"]
    exported, observed = (
        one.filter(~pl.col("id").is_in(tombstones.to_list())).drop("deleted_at") for one in (exported, observed)
    )
    own = [id for id, user in lived.world.users.items() if user["team_id"] == TEAM]
    for name in exported.columns:
        here, there = exported, observed
        if name.startswith("user_"):  # an export has no people of other teams
            here, there = (one.filter(pl.col("user").is_in(own)) for one in (exported, observed))
        assert here[name].to_list() == there[name].to_list(), name


def columns(rows: list[Row]) -> pl.DataFrame:
    """The table of messages, but for what one side alone can say."""
    table = pa.Table.from_batches(batches(({**row, "rights": "r"} for row in rows), RAW), schema=RAW)
    found = pl.DataFrame(pa.Table.from_batches(slack_columns.messages(table.to_batches())))
    fields = [pl.element().struct.field(name) for name in ("id", "name", "mimetype", "mode", "size", "permalink")]
    links = pl.col("files").list.eval(pl.struct(fields))
    return found.sort("id").with_columns(links).drop(OF_ONE_SIDE)


def test_an_export_with_the_api_gives_what_the_api_alone_gives(lived: Lived) -> None:
    observed = lived.observed()
    alone = ingested(observed)
    assert ingested(list(slack.newest(slack.rows(lived.late), observed))) == alone


def test_an_older_export_adds_only_what_was_deleted_before_the_api_was_asked(lived: Lived) -> None:
    """Nobody can tell these from messages that the API may not see: the export has to be made anew."""
    observed = lived.observed()
    _, alone = ingested(observed)
    _, both = ingested(list(slack.newest(slack.rows(lived.early), observed)))
    added = {id for id in both if id not in alone}
    assert {id: both[id] for id in alone} == alone
    assert all(lived.world.said[key(id)].deleted_at is not None for id in added)


def test_the_days_of_an_export_one_by_one_are_the_whole_export(lived: Lived) -> None:
    """Though its files are days of another time zone; and no document begins behind its messages."""
    together = list(slack.rows(lived.late))
    days = slack.days(lived.late)
    assert [row["partition"] for row in together] == sorted(row["partition"] for row in together)
    assert {row["partition"] for row in together} <= set(days)
    assert [row for day in days for row in slack.rows(lived.late, first=day, last=day)] == together
    assert all(row["document_partition"] <= row["partition"] == day_of(row["id"][-17:]) for row in together)


@pytest.mark.parametrize("hours", [-12, -8, 0, 9, 14])
def test_a_later_look_takes_the_place_of_an_export_of_any_time_zone(hours: int, tmp_path: Path) -> None:
    world, archive = World(), Archive(str(tmp_path / "lake"))
    said = []
    for number in range(24):
        said.append(world.post("C1", f"at {number}"))
        world.now = START + (number + 1) * DAY / 24
    export = str(write_export(world, tmp_path / "export.zip", day=partial(day_of, hours=hours)))
    for ts in said:
        world.edit("C1", ts, f"edited {ts}")
    with serve(Api(world)) as server:
        synced(server, archive)
    day = day_of(said[0])
    both = slack.newest(slack.rows(export, first=day, last=day), archive.rows([day]))
    documents, found = ingested(list(both))
    assert [one["text"] for one in documents] == [f"edited {ts}" for ts in said]
    assert len(found) == len(said)


@pytest.mark.parametrize(
    ("file", "said", "expected"),
    [
        ("2026-01-05", "2026-01-04", "2026-01-04"),
        ("2026-01-05", "2026-01-06", "2026-01-06"),
        ("2026-01-05", "2026-01-03", "2026-01-05"),
        ("2026-01-05", "2026-01-07", "2026-01-05"),
        ("9999-12-31", "2026-01-05", "9999-12-31"),
        ("0001-01-01", "2026-01-05", "0001-01-01"),
    ],
)
def test_a_message_stands_in_its_day_or_in_that_of_its_file(
    file: str, said: str, expected: str, tmp_path: Path
) -> None:
    """No time zone is more than a day away from UTC; what is further away was put there by somebody."""
    world = World(now=datetime.fromisoformat(f"{said}T12:00:00+00:00").timestamp())
    world.post("C1", "hello")
    path = str(write_export(world, tmp_path / "export.zip", day=lambda ts: file))
    assert slack.days(path) == sorted({file, expected})
    assert [row["partition"] for row in slack.rows(path)] == [expected]
    assert [row["partition"] for row in slack.rows(path, first=expected, last=expected)] == [expected]
    other = file if file != expected else "2026-01-09"
    assert list(slack.rows(path, first=other, last=other)) == []


def test_the_day_files_of_a_real_export_are_not_those_of_utc() -> None:
    path = Path(__file__).parents[4] / "shared" / "data" / "slack" / "slack_export_viewer_testarchive.zip"
    if not path.exists():
        pytest.skip(f"no real export at {path}")
    rows = [row for row in slack.rows(str(path)) if row["error"] is None]
    assert len(rows) == 158
    assert sum(row["partition"] != Path(row["shard"]).stem for row in rows) == 94
    assert all(row["partition"] == row["created_at"].date().isoformat() for row in rows)
    assert {row["partition"] for row in rows} <= set(slack.days(str(path)))


def test_the_company_has_all_that_slack_has() -> None:
    worlds = [Company(seed=seed) for seed in range(6)]
    for world in worlds:
        world.live(60 * DAY, 200)
    said = [one for world in worlds for one in world.said.values()]
    fields = [one.fields for one in said]
    assert {name for world in worlds for name in world.notes} == {thing.__name__ for thing in THINGS}
    subtypes = {one.get("subtype") for one in fields}
    told = {f"channel_{event}" for event in ("join", "leave", "topic", "purpose", "name", "archive")}
    assert subtypes >= {None, "thread_broadcast", "bot_message", "me_message", "huddle_thread", "pinned_item"} | told
    assert {one.get("user_team") for one in fields} == {None, TEAM, OTHER_TEAM}
    assert {len(one.versions) > 1 for one in said} == {one.is_tombstone for one in said} == {True, False}
    assert {file["mode"] for one in fields for file in one.get("files", [])} == {"hosted", "tombstone"}
    assert max(len(one["text"]) for one in fields) == 40_000
    seen = "".join(one.seen or "" for one in said)
    assert all(text in seen for _, text in HOSTILE)
    for kind in TALKS:
        talk = kind(Around(random=random.Random(0), people=["U0ADA1"], channels={"C1": "general"}, number=7))
        assert set(talk.fields) <= {name for one in fields for name in one}
    lateness = [float(one["ts"]) - float(one["thread_ts"]) for one in fields if "thread_ts" in one]
    assert min(lateness) < 3600 < 40 * DAY < max(lateness)
    seconds = Counter((one.channel, one.fields["ts"].partition(".")[0]) for one in said)
    assert seconds.most_common()[0][1] >= 3
    assert {kind_of(channel) for channel in worlds[0].channels.values()} == set(SCOPES_OF)


def test_the_same_seed_is_the_same_world() -> None:
    one, other = (Company(seed=7) for _ in range(2))
    for world in (one, other):
        world.live(30 * DAY, 100)
    assert one.said == other.said
    assert one.channels == other.channels


def test_an_export_has_the_files_that_slack_writes(tmp_path: Path) -> None:
    world = Company(seed=1)
    world.live(40 * DAY, 150)
    with zipfile.ZipFile(write_export(world, tmp_path / "export.zip")) as archive:
        names = archive.namelist()
        files = {name: json.loads(archive.read(name)) for name in names if name.endswith(".json")}
    lists = {name for name in files if "/" not in name}
    assert lists == {*LISTS.values(), "users.json", "integration_logs.json"}
    assert {one["id"] for one in files["dms.json"]} == {"D0ADA1", "D0BOT1"}
    assert any(name.startswith("D0ADA1/2026-") for name in names)
    assert f"{world.channels[EMPTY]['name']}/" in names
    assert not any(name.startswith(f"{world.channels[EMPTY]['name']}/2") for name in names)
    assert all("is_private" not in one for one in files["groups.json"])
    assert OTHER_TEAM not in {user["team_id"] for user in files["users.json"]}
    days = {name: messages for name, messages in files.items() if "/" in name}
    assert all(Path(name).stem == day_of(one["ts"]) for name, messages in days.items() for one in messages)
    messages = [one for messages in days.values() for one in messages]
    roots = {one["ts"]: one for one in messages if "replies" in one}
    replies = [one for one in messages if one.get("thread_ts") not in (None, one["ts"])]
    assert replies
    for one in replies:
        assert {"user": one.get("user") or one["bot_id"], "ts": one["ts"]} in roots[one["thread_ts"]]["replies"]
    assert any(one["subtype"] == "tombstone" and one["reply_count"] for one in messages if "subtype" in one)
    assert all("subscribed" not in one and "root" not in one for one in messages)


@pytest.fixture
def server() -> Iterator[Api]:
    world = World()
    world.channels["G2"] = {"id": "G2", "name": "hidden", "is_private": True, "is_member": False}
    world.channels["C3"] = {"id": "C3", "name": "not-in-it"}
    world.forbidden = {"C3"}
    for number in range(5):
        world.post("C1", f"message {number}")
    with serve(Api(world, page=2)) as found:
        yield found


ASKED: list[tuple[str, str, dict[str, Any], str]] = [
    ("unknown channel", "conversations_history", {"channel": "C9"}, "channel_not_found"),
    ("private channel without the app", "conversations_history", {"channel": "G2"}, "channel_not_found"),
    ("public channel without the app", "conversations_history", {"channel": "C3"}, "not_in_channel"),
    ("cursor of nobody", "conversations_history", {"channel": "C1", "cursor": "!"}, "invalid_cursor"),
    ("cursor of another method", "conversations_history", {"channel": "C1", "cursor": "dXNlcjpV"}, "invalid_cursor"),
    ("cursor of an unknown person", "users_list", {"cursor": "bWVtYmVyOlU5OQ=="}, "invalid_cursor"),
    ("limit 0", "conversations_history", {"channel": "C1", "limit": 0}, "invalid_limit"),
    ("limit 1000", "conversations_history", {"channel": "C1", "limit": 1000}, "invalid_limit"),
    ("limit 1001", "users_list", {"limit": 1001}, "invalid_limit"),
    ("oldest that is no time", "conversations_history", {"channel": "C1", "oldest": "x"}, "invalid_ts_oldest"),
    ("latest that is no time", "conversations_history", {"channel": "C1", "latest": "-5"}, "invalid_ts_latest"),
    ("unknown thread", "conversations_replies", {"channel": "C1", "ts": "1.000001"}, "thread_not_found"),
    ("unknown kind", "conversations_list", {"types": "public_channel,dm"}, "invalid_types"),
    ("search by a bot", "search_messages", {"query": "threads:replies after:2026-01-01"}, "not_allowed_token_type"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "arguments", "error"), [one[1:] for one in ASKED], ids=[one[0] for one in ASKED])
def test_the_server_refuses_what_slack_refuses(method: str, arguments: dict[str, Any], error: str, server: Api) -> None:
    with pytest.raises(SlackApiError) as raised:
        getattr(WebClient("xoxb-1", base_url=server.base_url), method)(**arguments)
    assert raised.value.response["error"] == error


@pytest.mark.parametrize(("token", "error"), [(None, "not_authed"), ("nonsense", "invalid_auth")])
def test_the_server_wants_a_token(token: str | None, error: str, server: Api) -> None:
    with pytest.raises(SlackApiError) as raised:
        WebClient(token, base_url=server.base_url).auth_test()
    assert raised.value.response["error"] == error


@pytest.mark.parametrize(
    ("scope", "method", "arguments"),
    [
        ("groups:history", "conversations_history", {"channel": "G1"}),
        ("im:history", "conversations_history", {"channel": "D1"}),
        ("channels:history", "conversations_replies", {"channel": "C1", "ts": "1.000001"}),
        ("mpim:read", "conversations_list", {"types": "public_channel,mpim"}),
        ("users:read", "users_list", {}),
    ],
)
def test_the_server_wants_the_scopes(scope: str, method: str, arguments: dict[str, Any], server: Api) -> None:
    server.scopes = SCOPES - {scope}
    client = WebClient("xoxb-1", base_url=server.base_url)
    with pytest.raises(SlackApiError) as raised:
        getattr(client, method)(**arguments)
    assert (raised.value.response["error"], raised.value.response["needed"]) == ("missing_scope", scope)
    assert client.conversations_list()["ok"] is True


def test_the_server_wants_its_required_arguments_and_known_methods(server: Api) -> None:
    client = WebClient("xoxb-1", base_url=server.base_url)
    for method, error in (("conversations.history", "invalid_arguments"), ("conversations.guess", "unknown_method")):
        with pytest.raises(SlackApiError) as raised:
            client.api_call(method)
        assert raised.value.response["error"] == error


def test_the_server_pages_as_slack_does(server: Api) -> None:
    world, client = server.world, WebClient("xoxb-1", base_url=server.base_url)
    times = sorted((ts for _, ts in world.said), reverse=True)
    pages = [
        ([one["ts"] for one in page["messages"]], page["has_more"])
        for page in client.conversations_history(channel="C1", limit=999)
    ]
    assert pages == [(times[:2], True), (times[2:4], True), (times[4:], False)]
    for is_inclusive, shown in ((True, times[1:4]), (False, times[2:3])):
        found = client.conversations_history(channel="C1", oldest=times[3], latest=times[1], inclusive=is_inclusive)
        assert [one["ts"] for page in found for one in page["messages"]] == shown
    people = [user["id"] for page in client.users_list() for user in page["members"]]
    assert people == list(world.users)
    listed = client.conversations_list(types="public_channel,private_channel", exclude_archived=True)
    assert [one["id"] for page in listed for one in page["channels"]] == ["C1", "G1", "C3"]


def test_the_server_shows_threads_as_slack_does(server: Api) -> None:
    world, client = server.world, WebClient("xoxb-1", base_url=server.base_url)
    root = world.post("C1", "a question", user="U1")
    replies = [world.reply("C1", root, f"answer {number}", user="U2") for number in range(3)]
    shown = world.reply("C1", root, "to all", user="U3", subtype="thread_broadcast")
    pages = [page["messages"] for page in client.conversations_replies(channel="C1", ts=root)]
    assert [[one["ts"] for one in page] for page in pages] == [[root, *replies[:2]], [root, replies[2], shown]]
    assert (pages[0][0]["reply_count"], pages[0][0]["latest_reply"]) == (4, shown)
    assert {one["parent_user_id"] for page in pages for one in page[1:]} == {"U1"}
    (alone,) = client.conversations_replies(channel="C1", ts=replies[1])["messages"]
    assert alone["ts"] == replies[1]
    newest = client.conversations_history(channel="C1", limit=2)["messages"]
    assert [one["ts"] for one in newest] == [shown, root]
    assert newest[0]["root"]["reply_count"] == 4
    world.delete("C1", root)
    tombstone = client.conversations_history(channel="C1", limit=2)["messages"][1]
    assert (tombstone["subtype"], tombstone["user"], tombstone["reply_count"]) == ("tombstone", "USLACKBOT", 4)


def test_a_channel_without_the_app_is_noted_and_the_others_are_read(server: Api, tmp_path: Path) -> None:
    archive = Archive(str(tmp_path / "lake"))
    synced(server, archive)
    assert archive.refusals() == {"C3": "not_in_channel"}
    assert archive.messages.scan().collect().height == 5


def test_a_missing_scope_is_named(server: Api, tmp_path: Path) -> None:
    server.scopes = SCOPES - {"im:history"}
    with pytest.raises(ConfigError, match="needs the scope 'im:history', the token has 'channels:history,"):
        synced(server, Archive(str(tmp_path / "lake")))
