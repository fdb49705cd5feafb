"""Hosts of URLs, and which a list blocks."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.references.hosts import Hosts, hosts, listed

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=2, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.org/a?b#c", "example.org"),
        ("HTTP://WWW.Example.ORG", "www.example.org"),
        ("https://example.org:8443", "example.org"),
        ("https://ada:p@ss@example.org/x@y", "example.org"),
        ("https://example.org./", "example.org"),
        ("//example.org/x", "example.org"),
        ("example.org/x", "example.org"),
        (" https://example.org\n", "example.org"),
        ("https://example.org?q=https://other.example", "example.org"),
        ("https://example.org#@other.example", "example.org"),
        ("https://example.org\\@other.example", "example.org"),
        ("https://bücher.example", "xn--bcher-kva.example"),
        ("https://BÜCHER。example", "xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("https://[2001:DB8::1]:80/", "[2001:db8::1]"),
        ("http://127.0.0.1/", "127.0.0.1"),
        ("https://", None),
        ("https:", None),
        ("https:///path", None),
        ("/path/only", None),
        ("", None),
        (None, None),
        ("https://" + "a." * 200 + "example", None),
    ],
)
def test_the_host_of_a_url(url: str | None, host: str | None) -> None:
    assert hosts(pl.Series([url], dtype=pl.String)).to_list() == [host]


@given(st.lists(st.text() | st.none(), max_size=5))
def test_any_text_has_a_host_or_none(urls: list[str | None]) -> None:
    found = hosts(pl.Series(urls, dtype=pl.String))
    alone = [hosts(pl.Series([url], dtype=pl.String)).item() for url in urls]
    assert found.to_list() == alone
    assert all(host is None or (host == host.lower() and "/" not in host) for host in alone)


@given(names, labels, st.sampled_from(["https://{}/x", "HTTP://{}:80", "{}", "http://u@{}."]))
def test_a_host_blocks_what_is_below_it_and_nothing_else(name: str, label: str, form: str) -> None:
    blocked = Hosts(listed(pl.Series([name]))[0])
    yes = [name, f"{label}.{name}", f"{label}.{label}.{name}", f"www.{name}".upper()]
    no = [f"{label}{name}", f"{name}.not-{label}", name.partition(".")[2], f"{name}{label}"]
    urls = pl.Series([form.format(one) for one in (*yes, *no)])
    assert blocked.blocks(urls).to_list() == [1.0] * len(yes) + [0.0] * len(no)


def test_lines_of_lists_as_they_are_published() -> None:
    lines = [
        "Example.ORG",
        "*.a.example",
        ".b.example",
        "0.0.0.0 c.example",
        "127.0.0.1\td.example",
        "https://e.example/",
    ]
    lines += ["f.example:443", "bücher.example", "192.0.2.1", "[2001:db8::1]", "example.org"]
    lines += ["||k.example^", "||L.example^$document", "||*.m.example^"]
    bad = ["g.example/page", "two words", "ada@h.example", "https://i.example/x?y"]
    bad += [
        "||n.example^$third-party",
        "@@||o.example^",
        "||p.example/x^",
        "|q.example|",
        "! title",
        "r.example^",
        "||s",
    ]
    found, others = listed(pl.Series([*lines, *bad]))
    wanted = [
        "[2001:db8::1]",
        "192.0.2.1",
        *(f"{one}.example" for one in "abcdefklm"),
        "example.org",
        "xn--bcher-kva.example",
    ]
    assert found.to_list() == sorted(wanted)
    assert others.to_list() == bad


def test_no_host_is_blocked_where_none_is_listed() -> None:
    empty = Hosts(pl.Series([], dtype=pl.String))
    assert empty.blocks(pl.Series(["https://example.org", None])).to_list() == [0.0, 0.0]
    one = Hosts(pl.Series(["example.org"]))
    assert one.blocks(pl.Series([None, ""], dtype=pl.String)).to_list() == [0.0, 0.0]
    assert one.blocks(pl.Series([], dtype=pl.String)).to_list() == []
