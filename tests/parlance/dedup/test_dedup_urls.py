"""Canonical addresses and the clusters that they make."""

import random
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.dedup.urls import canonical, hosts, url_duplicates
from parlance.errors import SchemaError

EARLY, LATE = datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC)


def one(url: str | None) -> str | None:
    return canonical(pl.Series([url], dtype=pl.String)).item()


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("http://example.com", "//example.com"),
        ("https://EXAMPLE.com/", "//example.com"),
        ("//example.com./", "//example.com"),
        ("http://www.www.example.com/", "//example.com"),
        ("http://www.com/", "//www.com"),
        ("http://ann:pw@example.com:443/a", "//example.com/a"),
        ("http://example.com:0080/a", "//example.com/a"),
        ("http://example.com:/a", "//example.com/a"),
        ("http://example.com:8080/a/", "//example.com:8080/a"),
        ("http://[2001:DB8::1]:80/a", "//[2001:db8::1]/a"),
        ("http://BÜCHER.example/", "//xn--bcher-kva.example"),
        ("http://例え。テスト/a", "//xn--r8jz45g.xn--zckzah/a"),
        ("  http://example.com/a\tb\n", "//example.com/ab"),
        ("http://example.com/Case", "//example.com/Case"),
        ("http://example.com/%7euser/%C3%a9", "//example.com/~user/%C3%A9"),
        ("http://example.com/é x", "//example.com/%C3%A9%20x"),
        ("http://example.com/100%", "//example.com/100%25"),
        ("http://example.com/%%341", "//example.com/%2541"),
        ("http://example.com/a%2Fb", "//example.com/a%2Fb"),
        ("http://example.com/a/./b/../../c", "//example.com/c"),
        ("http://example.com/../%2e%2E/a", "//example.com/a"),
        ("http://example.com//a///b//", "//example.com/a/b"),
        ("http://example.com/a/index.html/INDEX.PHP", "//example.com/a"),
        ("http://example.com/myindex.html", "//example.com/myindex.html"),
        ("http://example.com/index.php/a", "//example.com/index.php/a"),
        ("http://example.com/a;jsessionid=1F/b", "//example.com/a/b"),
        ("http://example.com?b=2&a=1&b=1", "//example.com?a=1&b=1&b=2"),
        ("http://example.com/?utm_source=x&UTM_Medium=y&gclid=1&fbclid", "//example.com"),
        ("http://example.com/?%75tm_source=x&q=utm_source", "//example.com?q=utm_source"),
        ("http://example.com/?&&", "//example.com"),
        ("http://example.com/a?x=http://example.com/?b", "//example.com/a?x=http://example.com/?b"),
        ("http://example.com/a#b?c", "//example.com/a"),
    ],
)
def test_canonical(url: str, wanted: str) -> None:
    assert one(url) == wanted


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        " ",
        "example.com/a",
        "mailto:a@example.com",
        "ftp://example.com/",
        "http://",
        "http:///a",
        "http://a..b/",
        "http://exa mple.com/",
        "http://example.com:port/",
        "http://[::1/",
        "http://\u00ad/",
        "javascript:void(0)",
        "tel:1",
        "http:\\a",
    ],
)
def test_what_is_no_address(url: str | None) -> None:
    assert one(url) is None
    assert hosts(pl.Series([url], dtype=pl.String)).item() is None


PIECES = [
    "http://",
    "https://",
    "//",
    "www.",
    "example.com",
    "EXAMPLE",
    ".",
    ":80",
    ":8080",
    "@",
    "/",
    "/./",
    "/../",
    "index.html",
    "default.aspx",
    ";jsessionid=",
    "?",
    "&",
    "=",
    "utm_x",
    "gclid",
    "%",
    "%2",
    "%25",
    "%41",
    "%7e",
    "%2f",
    "%00",
    "é",
    "ß",
    "İ",
    "。",
    "#",
    "\\",
    " ",
    "\0",
    "\n",
    "[::1]",
    "xn--",
    "\u200d",
    "😀",
    "+",
]
addresses = st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=12).map("".join)


