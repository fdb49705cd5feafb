"""A company's workspace with all that Slack has: every kind of channel and of person, and what happens there."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.servers import slack_talk
from tests.servers.slack_talk import Around
from tests.servers.slack_workspace import DAY, START, TEAM, Json, World, kind_of

OTHER_TEAM = "T0OTHER"
SHARED, EMPTY = "C0SHARED1", "C0EMPTY1"
CREATED = int(START) - 100_000

PEOPLE: dict[str, Json] = {
    "U0ADA1": {"real_name": "Ada Lovelace", "is_admin": True, "tz": "Europe/London"},
    "U0ZOE1": {"real_name": "Zo\u00eb \u0141ukasz \U0001f30d", "tz": "Europe/Warsaw"},
    "U0GONE1": {"real_name": "Gone & <b>away</b>", "deleted": True},
    "U0GUEST1": {"real_name": "A Guest", "is_restricted": True},
    "U0GUEST2": {"real_name": "A Guest of One Channel", "is_restricted": True, "is_ultra_restricted": True},
    "W0GRID1": {"real_name": "", "display_name": "griddy"},
    "U0ODD1": {"real_name": "half \ud83d name"},
    "U0BARE1": {"real_name": ""},
    "U0BOT1": {"real_name": "Deploys", "is_bot": True},
    "USLACKBOT": {"real_name": "Slackbot"},
    "U0FAR1": {"real_name": "Far Away", "team_id": OTHER_TEAM, "is_stranger": False},
    "U0FAR2": {"real_name": "Further Away", "team_id": OTHER_TEAM, "is_stranger": False},
}
CHANNELS: dict[str, Json] = {
    "C0GEN1": {"name": "general", "is_general": True},
    "C0TALK1": {"name": "b\u00fcro-\u65e5\u672c"},
    "C0ARCH1": {"name": "old-plans", "is_archived": True},
    "C0PRIV1": {"name": "hiring", "is_private": True},
    "G0OLD1": {"name": "board", "is_private": True, "is_group": True},
    SHARED: {"name": "ext-partner", "is_ext_shared": True, "is_shared": True, "shared_team_ids": [TEAM, OTHER_TEAM]},
    EMPTY: {"name": "nobody-here"},
    "D0ADA1": {"is_im": True, "user": "U0ADA1"},
    "D0BOT1": {"is_im": True, "user": "U0BOT1"},
    "G0MANY1": {"name": "mpdm-ada--zoe--griddy-1", "is_mpim": True, "is_private": True, "is_group": True},
}


@dataclass
class Company(World):
    """The workspace of a company. `notes` counts what happened in it, by name."""

    def furnish(self) -> None:
        self.notes: dict[str, int] = {}
        for id, more in PEOPLE.items():
            self.users[id] = _user(id, more)
        for id, more in CHANNELS.items():
            self.channels[id] = _channel(id, more)
        for id in self.channels:
            if id != EMPTY and not self.channels[id]["is_archived"]:
                self.say(id)
        for number in range(3):
            self.say("C0ARCH1", after_s=0.5 * number)

    def names(self) -> dict[str, str]:
        """The name of each person that has one, as others see it now."""
        found = {}
        for id, user in self.users.items():
            profile = user["profile"]
            found[id] = user["real_name"] or profile["real_name"] or profile["display_name"] or user["name"]
        return found

    def say(
        self, channel: str, *, root: str | None = None, after_s: float | None = None, broadcast: bool = False
    ) -> str:
        """Somebody says something in a channel, or in the thread of `root` there; gives its `ts`."""
        talk = slack_talk.something(self._around())
        fields = dict(talk.fields)
        text = fields.pop("text")
        if "bot_id" not in fields and "user" not in fields:
            fields["user"] = self._speaker(channel)
            fields["client_msg_id"] = f"{self.random.getrandbits(128):032x}"
        fields |= self._teams(channel, fields.get("user"))
        if broadcast:
            fields["subtype"] = "thread_broadcast"
        fields["after_s"] = after_s
        ts = self.post(channel, text, **fields) if root is None else self.reply(channel, root, text, **fields)
        self.said[channel, ts].seen = talk.seen
        return ts

    def happen(self) -> None:
        (thing,) = self.random.choices(list(THINGS), weights=list(THINGS.values()))
        thing(self)
        self.notes[thing.__name__] = self.notes.get(thing.__name__, 0) + 1

    def burst(self) -> None:
        """Several messages within one second."""
        channel = self._open_channel()
        for _ in range(self.random.randrange(2, 5)):
            self.say(channel, after_s=0.000_001 * self.random.randrange(1, 100_000))

    def talk(self) -> None:
        self.say(self._open_channel())

    def at_midnight(self) -> None:
        """One message in the last microseconds of a day, one at the first of the next, and a reply to the first."""
        midnight = (self.now - START) // DAY * DAY + DAY + START
        channel = self._open_channel()
        self.now = midnight - 0.000_004
        root = self.say(channel, after_s=0.0)
        self.now = midnight
        self.say(channel, after_s=0.0)
        self.say(channel, root=root, after_s=0.000_002)

    def answer(self) -> None:
        """A reply: to a message of the last days, or to one that may be two months old."""
        found = self._root(recent=self.random.random() < 0.6)
        if found is not None:
            for _ in range(self.random.randrange(1, 4)):
                self.say(found[0], root=found[1])

    def broadcast(self) -> None:
        found = self._root(recent=True)
        if found is not None:
            self.say(found[0], root=found[1], broadcast=True)

    def change(self) -> None:
        """Somebody edits a message: all of it, text and blocks."""
        edited = (None, "thread_broadcast")
        found = self._any(lambda one: one.get("subtype") in edited and "bot_id" not in one)
        if found is None:
            return
        said = self.said[found]
        talk = self.random.choice([slack_talk.plain, slack_talk.rich, slack_talk.legacy])(self._around())
        for name in ("blocks", "attachments"):
            said.fields.pop(name, None)
        fields = dict(talk.fields)
        self.edit(*found, fields.pop("text"))
        said.fields |= fields
        said.seen = talk.seen

    def remove(self) -> None:
        found = self._any(lambda one: True)
        if found is not None:
            self.delete(*found)

    def remove_root(self) -> None:
        """A tombstone, where there are replies."""
        alive = self.alive()
        answered = {(channel, self.said[channel, ts].fields.get("thread_ts")) for channel, ts in alive}
        roots = [key for key in alive if key in answered]
        if roots:
            self.delete(*self.random.choice(roots))

    def like(self) -> None:
        found = self._any(lambda one: True)
        if found is not None:
            users = self.random.sample(list(self.users), self.random.randrange(1, 4))
            reaction = {
                "name": self.random.choice(["wave", "+1::skin-tone-2", "party"]),
                "users": users,
                "count": len(users),
            }
            self.said[found].fields["reactions"] = [reaction]

    def remove_file(self) -> None:
        found = self._any(lambda one: bool(one.get("files")))
        if found is not None:
            files = self.said[found].fields["files"]
            self.said[found].fields["files"] = [{"id": file["id"], "mode": "tombstone"} for file in files]

    def tell(self) -> None:
        """Slack tells of joins, leaves, and what was changed of the channel."""
        channel, user = self._open_channel(), self._speaker("")
        place = "group" if kind_of(self.channels[channel]) != "public_channel" else "channel"
        more: Json
        kind = self.random.choice(["join", "leave", "topic", "purpose", "name", "pinned_item", "bot_add"])
        match kind:
            case "join":
                more = {"subtype": f"{place}_join", "text": f"<@{user}> has joined the channel", "inviter": "U0ADA1"}
            case "leave":
                more = {"subtype": f"{place}_leave", "text": f"<@{user}> has left the channel"}
            case "topic" | "purpose":
                value = f"what we talk of {len(self.said)} \udc4d"
                self.channels[channel][kind] = {"value": value, "creator": user, "last_set": int(self.now)}
                more = {"subtype": f"{place}_{kind}", "text": f"<@{user}> set the channel {kind}: {value}", kind: value}
            case "name":
                more = self._renamed(channel, user, place)
            case "pinned_item":
                more = {"subtype": "pinned_item", "text": "", "item_type": "C", "item": {"type": "message"}}
            case _:
                more = {"subtype": "bot_add", "text": "added an integration", "bot_id": "B0HOOK", "bot_link": "<x|y>"}
        self.post(channel, more.pop("text"), user=user, **more)

    def move_on(self) -> None:
        """A person takes another name, or leaves the company."""
        user = self.users[self.random.choice(list(self.users))]
        if self.random.random() < 0.3:
            user["deleted"] = True
        else:
            user["real_name"] = user["profile"]["real_name"] = f"{user['name']} {len(self.said)}-Smith"

    def archive(self) -> None:
        """A channel is archived, while five others are left."""
        channel = self._open_channel()
        if len(self._open_channels()) > 5:
            user = self._speaker(channel)
            self.post(channel, f"<@{user}> archived the channel", user=user, subtype="channel_archive")
            self.channels[channel]["is_archived"] = True

    def _renamed(self, channel: str, user: str, place: str) -> Json:
        old = self.channels[channel].get("name")
        if old is None or self.channels[channel].get("is_mpim"):
            return {"subtype": f"{place}_join", "text": f"<@{user}> has joined the channel"}
        name = f"{old.rpartition('_')[0] or old}_{len(self.said)}"
        self.channels[channel]["name"] = name
        return {"subtype": f"{place}_name", "text": f"renamed to {name}", "old_name": old, "name": name}

    def _around(self) -> Around:
        channels = {id: one["name"] for id, one in self.channels.items() if "name" in one}
        return Around(random=self.random, people=list(self.users), channels=channels, number=len(self.said))

    def _speaker(self, channel: str) -> str:
        """People of the other team speak where they are, and nowhere else."""
        teams = {TEAM, OTHER_TEAM} if channel == SHARED else {TEAM}
        return self.random.choice([id for id, user in self.users.items() if user["team_id"] in teams])

    def _teams(self, channel: str, user: str | None) -> Json:
        """In a shared channel a message says whose it is."""
        team = self.users[user]["team_id"] if user is not None else TEAM
        return {"team": team, "user_team": team, "source_team": team} if channel == SHARED else {"team": team}

    def _open_channels(self) -> list[str]:
        return [id for id, one in self.channels.items() if id != EMPTY and not one["is_archived"]]

    def _open_channel(self) -> str:
        return self.random.choice(self._open_channels())

    def _any(self, is_wanted: Callable[[Json], bool]) -> tuple[str, str] | None:
        keys = [key for key in self.alive() if is_wanted(self.said[key].fields)]
        return self.random.choice(keys) if keys else None

    def _root(self, *, recent: bool) -> tuple[str, str] | None:
        """A message to answer: a root, living or a tombstone, for nobody answers in a thread's thread."""
        since = self.now - 2 * DAY if recent else self.now - 62 * DAY
        keys = [
            key
            for key, one in self.said.items()
            if (one.deleted_at is None or one.is_tombstone)
            and "thread_ts" not in one.fields
            and float(key[1]) > since
            and not self.channels[key[0]]["is_archived"]
        ]
        return self.random.choice(keys) if keys else None


