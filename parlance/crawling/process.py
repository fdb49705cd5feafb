"""One crawl, from its frontier to its WARC files. Scrapy's reactor runs once in a process: a crawl needs a new one."""

import fcntl
import sqlite3
import time
import zlib
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy import Request, signals
from scrapy.crawler import CrawlerProcess
from scrapy.exceptions import DontCloseSpider
from scrapy.http import HtmlResponse, Response
from scrapy.linkextractors import LinkExtractor
from scrapy.utils.defer import deferred_from_coro
from scrapy.utils.gz import gunzip
from scrapy.utils.sitemap import Sitemap

from parlance.crawling import signals as said
from parlance.crawling.answers import headers_of, readable, reason_of, redirect_of, retry_after, type_of
from parlance.crawling.archive import Archive, Exchange, record_id, stamp
from parlance.crawling.downloading import settings
from parlance.crawling.frontier import DATABASE, Entry, Frontier, Kind, Validator
from parlance.crawling.robots import Robots
from parlance.crawling.settings import CrawlList
from parlance.errors import TransientError

ATTEMPTS = 3
LONGEST_WAIT_S = 120.0
REPORT_EVERY_S = 2.0
TYPES = ("text/html", "application/xhtml+xml", "text/plain")
SITEMAP_TYPES = (
    "text/xml",
    "application/xml",
    "text/plain",
    "application/gzip",
    "application/x-gzip",
    "application/octet-stream",
)
SITEMAP_BYTES = 50 * 1024 * 1024

