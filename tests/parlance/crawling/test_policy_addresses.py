import socket

import pytest

from parlance.crawling.addresses import is_public, refusal

INNER = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0",
    "fc00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1",
    "2001:db8::1", "", "example.org", "1.2.3", "8.8.8.8.8",
)  # fmt: skip
OUTER = (
    "8.8.8.8",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "64:ff9b::808:808",
    "::ffff:8.8.8.8",
)


@pytest.mark.parametrize("address", INNER)
def test_inner_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)
    assert refusal("host.example", [address], []) == f"private address {address}"


@pytest.mark.parametrize("address", OUTER)
def test_outer_addresses_are_public(address: str) -> None:
    assert is_public(address)
    assert refusal("host.example", [address], []) is None


def test_one_inner_address_among_many_is_enough() -> None:
    assert refusal("rebind.example", ["8.8.8.8", "10.0.0.1"], []) == "private address 10.0.0.1"


def test_allowed_by_name_or_by_address_and_by_nothing_else() -> None:
    assert refusal("wiki.corp", ["10.0.0.1"], ["wiki.corp"]) is None
    assert refusal("WIKI.corp.", ["10.0.0.1"], ["wiki.corp"]) is None
    assert refusal("other.corp", ["10.0.0.1"], ["10.0.0.1"]) is None
    assert refusal("other.corp", ["10.0.0.1"], ["wiki.corp", "10.0.0.2"]) == "private address 10.0.0.1"


@pytest.mark.parametrize("written", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost"])
def test_odd_spellings_of_loopback_are_refused_once_resolved(written: str) -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo(written, 80, type=socket.SOCK_STREAM)}
    assert refusal(written, sorted(map(str, addresses)), []) is not None