# What happens, and how often.
THINGS: dict[Callable[[Company], None], int] = {
    Company.talk: 25, Company.burst: 8, Company.at_midnight: 4, Company.answer: 25, Company.broadcast: 5,
    Company.change: 10, Company.remove: 5, Company.remove_root: 3, Company.like: 6, Company.remove_file: 2,
    Company.tell: 10, Company.move_on: 3, Company.archive: 1,
}  # fmt: skip


def _user(id: str, more: Json) -> Json:
    name = id[1:].lower()
    more = dict(more)
    display = more.pop("display_name", "")
    flags = {"deleted": False, "is_bot": False, "is_restricted": False, "is_ultra_restricted": False}
    profile = {"real_name": more["real_name"], "display_name": display, "first_name": name, "avatar_hash": "g1"}
    return {"id": id, "team_id": TEAM, "name": name, "profile": profile, **flags, "updated": CREATED, **more}


def _channel(id: str, more: Json) -> Json:
    """As `conversations.list` gives it."""
    found: Json = {"id": id, "created": CREATED, "is_archived": False, "is_org_shared": False, **more}
    if more.get("is_im"):
        return found
    empty = {"value": "", "creator": "", "last_set": 0}
    told = {"creator": "U0ADA1", "members": ["U0ADA1", "U0ZOE1"], "topic": empty, "purpose": {**empty, "value": "all"}}
    flags = {"is_channel": "is_mpim" not in more, "is_member": True, "is_private": False, "is_ext_shared": False}
    return {**flags, **told, "name_normalized": more["name"], "previous_names": [], **found}
