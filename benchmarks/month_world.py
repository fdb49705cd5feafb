"""The world of the simulated month: a workspace, a site and an inbox, where something happens every day."""

import gzip
import heapq
import itertools
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import month_prose as prose
from tests.servers.sites import Answer, Page
from tests.servers.slack_company import Company
from tests.servers.slack_web_api import Api
from tests.servers.slack_workspace import DAY, START, TEAM, Json

HOST = "www.month.example"
FLOODED, SILENT = "C0DEPLOY1", "support"
EVERYDAY = (Company.talk, Company.burst, Company.answer, Company.broadcast, Company.tell, Company.like, Company.change)
RARE = (Company.change, Company.remove, Company.remove_root, Company.remove_file, Company.answer, Company.move_on)


def day_start(number: int) -> float:
    """Midnight, UTC, at which day `number` of the world begins."""
    return START + number * DAY


@dataclass
class Workspace(Company):
    """A workspace in which the sample's people talk as they do there, and all sorts of things happen beside that.

    `reach_s`: how old a message may be that is edited, deleted or answered.
    """

    talks_a_day: int = 6
    reach_s: float = DAY

    def furnish(self) -> None:
        super().furnish()
        self.agenda: list[tuple[float, int, Callable[[], object]]] = []
        self.count = itertools.count()
        self.silent: set[str] = set()
        self.talks = list(prose.talks())
        self.random.shuffle(self.talks)
        self.channels["C0GEN1"]["name"] = "announcements"  # the sample has a channel `general` too
        for id, user in prose.people().items():
            self.users[id] = {**user, "team_id": TEAM}
        for channel in prose.channels().values():
            self.channels[channel["id"]] = {"is_member": True, "is_archived": False, **channel}
        flooded: Json = {"id": FLOODED, "name": "deploys", "created": int(START), "creator": "U0ADA1", "members": []}
        self.channels[FLOODED] = {"is_member": True, "is_archived": False, **flooded}

    def plan(self, number: int) -> None:
        """What will happen on day `number`: threads, some with replies on later days, and what else happens."""
        begin, talks = day_start(number), self.talks
        self.at(begin, lambda: setattr(self, "reach_s", 30 * DAY if number % 3 == 2 else DAY))
        for index in range(self.talks_a_day):
            talk = talks[(number * self.talks_a_day + index) % len(talks)]
            self.at(begin + self.random.uniform(7, 17) * 3600, lambda talk=talk: self._begin(talk))
        for _ in range(4):
            thing = self.random.choice(EVERYDAY)
            self.at(begin + self.random.uniform(6, 22) * 3600, lambda thing=thing: thing(self))
        if number % 3 == 2:
            for _ in range(3):
                thing = self.random.choice(RARE)
                self.at(begin + self.random.uniform(6, 22) * 3600, lambda thing=thing: thing(self))
            self.at(begin + DAY - 1, self.at_midnight)

    def at(self, time: float, act: Callable[[], object]) -> None:
        heapq.heappush(self.agenda, (time, next(self.count), act))

    def live_until(self, time: float) -> None:
        """Everything that is due happens; then it is `time`, or what the last event made it."""
        while self.agenda and self.agenda[0][0] <= time:
            due, _, act = heapq.heappop(self.agenda)
            self.now = due
            act()
        self.now = time

    def flood(self, messages: int) -> None:
        """A bot says nearly the same again and again."""
        for number in range(messages):
            text = f"Deployment of brightwater-gateway finished on host {number % 7} without any error, build {number}"
            self.post(FLOODED, text, bot_id="B0HOOK", username="deploys", subtype="bot_message", after_s=1.0)

    def _begin(self, talk: prose.Talk) -> None:
        if talk.channel in self.silent:
            return
        channel, begin = prose.channels()[talk.channel]["id"], self.now
        first, *others = talk.lines
        root = self.post(channel, first.text, user=first.user, after_s=0.0)
        delay = DAY * self.random.randrange(1, 6) if self.random.random() < 0.1 else 0.0
        for number, line in enumerate(others, start=1):
            is_last = number == len(others)
            due = begin + min(line.after_s, 5 * 3600.0) + (delay if is_last else 0.0)
            self.at(due, lambda line=line: self._reply(channel, root, line))

    def _reply(self, channel: str, root: str, line: prose.Line) -> None:
        if self.said[channel, root].deleted_at is None:
            self.reply(channel, root, line.text, user=line.user, after_s=0.0)

    def _open_channels(self) -> list[str]:
        silent = {prose.channels()[name]["id"] for name in self.silent}
        return [id for id in super()._open_channels() if id not in silent]

    def _any(self, is_wanted: Callable[[Json], bool]) -> tuple[str, str] | None:
        return super()._any(lambda one: float(one["ts"]) > self.now - self.reach_s and is_wanted(one))

    def _root(self, *, recent: bool) -> tuple[str, str] | None:
        """A message to answer, as old as it may be, in a channel where people still talk."""
        found = super()._root(recent=recent or self.reach_s <= DAY)
        return found if found is None or found[0] in self._open_channels() else None


