"""Which URLs a crawl knows and what became of each, in SQLite: a crash loses nothing that was written down.

A URL in flight is only in memory, so after a crash it waits again. A URL is done in the same transaction that says
where its record ends in the WARC; what stands behind that end was not committed and is cut off when the crawl goes on.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urljoin, urlsplit

from w3lib.url import canonicalize_url, safe_url_string

from parlance.crawling.settings import CrawlList

Kind = Literal["page", "sitemap", "robots", "tdmrep"]
State = Literal["waiting", "done", "refused", "failed"]

SCHEMA = """
create table if not exists urls(
    id integer primary key, day text not null, key text not null, url text not null, host text not null,
    kind text not null, depth integer not null, hops integer not null, found_on text, state text not null,
    attempts integer not null default 0, not_before real not null default 0,
    status integer, reason text, file text, position integer, size integer, unique(day, key)
);
create index if not exists waiting on urls(day, host, state, depth, id);
create table if not exists files(day text not null, name text not null, size integer not null, primary key(day, name));
create table if not exists validators(
    key text primary key, etag text, modified text, digest text not null, record_id text not null, date text not null,
    links text not null
);
"""
DATABASE = "crawl.sqlite"
HOPS = 10
# robots.txt and tdmrep.json are fetched for the sake of the others, and before them.
OWN = "kind in ('page', 'sitemap')"
LONGEST_URL = 2_000
LONGEST_HOST = 253  # of DNS; so that a host's robots.txt has no URL that is too long
# Only `add` refuses without an attempt.
IS_NEARER = """
kind=excluded.kind and excluded.state='waiting'
and (state='refused' and attempts=0 or state='waiting' and depth>excluded.depth)
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One URL of the frontier; `hops` counts the redirects that led to it."""

    id: int
    url: str
    host: str
    kind: Kind
    depth: int
    hops: int
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a record lies in a WARC file."""

    file: str
    position: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Validator:
    """What an earlier answer said of a page: with it the next crawl asks whether the page changed."""

    etag: str | None
    modified: str | None
    digest: str
    record_id: str
    date: str
    links: tuple[str, ...]


