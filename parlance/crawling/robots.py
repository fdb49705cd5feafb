"""What a host's robots.txt allows (RFC 9309), with the Crawl-delay that the standard leaves out."""

from typing import Self

from protego import Protego

# RFC 9309 asks for at least 500 KiB; what stands behind is not read.
READ_BYTES = 512 * 1024
LONGEST_DELAY_S = 300.0
USER_AGENT = ("user-agent", "useragent", "user agent")
EVERYTHING = b"User-agent: *\nDisallow: /\n"


class Robots:
    """The rules for one user agent, named by its product token such as `ParlanceBot`.

    >>> robots = Robots(b"User-agent: *\\nDisallow: /private\\nCrawl-delay: 2", "ParlanceBot")
    >>> robots.allows("https://example.org/private/1"), robots.crawl_delay
    (False, 2.0)
    """

    def __init__(self, body: bytes, agent: str) -> None:
        self._agent = agent
        lines = body[:READ_BYTES].decode("utf-8-sig", "replace").splitlines()
        self._rules = Protego.parse("\n".join(map(without_version, lines)))

    @classmethod
    def absent(cls, agent: str) -> Self:
        """Of a host that answers with a client error (4xx): everything is allowed."""
        return cls(b"", agent)

    @classmethod
    def unreachable(cls, agent: str) -> Self:
        """Of a host that fails (5xx, no answer): nothing is allowed."""
        return cls(EVERYTHING, agent)

    def allows(self, url: str) -> bool:
        return bool(self._rules.can_fetch(url, self._agent))

    @property
    def crawl_delay(self) -> float | None:
        """Seconds between two requests, also from `Request-rate`; at most 300, null where none is asked for."""
        rate = self._rules.request_rate(self._agent)
        asked = [self._rules.crawl_delay(self._agent), rate.seconds / rate.requests if rate and rate.requests else None]
        delays = [min(float(delay), LONGEST_DELAY_S) for delay in asked if delay is not None and float(delay) >= 0]
        return max(delays, default=None)

    @property
    def sitemaps(self) -> list[str]:
        """URLs of sitemaps, as written."""
        return list(self._rules.sitemaps)


def without_version(line: str) -> str:
    """`line`; where it names a crawler, by its product token alone (RFC 9309, 2.2.1).

    >>> without_version("User-agent: ParlanceBot/1.0")
    'User-agent: ParlanceBot'
    """
    field, _, name = line.partition(":")
    return f"{field}:{name.partition('/')[0]}" if field.strip().lower() in USER_AGENT else line