@dataclass
class Slack(Api):
    """The Web API, at the clock's time; `told` are the messages that were posted to it, with the time."""

    clock: Callable[[], float] = float
    told: list[tuple[float, Json]] = field(default_factory=list)

    def answer(self, method: str, arguments: Json) -> Json | tuple[int, dict[str, str], bytes]:
        self.world.now = max(self.world.now, self.clock())
        return super().answer(method, arguments)

    def _over_limit(self, method: str) -> bool:
        return False  # pacing takes real time, and has tests of its own

    def chat_postMessage(self, arguments: Json) -> Json:  # noqa: N802 (as Slack calls it)
        self.told.append((self.clock(), arguments))
        return {"ok": True, "channel": arguments.get("channel", ""), "ts": f"{self.clock():.6f}"}


@dataclass
class Site:
    """A site that grows: `hosts` is what the server of sites shows. Pages are paragraphs by path."""

    seed: int = 0
    first_pages: int = 12
    pages: dict[str, list[str]] = field(default_factory=dict)
    forbidden: str = ""
    is_down: bool = False
    hosts: dict[str, dict[str, Answer]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(f"site {self.seed}")
        for number in range(self.first_pages):
            self._add(f"/{'notes' if number % 4 == 3 else 'guide'}/{number}.html")
        self.publish()

    def live(self, number: int) -> None:
        """What changes on day `number`: a new page, a changed one, and on every third day one that vanishes."""
        self._add(f"/{'notes' if number % 4 == 3 else 'news'}/day-{number}.html")
        changed = self.random.choice(sorted(self.pages))
        self.pages[changed] = [*self.pages[changed][:-1], prose.paragraph(self.random)]
        if number % 3 == 1:
            del self.pages[self.random.choice(sorted(self.pages))]
        self.publish()

    def publish(self) -> None:
        """Shows the site as it is now."""
        robots = f"User-agent: *\nDisallow: {self.forbidden}\n"
        links = "".join(f'<li><a href="{path}">{_title(path)}</a></li>' for path in sorted(self.pages))
        shown: dict[str, Answer] = {
            "/robots.txt": Page(body=robots.encode(), media_type="text/plain"),
            "/": _html("All pages", f"<ul>{links}</ul>"),
        }
        for path, paragraphs in self.pages.items():
            shown[path] = _html(_title(path), "".join(f"<p>{one}</p>" for one in paragraphs))
        self.hosts[HOST] = {path: Page(status=503) for path in shown} if self.is_down else shown

    def _add(self, path: str) -> None:
        self.pages[path] = prose.article(self.random)


def _title(path: str) -> str:
    return path.removesuffix(".html").strip("/").replace("/", " ")


def _html(title: str, body: str) -> Page:
    whole = f"<!doctype html><html lang='en'><head><title>{title}</title></head><body><main><h1>{title}</h1>{body}"
    return Page(body=f"{whole}</main></body></html>".encode())


@dataclass
class Inbox:
    """The folder that dumps are put in."""

    folder: Path
    clock: Callable[[], float]
    seed: int = 0

    def whole(self, name: str, *, documents: int = 12, garble: bool = False) -> bytes:
        """A dump of made-up articles, the same for each name; `garble`: UTF-8 that was read as Latin-1."""
        chance, lines = random.Random(f"{name} {self.seed}"), []
        for number in range(documents):
            text = "\n\n".join(prose.article(chance))
            if garble:
                text = text.replace("e", "é").replace(". ", " … – “so” ").encode().decode("latin-1")
            url = f"https://dump.example/{name}/{number}"
            lines.append(json.dumps({"id": f"{name}-{number}", "text": text, "url": url}))
        return gzip.compress("\n".join(lines).encode() + b"\n", mtime=0)

    def put(self, name: str, data: bytes) -> None:
        """Writes a file of the clock's time; one that is there is replaced at once."""
        written = self.folder / f".{name}"
        written.write_bytes(data)
        os.utime(written, (self.clock(), self.clock()))
        written.replace(self.folder / name)
