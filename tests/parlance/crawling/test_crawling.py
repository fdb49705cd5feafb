"""Crawls of sites on loopback: what is fetched, what is refused, what a day later is asked for only."""

import gzip
import json
import tarfile
from pathlib import Path

import polars as pl
import pytest

from parlance.sources import crawl, web_documents
from tests.parlance.crawling.crawls import DAY, check, crawled, polite, records, start
from tests.servers.sites import Page, folder, page, served

ROOT = Path(__file__).parents[3]
PYDOCS = ROOT.parent / "shared" / "data" / "web" / "site" / "pydocs-site.tar.gz"


def rows(path: Path, day: str = DAY) -> dict[str, str | None]:
    """Error of each row by URL; null where the row is a page."""
    frame = pl.concat([pl.from_arrow(batch) for batch in crawl.raw(str(path), [day])])
    assert isinstance(frame, pl.DataFrame)
    assert frame["id"].is_unique().all()
    return dict(frame.select("url", "error").iter_rows())


def test_the_sample_site_is_crawled_whole_and_politely(tmp_path: Path) -> None:
    site = folder(ROOT / "sample" / "site" / "public")
    with served({"www.brightwater.example": site}) as world:
        connect_to = {"https://www.brightwater.example": world.origin}
        figures = crawled(polite(seeds=("https://www.brightwater.example/",), connect_to=connect_to), tmp_path)
    times = [one.at for one in world.log]
    # The Crawl-delay of its robots.txt. A busy machine may see a request a moment late, and then the next one sooner.
    assert all(at - times[0] > 0.2 * place - 0.1 for place, at in enumerate(times))
    assert all("crawler@team.example" in one.headers["User-Agent"] for one in world.log)
    fetched = records(tmp_path)
    assert set(fetched.values()) == {1}
    pages = {path for path in site if path.endswith((".html", "/")) and not path.endswith("index.html")}
    allowed = {
        f"https://www.brightwater.example{path}" for path in pages if not path.startswith(("/account/", "/print/"))
    }
    assert allowed <= set(fetched)
    assert figures["reasons"] == {"http status 404": 1, "noindex": 1, "robots.txt": 1}
    errors = rows(tmp_path)
    assert {url for url, error in errors.items() if error is None} == allowed
    assert errors["https://www.brightwater.example/account/sign-in.html"] == "refused: robots.txt"
    check(tmp_path)


def test_a_real_site_is_found_whole_by_its_links(tmp_path: Path) -> None:
    if not PYDOCS.exists():
        pytest.skip(f"the test data {PYDOCS.name} is not here")
    with tarfile.open(PYDOCS) as archive:
        archive.extractall(tmp_path / "site", filter="data")
    root = next((tmp_path / "site").rglob("index.html")).parent
    site = folder(root)
    with served({"docs.example": site}) as world:
        listed = polite(seeds=("http://docs.example/",), connect_to=world.connect_to, depth=20, concurrency_per_host=8)
        crawled(listed, tmp_path / "crawl")
    fetched = records(tmp_path / "crawl")
    assert set(fetched.values()) == {1}
    documents = [
        one
        for pair in web_documents.documents(crawl.raw(str(tmp_path / "crawl"), [DAY]))
        for one in pair[0].to_pylist()
    ]
    assert len(documents) >= 60
    check(tmp_path / "crawl")


