"""The Web API of a simulated workspace on a real socket: Slack's checks, pages and limits, and its faults."""

import base64
import json
import random
import re
import socket
import struct
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.servers.loopback import loopback
from tests.servers.slack_export_files import as_sent
from tests.servers.slack_workspace import TEAM, Json, World, day_of, kind_of

FAULTS = (
    "429", "429 fraction", "429 missing", "429 past", "500", "502", "503", "504", "ratelimited", "internal_error",
    "fatal_error", "service_unavailable", "request_timeout", "truncated", "broken", "html", "cut", "cut body", "reset",
    "empty page", "repeat", "invalid_cursor",
)  # fmt: skip
PAGED = ("empty page", "repeat")
# Faults that change the body of the true answer, and those that change what it is made of.
BODIES = ("truncated", "broken", "cut body")
RATES = {"conversations.list": 20, "users.list": 20, "search.messages": 20}
HISTORY = ("conversations.history", "conversations.replies")
MOST_HISTORY, MOST_LISTED, LIMITED_PAGE = 999, 1000, 15
SCOPES_OF = {"public_channel": "channels", "private_channel": "groups", "mpim": "mpim", "im": "im"}
SCOPES = frozenset(f"{name}:{use}" for name in SCOPES_OF.values() for use in ("read", "history")) | {
    "users:read", "chat:write", "reactions:read",
}  # fmt: skip
REQUIRED = {
    "conversations.history": ("channel",),
    "conversations.replies": ("channel", "ts"),
    "conversations.info": ("channel",),
    "chat.postMessage": ("channel", "text"),
    "chat.getPermalink": ("channel", "message_ts"),
    "reactions.get": ("channel", "timestamp"),
}
APP = {"user": "U0DRAFTS1", "bot_id": "B0DRAFTS1", "app_id": "A0DRAFTS1"}
TOKEN = re.compile(r"xox[bp]-[0-9A-Za-z-]+")
TS = re.compile(r"[0-9]{1,10}(\.[0-9]{1,6})?")


class CutError(Exception):
    """The answer is not sent; `is_reset`: and the connection is torn down."""

    is_reset = False


