"""Answers that are malformed, redirects of robots.txt, a disk that is full: a crawl ends, and says what was wrong."""

import datetime as dt
import gzip
import random
import resource
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from parlance.crawling import archive
from parlance.crawling.archive import Archive, Exchange, record_id
from parlance.sources import crawl
from tests.parlance.crawling.crawls import DAY, check, crawled, polite, start
from tests.parlance.crawling.test_crawling import rows
from tests.servers.sites import Page, Site, page, served

TEXT = {"media_type": "text/plain"}
HEAD, TAIL = gzip.compress(b"<urlset>")[:10], b"\xff" * 50
FINE = {"/": page("/a"), "/a": page(text="words")}
KEPT = {"/": None, "/a": None}


def moved(target: str) -> Page:
    return Page(status=302, headers={"Location": target})


def mapped(body: bytes) -> Site:
    """A site that names a sitemap."""
    named = Page(body=b"Sitemap: /map.xml", **TEXT)  # type: ignore[arg-type]
    return {**FINE, "/robots.txt": named, "/map.xml": Page(body=body, media_type="application/xml")}


# Sites, each with some errors of its rows.
MALFORMED: dict[str, tuple[Site, dict[str, str | None]]] = {
    "location": (FINE | {"/a": moved("http://[oops/")}, {"/": None, "/a": "refused: redirect 302"}),
    "mail-location": (FINE | {"/a": moved("mailto:a@b.example")}, {"/": None, "/a": "refused: redirect 302"}),
    "robots-location": (FINE | {"/robots.txt": moved("http://[oops/")}, KEPT),
    "robots-mail": (FINE | {"/robots.txt": moved("mailto:a@b.example")}, KEPT),
    "robots-loop": (FINE | {"/robots.txt": moved("/robots.txt")}, KEPT),
    "robots-sitemap": (FINE | {"/robots.txt": Page(body=b"Sitemap: http://[oops/map.xml", **TEXT)}, KEPT),  # type: ignore[arg-type]
    "robots-binary": (FINE | {"/robots.txt": Page(body=bytes(range(256)) * 20)}, KEPT),
    "robots-rate": (
        FINE | {"/robots.txt": Page(body=b"User-agent: *\nRequest-rate: 1/" + b"9" * 400, **TEXT)},  # type: ignore[arg-type]
        {"/": "refused: robots.txt unreachable: error: OverflowError"},
    ),
    "retry-after": (
        {
            "/": page("/a"),
            "/a": lambda n: (
                page() if n else Page(status=503, headers={"Retry-After": f"Thu, 01 Jan {'9' * 20} 00:00 GMT"})
            ),
        },
        KEPT,
    ),
    "charset": ({"/": page("/a", media_type="text/html; charset=undefined"), "/a": page(text="words")}, KEPT),
    "codec": ({"/": page("/a", media_type="text/html; charset=hex"), "/a": page(text="words")}, KEPT),
    "quadratic": (
        {"/": page("/a", text="-" + "ab" * 400_000, media_type="text/html; charset=punycode"), "/a": page()},
        KEPT,
    ),
    "base": ({"/": page("/a", head='<base href="http://[domain]/">')}, {"/": None}),
    "links": ({"/": page("http://[oops/", "http://x:99999/", "/a"), "/a": page()}, KEPT),
    "map-location": (
        mapped(b"<urlset><url><loc>http://[oops/</loc></url><url><loc>/b</loc></url></urlset>"),
        {**KEPT, "/b": "failed: http status 404"},
    ),
    "map-empty": (mapped(b""), {**KEPT, "/map.xml": "failed: no sitemap: XMLSyntaxError"}),
    "map-text": (mapped(b"no xml"), {**KEPT, "/map.xml": "failed: no sitemap: StopIteration"}),
    "map-torn": (mapped(HEAD), {**KEPT, "/map.xml": "failed: no sitemap: EOFError"}),
    "map-broken": (mapped(HEAD + TAIL), {**KEPT, "/map.xml": "failed: no sitemap: error"}),
    "map-large": (mapped(gzip.compress(bytes(60 * 1024 * 1024))), {**KEPT, "/map.xml": "failed: error: "}),
}


def test_a_malformed_answer_costs_no_more_than_its_url(tmp_path: Path) -> None:
    with served({f"{name}.example": site for name, (site, _) in MALFORMED.items()}) as world:
        seeds = tuple(f"http://{name}.example/" for name in MALFORMED)
        crawled(polite(seeds=seeds, connect_to=world.connect_to, timeout_s=20.0), tmp_path)
    errors = rows(tmp_path)
    for name, (_, expected) in MALFORMED.items():
        for path, error in expected.items():
            found = errors[f"http://{name}.example{path}"]
            assert found == error if error is None else str(found).startswith(error), (name, path, found)
    check(tmp_path)


