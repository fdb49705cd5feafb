"""Which addresses a crawl may connect to: a list of pages must not lead into somebody's inner network."""

from collections.abc import Collection, Iterable
from ipaddress import IPv6Address, ip_address, ip_network

# IPv6 addresses that carry an IPv4 one in their last bytes: the gateway behind them connects there.
EMBEDDING = tuple(ip_network(prefix) for prefix in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))


def refusal(host: str, addresses: Iterable[str], allowed: Collection[str]) -> str | None:
    """Why `host`, which has these IP addresses, is not connected to; null where it may be.

    One address that is not public is enough: names may have several. `allowed` holds the host names and addresses
    that the crawl list allows by name.

    >>> refusal("intranet", ["93.184.216.34", "10.0.0.1"], [])
    'private address 10.0.0.1'
    >>> refusal("localhost", ["127.0.0.1"], ["localhost"]) is None
    True
    """
    if host.lower().rstrip(".") in allowed:
        return None
    refused = (address for address in addresses if address not in allowed and not is_public(address))
    first = next(refused, None)
    return None if first is None else f"private address {first}"


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet; text that is none is not.

    >>> [is_public(address) for address in ("8.8.8.8", "::ffff:127.0.0.1", "169.254.169.254", "2606:4700::1111")]
    [True, False, False, True]
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or _embedded(found)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


def _embedded(address: IPv6Address) -> object | None:
    return ip_address(int(address) & 0xFFFFFFFF) if any(address in network for network in EMBEDDING) else None