class RefusedError(Exception):
    """Slack refuses the request; `answer` says why."""

    def __init__(self, error: str, **more: object) -> None:
        super().__init__(error)
        self.answer: Json = {"ok": False, "error": error, **more}


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
    """The Web API of a workspace. `log` has every request; `refusals` how often a limit was met.

    `page` is the most that one page of messages holds, `listed` of channels and people. A free plan hides what is older
    than `shown_s`; history then says `is_limited`, whatever is asked for.
    """

    world: World
    fault: Fault = no_fault
    limited: bool = False
    page: int = 999
    listed: int = 2
    shown_s: float | None = None
    user_token: bool = False
    scopes: frozenset[str] = SCOPES
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
        if fault is not None and (method in HISTORY or fault not in PAGED):
            faulty = self._faulty(fault, method, arguments)
            if faulty is not None:
                return faulty
        found = self._true(method, arguments)
        if fault == "lost":  # what was asked is done, and the answer never comes
            raise CutError
        return _damaged(found, fault) if fault in BODIES else found

    def _true(self, method: str, arguments: Json) -> Json:
        called: Callable[[Json], Json] | None = getattr(self, method.replace(".", "_"), None)
        try:
            _check_token(arguments.get("token", ""))
            if called is None or method.startswith("_"):
                raise RefusedError("unknown_method", req_method=method)
            for name in REQUIRED.get(method, ()):
                if not arguments.get(name):
                    told = {"messages": [f"[ERROR] missing required field: {name}"]}
                    raise RefusedError("invalid_arguments", response_metadata=told)
            return called(arguments)
        except RefusedError as error:
            return error.answer

    def _over_limit(self, method: str) -> bool:
        is_limited = self.limited and method in HISTORY
        allowed, sent = 1 if is_limited else RATES.get(method, 50), self.sent[method]
        while sent and self.world.now - sent[0] >= 59.9:
            sent.popleft()
        sent.append(self.world.now)
        return len(sent) > allowed

    def _faulty(self, fault: str, method: str, arguments: Json) -> Answer | None:
        """The answer that takes the place of the true one; null where a fault changes the true one."""
        if fault in ("cut", "reset"):
            error = CutError()
            error.is_reset = fault == "reset"
            raise error
        has_cursor = method == "conversations.history" and "cursor" in arguments
        if fault in (*BODIES, "repeat", "lost") or (fault == "invalid_cursor" and not has_cursor):
            arguments["repeat"] = fault == "repeat"
            return None
        if fault.startswith("429"):
            after = {"429": "2", "429 long": "30", "429 fraction": "1.5", "429 past": "-10", "429 now": "0"}.get(fault)
            return 429, {} if after is None else {"Retry-After": after}, b'{"ok":false,"error":"ratelimited"}'
        if fault.isdigit() or fault == "html":
            status = int(fault) if fault.isdigit() else 200
            return status, {"Content-Type": "text/html"}, b"<html>Bad Gateway</html>"
        if fault == "empty page":
            self.nonce += 1
            place = base64.b64decode(arguments.get("cursor", "")).decode().partition("!")[0]
            return {"ok": True, "messages": [], "has_more": True, **_next(f"{place}!{self.nonce}")}
        return {"ok": False, "error": fault}

    def auth_test(self, arguments: Json) -> Json:
        return {"ok": True, "url": "https://x.slack.com/", "team": "X", "team_id": TEAM, "user_id": "U1", "user": "ada"}

    def conversations_list(self, arguments: Json) -> Json:
        types = arguments.get("types", "public_channel").split(",")
        if not set(types) <= SCOPES_OF.keys():
            raise RefusedError("invalid_types")
        for kind in types:
            self._check_scope(f"{SCOPES_OF[kind]}:read")
        without_archived = arguments.get("exclude_archived") in ("1", "true")
        found = [one for one in self.world.channels.values() if kind_of(one) in types and self._is_visible(one)]
        return self._listed(
            "channels", [one for one in found if not (without_archived and is_archived(one))], arguments
        )

    def users_list(self, arguments: Json) -> Json:
        self._check_scope("users:read")
        return self._listed("members", list(self.world.users.values()), arguments)

    def _listed(self, name: str, things: list[Json], arguments: Json) -> Json:
        size = min(_limit(arguments, MOST_LISTED, MOST_LISTED), self.listed)
        prefix, place = f"{name[:-1]}:", 0
        if cursor := arguments.get("cursor"):
            wanted = _place(cursor, prefix)
            place = next((number for number, one in enumerate(things) if one["id"] == wanted), -1)
            if place < 0:
                raise RefusedError("invalid_cursor")
        rest = things[place : place + size + 1]
        return {"ok": True, name: rest[:size], **_next(prefix + rest[size]["id"] if len(rest) > size else "")}

    def conversations_history(self, arguments: Json) -> Json:
        shown = self._readable(arguments)
        oldest, latest = (_time(arguments, name) for name in ("oldest", "latest"))
        is_inclusive = arguments.get("inclusive") in ("1", "true")

        def is_within(ts: str) -> bool:
            number = _micros(ts)
            return oldest < number < latest or (is_inclusive and number in (oldest, latest))

        in_channel = (
            (ts, one)
            for ts, one in sorted(shown.items(), reverse=True)
            if one.get("thread_ts") in (None, ts) or one.get("subtype") == "thread_broadcast"
        )
        visible = [self._in_history(one, shown) for ts, one in in_channel if is_within(ts)]
        found = self._paged(visible, arguments, key=lambda one, place: _micros(one["ts"]) <= place)
        if any(float(ts) < self._shown_from() for ts in self.world.shown(arguments["channel"])):
            found["is_limited"] = True
        return found | {"pin_count": 0, "channel_actions_ts": None, "channel_actions_count": 0}

    def conversations_replies(self, arguments: Json) -> Json:
        shown, root = self._readable(arguments), arguments["ts"]
        if root not in shown:
            raise RefusedError("thread_not_found")
        if shown[root].get("thread_ts") not in (None, root):  # of a reply Slack gives that reply alone
            return {"ok": True, "messages": [shown[root]], "has_more": False, **_next("")}
        replies = [one for ts, one in sorted(shown.items()) if one.get("thread_ts") == root and ts != root]
        found = self._paged(replies, arguments, key=lambda one, place: _micros(one["ts"]) >= place)
        return found | {"messages": [self._as_root(shown[root]), *found["messages"]]}

    def conversations_info(self, arguments: Json) -> Json:
        channel = self.world.channels.get(arguments["channel"])
        if channel is None or not self._is_visible(channel):
            raise RefusedError("channel_not_found")
        self._check_scope(f"{SCOPES_OF[kind_of(channel)]}:read")
        return {"ok": True, "channel": channel}

    def chat_postMessage(self, arguments: Json) -> Json:
        self._check_scope("chat:write")
        id, root = arguments["channel"], arguments.get("thread_ts")
        channel = self.world.channels.get(id)
        if channel is None or not self._is_visible(channel):
            raise RefusedError("channel_not_found")
        if is_archived(channel) or id in self.world.forbidden:
            raise RefusedError("is_archived" if is_archived(channel) else "not_in_channel")
        more: Json = dict(APP)
        if arguments.get("metadata"):
            given = arguments["metadata"]
            more["metadata"] = json.loads(given) if isinstance(given, str) else given
        if root is not None and root not in self.world.shown(id):
            raise RefusedError("thread_not_found")
        said = arguments["text"]
        ts = self.world.post(id, said, **more) if root is None else self.world.reply(id, root, said, **more)
        return {"ok": True, "channel": id, "ts": ts, "message": self.world.shown(id)[ts]}

    def chat_getPermalink(self, arguments: Json) -> Json:
        if arguments["message_ts"] not in self._readable(arguments):
            raise RefusedError("message_not_found")
        link = f"https://x.slack.com/archives/{arguments['channel']}/p{arguments['message_ts'].replace('.', '')}"
        return {"ok": True, "channel": arguments["channel"], "permalink": link}

    def reactions_get(self, arguments: Json) -> Json:
        self._check_scope("reactions:read")
        message = self._readable(arguments).get(arguments["timestamp"])
        if message is None:
            raise RefusedError("message_not_found")
        return {"ok": True, "type": "message", "channel": arguments["channel"], "message": message}

    def search_messages(self, arguments: Json) -> Json:
        if not self.user_token:
            raise RefusedError("not_allowed_token_type")
        _, _, limit = arguments["query"].partition(" ")
        kind, _, day = limit.partition(":")
        found = []
        for (channel, ts), one in sorted(self.world.said.items(), reverse=True):
            is_wanted = day_of(ts) > day if kind == "after" else day_of(ts) == day
            root = one.fields.get("thread_ts")
            if root is not None and one.deleted_at is None and is_wanted and float(ts) >= self._shown_from():
                link = f"https://x.slack.com/archives/{channel}/p{ts.replace('.', '')}?thread_ts={root}&cid={channel}"
                found.append({"channel": {"id": channel}, "ts": ts, "text": one.fields["text"], "permalink": link})
        page, count = int(arguments["page"]), int(arguments["count"])
        pages = -(-len(found) // count)
        page = 1 if page > 100 else page
        matches = found[(page - 1) * count : page * count]
        return {"ok": True, "messages": {"matches": matches, "paging": {"page": page, "pages": pages}}}

    def _readable(self, arguments: Json) -> dict[str, Json]:
        """The messages of the channel that is asked for."""
        id = arguments["channel"]
        channel = self.world.channels.get(id)
        if channel is None or not self._is_visible(channel):
            raise RefusedError("channel_not_found")
        self._check_scope(f"{SCOPES_OF[kind_of(channel)]}:history")
        if id in self.world.forbidden:
            raise RefusedError("not_in_channel")
        shown = {ts: one for ts, one in self.world.shown(id).items() if float(ts) >= self._shown_from()}
        if arguments.get("include_all_metadata") in ("1", "true"):
            return shown
        return {ts: {name: value for name, value in one.items() if name != "metadata"} for ts, one in shown.items()}

    def _shown_from(self) -> float:
        return 0.0 if self.shown_s is None else self.world.now - self.shown_s

    def _is_visible(self, channel: Json) -> bool:
        """An app sees every public channel, and others only where it was let in."""
        return kind_of(channel) == "public_channel" or channel.get("is_member") is not False

    def _check_scope(self, scope: str) -> None:
        if scope not in self.scopes:
            raise RefusedError("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))

    def _in_history(self, message: Json, shown: dict[str, Json]) -> Json:
        """A reply that was sent to the channel too brings its root."""
        if message.get("subtype") == "thread_broadcast":
            return message | {"root": self._as_root(shown[message["thread_ts"]])}
        return self._as_root(message)

    def _as_root(self, message: Json) -> Json:
        """What a root says differs with who asks, and when."""
        if not message.get("reply_count"):
            return message
        return message | {
            "subscribed": self.user_token,
            **({"last_read": _ts(self.world.now)} if self.user_token else {}),
        }

    def _paged(self, things: list[Json], arguments: Json, *, key: Callable[[Json, int], bool]) -> Json:
        place = _place(arguments["cursor"], "next_ts:") if arguments.get("cursor") else ""
        if not place.isdigit() and place:
            raise RefusedError("invalid_cursor")
        rest = [one for one in things if not place or key(one, int(place))]
        most = LIMITED_PAGE if self.limited else MOST_HISTORY
        size = min(self.page, _limit(arguments, 100, MOST_HISTORY), most)
        before = things[len(things) - len(rest) - 1 : len(things) - len(rest)] if arguments.get("repeat") else []
        more = len(rest) > size
        follows = _next(f"next_ts:{_micros(rest[size]['ts'])}" if more else "")
        return {"ok": True, "messages": [*before, *rest[:size]], "has_more": more, **follows}


def is_archived(channel: Json) -> bool:
    return channel.get("is_archived") is True


def _check_token(token: str) -> None:
    if not token:
        raise RefusedError("not_authed")
    if not TOKEN.fullmatch(token):
        raise RefusedError("invalid_auth")


def _limit(arguments: Json, default: int, most: int) -> int:
    given = arguments.get("limit", str(default))
    if not given.isdecimal() or not 1 <= int(given) <= most:
        raise RefusedError("invalid_limit")
    return int(given)


def _time(arguments: Json, name: str) -> int:
    """`oldest` or `latest` in microseconds; without one, all time."""
    given = arguments.get(name) or ("-1" if name == "oldest" else "9999999999")
    if given == "-1":
        return -1
    if not TS.fullmatch(given):
        raise RefusedError(f"invalid_ts_{name}")
    return _micros(given)


def _micros(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0"))


def _ts(time: float) -> str:
    return f"{time:.6f}"


def _next(place: str) -> Json:
    return {"response_metadata": {"next_cursor": base64.b64encode(place.encode()).decode()}}


def _place(cursor: str, prefix: str) -> str:
    """What a cursor of this method names; empty for the first page, which an empty page may come before."""
    try:
        place = base64.b64decode(cursor, validate=True).decode()
    except ValueError as error:
        raise RefusedError("invalid_cursor") from error
    place, _, nonce = place.partition("!")
    if not place.startswith(prefix) and not (nonce and not place):
        raise RefusedError("invalid_cursor")
    return place.removeprefix(prefix)


def _damaged(found: Json, fault: str) -> Answer:
    body = as_sent(found)
    half = body[: len(body) // 2]
    if fault == "cut body":
        return 200, {"Content-Length": str(len(body) + 50)}, half
    return 200, {}, half if fault == "truncated" else half + b"\x00" + body[len(half) :]


@contextmanager
def serve(api: Api) -> Iterator[Api]:
    """The Web API on 127.0.0.1 while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"] or 0)).decode())

        def do_GET(self) -> None:
            self._answer("")

        def _answer(self, body: str) -> None:
            place = urlsplit(self.path)
            is_json = (self.headers["Content-Type"] or "").startswith("application/json")
            given = parse_qs(place.query) | ({} if is_json else parse_qs(body))
            arguments: Json = {name: values[0] for name, values in given.items()}
            arguments |= json.loads(body) if is_json and body else {}
            kind, _, token = (self.headers["Authorization"] or "").partition(" ")
            if kind == "Bearer" and token:
                arguments["token"] = token
            try:
                answer = api.answer(place.path.rpartition("/")[2], arguments)
            except CutError as error:
                if error.is_reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                return
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            status, headers, data = answer if isinstance(answer, tuple) else (200, {}, as_sent(answer))
            self.send_response(status)
            sent = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(data))}
            for name, value in (sent | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with loopback(Handler) as url:
        api.base_url = f"{url}/api/"
        yield api
