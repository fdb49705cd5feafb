"""What a page states of itself: canonical address, licence and site, and pages that state it to do harm."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.extraction import Page, extract

URL = "https://www.x.example/news/a.html?id=1"
BY = "https://creativecommons.org/licenses/by/4.0/"


def stated(head: str, body: str = "", url: str | None = URL) -> Page:
    return extract(f"<html><head>{head}</head><body><p>Five days carry over.</p>{body}</body></html>", url=url)


def json_ld(data: object) -> str:
    return f'<script type="application/ld+json">{data if isinstance(data, str) else json.dumps(data)}</script>'


@pytest.mark.parametrize(
    ("head", "url"),
    [
        ('<link rel="canonical" href="https://y.example/a">', "https://y.example/a"),
        ('<link rel="Canonical nofollow" href=" /b ">', "https://www.x.example/b"),
        ('<link rel="canonical" href="b?c#d">', "https://www.x.example/news/b?c#d"),
        ('<link rel="canonical" href="//y.example/">', "https://y.example/"),
        ('<base href="https://z.example/dir/"><link rel="canonical" href="b">', "https://z.example/dir/b"),
        ('<base href="javascript:0"><link rel="canonical" href="b">', "https://www.x.example/news/b"),
        ('<link rel="canonical" href="https://y.example/größe">', "https://y.example/größe"),
        ('<link rel="canonical" href="">', None),
        ('<link rel="canonical">', None),
        ('<link rel="canonical" href="javascript:alert(1)">', None),
        ('<link rel="canonical" href="data:text/html,x">', None),
        ('<link rel="canonical" href="file:///etc/passwd">', None),
        ('<link rel="canonical" href="ftp://y.example/">', None),
        ('<link rel="canonical" href="https://">', None),
        ('<link rel="canonical" href="https:b">', None),
        ('<link rel="canonical" href="//">', None),
        ('<link rel="canonical" href="https://[::1">', None),
        ('<link rel="canonical" href="https://bank.example@evil.example/">', None),
        ('<link rel="canonical" href="https://y.example/a b">', None),
        ('<link rel="canonical" href="https://y.example/a&#10;b">', None),
        ('<link rel="canonical" href="https://y.example/&#x202e;b">', None),
        (f'<link rel="canonical" href="https://y.example/{"a" * 1_982}">', f"https://y.example/{'a' * 1_982}"),
        (f'<link rel="canonical" href="https://y.example/{"a" * 1_983}">', None),
        ("", None),
    ],
)
def test_canonical_addresses(head: str, url: str | None) -> None:
    assert stated(head).url == url


def test_without_the_address_of_the_page_only_whole_ones_count() -> None:
    assert stated('<link rel="canonical" href="/b">', url=None).url is None
    assert stated('<link rel="canonical" href="https://y.example/b">', url=None).url == "https://y.example/b"
    assert (
        stated('<base href="https://y.example/"><link rel="canonical" href="b">', url=None).url == "https://y.example/b"
    )


@pytest.mark.parametrize(
    ("head", "body", "licence"),
    [
        (f'<link rel="license" href="{BY}">', "", BY),
        ("", f'<a rel="noopener LICENSE" href="{BY}">CC</a>', BY),
        ("", '<a rel="license" href="/terms">our terms</a>', "https://www.x.example/terms"),
        ('<link rel="license" href="javascript:0">', f'<a href="{BY}">CC</a>', BY),
        (json_ld({"@type": "Article", "license": BY}), "", BY),
        (json_ld(json.dumps({"license": BY}).replace("/", "\\/")), "", BY),
        (json_ld([{"@type": "Person"}, {"license": [{"@type": "CreativeWork", "url": BY}]}]), "", BY),
        (json_ld({"@graph": [{"@type": ["WebPage"], "license": {"@id": BY}}]}), "", BY),
        (json_ld({"license": {"@type": "CreativeWork", "name": "MIT \n License"}}), "", "MIT License"),
        (json_ld("{broken") + json_ld({"license": "/terms"}), "", "https://www.x.example/terms"),
        (json_ld({"@type": "ImageObject", "license": BY}), "", None),
        (json_ld({"@type": "Article", "image": {"license": BY}}), "", None),
        (json_ld({"license": "javascript:alert(1)"}), "", None),
        (json_ld({"license": {"name": 5}}) + json_ld({"license": [[]]}) + json_ld({"license": []}), "", None),
        (json_ld({"license": "\ud800 free"}), "", "\ufffd free"),
        ('<script>{"license": "no"}</script>', "", None),
        ('<meta name="DC.Rights" content=" All rights  reserved ">', "", "All rights reserved"),
        (f'<meta property="dcterms.license" content="{BY}"><meta name="dc.rights" content="x">', "", BY),
        ("", f'<a href="/about">x</a><a href="{BY}deed.de">CC</a>', f"{BY}deed.de"),
        (
            "",
            '<a href="//creativecommons.org/publicdomain/zero/1.0/">CC0</a>',
            "https://creativecommons.org/publicdomain/zero/1.0/",
        ),
        ("", '<a href="https://creativecommons.org/about">CC</a>', None),
        ("", '<a href="https://evil.example/?creativecommons.org/licenses/by/4.0/">CC</a>', None),
        ("", f"<p>He said {BY} was fine.</p>", None),
        (f'<link rel="license" href="https://a.example/l">{json_ld({"license": BY})}', "", "https://a.example/l"),
        ("", "", None),
    ],
)
def test_licences(head: str, body: str, licence: str | None) -> None:
    assert stated(head, body).licence == licence


def test_the_site_is_what_open_graph_calls_it() -> None:
    assert stated('<meta property="og:site_name" content=" The\n Daily ">').site == "The Daily"
    assert stated('<meta property="og:site_name" content="">').site is None
    assert len(stated(f'<meta property="og:site_name" content="{"a" * 3_000}">').site or "") == 1_000


HOSTILE = {
    "deep JSON": json_ld("[" * 200_000),
    "deep objects": json_ld('{"license":' * 100_000),
    "long number": json_ld('{"license": ' + "9" * 100_000 + "}"),
    "many blocks": json_ld({"license": 5}) * 20_000,
    "blocks without end": '<script type="application/ld+json">' * 20_000,
    "scripts without end": "<script application/ld+json " * 40_000,
    "long block": json_ld({"a": "b" * 3_000_000, "license": BY}),
    "licence links": '<link rel="license" href="javascript:0">' * 20_000,
    "commons links": '<a href="creativecommons.org/licenses/">' * 20_000,
    "long address": f'<link rel="canonical" href="https://{"a." * 500_000}">',
    "canonical links": '<link rel="canonical" href="//">' * 20_000,
    "bases": '<base href="http://[">' * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_statements_end_soon_and_state_nothing(name: str) -> None:
    began = time.process_time()
    found = stated(HOSTILE[name])
    assert (found.url, found.licence) == (None, None)
    assert time.process_time() - began < 10


words = st.text(max_size=12) | st.sampled_from(
    ["//[", "http://", "https://x.example", "/a", "\ud800", "javascript:0", BY]
)
values = st.recursive(
    words | st.none() | st.integers() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["license", "@graph", "@id", "@type", "url", "name"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(words, words, values)
def test_whatever_is_stated_can_be_stored(address: str, base: str, data: object) -> None:
    head = f'<base href="{base}"><link rel="canonical license" href="{address}">{json_ld(data)}'
    found = stated(head)
    for value in (found.url, found.licence, found.site):
        assert value is None or (value.encode() and value == value.strip())
    assert found.url is None or found.url.startswith(("http://", "https://"))