def test_what_a_site_reserves_is_counted_and_not_stored(tmp_path: Path) -> None:
    noindex, noai = '<meta name="robots" content="noindex">', '<meta name="robots" content="noai">'
    site = {
        "/robots.txt": Page(body=b"User-agent: *\nDisallow: /secret\nSitemap: /map.xml", media_type="text/plain"),
        "/.well-known/tdmrep.json": Page(body=json.dumps([{"location": "/tdm/*", "tdm-reservation": 1}]).encode()),
        "/": page("/a", "/secret", "/noindex", "/noai", "/tdm/1", "/tdm-header", "/nofollow", "/image", "mailto:x@y.z"),
        "/map.xml": Page(
            body=b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
            b"<url><loc>http://one.example/only-in-the-sitemap</loc></url></urlset>",
            media_type="application/xml",
        ),
        "/a": page(text="words"),
        "/only-in-the-sitemap": page(text="words of the sitemap"),
        "/noindex": page("/behind-noindex", text="never indexed", head=noindex),
        "/behind-noindex": page(text="may be taken"),
        "/noai": page(text="never trained on", head=noai),
        "/tdm-header": page(text="reserved", headers={"tdm-reservation": "1"}),
        "/nofollow": page("/behind-nofollow", head='<meta name="robots" content="nofollow">'),
        "/image": Page(body=b"\x89PNG", media_type="image/png"),
    }
    with served({"one.example": site}) as world:
        crawled(polite(seeds=("http://one.example/",), connect_to=world.connect_to), tmp_path)
    errors = {url.removeprefix("http://one.example"): error for url, error in rows(tmp_path).items() if url}
    assert errors == {
        "/": None,
        "/a": None,
        "/only-in-the-sitemap": None,
        "/behind-noindex": None,
        "/nofollow": None,
        "/robots.txt": "refused: robots file",
        "/.well-known/tdmrep.json": "refused: tdmrep file",
        "/map.xml": "refused: sitemap file",
        "/secret": "refused: robots.txt",
        "/noindex": "refused: noindex",
        "/noai": "refused: noai",
        "/tdm/1": "refused: tdm_reservation",
        "/tdm-header": "refused: tdm_reservation",
        "/image": "refused: media type image/png",
    }
    stored = b"".join(gzip.decompress(path.read_bytes()) for path in tmp_path.glob("*/*.warc.gz"))
    assert b"never indexed" not in stored
    assert b"never trained on" not in stored
    assert not world.asked("one.example", "/secret")
    assert not world.asked("one.example", "/tdm/1")


def test_bounds_of_depth_pages_and_hosts(tmp_path: Path) -> None:
    endless = {f"/{n}": page(f"/{n + 1}", "http://two.example/") for n in range(50)}
    with served({"one.example": endless, "two.example": {"/": page()}}) as world:
        listed = polite(seeds=("http://one.example/0",), connect_to=world.connect_to, depth=5)
        crawled(listed, tmp_path / "depth")
        assert len(world.asked("one.example")) == 6 + 2  # 0 to 5, robots.txt and tdmrep.json
        assert not world.asked("two.example")
        errors = rows(tmp_path / "depth")
        assert errors["http://one.example/6"] == "refused: deeper than 5"
        assert errors["http://two.example/"] == "refused: host not in the list"
        crawled(
            polite(seeds=("http://one.example/0",), connect_to=world.connect_to, pages=3, depth=40), tmp_path / "pages"
        )
    errors = rows(tmp_path / "pages")
    assert [url for url, error in errors.items() if error is None] == [f"http://one.example/{n}" for n in range(3)]
    assert errors["http://one.example/3"] == "refused: beyond the bounds of the list"


def test_private_addresses_are_refused_unless_named(tmp_path: Path) -> None:
    site = {
        "/": page("http://127.0.0.1:9/", "/redirect"),
        "/redirect": Page(status=302, headers={"Location": "http://169.254.169.254/latest/"}),
    }
    with served({"one.example": site}) as world:
        listed = polite(
            seeds=("http://one.example/", f"{world.origin}/", world.origin.replace("127.0.0.1", "localhost")),
            connect_to=world.connect_to,
            hosts=("*",),
        )
        crawled(listed, tmp_path)
        assert {one.host for one in world.log} == {"one.example"}
        errors = rows(tmp_path)
        assert errors["http://169.254.169.254/latest/"] == "refused: private address 169.254.169.254"
        assert errors[f"{world.origin}/"] == "refused: private address 127.0.0.1"
        assert errors[world.origin.replace("127.0.0.1", "localhost") + "/"] == "refused: private address 127.0.0.1"
        crawled(polite(seeds=(f"{world.origin}/",), allow_private=("127.0.0.1",)), tmp_path / "allowed")
    assert world.asked("127.0.0.1", "/")


