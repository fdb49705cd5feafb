"""Build `slack_export.zip`, laid out like an official Slack export, from the readable `slack/`.

Same input, same bytes: names are sorted, times in the archive are fixed, every id is a hash of what
it names. `slack/README.md` describes the input.

    python sample/build_slack.py [--out PATH]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import uuid
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

Json = dict[str, Any]

HERE = Path(__file__).parent
KEYS = dict.fromkeys(("at", "user", "text", "edited", "reactions", "files", "subtype"))
SUBTYPES = {
    "bot_message": "",
    "channel_join": "has joined the channel",
    "channel_leave": "has left the channel",
    "tombstone": "This message was deleted.",
}
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", re.ASCII)
FENCE = re.compile(r"```\n?(?P<fence>.*?)\n?```\n?", re.DOTALL)
# ASCII, so that Japanese, which has no spaces, may stand before a mention or an emoji.
TOKEN = re.compile(
    r"""`(?P<code>[^`\n]+)`
    | (?P<link><https?://[^>\n]+>|https?://[^\s<>|]*[^\s<>|.,;:!?)'"])
    | (?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
    | (?<!\w)@(?P<user>[A-Za-z][A-Za-z0-9]*)
    | (?<![\w&/])\#(?P<channel>[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*)
    | (?<!\w):(?P<emoji>[a-z0-9_+-]+):(?!\w)""",
    re.ASCII | re.VERBOSE,
)


def known(table: Json, name: object, *, kind: str) -> Any:
    """`table[name]`, or a ValueError that lists what the table holds."""
    if name not in table:
        raise ValueError(f"unknown {kind} {name!r}; known {kind}s: {', '.join(sorted(table))}")
    return table[name]


def digest(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest().upper()


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def seconds(at: str, *, day: str, after: int = 0) -> int:
    """Seconds since 1970 of `at`, which stands on `day` unless it names its own."""
    stamp = at if " " in at else f"{day} {at}"
    if TIME.fullmatch(stamp):
        with suppress(ValueError):
            second = int(datetime.fromisoformat(f"{stamp}+00:00").timestamp())
            if second >= after:
                return second
    earliest = f", not before {datetime.fromtimestamp(after, UTC):%Y-%m-%d %H:%M:%S}" if after else ""
    raise ValueError(f"bad time {stamp!r}; allowed: HH:MM, HH:MM:SS or YYYY-MM-DD HH:MM{earliest}")


def day_of(ts: str) -> str:
    return datetime.fromtimestamp(float(ts), UTC).date().isoformat()


def author(message: Json) -> str:
    return str(message.get("user") or message["bot_id"])


def stretches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    """`(group, content)` of every match in order; what lies between comes as `plain`."""
    end = 0
    for found in pattern.finditer(text):
        yield "plain", text[end : found.start()]
        yield found.lastgroup or "plain", found[found.lastgroup or 0]
        end = found.end()
    yield "plain", text[end:]


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Builds the messages of one channel; `taken` counts them per second."""

    name: str
    team: Json
    users: Json
    channels: Json
    taken: Counter[int] = field(default_factory=Counter)

    def user_id(self, name: object) -> str:
        return str(known(self.users, name, kind="user")["id"])

    def token(self, kind: str, content: str) -> tuple[str, Json]:
        """The mrkdwn of one stretch and its element; Slack links bare addresses too."""
        element: Json = {"type": "text", "text": content}
        written = escape(content)
        match kind:
            case "fence":
                written = f"```{written}```\n"
            case "code":
                written, element["style"] = f"`{written}`", {"code": True}
            case "link":
                url, bar, label = content.strip("<>").partition("|")
                written = f"<{escape(url)}{bar}{escape(label)}>"
                element = {"type": "link", "url": url} | ({"text": label} if label else {})
            case "email":
                written = f"<mailto:{content}|{content}>"
                element = {"type": "link", "url": f"mailto:{content}", "text": content}
            case "user" if content in ("here", "channel", "everyone"):
                written, element = f"<!{content}>", {"type": "broadcast", "range": content}
            case "user":
                element = {"type": "user", "user_id": self.user_id(content)}
                written = f"<@{element['user_id']}>"
            case "channel":
                element = {"type": "channel", "channel_id": known(self.channels, content, kind="channel")["id"]}
                written = f"<#{element['channel_id']}|{content}>"
            case "emoji":
                written, element = f":{content}:", {"type": "emoji", "name": content}
        return written, element

    def rich_text(self, text: str) -> tuple[str, list[Json]]:
        """The mrkdwn of `text` and the parts of its `rich_text` block."""
        mrkdwn, parts = "", []
        for kind, content in stretches(FENCE, text):
            inner = [(kind, content)] if kind == "fence" else stretches(TOKEN, content)
            tokens = [self.token(*stretch) for stretch in inner if stretch[1]]
            mrkdwn += "".join(written for written, _ in tokens)
            name = "rich_text_preformatted" if kind == "fence" else "rich_text_section"
            if tokens:
                parts.append({"type": name, "elements": [element for _, element in tokens]})
        return mrkdwn.strip(), parts

    def ts(self, entry: Json, *, day: str, after: str) -> str:
        """`seconds.microseconds`; messages of one second keep the order in which they are written."""
        second = seconds(entry.get("at", ""), day=day, after=int(float(after)))
        rank = self.taken[second]
        self.taken[second] += 1
        noise = int(digest(self.name, second, entry.get("user")), 16) % 10_000
        return f"{second}.{rank * 10_000 + noise:06d}"

    def message(self, entry: Json, *, day: str, after: str) -> Json:
        """One message, as yet outside of any thread."""
        for key in entry:
            known(KEYS, key, kind="key")
        ts = self.ts(entry, day=day, after=after)
        message = {"type": "message", "ts": ts, "team": self.team["id"]}
        spoken = entry.get("subtype", "bot_message") == "bot_message"
        message |= self.said(entry, ts=ts) if spoken else self.notice(entry)
        if "edited" in entry:
            edited = seconds(entry["edited"], day=day_of(ts), after=int(float(ts)))
            message["edited"] = {"user": author(message), "ts": f"{edited}.000000"}
        for name, users in entry.get("reactions", {}).items():
            reaction = {"name": name, "users": [self.user_id(user) for user in users], "count": len(users)}
            message.setdefault("reactions", []).append(reaction)
        for file in entry.get("files", []):
            message.setdefault("files", []).append(self.file(file, message))
        return message

    def notice(self, entry: Json) -> Json:
        text = known(SUBTYPES, subtype := entry["subtype"], kind="subtype")
        if subtype == "tombstone":
            return {"subtype": subtype, "user": "USLACKBOT", "text": text, "hidden": True}
        user = self.user_id(entry.get("user"))
        return {"subtype": subtype, "user": user, "text": f"<@{user}> {text}"}

    def said(self, entry: Json, *, ts: str) -> Json:
        """Who said what; only people have `client_msg_id` and `blocks`."""
        user = known(self.users, entry.get("user"), kind="user")
        text, parts = self.rich_text(entry.get("text", "").strip())
        if not text and "files" not in entry:
            raise ValueError(f"no text at {entry['at']!r}; allowed: text, files or both")
        if user.get("is_bot"):
            who = {"bot_id": user["bot_id"], "username": user["real_name"]}
            return {"subtype": "bot_message", **who, "text": text}
        if "subtype" in entry:
            raise ValueError(f"bot_message by {entry['user']!r}; allowed: only by those with is_bot")
        block = {"type": "rich_text", "block_id": digest(self.name, ts)[:5], "elements": parts}
        client_msg_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.name}/{ts}"))
        words = {"user": user["id"], "text": text, "client_msg_id": client_msg_id}
        return words | ({"blocks": [block]} if parts else {})

    def file(self, entry: Json, message: Json) -> Json:
        if entry.keys() != {"name", "mimetype", "size"}:
            raise ValueError(f"bad file {entry!r}; allowed keys: name, mimetype, size")
        file_id, name = "F" + digest(self.name, message["ts"], entry["name"])[:10], quote(entry["name"])
        # `.example` is reserved: no link of the sample leads into somebody's workspace.
        private = f"https://files.slack.example/files-pri/{self.team['id']}-{file_id}/{name}"
        permalink = f"https://{self.team['domain']}.slack.example/files/{author(message)}/{file_id}/{name}"
        file = {"id": file_id, **entry, "size": int(entry["size"]), "mode": "hosted"}
        return file | {"url_private": private, "permalink": permalink}

    def thread(self, entry: Json, *, day: str, after: str) -> list[Json]:
        """The root, then its replies; each knows of the other."""
        replies = entry.pop("replies", [])
        root = self.message(entry, day=day, after=after)
        messages = [root]
        for reply in replies:
            said = self.message(reply, day=day, after=messages[-1]["ts"])
            messages.append(said | {"thread_ts": root["ts"], "parent_user_id": author(root)})
        if replies := messages[1:]:
            users = list(dict.fromkeys(map(author, replies)))
            root |= {"thread_ts": root["ts"], "reply_count": len(replies), "reply_users": users}
            root |= {"reply_users_count": len(users), "latest_reply": replies[-1]["ts"]}
            root |= {"replies": [{"user": author(one), "ts": one["ts"]} for one in replies]}
        return messages

    def threads(self, path: Path) -> list[Json]:
        """All messages of the threads that begin on the day of `path`."""
        messages, after = [], "0"
        # BaseLoader keeps every scalar as it is written: `+1` and 10:30 are no numbers here.
        with path.open(encoding="utf-8") as lines:
            entries = yaml.load(lines, yaml.BaseLoader) or []
        try:
            for entry in entries:
                messages += (thread := self.thread(entry, day=path.stem, after=after))
                if day_of(after := thread[0]["ts"]) != path.stem:
                    raise ValueError(f"bad time {entry['at']!r}; allowed: HH:MM or HH:MM:SS")
        except ValueError as error:
            raise ValueError(f"{'/'.join(path.parts[-3:])}: {error}") from error
        return messages

    def description(self, messages: list[Json]) -> Json:
        """The entry of `channels.json`; who wrote and did not leave is a member, in #general all are."""
        about = self.channels[self.name]
        creator, created = self.user_id(about["creator"]), seconds("00:00", day=about["created"])
        people = {user["id"] for user in self.users.values() if not user.get("is_bot")}
        general = about.get("is_general", False)
        there = {author(one): one.get("subtype") != "channel_leave" for one in messages}
        members = people if general else {user for user in people if there.get(user)}
        entry = {"id": about["id"], "name": self.name, "created": created, "creator": creator}
        entry |= {"is_archived": False, "is_general": general, "members": sorted(members)}
        for key in ("topic", "purpose"):
            entry[key] = {"value": about[key], "creator": creator, "last_set": created}
        return entry


def user_json(name: str, about: Json, *, team_id: str) -> Json:
    user = {"id": about["id"], "team_id": team_id, "name": name, "deleted": False}
    user |= {"real_name": about["real_name"], "tz": about.get("tz", "Etc/UTC")}
    profile = {"real_name": about["real_name"], "display_name": name}
    profile |= {key: about.get(key, "") for key in ("email", "title")}
    return user | {"is_bot": about.get("is_bot", False), "profile": profile}


def export(source: Path) -> dict[str, list[Json]]:
    """Every file of the export by its name in the archive."""
    people = yaml.safe_load((source / "users.yaml").read_text(encoding="utf-8"))
    channels = yaml.safe_load((source / "channels.yaml").read_text(encoding="utf-8"))["channels"]
    for folder in (source / "messages").iterdir():
        known(channels, folder.name, kind="channel folder")
    files: dict[str, list[Json]] = defaultdict(list)
    for name in sorted(channels):
        channel = Channel(name=name, **people, channels=channels)
        paths = sorted((source / "messages" / name).glob("*.yaml"))
        messages = [message for path in paths for message in channel.threads(path)]
        messages.sort(key=lambda message: str(message["ts"]))
        for message in messages:
            files[f"{name}/{day_of(message['ts'])}.json"].append(message)
        files["channels.json"].append(channel.description(messages))
    users = sorted(people["users"].items())
    files["users.json"] = [user_json(*user, team_id=people["team"]["id"]) for user in users]
    return files | {"integration_logs.json": []}


def write(files: dict[str, list[Json]], out: Path) -> None:
    """A zip whose bytes depend on `files` alone: stored, as deflate differs between zlib builds."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, date_time=(2026, 11, 9, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, json.dumps(files[name], indent=4))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=HERE / "slack_export.zip")
    out = parser.parse_args().out
    write(files := export(HERE / "slack"), out)
    said = [message for name in files if "/" in name for message in files[name]]
    roots = sum("reply_count" in message for message in said)
    print(f"{out.name}: {len(files['channels.json'])} channels, {len(said)} messages, {roots} threads")


if __name__ == "__main__":
    main()