def test_robots_of_an_origin_are_those_that_its_redirect_leads_to(tmp_path: Path) -> None:
    sites = {
        "one.example": {
            "/robots.txt": moved("http://www.one.example/robots.txt"),
            "/": page("/no", "/yes"),
            "/yes": page(),
        },
        "www.one.example": {
            "/robots.txt": lambda n: (
                Page(body=b"User-agent: *\nDisallow: /no", **TEXT) if n else Page(status=503)  # type: ignore[arg-type]
            )
        },
    }
    with served(sites) as world:
        crawled(polite(seeds=("http://one.example/",), connect_to=world.connect_to), tmp_path)
    errors = rows(tmp_path)
    assert errors["http://one.example/yes"] is None
    assert errors["http://one.example/no"] == "refused: robots.txt"
    assert not world.asked("one.example", "/no")


def test_a_page_that_robots_or_tdmrep_lead_to_is_a_page_still(tmp_path: Path) -> None:
    sites = {
        "robots.example": {"/robots.txt": moved("/"), "/": page("/a"), "/a": page()},
        "tdmrep.example": {"/.well-known/tdmrep.json": moved("/"), "/": page("/a"), "/a": page()},
    }
    with served(sites) as world:
        crawled(polite(seeds=tuple(f"http://{host}/" for host in sites), connect_to=world.connect_to), tmp_path)
    found = list(crawl.rows(tmp_path, DAY))
    assert {row["id"]: row["error"] for row in found if row["error"] is None} == {
        f"crawl:{DAY}/http://{host}{path}": None for path in ("/", "/a") for host in sites
    }
    assert len({row["id"] for row in found}) == len(found)
    ids = []
    for path in tmp_path.glob("*/*.warc.gz"):
        with path.open("rb") as file:
            ids += [record.rec_headers.get_header("WARC-Record-ID") for record in ArchiveIterator(file)]
    assert len(set(ids)) == len(ids)
    check(tmp_path)


def test_a_page_that_a_quicker_host_found_too_deep_is_fetched(tmp_path: Path) -> None:
    slow = Page(body=b"User-agent: *\nCrawl-delay: 1\n", **TEXT)  # type: ignore[arg-type]
    sites = {
        "one.example": {"/": page("/a"), "/a": page("http://two.example/x")},
        "two.example": {"/robots.txt": slow, "/": page("/x"), "/x": page(text="one link from where its host begins")},
    }
    with served(sites) as world:
        seeds = ("http://one.example/", "http://two.example/")
        figures = crawled(polite(seeds=seeds, depth=1, connect_to=world.connect_to), tmp_path)
    assert rows(tmp_path)["http://two.example/x"] is None
    assert figures["reasons"] == {}


@pytest.mark.parametrize(
    ("links", "words", "expected"),
    [(10, 400_000, "OSError: [Errno 27]"), (5_000, 10, "sqlite3.OperationalError: ")],
    ids=["archive", "frontier"],
)
def test_a_disk_that_is_full_ends_the_crawl_and_the_next_goes_on(
    tmp_path: Path, links: int, words: int, expected: str
) -> None:
    names = [f"/{n}" for n in range(links)]
    large = page(text=random.Random(1).randbytes(words // 2).hex())
    with served({"one.example": {"/": page(*names), **dict.fromkeys(names, large)}}) as world:
        listed = polite(seeds=("http://one.example/",), connect_to=world.connect_to, pages=10)
        with start(listed, tmp_path) as process:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
            try:
                _, errors = process.communicate(timeout=60)
            finally:
                process.kill()
        assert process.returncode == 1
        assert expected in errors
        assert len(world.log) < 10
        crawled(listed, tmp_path)
    assert sum(error is None for error in rows(tmp_path).values()) == 10
    check(tmp_path)


def test_a_full_file_is_followed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FILE_BYTES", 20_000)
    body = bytes((7 * n * n + n // 9) % 256 for n in range(9_000))
    with Archive(tmp_path / DAY, name="crawl", day=DAY, committed={}, listed=polite()) as opened:
        for n in range(12):
            exchange = Exchange(
                url=f"http://one.example/{n}", method="GET", request_headers=[], protocol="HTTP/1.1", status=200,
                headers=[], body=body, at=dt.datetime.now(dt.UTC),
            )  # fmt: skip
            place = opened.add(exchange)
            with (tmp_path / DAY / place.file).open("rb") as file:
                file.seek(place.position)
                kinds = {
                    record.rec_type: record.rec_headers.get_header("WARC-Record-ID") for record in ArchiveIterator(file)
                }
            assert set(kinds) == {"response", "request"}
            assert kinds["response"] == record_id(place.file, place.position, exchange.url)
    assert len(list(tmp_path.glob("*/*.warc.gz"))) > 1
    check(tmp_path)