@settings(deadline=None)
@given(st.lists(addresses, max_size=6))
def test_canonical_is_idempotent_and_each_row_is_alone(urls: list[str]) -> None:
    together = canonical(pl.Series(urls, dtype=pl.String))
    assert canonical(together).to_list() == together.to_list()
    assert together.to_list() == [one(url) for url in urls]
    assert together.drop_nulls().str.contains(r"^//[\x21-\x7e]*$").all()


@settings(deadline=None)
@given(addresses)
def test_canonical_of_a_whole_address_is_idempotent(tail: str) -> None:
    found = one(f"http://example.com/{tail}")
    assert found is not None
    assert one(found) == found


def captures(**columns: list[object]) -> pl.DataFrame:
    urls = columns.get("url", [])
    made = {
        "id": columns.get("id", [f"d{i}" for i in range(len(urls))]),
        "source": ["crawl"] * len(urls),
        "url": urls,
        "created_at": columns.get("created_at", [EARLY] * len(urls)),
        "partition": ["p"] * len(urls),
        "good": columns.get("good", [True] * len(urls)),
    }
    types = {"id": pl.String, "source": pl.String, "url": pl.String, "partition": pl.String, "good": pl.Boolean}
    return pl.DataFrame(made, schema_overrides=types | {"created_at": pl.Datetime("us", "UTC")})


PAIR = ["http://example.com/a", "https://www.example.com/a/?fbclid=1"]


@pytest.mark.parametrize(
    ("columns", "survivor"),
    [
        ({"created_at": [EARLY, LATE]}, "d1"),
        ({"created_at": [EARLY, EARLY]}, "d0"),
        ({"created_at": [None, EARLY]}, "d1"),
        ({"created_at": [None, None], "id": ["b", "a"]}, "a"),
        ({"created_at": [EARLY, LATE], "good": [True, None]}, "d0"),
    ],
    ids=["newest", "smallest-id", "unknown-time-last", "all-unknown", "eligible"],
)
def test_survivor(columns: dict[str, list[object]], survivor: str) -> None:
    found = url_duplicates(captures(url=PAIR, **columns), eligible=pl.col("good"))
    assert found["cluster"].to_list() == [survivor] * 2
    assert found["keep"].to_list() == [True, False]
    assert found["id"][0] == survivor
    assert found["matched_id"].to_list() == [None, survivor]


def test_rows_without_a_twin_are_left_out() -> None:
    found = url_duplicates(captures(url=["http://a.example/", None, None, "nothing", "nothing", "http://b.example/"]))
    assert found.is_empty()
    assert found.columns == ["id", "source", "cluster", "keep", "matched_id", "partition", "good"]
    assert url_duplicates(captures()).is_empty()


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([*PAIR, "http://b.example/", None]), st.sampled_from([EARLY, LATE, None])), max_size=8
    ),
    st.randoms(),
)
def test_clusters_do_not_depend_on_the_order_of_rows(
    rows: list[tuple[str | None, datetime | None]], chance: random.Random
) -> None:
    frame = captures(url=[url for url, _ in rows], created_at=[time for _, time in rows])
    shuffled = frame.sample(fraction=1, shuffle=True, seed=chance.getrandbits(30)) if rows else frame
    found = url_duplicates(frame)
    assert found.equals(url_duplicates(shuffled))
    assert found.group_by("cluster").agg(pl.col("keep").sum())["keep"].eq(1).all()


def test_one_id_in_two_partitions_has_one_survivor() -> None:
    frame = captures(url=PAIR, id=["a", "a"]).with_columns(partition=pl.Series(["2", "1"]))
    found = url_duplicates(frame)
    assert found.select("keep", "partition").rows() == [(True, "1"), (False, "2")]


def test_missing_columns_and_other_types_are_refused() -> None:
    with pytest.raises(SchemaError, match="lack columns \\['created_at'\\]"):
        url_duplicates(captures(url=PAIR).drop("created_at"))
    with pytest.raises(SchemaError, match="Int64"):
        canonical(pl.Series([1]))