class Frontier:
    """The frontier of one day's crawl; validators are those of all days."""

    def __init__(self, path: Path, day: str, listed: CrawlList) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._day, self._listed = day, listed
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript("pragma journal_mode=wal; pragma synchronous=full;" + SCHEMA)
        self._in_flight: dict[int, str] = {}
        self._taken: Counter[str] = Counter()
        taken = "select host, count(*) from urls where day=? and file is not null and kind='page' group by host"
        self._taken.update(dict(self._rows(taken)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._database.close()

    def add(
        self, urls: Iterable[str], *, kind: Kind = "page", depth: int = 0, hops: int = 0, found_on: str = ""
    ) -> None:
        """Writes down URLs, whole or relative to `found_on`. Beyond a bound of the list: refused.

        A URL that is found again by a shorter way is as near as that, and no longer refused where that is within the
        bounds. Once it was asked for it keeps its depth, and so do the links of its page.
        """
        rows = []
        for url in urls:
            safe = normal(url, found_on)
            if safe is None:
                continue
            host = urlsplit(safe).hostname or ""
            reason = self._refusal(safe, host, kind=kind, depth=depth, hops=hops)
            state = "refused" if reason else "waiting"
            rows.append((self._day, key_of(safe, kind), safe, host, kind, depth, hops, found_on, state, reason))
        with self._transaction():
            self._database.executemany(
                "insert into urls(day, key, url, host, kind, depth, hops, found_on, state, reason)"
                " values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict(day, key) do update set"
                " depth=excluded.depth, hops=excluded.hops, found_on=excluded.found_on, state='waiting',"
                f" reason=iif(state='refused', null, reason) where {IS_NEARER}",
                rows,
            )

    def _refusal(self, url: str, host: str, *, kind: Kind, depth: int, hops: int) -> str | None:
        """The bound of the list that keeps a URL out; null where none does."""
        listed = self._listed
        if not any(fnmatchcase(host, pattern) for pattern in listed.allowed_hosts):
            return "host not in the list"
        if depth > listed.depth:
            return f"deeper than {listed.depth}"
        if hops > HOPS:
            return f"more than {HOPS} redirects"
        if kind == "page" and any(fnmatchcase(url, pattern) for pattern in listed.exclude):
            return "excluded by the list"
        if kind == "page" and depth and listed.follow and not any(fnmatchcase(url, one) for one in listed.follow):
            return "not followed by the list"
        return None

    def claim(self, hosts: Sequence[str], *, now: float, each: int) -> list[Entry]:
        """Up to `each` waiting URLs of each of `hosts` whose time has come: in flight until they are settled."""
        found: list[Entry] = []
        for host in hosts:
            room = min(each, self._listed.pages_per_host - self._taken[host], self._listed.pages - self._taken.total())
            rows = self._rows(
                f"select id, url, host, kind, depth, hops, attempts from urls where {OWN} and day=? and host=?"
                " and state='waiting' and not_before<=? order by depth, id limit ?",
                (self._day, host, now, each + len(self._in_flight)),
            )
            fresh = (row for row in rows if row[0] not in self._in_flight)
            for row in [row for row, _ in zip(fresh, range(max(room, 0)), strict=False)]:
                found.append(Entry(**dict(zip(Entry.__dataclass_fields__, row, strict=True))))
                self._in_flight[row[0]] = host
                self._taken[host] += 1
        return found

    def in_flight(self) -> Counter[str]:
        """How many URLs of each host were claimed and are not settled."""
        return Counter(self._in_flight.values())

    def take(self, url: str, kind: Kind) -> Entry:
        """The entry of a host's robots.txt or tdmrep.json, known or not: it counts for no bound."""
        self.add([url], kind=kind)
        query = "select id, url, host, kind, depth, hops, attempts from urls where day=? and key=?"
        (row,) = self._rows(query, (self._day, key_of(url, kind)))
        return Entry(**dict(zip(Entry.__dataclass_fields__, row, strict=True)))

    def hosts(self) -> list[str]:
        """Hosts with waiting pages or sitemaps, in order of their names."""
        query = f"select distinct host from urls where day=? and state='waiting' and {OWN} order by host"
        return [host for (host,) in self._rows(query)]

    def next_time(self) -> float | None:
        """When the next waiting URL may be fetched, nothing being in flight; null where none waits within bounds."""
        query = f"select host, min(not_before) from urls where day=? and state='waiting' and {OWN} group by host"
        times = [at for host, at in self._rows(query) if self._taken[host] < self._listed.pages_per_host]
        return min(times) if times and self._taken.total() < self._listed.pages else None

    def settle(
        self,
        entry: Entry,
        state: State,
        *,
        status: int | None = None,
        reason: str | None = None,
        place: Place | None = None,
        validator: Validator | None = None,
    ) -> None:
        """What became of a URL, with the place of its record, in one transaction."""
        with self._transaction():
            where = (place.file, place.position, place.size) if place else (None, None, None)
            self._database.execute(
                "update urls set attempts=attempts+1, state=?, status=?, reason=?, file=?, position=?, size=?"
                " where id=?",
                (state, status, reason, *where, entry.id),
            )
            if place is not None:
                end = (self._day, place.file, place.position + place.size)
                self._database.execute("insert or replace into files values(?, ?, ?)", end)
            if validator is not None:
                self._database.execute(
                    "insert or replace into validators values(?, ?, ?, ?, ?, ?, ?)",
                    (key_of(entry.url), validator.etag, validator.modified, validator.digest, validator.record_id,
                     validator.date, "\n".join(validator.links)),
                )  # fmt: skip
        self._release(entry, taken=place is not None)

    def retry(self, entry: Entry, *, at: float, reason: str) -> None:
        """Lets a URL wait until `at` for another attempt."""
        with self._transaction():
            self._database.execute(
                "update urls set attempts=attempts+1, not_before=?, reason=? where id=?", (at, reason, entry.id)
            )
        self._release(entry, taken=False)

    def _release(self, entry: Entry, *, taken: bool) -> None:
        if self._in_flight.pop(entry.id, None) is not None:
            self._taken[entry.host] -= 0 if taken else 1

    def validator(self, url: str) -> Validator | None:
        """What the last answer for `url` said, on whatever day."""
        rows = list(self._rows("select * from validators where key=?", (key_of(url),)))
        if not rows:
            return None
        _, *values, links = rows[0]
        names = list(Validator.__dataclass_fields__)
        return Validator(**dict(zip(names, values, strict=False)), links=tuple(links.split("\n")) if links else ())

    def files(self) -> dict[str, int]:
        """WARC files of the day with the size up to which they are committed."""
        return dict(self._rows("select name, size from files where day=?"))

    def counts(self) -> dict[str, int]:
        """URLs by state."""
        return dict(self._rows("select state, count(*) from urls where day=? group by state"))

    def by_host(self) -> dict[str, int]:
        """URLs with a record, by host, the most first."""
        where = "day=? and file is not null"
        return dict(self._rows(f"select host, count(*) n from urls where {where} group by host order by n desc, host"))

    def reasons(self) -> dict[str, int]:
        """URLs that were refused or failed, by reason, the most first."""
        where = "day=? and state in ('refused', 'failed')"
        query = f"select reason, count(*) n from urls where {where} group by reason order by n desc, reason"
        return dict(self._rows(query))

    def entries(self) -> Iterator[tuple[str, str, str, str | None, int | None, str | None, int | None]]:
        """URL, kind, state, reason, status, file and position of every URL, in the order in which they were found."""
        query = "select url, kind, state, reason, status, file, position from urls where day=? order by id"
        yield from self._rows(query)

    def _rows(self, query: str, arguments: Sequence[object] | None = None) -> Iterator[tuple[Any, ...]]:
        with closing(self._database.execute(query, arguments or (self._day,))) as cursor:
            yield from cursor

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._database.execute("rollback")
            raise
        self._database.execute("commit")


def normal(url: str, base: str = "") -> str | None:
    """`url`, seen from `base`, as it is asked for, without its fragment; null where it is no http(s) URL with a host.

    >>> normal("HTTPS://Site.example:443/a b#top"), normal("mailto:ada@example.org"), normal("../c", "http://a/b/")
    ('https://site.example/a%20b', None, 'http://a/c')
    """
    try:
        whole = urljoin(base, url.strip())
        parts = urlsplit(safe_url_string(whole))
        port = parts.port
    except ValueError:
        return None
    is_long = len(whole) > LONGEST_URL or len(parts.hostname or "") > LONGEST_HOST
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or is_long:
        return None
    is_usual = port in (None, {"http": 80, "https": 443}[parts.scheme.lower()])
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if is_usual else f"{host}:{port}"
    return parts._replace(scheme=parts.scheme.lower(), netloc=netloc, path=parts.path or "/", fragment="").geturl()


def key_of(url: str, kind: Kind = "page") -> str:
    """One key for all spellings of a URL: the parts of its query in one order.

    What a host's robots.txt is redirected to may be a page too, and is one then.

    >>> key_of("http://a/?y&x"), key_of("http://a/?y&x", "robots")
    ('http://a/?x=&y=', 'robots http://a/?x=&y=')
    """
    return f"{kind} {canonicalize_url(url)}" if kind in ("robots", "tdmrep") else str(canonicalize_url(url))