def test_faults_that_pass_cost_nothing_and_others_are_named(tmp_path: Path) -> None:
    def after(times: int, bad: Page) -> object:
        return lambda before: bad if before < times else page(text="at last")

    faults = {
        "/503": Page(status=503), "/429": Page(status=429, headers={"Retry-After": "0.2"}),
        "/cut": Page(body=b"x" * 5000, fault="cut"), "/reset": Page(fault="reset"),
    }  # fmt: skip
    site = {"/": page(*faults, *(f"{path}-for-ever" for path in faults), "/slow", "/gzip", "/stall", "/loop", "/large")}
    site |= {path: after(2, bad) for path, bad in faults.items()}
    site |= {f"{path}-for-ever": bad for path, bad in faults.items()}
    site |= {
        "/slow": page(text="s" * 2000, fault="slow"),
        "/gzip": page(text="z" * 2000, headers={"Content-Encoding": "gzip"}),
        "/stall": Page(body=b"x" * 100, fault="stall"),
        "/loop": Page(status=301, headers={"Location": "/loop"}),
        "/large": page(text="l" * 3_000_000),
    }
    with served({"one.example": site}) as world:
        listed = polite(
            seeds=("http://one.example/",),
            connect_to=world.connect_to,
            timeout_s=3.0,  # a busy machine may take a second for a page
            body_bytes=1_000_000,
            concurrency_per_host=8,
        )
        crawled(listed, tmp_path)
    errors = {url.removeprefix("http://one.example"): error for url, error in rows(tmp_path).items() if url}
    for path in (*faults, "/slow", "/gzip", "/"):
        assert errors[path] is None, (path, errors[path])
    assert errors["/503-for-ever"] == "failed: http status 503"
    assert errors["/429-for-ever"] == "failed: http status 429"
    assert str(errors["/cut-for-ever"]).startswith("failed: connection")
    assert str(errors["/reset-for-ever"]).startswith("failed: connection")
    assert errors["/stall"] == "failed: timeout"
    assert errors["/loop"] == "refused: redirect 301"
    assert errors["/large"] == "failed: body too large"
    assert len(world.asked("one.example", "/503-for-ever")) == 3
    check(tmp_path)


def test_a_host_whose_robots_cannot_be_had_is_left_alone(tmp_path: Path) -> None:
    site = {"/robots.txt": Page(status=503), "/": page(text="words")}
    with served({"one.example": site}) as world:
        crawled(polite(seeds=("http://one.example/",), connect_to=world.connect_to), tmp_path)
    assert not world.asked("one.example", "/")
    assert rows(tmp_path)["http://one.example/"] == "refused: robots.txt unreachable: http status 503"


def test_the_next_day_asks_and_does_not_fetch(tmp_path: Path) -> None:
    changing = {
        "/": page("/same", "/new"),
        "/same": page("/deep", text="same"),
        "/new": lambda n: page(text=f"version {n}"),
        "/deep": page(),
    }
    with served({"one.example": changing}) as world:
        listed = polite(seeds=("http://one.example/",), connect_to=world.connect_to)
        crawled(listed, tmp_path, "2026-11-20")
        crawled(listed, tmp_path, "2026-11-21")
    assert set(records(tmp_path, "2026-11-21", "revisit")) == {
        f"http://one.example/{path}" for path in ("", "same", "deep")
    }
    errors = rows(tmp_path, "2026-11-21")
    assert errors["http://one.example/new"] is None
    assert str(errors["http://one.example/same"]).startswith("revisit: unchanged since 2026-")
    assert rows(tmp_path, "2026-11-20")["http://one.example/same"] is None
    check(tmp_path)


def test_a_finished_crawl_asks_for_nothing(tmp_path: Path) -> None:
    with served({"one.example": {"/": page("/a"), "/a": page()}}) as world:
        listed = polite(seeds=("http://one.example/",), connect_to=world.connect_to)
        crawled(listed, tmp_path)
        asked = len(world.log)
        before = rows(tmp_path)
        crawled(listed, tmp_path)
        assert len(world.log) == asked
        assert rows(tmp_path) == before


def test_two_crawls_into_one_folder_are_refused(tmp_path: Path) -> None:
    paths = [f"/{number}" for number in range(100)]
    with served({"one.example": {"/": page("/a", *paths), "/a": page()}}) as world:
        # Still under way when the second has started, however busy the machine is.
        listed = polite(seeds=("http://one.example/",), connect_to=world.connect_to, delay_s=2.0)
        with start(listed, tmp_path) as first:
            while not world.asked("one.example", "/a"):
                assert first.poll() is None
            with start(listed, tmp_path) as second:
                _, errors = second.communicate(timeout=60)
            first.terminate()
        assert second.returncode != 0
        assert "another crawl writes to" in errors