Figures = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What one origin allows."""

    robots: Robots
    reason: str
    tdmrep: bytes


def crawl(listed: CrawlList, folder: Path, day: str, *, report: Callable[[Figures], None]) -> Figures:
    """Crawls the list for `day` until nothing within its bounds waits; goes on where an earlier process stopped.

    WARC files lie in `<folder>/<day>`, the frontier in `<folder>/crawl.sqlite`. Raises TransientError where another
    process crawls into the same folder, and OSError or sqlite3.Error where they cannot be written.
    """
    errors: list[Exception] = []
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TransientError(f"another crawl writes to {folder}") from error
        with Frontier(folder / DATABASE, day, listed) as frontier:
            frontier.add(listed.seeds)
            frontier.add(listed.sitemaps, kind="sitemap")
            committed = frontier.files()
            with Archive(folder / day, name="crawl", day=day, committed=committed, listed=listed) as archive:
                process = CrawlerProcess(settings(listed))
                process.crawl(Fetcher, listed=listed, frontier=frontier, archive=archive, report=report, errors=errors)
                process.start()
                if errors:
                    raise errors[0]
            return figures(frontier)


def figures(frontier: Frontier) -> Figures:
    """Where the crawl stands: URLs by state, records by host, and what was refused or failed by reason."""
    return {"urls": frontier.counts(), "hosts": frontier.by_host(), "reasons": frontier.reasons()}


class Fetcher(scrapy.Spider):  # type: ignore[misc]
    """Takes URLs from the frontier, as many as there is room for, and settles each."""

    name = "parlance"

    def __init__(
        self,
        *,
        listed: CrawlList,
        frontier: Frontier,
        archive: Archive,
        report: Callable[[Figures], None],
        errors: list[Exception],
    ) -> None:
        super().__init__()
        self._list, self._frontier, self._archive, self._report = listed, frontier, archive, report
        self._errors = errors
        self._agent = listed.user_agent
        self._rules: dict[str, Rules] = {}
        self._held: dict[str, deque[Entry]] = defaultdict(deque)
        self._links = LinkExtractor(tags=("a", "area", "link"), attrs=("href",), deny_extensions=None)
        self.delays: dict[str, float] = {}
        self.size_bytes = 0
        self.pages = 0
        self._reported = 0.0

    @classmethod
    def from_crawler(cls, crawler: Any, *args: Any, **kwargs: Any) -> Any:
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.idle, signal=signals.spider_idle)
        return spider

    async def start(self) -> Any:
        """Nothing: the frontier is read when there is room."""
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    def idle(self) -> None:
        """Goes on while anything waits within bounds, be it for its time to come."""
        if self._guarded(self._goes_on):
            raise DontCloseSpider

    def _goes_on(self) -> bool:
        self.feed()
        at = self._frontier.next_time()
        if at is not None and not self._frontier.in_flight():
            self._feed_in(max(0.0, min(at - time.time(), 5.0)))
            return True
        return bool(self._frontier.in_flight())

    def feed(self) -> None:
        """Says where the crawl stands, and sends what there is room for; nothing while it is stopped."""
        if not self.crawler.crawling:
            return
        if time.monotonic() - self._reported > REPORT_EVERY_S:
            self._reported = time.monotonic()
            self._report({"pages": self.pages, "size_bytes": self.size_bytes, **figures(self._frontier)})
        flying = self._frontier.in_flight()
        room = self.crawler.settings.getint("CONCURRENT_REQUESTS") * 2 - flying.total()
        each = self._list.concurrency_per_host * 2
        hosts = [host for host in self._frontier.hosts() if flying[host] < each]
        if room > 0 and hosts:
            for entry in self._frontier.claim(hosts[:room], now=time.time(), each=each):
                self._admit(entry)

    def _feed_in(self, seconds: float) -> None:
        from twisted.internet import reactor

        reactor.callLater(seconds, self._guarded, self.feed)

    def _guarded(self, work: Callable[..., Any], *given: Any) -> Any:
        """What `work` gives; an error ends the crawl, which raises it. The reactor would log it and go on for ever."""
        if self._errors:
            return None
        try:
            return work(*given)
        except Exception as error:  # noqa: BLE001 - raised by `crawl`
            self._errors.append(error)
            deferred_from_coro(self.crawler.stop_async())

    def _admit(self, entry: Entry) -> None:
        """Fetches a URL, or first what its origin allows."""
        origin = origin_of(entry.url)
        if origin in self._rules:
            self._fetch(entry, self._rules[origin])
            return
        self._held[origin].append(entry)
        if len(self._held[origin]) == 1:
            self._ask(f"{origin}/robots.txt", "robots", self._on_robots, origin=origin)

    def _ask(
        self, url: str, kind: Kind, then: Callable[..., None], *, origin: str, attempt: int = 1, hops: int = 0
    ) -> None:
        """Asks what `origin` allows, by whatever origin its redirects lead to.

        `then` gets the body: empty for a client error, null without an answer.
        """
        entry = self._frontier.take(url, kind)
        asked = {"entry": entry, "then": then, "attempt": attempt, "hops": hops, "origin": origin}
        self._send(entry, self._on_answer, self._on_no_answer, partial(self._unanswered, asked), meta=asked)

    def _on_answer(self, response: Response) -> None:
        asked, exchange = response.meta, response.meta["wire"]
        entry: Entry = asked["entry"]
        if response.status >= 500 or response.status == 429:
            self._ask_again(asked, f"http status {response.status}")
            return
        self._frontier.settle(entry, "done", status=response.status, place=self._archive.add(exchange))
        target = redirect_of(response)
        if target is not None and asked["hops"] < 5:
            self._ask(target, entry.kind, asked["then"], origin=asked["origin"], hops=asked["hops"] + 1)
            return
        asked["then"](asked["origin"], response.body if response.status == 200 else b"")

    def _on_no_answer(self, failure: Any) -> None:
        self._ask_again(failure.request.meta, reason_of(failure.value, failure.request.url)[0])

    def _ask_again(self, asked: dict[str, Any], reason: str) -> None:
        entry: Entry = asked["entry"]
        if asked["attempt"] < ATTEMPTS and not reason.startswith("private"):
            again = {"attempt": asked["attempt"] + 1, "hops": asked["hops"]}
            self._ask(entry.url, entry.kind, asked["then"], origin=asked["origin"], **again)
            return
        self._unanswered(asked, reason)

    def _unanswered(self, asked: dict[str, Any], reason: str) -> None:
        self._frontier.settle(asked["entry"], "failed", reason=reason)
        asked["then"](asked["origin"], None, reason)

    def _on_robots(self, origin: str, body: bytes | None, reason: str = "") -> None:
        if not self._list.obey_robots:
            robots = Robots.absent(self._agent)
        else:
            robots = Robots.unreachable(self._agent) if body is None else Robots(body, self._agent)
        why = (
            "robots.txt"
            if body is not None
            else reason
            if reason.startswith("private")
            else f"robots.txt unreachable: {reason}"
        )
        host = urlsplit(origin).hostname or ""
        self._slow_down(host, robots.crawl_delay)
        self._frontier.add(robots.sitemaps, kind="sitemap", found_on=f"{origin}/robots.txt")

        def decided(_: str, tdmrep: bytes | None, reason: str = "") -> None:
            self._rules[origin] = Rules(robots=robots, reason=why, tdmrep=tdmrep or b"")
            for entry in self._held.pop(origin, deque()):
                self._fetch(entry, self._rules[origin])

        if body is not None and "tdm_reservation" in self._list.respect:
            self._ask(origin + said.TDMREP_PATH, "tdmrep", decided, origin=origin)
        else:
            decided(origin, b"")

    def _slow_down(self, host: str, crawl_delay: float | None) -> None:
        """Waits between two requests as long as the host asks, or longer where the list says so."""
        delay = max(self._list.delay_s, crawl_delay or 0.0)
        self.delays[host] = max(delay, self.delays.get(host, 0.0))
        downloader = self.crawler.engine.downloader
        downloader.per_slot_settings[host] = {"delay": delay, "concurrency": self._list.concurrency_per_host}
        if host in downloader.slots:
            downloader.slots[host].delay = max(downloader.slots[host].delay, delay)

    def _fetch(self, entry: Entry, rules: Rules) -> None:
        blamed(partial(self._failed, entry), self._fetch_allowed, entry, rules)

    def _fetch_allowed(self, entry: Entry, rules: Rules) -> None:
        if not rules.robots.allows(entry.url):
            self._settled(entry, "refused", reason=rules.reason)
            return
        if entry.kind == "page" and said.tdmrep(rules.tdmrep, entry.url[len(origin_of(entry.url)) :]):
            self._settled(entry, "refused", reason="tdm_reservation")
            return
        known = self._frontier.validator(entry.url) if entry.kind == "page" else None
        headers = {"If-None-Match": known.etag, "If-Modified-Since": known.modified} if known else {}
        given = {name: value for name, value in headers.items() if value}
        meta = {"entry": entry, "known": known}
        self._send(entry, self._on_page, self._on_failure, partial(self._failed, entry), meta=meta, headers=given)

    def _send(
        self,
        entry: Entry,
        callback: Callable[..., None],
        errback: Callable[..., None],
        failed: Callable[[str], None],
        *,
        meta: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> None:
        meta = {**meta, "handle_httpstatus_all": True, "download_slot": entry.host}
        request = Request(
            entry.url,
            partial(self._guarded, blamed, failed, callback),
            errback=partial(self._guarded, blamed, failed, errback),
            dont_filter=True,
            meta=meta,
            headers=headers,
        )
        self.crawler.engine.crawl(request)

    def _on_page(self, response: Response) -> None:
        entry, exchange, known = response.meta["entry"], response.meta["wire"], response.meta["known"]
        status = response.status
        self.size_bytes += len(exchange.body)
        if status == 304 and known is not None:
            self._unchanged(entry, exchange, known)
        elif status >= 500 or status == 429:
            self._again(entry, f"http status {status}", status=status, wait=retry_after(response))
        elif (target := redirect_of(response)) is not None:
            place = self._archive.add(exchange)
            self._frontier.add([target], kind=entry.kind, depth=entry.depth, hops=entry.hops + 1, found_on=entry.url)
            self._settled(entry, "done", status=status, place=place)
        elif status != 200:
            self._settled(
                entry, "failed", status=status, reason=f"http status {status}", place=self._archive.add(exchange)
            )
        elif entry.kind == "sitemap":
            self._sitemap(entry, response, exchange)
        else:
            self._page(entry, response, exchange, known)

    def _page(self, entry: Entry, response: Response, exchange: Exchange, known: Validator | None) -> None:
        media_type = type_of(response)
        if media_type not in TYPES:
            self._settled(entry, "refused", status=200, reason=f"media type {media_type or 'missing'}")
            return
        headers = headers_of(response)
        links = [] if said.nofollow(headers, response.body, self._agent) else self._links_of(response)
        self._frontier.add(links, depth=entry.depth + 1, found_on=entry.url)
        reserved = said.reservation(headers, response.body, self._agent)
        if reserved in self._list.respect:
            self._settled(entry, "refused", status=200, reason=reserved)
            return
        same = known if known is not None and known.digest == exchange.digest else None
        place = self._archive.add(exchange, unchanged_since=same)
        etag, modified = (next(iter(headers.get(name, ())), None) for name in ("etag", "last-modified"))
        validator = Validator(
            etag=etag,
            modified=modified,
            digest=exchange.digest,
            record_id=same.record_id if same else record_id(place.file, place.position, entry.url),
            date=same.date if same else stamp(exchange.at),
            links=tuple(links),
        )
        self.pages += 1
        self._settled(entry, "done", status=200, place=place, validator=validator, reason="unchanged" if same else None)

    def _unchanged(self, entry: Entry, exchange: Exchange, known: Validator) -> None:
        self._frontier.add(known.links, depth=entry.depth + 1, found_on=entry.url)
        place = self._archive.add(exchange, unchanged_since=known)
        self.pages += 1
        self._settled(entry, "done", status=304, place=place, reason="unchanged")

    def _sitemap(self, entry: Entry, response: Response, exchange: Exchange) -> None:
        media_type = type_of(response)
        if media_type not in SITEMAP_TYPES:
            self._settled(entry, "refused", status=200, reason=f"media type {media_type or 'missing'}")
            return
        try:
            data = response.body
            data = gunzip(data, max_size=SITEMAP_BYTES) if data.startswith(b"\x1f\x8b") else data
            sitemap = Sitemap(data)
            found = [one["loc"] for one in sitemap if one.get("loc")]
        except (OSError, EOFError, zlib.error, SyntaxError, StopIteration) as error:
            self._settled(entry, "failed", status=200, reason=f"no sitemap: {error!r}"[:200])
            return
        if sitemap.type == "sitemapindex":
            self._frontier.add(found, kind="sitemap", hops=entry.hops + 1, found_on=entry.url)
        else:
            self._frontier.add(found, depth=min(1, self._list.depth), found_on=entry.url)
        self._settled(entry, "done", status=200, place=self._archive.add(exchange))

    def _links_of(self, response: Response) -> list[str]:
        """Links of an HTML page, in order and once each; images, styles and scripts are none.

        None either where the page's `base` is no URL.
        """
        if not isinstance(response, HtmlResponse):
            return []
        try:
            links = self._links.extract_links(readable(response))
        except ValueError:
            return []
        return list(dict.fromkeys(link.url for link in links if not link.nofollow))

    def _on_failure(self, failure: Any) -> None:
        entry: Entry = failure.request.meta["entry"]
        reason, may_help = reason_of(failure.value, entry.url)
        if reason.startswith("private"):
            self._settled(entry, "refused", reason=reason)
        elif may_help:
            self._again(entry, reason)
        else:
            self._failed(entry, reason)

    def _again(self, entry: Entry, reason: str, *, status: int | None = None, wait: float | None = None) -> None:
        """Another attempt later, at most three in all."""
        if entry.attempts + 1 >= ATTEMPTS:
            self._settled(entry, "failed", status=status, reason=reason)
            return
        pause = wait if wait is not None else 2.0**entry.attempts * max(self._list.delay_s, 0.1)
        self._frontier.retry(entry, at=time.time() + min(pause, LONGEST_WAIT_S), reason=reason)
        self._feed_in(0)

    def _failed(self, entry: Entry, reason: str) -> None:
        self._settled(entry, "failed", reason=reason)

    def _settled(self, entry: Entry, state: Any, **what: Any) -> None:
        self._frontier.settle(entry, state, **what)
        self._feed_in(0)


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def blamed(failed: Callable[[str], None], work: Callable[..., None], *given: Any) -> None:
    """Does `work` on what a server sent; of an error that is not of the disk, `failed` is told.

    Scrapy, lxml, zlib and urllib each raise errors of their own over what is malformed.
    """
    try:
        work(*given)
    except (OSError, sqlite3.Error):
        raise
    except Exception as error:  # noqa: BLE001 - the URL's row has it
        failed(f"error: {type(error).__name__}: {error}"[:200])
