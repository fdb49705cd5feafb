"""A small Slack workspace that lives by a seed and its own clock, and its Web API on a real socket, with faults."""

import json
import random
import threading
import zipfile
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

Json = dict[str, Any]
START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
DAY = 86_400.0
TEAM = "T0TEAM"
FAULTS = (
    "429", "429 fraction", "429 missing", "429 past", "500", "502", "503", "504", "ratelimited", "internal_error",
    "fatal_error", "truncated", "cut", "cut body", "empty page", "repeat", "invalid_cursor",
)  # fmt: skip
PAGED = ("empty page", "repeat")
RATES = {"conversations.list": 20, "users.list": 20, "search.messages": 20}


@dataclass
class Said:
    """One message: what it says now, all that it said with times, and when it went."""

    channel: str
    fields: Json
    versions: list[tuple[float, str]]
    deleted_at: float | None = None
    is_tombstone: bool = False


@dataclass
class World:
    """The workspace. `now` is its clock: the client's `sleep` moves it."""

    seed: int = 0
    now: float = START
    channels: dict[str, Json] = field(default_factory=dict)
    users: dict[str, Json] = field(default_factory=dict)
    said: dict[tuple[str, str], Said] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        created = int(START) - 100
        for id, more in {
            "C1": {"name": "general"},
            "C2": {"name": "random", "is_archived": True},
            "G1": {"name": "secret", "is_private": True},
            "D1": {"is_im": True, "user": "U1"},
        }.items():
            self.channels[id] = {"id": id, "created": created, **more}
        for id in ("U1", "U2", "U3", "U4", "UBOT"):
            real_name = f"Person {id}"
            self.users[id] = {"id": id, "team_id": TEAM, "real_name": real_name, "is_bot": id == "UBOT"}

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 <= seconds < 400
        self.now += seconds

    def post(self, channel: str, text: str, **more: Any) -> str:
        self.now += 0.001 * self.random.randrange(1, 2000)
        ts = f"{self.now:.6f}"
        while (channel, ts) in self.said:
            self.now += 0.000002
            ts = f"{self.now:.6f}"
        user = more.pop("user", None) or self.random.choice(list(self.users))
        fields = {"type": "message", "user": user, "text": text, "ts": ts, **more}
        self.said[channel, ts] = Said(channel=channel, fields=fields, versions=[(self.now, text)])
        return ts

    def reply(self, channel: str, root: str, text: str, **more: Any) -> str:
        return self.post(channel, text, thread_ts=root, **more)

    def edit(self, channel: str, ts: str, text: str) -> None:
        said = self.said[channel, ts]
        said.fields |= {"text": text, "edited": {"user": said.fields["user"], "ts": f"{self.now:.6f}"}}
        said.versions.append((self.now, text))

    def delete(self, channel: str, ts: str) -> None:
        """A root with replies becomes a tombstone, which goes with the last of them."""
        said = self.said[channel, ts]
        said.deleted_at = self.now
        said.is_tombstone = bool(self.replies(channel, ts))
        root = said.fields.get("thread_ts")
        if root is not None and not self.replies(channel, root):
            self.said[channel, root].is_tombstone = False

    def react(self, channel: str, ts: str) -> None:
        self.said[channel, ts].fields["reactions"] = [{"name": "wave", "users": ["U1"], "count": 1}]

    def replies(self, channel: str, root: str) -> list[Said]:
        return [
            one
            for (place, _), one in sorted(self.said.items())
            if place == channel and one.fields.get("thread_ts") == root and one.deleted_at is None
        ]

    def shown(self, channel: str) -> dict[str, Json]:
        """Every message of a channel as Slack would send it now, by `ts`."""
        by_root: dict[str, list[Said]] = defaultdict(list)
        here = {ts: one for (place, ts), one in self.said.items() if place == channel}
        for one in here.values():
            if one.deleted_at is None and one.fields.get("thread_ts"):
                by_root[one.fields["thread_ts"]].append(one)
        found = {}
        for ts, one in sorted(here.items()):
            replies = by_root.get(ts, [])
            if one.deleted_at is None or (one.is_tombstone and replies):
                found[ts] = self._message(one, replies)
        return found

    def _message(self, one: Said, replies: list[Said]) -> Json:
        message = dict(one.fields)
        if one.deleted_at is not None:
            message = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": message["ts"]}
            message["text"] = "This message was deleted."
        if replies:
            times = sorted(reply.fields["ts"] for reply in replies)
            message |= {"thread_ts": message["ts"], "reply_count": len(times), "latest_reply": times[-1]}
            message["reply_users"] = sorted({reply.fields["user"] for reply in replies})
        return message

    def live(self, seconds: float, events: int) -> None:
        """Time passes and things happen."""
        end = self.now + seconds
        for number in range(events):
            self.now += (end - self.now) / (events - number + 1)
            self._happen()
        self.now = max(end, self.now)

    def _happen(self) -> None:
        roll = self.random.random()
        alive = [key for key, one in self.said.items() if one.deleted_at is None]
        if roll < 0.45 or not alive:
            self.post(self.random.choice(list(self.channels)), f"message {len(self.said)} \u2603 <@U2>")
            return
        channel, ts = self.random.choice(alive)
        if roll < 0.75:
            root = self.said[channel, ts].fields.get("thread_ts") or ts
            broadcast = {"subtype": "thread_broadcast"} if self.random.random() < 0.1 else {}
            if self.said[channel, root].deleted_at is None or self.said[channel, root].is_tombstone:
                self.reply(channel, root, f"reply {len(self.said)}", **broadcast)
        elif roll < 0.88:
            self.edit(channel, ts, f"edited {len(self.said[channel, ts].versions)} {ts}")
        elif roll < 0.94:
            self.delete(channel, ts)
        else:
            self.react(channel, ts)

    def write_export(self, path: Path) -> Path:
        """The official export of what can be seen now."""
        lists: dict[str, list[Json]] = {"channels.json": [], "groups.json": [], "dms.json": [], "mpims.json": []}
        with zipfile.ZipFile(path, "w") as archive:
            for id, channel in self.channels.items():
                kind = (
                    "dms.json"
                    if channel.get("is_im")
                    else "groups.json"
                    if channel.get("is_private")
                    else "channels.json"
                )
                lists[kind].append(channel)
                days: dict[str, list[Json]] = defaultdict(list)
                for ts, message in self.shown(id).items():
                    days[datetime.fromtimestamp(float(ts), UTC).date().isoformat()].append(message)
                for day, messages in days.items():
                    archive.writestr(f"{channel.get('name', id)}/{day}.json", json.dumps(messages))
            for name, listed in lists.items():
                archive.writestr(name, json.dumps(listed))
            archive.writestr("users.json", json.dumps(list(self.users.values())))
        return path


