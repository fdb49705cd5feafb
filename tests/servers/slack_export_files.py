"""The official export of a workspace, as Slack writes it: lists, and a folder of days for each channel."""

import json
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from tests.servers.slack_workspace import TEAM, Json, World, author_of, day_of, kind_of

LISTS = {
    "public_channel": "channels.json",
    "private_channel": "groups.json",
    "mpim": "mpims.json",
    "im": "dms.json",
}
# The lists do not say what kind their channels are, whether the app is in them, or with whom they are shared.
CHANNEL_FIELDS = (
    "id",
    "name",
    "created",
    "creator",
    "is_archived",
    "is_general",
    "members",
    "topic",
    "purpose",
    "pins",
)
URLS = ("url_private", "url_private_download")


def write_export(world: World, path: Path, *, day: Callable[[str], str] = day_of) -> Path:
    """All channels and conversations that can be seen now; `day` says in which file a `ts` stands."""
    lists: dict[str, list[Json]] = {name: [] for name in LISTS.values()}
    with zipfile.ZipFile(path, "w") as archive:
        for id, channel in world.channels.items():
            lists[LISTS[kind_of(channel)]].append({name: channel[name] for name in CHANNEL_FIELDS if name in channel})
            folder = channel.get("name", id)
            archive.mkdir(folder)
            days: dict[str, list[Json]] = defaultdict(list)
            shown = world.shown(id)
            for ts, message in shown.items():
                days[day(ts)].append(_message(message, shown, world))
            for name, messages in days.items():
                archive.writestr(f"{folder}/{name}.json", as_sent(messages))
        # People of other teams are in no list of the export; their messages carry a profile.
        people = [user for user in world.users.values() if user.get("team_id") == TEAM]
        for name, listed in {**lists, "users.json": people, "integration_logs.json": _apps(world)}.items():
            archive.writestr(name, as_sent(listed))
    return path


def as_sent(value: object) -> bytes:
    """JSON as Slack writes it: ASCII, with slashes escaped."""
    return json.dumps(value).replace("/", "\\/").encode()


def _message(message: Json, shown: dict[str, Json], world: World) -> Json:
    """A message as exports have it: with its replies by name, the profile of its author, and links that open files."""
    found = {name: value for name, value in message.items() if name not in ("subscribed", "last_read")}
    if message.get("reply_count"):
        replies = (one for ts, one in shown.items() if one.get("thread_ts") == message["ts"] != ts)
        found["replies"] = [{"user": author_of(one), "ts": one["ts"]} for one in replies]
    user = world.users.get(message.get("user", ""))
    if user is not None and "subtype" not in message:
        found["user_profile"] = _profile(user)
    if "files" in message:
        found["files"] = [
            {name: f"{value}?t=xoxe-1" if name in URLS else value for name, value in file.items()}
            for file in message["files"]
        ]
    return found


def _profile(user: Json) -> Json:
    profile = user.get("profile", {})
    names = {name: profile.get(name, "") for name in ("real_name", "display_name", "first_name", "avatar_hash")}
    flags = {name: user.get(name, False) for name in ("is_restricted", "is_ultra_restricted")}
    return {**names, **flags, "name": user.get("name", ""), "team": user.get("team_id")}


def _apps(world: World) -> list[Json]:
    """When which app was added."""
    bots = (user for user in world.users.values() if user.get("is_bot"))
    added = {"change_type": "added", "date": "Mon, 05 Jan 2026 00:00:00 +0000", "user_name": "ada", "scope": "bot"}
    return [{**added, "user_id": bot["id"], "app_id": "A0APP", "app_type": "bot"} for bot in bots]
