import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.crawling.robots import LONGEST_DELAY_S, READ_BYTES, Robots

SITE = "https://site.example"


def robots(text: str) -> Robots:
    return Robots(text.encode(), "ParlanceBot")


def test_absent_allows_everything_and_unreachable_nothing() -> None:
    for path in ("/", "/a?b=c"):
        assert Robots.absent("ParlanceBot").allows(SITE + path)
        assert not Robots.unreachable("ParlanceBot").allows(SITE + path)


def test_the_own_group_goes_before_that_of_all() -> None:
    found = robots("User-agent: *\nDisallow: /\n\nUser-agent: parlancebot\nDisallow: /no\nAllow: /no/but\n")
    assert found.allows(f"{SITE}/yes")
    assert not found.allows(f"{SITE}/no/1")
    assert found.allows(f"{SITE}/no/but/this")


@pytest.mark.parametrize(
    "named",
    ["ParlanceBot/1.0", "parlancebot/2.1 (+https://team.example/bot)", "ParlanceBot / 1", "ParlanceBot # it/s us"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_group_is_found_by_the_product_token(named: str, end: str) -> None:
    lines = [f"User-Agent: {named}", "Allow: /yes", "Disallow: /", "Crawl-delay: 2", "", "User-agent: *", "Allow: /"]
    found = robots(end.join(lines))
    assert found.allows(f"{SITE}/yes")
    assert not found.allows(f"{SITE}/no")
    assert found.crawl_delay == 2
    assert robots(end.join(["User-agent: OtherBot/1.0", "Disallow: /"])).allows(f"{SITE}/")


@pytest.mark.parametrize(
    ("line", "delay"),
    [
        ("", None),
        ("Crawl-delay: 0", 0.0),
        ("Crawl-delay: 1.5", 1.5),
        ("Crawl-delay: 300", 300.0),
        ("Crawl-delay: 301", LONGEST_DELAY_S),
        ("Crawl-delay: 99999999", LONGEST_DELAY_S),
        ("Crawl-delay: soon", None),
        ("Crawl-delay: -1", None),
        ("Request-rate: 2/10s", 5.0),
        ("Crawl-delay: 1\nRequest-rate: 1/1m", 60.0),
    ],
)
def test_crawl_delay(line: str, delay: float | None) -> None:
    assert robots(f"User-agent: *\n{line}\nDisallow: /x\n").crawl_delay == delay


def test_sitemaps_as_written() -> None:
    found = robots(f"Sitemap: {SITE}/a.xml\nUser-agent: *\nDisallow:\nsitemap: /b.xml.gz\n")
    assert found.sitemaps == [f"{SITE}/a.xml", "/b.xml.gz"]


def test_byte_order_mark_and_what_stands_behind_the_bound() -> None:
    assert not Robots(b"\xef\xbb\xbfUser-agent: *\nDisallow: /", "ParlanceBot").allows(SITE)
    filler = b"# filler\n" * (READ_BYTES // 9)
    behind = b"User-agent: *\nAllow: /\n" + filler + b"\nDisallow: /late\n"
    assert Robots(behind, "ParlanceBot").allows(f"{SITE}/late")


@given(body=st.binary(max_size=300))
def test_any_bytes_are_taken(body: bytes) -> None:
    found = Robots(b"User-agent: *\nCrawl-delay: " + body, "ParlanceBot")
    assert found.allows(f"{SITE}/") in (True, False)
    assert found.crawl_delay is None or 0 <= found.crawl_delay <= LONGEST_DELAY_S
    assert isinstance(found.sitemaps, list)