class CutError(Exception):
    """The answer is not sent, or not to its end."""


Answer = Json | tuple[int, dict[str, str], bytes]
Fault = Callable[[str, Json], str | None]


def seeded(seed: int, share: float, kinds: tuple[str, ...] = FAULTS) -> Fault:
    """A fault for some `share` of the requests, at most three in a row."""
    chance, in_a_row = random.Random(seed), 0

    def fault(method: str, arguments: Json) -> str | None:
        nonlocal in_a_row
        in_a_row = in_a_row + 1 if chance.random() < share and in_a_row < 3 else 0
        return chance.choice(kinds) if in_a_row else None

    return fault


def no_fault(method: str, arguments: Json) -> str | None:
    return None


@dataclass
class Api:
    """The Web API of a workspace. `log` has every request; `refusals` how often a limit was met."""

    world: World
    fault: Fault = no_fault
    limited: bool = False
    page: int = 999
    user_token: bool = False
    base_url: str = ""
    log: list[tuple[str, Json]] = field(default_factory=list)
    refusals: int = 0
    nonce: int = 0
    sent: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def answer(self, method: str, arguments: Json) -> Answer:
        self.log.append((method, arguments))
        self.world.now += 0.01
        if self._over_limit(method):
            self.refusals += 1
            return 429, {"Retry-After": "30"}, b'{"ok":false,"error":"ratelimited"}'
        fault = self.fault(method, arguments)
        is_paged = method in ("conversations.history", "conversations.replies")
        if fault is not None and (is_paged or fault not in PAGED):
            faulty = self._faulty(fault, method, arguments)
            if faulty is not None:
                return faulty
        called: Callable[[Json], Json] = getattr(self, method.replace(".", "_"))
        found = called(arguments)
        if fault in ("truncated", "cut body"):
            body = json.dumps(found).encode()
            if fault == "truncated":
                return 200, {}, body[: len(body) // 2]
            return 200, {"Content-Length": str(len(body) + 50)}, body[: len(body) // 2]
        return found

    def _over_limit(self, method: str) -> bool:
        is_limited = self.limited and method in ("conversations.history", "conversations.replies")
        allowed, sent = 1 if is_limited else RATES.get(method, 50), self.sent[method]
        while sent and self.world.now - sent[0] >= 59.9:
            sent.popleft()
        sent.append(self.world.now)
        return len(sent) > allowed

    def _faulty(self, fault: str, method: str, arguments: Json) -> Answer | None:
        """The answer that takes the place of the true one; null where a fault changes the true one."""
        if fault == "cut":
            raise CutError
        has_cursor = method == "conversations.history" and "cursor" in arguments
        if fault in ("truncated", "cut body", "repeat") or (fault == "invalid_cursor" and not has_cursor):
            arguments["repeat"] = fault == "repeat"
            return None
        if fault.startswith("429"):
            after = {"429": "2", "429 fraction": "1.5", "429 past": "-10"}.get(fault)
            return 429, {} if after is None else {"Retry-After": after}, b'{"ok":false,"error":"ratelimited"}'
        if fault.isdigit():
            return int(fault), {"Content-Type": "text/html"}, b"<html>Bad Gateway</html>"
        if fault == "empty page":
            self.nonce += 1
            cursor = f"{arguments.get('cursor', '').split('!')[0]}!{self.nonce}"
            return {"ok": True, "messages": [], "has_more": True, **_next(cursor)}
        return {"ok": False, "error": fault}

    def auth_test(self, arguments: Json) -> Json:
        return {"ok": True, "team_id": TEAM, "user_id": "U1"}

    def conversations_list(self, arguments: Json) -> Json:
        names = {"is_im": "im", "is_private": "private_channel"}
        kinds = {
            id: next((kind for flag, kind in names.items() if one.get(flag)), "public_channel")
            for id, one in self.world.channels.items()
        }
        return self._listed(
            "channels",
            [one for id, one in self.world.channels.items() if kinds[id] in arguments["types"].split(",")],
            arguments,
        )

    def users_list(self, arguments: Json) -> Json:
        return self._listed("members", list(self.world.users.values()), arguments)

    def _listed(self, name: str, things: list[Json], arguments: Json) -> Json:
        at = int(arguments.get("cursor") or 0)
        rest = things[at : at + 2]
        return {"ok": True, name: rest, **(_next(str(at + 2)) if at + 2 < len(things) else _next(""))}

    def conversations_history(self, arguments: Json) -> Json:
        if (refusal := self._refused(arguments)) is not None:
            return refusal
        shown = self.world.shown(arguments["channel"])
        visible = [
            one
            for ts, one in sorted(shown.items(), reverse=True)
            if (one.get("thread_ts") in (None, ts) or one.get("subtype") == "thread_broadcast")
            and arguments["oldest"] <= ts <= arguments["latest"]
        ]
        return self._paged(visible, arguments, key=lambda one, cursor: one["ts"] <= cursor)

    def conversations_replies(self, arguments: Json) -> Json:
        if (refusal := self._refused(arguments)) is not None:
            return refusal
        shown, root = self.world.shown(arguments["channel"]), arguments["ts"]
        if root not in shown:
            return {"ok": False, "error": "thread_not_found"}
        replies = [one for ts, one in sorted(shown.items()) if one.get("thread_ts") == root and ts != root]
        found = self._paged(replies, arguments, key=lambda one, cursor: one["ts"] >= cursor)
        return found | {"messages": [shown[root], *found["messages"]]}

    def search_messages(self, arguments: Json) -> Json:
        if not self.user_token:
            return {"ok": False, "error": "not_allowed_token_type"}
        _, _, limit = arguments["query"].partition(" ")
        kind, _, day = limit.partition(":")
        found = []
        for (channel, ts), one in sorted(self.world.said.items(), reverse=True):
            said_on = datetime.fromtimestamp(float(ts), UTC).date().isoformat()
            is_wanted = said_on > day if kind == "after" else said_on == day
            root = one.fields.get("thread_ts")
            if root is not None and one.deleted_at is None and is_wanted:
                link = f"https://x.slack.com/archives/{channel}/p{ts.replace('.', '')}?thread_ts={root}&cid={channel}"
                found.append({"channel": {"id": channel}, "ts": ts, "text": one.fields["text"], "permalink": link})
        page, count = int(arguments["page"]), int(arguments["count"])
        pages = -(-len(found) // count)
        page = 1 if page > 100 else page
        matches = found[(page - 1) * count : page * count]
        return {"ok": True, "messages": {"matches": matches, "paging": {"page": page, "pages": pages}}}

    def _refused(self, arguments: Json) -> Json | None:
        known = arguments["channel"] in self.world.channels
        if known and arguments["channel"] not in self.world.forbidden:
            return None
        return {"ok": False, "error": "not_in_channel" if known else "channel_not_found"}

    def _paged(self, things: list[Json], arguments: Json, *, key: Callable[[Json, str], bool]) -> Json:
        cursor = arguments.get("cursor", "").split("!")[0]
        rest = [one for one in things if not cursor or key(one, cursor)]
        size = min(self.page, int(arguments["limit"]), 15 if self.limited else 999)
        before = things[len(things) - len(rest) - 1 : len(things) - len(rest)] if arguments.get("repeat") else []
        more = len(rest) > size
        follows = _next(rest[size]["ts"]) if more else _next("")
        return {"ok": True, "messages": [*before, *rest[:size]], "has_more": more, **follows}


def _next(cursor: str) -> Json:
    return {"response_metadata": {"next_cursor": cursor}}


@contextmanager
def serve(api: Api) -> Iterator[Api]:
    """The Web API on 127.0.0.1 while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            arguments = {name: values[0] for name, values in parse_qs(body).items()}
            try:
                answer = api.answer(self.path.rpartition("/")[2], arguments)
            except CutError:
                return
            status, headers, data = answer if isinstance(answer, tuple) else (200, {}, json.dumps(answer).encode())
            self.send_response(status)
            for name, value in (
                {"Content-Type": "application/json", "Content-Length": str(len(data))} | headers
            ).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        api.base_url = f"http://127.0.0.1:{server.server_port}/api/"
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
