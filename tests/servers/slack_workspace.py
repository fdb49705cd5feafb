"""A Slack workspace that lives by a seed and its own clock, and shows its messages as Slack does."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
DAY = 86_400.0
TEAM = "T0TEAM"
TOMBSTONE = {"type": "message", "subtype": "tombstone", "hidden": True, "user": "USLACKBOT"}
REPLY_USERS_SHOWN = 5


def day_of(ts: str, *, hours: int = 0) -> str:
    """The day of a message where clocks are `hours` before those of UTC."""
    return datetime.fromtimestamp(int(ts.partition(".")[0]) + hours * 3600, UTC).date().isoformat()


@dataclass
class Said:
    """One message: what it says now, all that it said with times, and when it went.

    `seen` is the text that a reader sees, where it was worked out; people stand in it as `slack_talk.person`.
    """

    channel: str
    fields: Json
    versions: list[tuple[float, str]]
    seen: str | None = None
    deleted_at: float | None = None
    is_tombstone: bool = False


@dataclass
class World:
    """The workspace. `now` is its clock: the client's `sleep` moves it.

    Channels and users are as `conversations.list` and `users.list` give them. `forbidden` are the ids of public
    channels that the app is not in.
    """

    seed: int = 0
    now: float = START
    channels: dict[str, Json] = field(default_factory=dict)
    users: dict[str, Json] = field(default_factory=dict)
    said: dict[tuple[str, str], Said] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.furnish()

    def furnish(self) -> None:
        """A small workspace: one channel of each of four kinds, and five people."""
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

    def post(self, channel: str, text: str, *, after_s: float | None = None, **more: Any) -> str:
        """A new message, by somebody where no `user` and no `bot_id` is given; gives its `ts`."""
        self.now += 0.001 * self.random.randrange(1, 2000) if after_s is None else after_s
        ts = f"{self.now:.6f}"
        while (channel, ts) in self.said:
            self.now += 0.000002
            ts = f"{self.now:.6f}"
        if "bot_id" not in more and "user" not in more:
            more["user"] = self.random.choice(list(self.users))
        fields = {"type": "message", "text": text, "ts": ts, **more}
        self.said[channel, ts] = Said(channel=channel, fields=fields, versions=[(self.now, text)])
        return ts

    def reply(self, channel: str, root: str, text: str, **more: Any) -> str:
        parent = self.said[channel, root].fields
        if "user" in parent:
            more["parent_user_id"] = parent["user"]
        return self.post(channel, text, thread_ts=root, **more)

    def edit(self, channel: str, ts: str, text: str) -> None:
        said = self.said[channel, ts]
        said.fields |= {"text": text, "edited": {"user": author_of(said.fields), "ts": f"{self.now:.6f}"}}
        said.versions.append((self.now, text))

    def delete(self, channel: str, ts: str) -> None:
        """A root with replies becomes a tombstone, which goes with the last of them."""
        said = self.said[channel, ts]
        said.deleted_at = self.now
        said.is_tombstone = bool(self.replies(channel, ts))
        root = said.fields.get("thread_ts")
        if root is not None and not self.replies(channel, root):
            self.said[channel, root].is_tombstone = False

    def react(self, channel: str, ts: str, name: str = "wave", user: str = "U1") -> None:
        found = [one for one in self.said[channel, ts].fields.get("reactions", []) if one["name"] != name]
        self.said[channel, ts].fields["reactions"] = [*found, {"name": name, "users": [user], "count": 1}]

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
        return {
            ts: self._message(one, by_root.get(ts, []))
            for ts, one in sorted(here.items())
            if one.deleted_at is None or (one.is_tombstone and ts in by_root)
        }

    def _message(self, one: Said, replies: list[Said]) -> Json:
        message = dict(one.fields)
        if one.deleted_at is not None:
            message = {**TOMBSTONE, "ts": message["ts"], "text": "This message was deleted."}
        if replies:
            times = sorted(reply.fields["ts"] for reply in replies)
            users = sorted({author for reply in replies if (author := author_of(reply.fields)) is not None})
            message |= {"thread_ts": message["ts"], "reply_count": len(times), "latest_reply": times[-1]}
            message |= {"reply_users_count": len(users), "reply_users": users[:REPLY_USERS_SHOWN], "is_locked": False}
        return message

    def live(self, seconds: float, events: int) -> None:
        """Time passes and things happen."""
        end = self.now + seconds
        for number in range(events):
            self.now += max(0.0, end - self.now) / (events - number + 1)
            self.happen()
        self.now = max(end, self.now)

    def happen(self) -> None:
        """Somebody says, answers, edits, deletes or likes something."""
        roll = self.random.random()
        alive = self.alive()
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

    def alive(self) -> list[tuple[str, str]]:
        """The keys of the messages that are not deleted."""
        return [key for key, one in self.said.items() if one.deleted_at is None]


def author_of(message: Json) -> str | None:
    """The person, or else the bot, that a message is by."""
    found = message.get("user") or message.get("bot_id")
    return found if isinstance(found, str) else None


def kind_of(channel: Json) -> str:
    """The kind of a channel by Slack's names of `types`."""
    flags = {"is_im": "im", "is_mpim": "mpim", "is_private": "private_channel"}
    return next((kind for flag, kind in flags.items() if channel.get(flag)), "public_channel")
